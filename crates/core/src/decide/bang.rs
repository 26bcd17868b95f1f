//! `bang`: process an instance again. Its wish is the same; its node makes a new pass.

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{InstanceId, Timestamp},
    refusal::Refusal,
    settle::wake,
    world::World,
    write::Note,
};

/// Process this instance again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bang {
    /// The instance.
    pub id: InstanceId,
    /// Why.
    pub message: String,
}

pub(super) fn bang(
    world: &World,
    ask: &Bang,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    permit(world, actor, Deed::Bang(ask.id))?;
    let it = world.known_instance(ask.id)?;
    let message: String = ask.message.chars().take(200).collect();
    let note = Note {
        verb: "bang".into(),
        what: format!("`{}` shall be processed again: {message}", it.title),
        instance: Some((it.id, it.title.clone())),
        computer: it.place.as_ref().map(|place| place.computer.clone()),
    };
    let writes = wake(world, ask.id, now).into_iter().collect();
    Ok(Decision { answer: Answer::Done, writes, note })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decide::Ask, testing::*};

    #[test]
    fn a_bang_makes_news_and_no_new_wish() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        cloud.install("software/db", "COMP-1");
        let id = cloud.root("db", "software/db");
        let before = cloud.it(id).clone();
        let ask = Ask::Bang(Bang { id, message: "mysqld exited".into() });
        let table = [
            (Actor::Computer(computer("COMP-1")), true),
            (Actor::Instance(id), true),
            (operator(), true),
            (Actor::Computer(computer("COMP-2")), false),
            (Actor::Person("eve".try_into().unwrap()), false),
        ];
        for (actor, permitted) in table {
            assert_eq!(cloud.ask(&ask, &actor).is_ok(), permitted, "{actor}");
        }
        let after = cloud.it(id);
        assert_eq!((after.news, after.generation), (before.news + 3, before.generation));
        assert_eq!(after.wished_at, cloud.world.revision());
    }
}
