//! `bang`: process instances again. What is wished for them is the same; their nodes make a new
//! pass.

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{ComputerId, InstanceId, Timestamp},
    refusal::Refusal,
    settle::wake,
    world::{Instance, World},
    write::Note,
};

/// Process these instances again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bang {
    /// Which.
    pub target: Target,
    /// Why.
    pub message: String,
}

/// What is banged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One instance.
    Instance(InstanceId),
    /// An instance and all that requested it, up to the root (production's rule for old nodes).
    Requesters(InstanceId),
    /// The whole tree of an instance (the proxy's rule for old nodes).
    Tree(InstanceId),
    /// Everything on a computer.
    Computer(ComputerId),
}

pub(super) fn bang(
    world: &World,
    ask: &Bang,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let message: String = ask.message.chars().take(200).collect();
    let (banged, what, instance, computer) = match &ask.target {
        Target::Instance(id) | Target::Requesters(id) | Target::Tree(id) => {
            permit(world, actor, Deed::Bang(*id))?;
            let it = world.known_instance(*id)?;
            let banged: Vec<&Instance> = match &ask.target {
                Target::Requesters(_) => std::iter::once(it).chain(world.ancestors(*id)).collect(),
                Target::Tree(_) => world.tree(it.root).collect(),
                Target::Instance(_) | Target::Computer(_) => vec![it],
            };
            let computer = it.place.as_ref().map(|place| place.computer.clone());
            (banged, format!("`{}`", it.title), Some((it.id, it.title.clone())), computer)
        }
        Target::Computer(computer) => {
            permit(world, actor, Deed::SpeakFor(computer))?;
            let partitions = world.site(computer)?.partitions();
            let banged = partitions.filter_map(|(_, id)| world.instance(id?)).collect();
            (banged, format!("everything on {computer}"), None, Some(computer.clone()))
        }
    };
    let what = format!("{what} shall be processed again: {message}");
    let note = Note { verb: "bang".into(), what, instance, computer };
    let writes = banged.into_iter().filter_map(|it| wake(world, it.id, now)).collect();
    Ok(Decision { answer: Answer::Done, writes, note })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decide::Ask, testing::*};

    /// `app` on COMP-1 requested `db` there, which requested `disk`; `other` is another tree.
    fn story() -> (Cloud, [InstanceId; 4]) {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 4);
        cloud.install("software/db", "COMP-1");
        let app = cloud.root("app", "software/db");
        let db = cloud.child(app, "db", "software/db");
        let disk = cloud.child(db, "disk", "software/db");
        let web = cloud.child(app, "web", "software/db");
        (cloud, [app, db, disk, web])
    }

    #[test]
    fn a_bang_makes_news_and_no_new_wish() {
        let (.., [app, db, disk, web]) = story();
        let table = [
            (Target::Instance(db), vec![db]),
            (Target::Requesters(disk), vec![app, db, disk]),
            (Target::Tree(db), vec![app, db, disk, web]),
            (Target::Computer(computer("COMP-1")), vec![app, db, disk, web]),
        ];
        for (target, expected) in table {
            let (mut cloud, ids) = story();
            let seen = |cloud: &Cloud| ids.map(|id| (cloud.it(id).news, cloud.it(id).generation));
            let before = seen(&cloud);
            let ask = Ask::Bang(Bang { target, message: "mysqld exited".into() });
            cloud.ask(&ask, &Actor::Computer(computer("COMP-1"))).unwrap();
            let after = seen(&cloud);
            for ((id, before), after) in ids.iter().zip(before).zip(after) {
                assert_eq!(after.0 > before.0, expected.contains(id), "{ask:?} {id}");
                assert_eq!(after.1, before.1, "{ask:?} {id}");
            }
        }
    }

    #[test]
    fn only_who_is_concerned_may_bang() {
        let (mut cloud, [app, db, ..]) = story();
        let one = || Target::Instance(db);
        let all = || Target::Computer(computer("COMP-1"));
        let table = [
            (one(), Actor::Computer(computer("COMP-1")), true),
            (one(), Actor::Instance(db), true),
            (one(), operator(), true),
            (one(), Actor::Instance(app), false),
            (one(), Actor::Computer(computer("COMP-2")), false),
            (one(), Actor::Person("eve".try_into().unwrap()), false),
            (all(), Actor::Computer(computer("COMP-1")), true),
            (all(), Actor::Computer(computer("COMP-2")), false),
            (all(), Actor::Instance(db), false),
        ];
        for (target, actor, permitted) in table {
            let ask = Ask::Bang(Bang { target, message: "again".into() });
            assert_eq!(cloud.ask(&ask, &actor).is_ok(), permitted, "{ask:?} {actor}");
        }
    }
}
