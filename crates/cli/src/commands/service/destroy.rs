//! `slapos service destroy TITLE`

use slapos_core::names::WishedState;
use slapos_wire::{
    client::{Client, ClientError},
    v1::StateAsk,
};

use super::One;
use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

pub(super) fn run(one: &One, client: &Client, ui: Ui) -> Outcome {
    let instance = one.find(client)?;
    let ask = StateAsk { id: instance.id, state: WishedState::Destroyed };
    let answer = match client.wish_state(&ask) {
        // It was nowhere yet, so there was nothing to wait for.
        Err(ClientError::Refused(problem)) if problem.code == "unknown-instance" => {
            ui.say(format_args!("{} is gone", instance.title));
            return Ok(Exit::Done);
        }
        answer => answer?,
    };
    if ui.json {
        ui.json(&answer);
    } else {
        ui.say(format_args!("{} is being destroyed", instance.title));
    }
    Ok(Exit::Done)
}
