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
    Ok(Decision {
        answer: Answer::Done,
        writes,
        note,
    })
}
