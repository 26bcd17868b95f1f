//! `requested`: these instances, and no others, were requested in a complete pass. Children that
//! are not named are destroyed, or only marked, as the policy has it. A pass for an older wish says
//! nothing of what the present one requests.

use std::collections::BTreeSet;

use super::{Answer, Decision, wish::destroyed};
use crate::{
    actor::{Actor, Deed, permit},
    names::{Generation, Timestamp, Title, WishedState},
    policy::Unrequested,
    refusal::Refusal,
    settle::change,
    world::{Instance, Place, World},
    write::{Note, Write},
};

/// What an instance requested in a complete pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// Its partition.
    pub place: Place,
    /// The generation of the wish that the pass was for.
    pub generation: Generation,
    /// Titles of all that it requested.
    pub titles: Vec<Title>,
}

pub(super) fn requested(
    world: &World,
    ask: &Requested,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let requester = world.occupant(&ask.place)?;
    permit(world, actor, Deed::Host(requester.id))?;
    if requester.generation != ask.generation {
        return Ok(Decision::unchanged(Answer::Stale));
    }
    let note = Note {
        verb: "requested".into(),
        what: format!("`{}` no longer requests everything that it did", requester.title),
        instance: Some((requester.id, requester.title.clone())),
        computer: Some(ask.place.computer.clone()),
    };
    let writes = unrequested(world, requester, &ask.titles, now);
    Ok(Decision { answer: Answer::Done, writes, note })
}

/// What becomes of the children that a complete pass did not ask for.
pub(super) fn unrequested(
    world: &World,
    requester: &Instance,
    titles: &[Title],
    now: Timestamp,
) -> Vec<Write> {
    let requested: BTreeSet<_> = titles.iter().collect();
    let children = world.children(requester.id);
    let others =
        children.filter(|it| it.wished != WishedState::Destroyed && !requested.contains(&it.title));
    match world.policy.unrequested {
        Unrequested::Destroyed => others.map(|it| destroyed(world, it, now)).collect(),
        Unrequested::Listed => {
            let unmarked = others.filter(|it| !it.unrequested);
            unmarked.map(|it| change(world, it, now, |new| new.unrequested = true)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decide::Ask, policy::Policy, testing::*};

    #[test]
    fn children_that_are_not_named_go_or_are_marked() {
        for policy in [Unrequested::Destroyed, Unrequested::Listed] {
            let mut cloud = Cloud::under(Policy { unrequested: policy, ..Policy::default() });
            cloud.format("COMP-1", 3);
            cloud.install("software/db", "COMP-1");
            let app = cloud.root("app", "software/db");
            let db = cloud.child(app, "db", "software/db");
            let cache = cloud.child(app, "cache", "software/db");
            let place = cloud.it(app).place.clone().unwrap();
            let generation = cloud.it(app).generation;
            let of = |generation| {
                let (place, titles) = (place.clone(), vec![title("db")]);
                Ask::Requested(Requested { place, generation, titles })
            };
            let (ask, late) = (of(generation), of(Generation(generation.0 - 1)));
            let here = Actor::Computer(computer("COMP-1"));
            for actor in [operator(), Actor::Computer(computer("COMP-2")), Actor::Instance(db)] {
                assert_eq!(cloud.ask(&ask, &actor).unwrap_err().code(), "not-permitted");
            }
            let (answer, entry) = cloud.ask(&late, &here).unwrap();
            assert_eq!((answer, entry), (Answer::Stale, None), "of a pass for an older wish");
            cloud.ask(&ask, &here).unwrap();
            let listed = policy == Unrequested::Listed;
            let gone = cloud.it(cache).wished == WishedState::Destroyed;
            assert_eq!((gone, cloud.it(cache).unrequested), (!listed, listed));
            assert!(!cloud.it(db).unrequested && cloud.it(db).wished == WishedState::Started);
            cloud.child(app, "cache", "software/db");
            assert!(!cloud.it(cache).unrequested, "asked for again");
        }
    }
}
