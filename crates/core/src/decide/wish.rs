//! `wish`: a person wishes another state for an existing instance, whoever requested it.
//!
//! A child that is stopped so stays stopped whatever its requester asks, until a person starts
//! it again. A destroyed child that its requester still asks for comes back as a new instance.

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{InstanceId, Timestamp, WishedState},
    refusal::Refusal,
    settle::{change, effective_wish},
    world::{Instance, World},
    write::{Note, Write},
};

/// This instance shall be in this state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The instance.
    pub id: InstanceId,
    /// What is wished.
    pub state: WishedState,
}

pub(super) fn wish(
    world: &World,
    ask: &Wish,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let Some(it) = world.instance(ask.id) else {
        return match ask.state {
            WishedState::Destroyed => Ok(Decision::unchanged(Answer::Absent)),
            WishedState::Started | WishedState::Stopped => Err(Refusal::UnknownInstance(ask.id)),
        };
    };
    permit(world, actor, Deed::Wish(ask.id))?;
    let answer = Answer::Instance(it.id);
    if it.wished == WishedState::Destroyed {
        return match ask.state {
            WishedState::Destroyed => Ok(Decision::unchanged(answer)),
            _ => Err(Refusal::Leaves(it.title.clone())),
        };
    }
    let write = match ask.state {
        WishedState::Destroyed => destroyed(world, it, now),
        state => {
            let mut new = it.clone();
            if it.is_root() {
                new.asked = state;
            } else {
                new.held = state == WishedState::Stopped;
            }
            if new == *it {
                return Ok(Decision::unchanged(answer));
            }
            rewished(world, &new, now)
        }
    };
    let what = match ask.state {
        WishedState::Started => "shall run",
        WishedState::Stopped => "shall stop",
        WishedState::Destroyed => "shall be destroyed",
    };
    let note = Note {
        verb: "wish".into(),
        what: format!("`{}` {what}", it.title),
        instance: Some((it.id, it.title.clone())),
        computer: None,
    };
    Ok(Decision { answer, writes: vec![write], note })
}

/// The row of an instance that shall go, though its requester may not have asked for that.
pub(super) fn destroyed(world: &World, it: &Instance, now: Timestamp) -> Write {
    let new = Instance { asked: WishedState::Destroyed, ..it.clone() };
    rewished(world, &new, now)
}

fn rewished(world: &World, it: &Instance, now: Timestamp) -> Write {
    let wished = effective_wish(world, it);
    change(world, it, now, |new| {
        if new.wished != wished {
            new.wished = wished;
            new.renew(world.next_revision(), now);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{names::WishedState::*, testing::*};

    #[test]
    fn a_stop_by_hand_holds_whatever_the_requester_asks() {
        let mut cloud = Cloud::default();
        let app = cloud.root("app", "software/php");
        let db = cloud.child(app, "db", "software/db");
        cloud.wish(db, Stopped).unwrap();
        assert_eq!(cloud.child(app, "db", "software/db"), db);
        assert_eq!(cloud.it(db).wished, Stopped);
        cloud.wish(db, Started).unwrap();
        assert_eq!(cloud.it(db).wished, Started);
    }

    #[test]
    fn a_stop_of_the_root_reaches_its_tree_and_is_undone() {
        let mut cloud = Cloud::default();
        let app = cloud.root("app", "software/php");
        let db = cloud.child(app, "db", "software/db");
        let disk = cloud.child(db, "disk", "software/disk");
        cloud.wish(disk, Stopped).unwrap();
        // the wish for the root, what follows for db and disk
        for (wished, db_is, disk_is) in [(Stopped, Stopped, Stopped), (Started, Started, Stopped)] {
            cloud.wish(app, wished).unwrap();
            let found = [app, db, disk].map(|id| cloud.it(id).wished);
            assert_eq!(found, [wished, db_is, disk_is]);
        }
    }

    #[test]
    fn destroyed_stays_destroyed() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        cloud.install("software/db", "COMP-1");
        let id = cloud.root("db", "software/db");
        assert_eq!(cloud.wish(id, Destroyed), Ok(Answer::Instance(id)));
        assert_eq!(cloud.wish(id, Started).unwrap_err().code(), "being-destroyed");
        assert_eq!(cloud.gone(id), Answer::Done);
        assert_eq!(cloud.wish(id, Destroyed), Ok(Answer::Absent));
        assert_eq!(cloud.wish(id, Started).unwrap_err().code(), "unknown-instance");
    }
}
