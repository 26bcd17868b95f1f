//! `rename`: another title for an instance, in its own tree (a root: among its person's trees).

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{InstanceId, Timestamp, Title, WishedState},
    refusal::Refusal,
    settle::change,
    world::{Instance, World},
    write::{Note, Write},
};

/// Another title for this instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// The instance.
    pub id: InstanceId,
    /// Its new title.
    pub title: Title,
}

/// Instances see their own title and that of their root, so whoever sees another one now is told.
pub(super) fn rename(
    world: &World,
    ask: &Rename,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    permit(world, actor, Deed::Rename(ask.id))?;
    let it = world.known_instance(ask.id)?;
    if it.title == ask.title {
        return Ok(Decision::unchanged(Answer::Instance(it.id)));
    }
    if it.wished == WishedState::Destroyed {
        return Err(Refusal::Leaves(it.title.clone()));
    }
    let taken_here = world.in_tree(it.root, &ask.title).is_some();
    if taken_here || it.is_root() && world.root(&it.person, &ask.title).is_some() {
        return Err(Refusal::TitleTaken(ask.title.clone()));
    }
    let renew = |it: &Instance, title: Title| -> Write {
        change(world, it, now, |new| {
            new.title = title;
            new.renew(world.next_revision(), now);
        })
    };
    let mut writes = vec![renew(it, ask.title.clone())];
    if it.is_root() {
        let others = world.tree(it.id).filter(|other| other.id != it.id);
        writes.extend(others.map(|other| renew(other, other.title.clone())));
    }
    let note = Note {
        verb: "rename".into(),
        what: format!("`{}` is now called `{}`", it.title, ask.title),
        instance: Some((it.id, ask.title.clone())),
        computer: None,
    };
    Ok(Decision { answer: Answer::Instance(it.id), writes, note })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decide::Ask, testing::*};

    #[test]
    fn a_title_is_unique_where_it_is_used() {
        let mut cloud = Cloud::default();
        let app = cloud.root("app", "software/php");
        let db = cloud.child(app, "db", "software/db");
        let other = cloud.root("other", "software/php");
        let eve = Actor::Person("eve".try_into().unwrap());
        // who, what, to what, the outcome
        let table = [
            (operator(), db, "app", "title-taken"),
            (operator(), db, "other", "done"), // another tree's title
            (operator(), db, "other", "done"), // and the same again
            (operator(), app, "other", "title-taken"),
            (operator(), other, "app", "title-taken"),
            (operator(), other, "app2", "done"),
            (eve, other, "app3", "not-permitted"),
            (Actor::Instance(db), db, "mine", "done"),
            (Actor::Instance(db), app, "mine", "not-permitted"),
        ];
        for (actor, id, name, expected) in table {
            let ask = Ask::Rename(Rename { id, title: title(name) });
            let outcome = cloud.ask(&ask, &actor).map_or_else(|refusal| refusal.code(), |_| "done");
            assert_eq!(outcome, expected, "{id} to {name} by {actor}");
        }
        assert_eq!(cloud.it(db).title, title("mine"));
    }

    #[test]
    fn a_renamed_root_tells_its_tree() {
        let mut cloud = Cloud::default();
        let app = cloud.root("app", "software/php");
        let db = cloud.child(app, "db", "software/db");
        let before = cloud.it(db).told_at;
        cloud.ask(&Ask::Rename(Rename { id: app, title: title("shop") }), &operator()).unwrap();
        assert!(cloud.it(db).told_at > before);
        assert_eq!(cloud.root("shop", "software/php"), app);
        assert_ne!(cloud.root("app", "software/php"), app);
    }
}
