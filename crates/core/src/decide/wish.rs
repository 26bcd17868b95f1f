//! `wish`: a person wishes another state for an existing instance, whoever requested it.
//!
//! A child that is stopped so stays stopped whatever its requester asks, until a person starts
//! it again. A destroyed child that its requester still asks for comes back as a new instance.

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{Generation, InstanceId, Timestamp, WishedState},
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
    Ok(Decision {
        answer,
        writes: vec![write],
        note,
    })
}

/// The row of an instance that shall go, though its requester may not have asked for that.
pub(super) fn destroyed(world: &World, it: &Instance, now: Timestamp) -> Write {
    let new = Instance {
        asked: WishedState::Destroyed,
        ..it.clone()
    };
    rewished(world, &new, now)
}

fn rewished(world: &World, it: &Instance, now: Timestamp) -> Write {
    let wished = effective_wish(world, it);
    change(world, it, now, |new| {
        if new.wished != wished {
            new.wished = wished;
            new.generation = Generation(it.generation.0 + 1);
            new.wished_at = world.next_revision();
        }
    })
}
