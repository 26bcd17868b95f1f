//! `slapos service destroy TITLE`

use slapos_core::names::WishedState;
use slapos_wire::{client::Client, v1::StateAsk};

use super::One;
use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

pub(super) fn run(one: &One, client: &Client, ui: Ui) -> Outcome {
    let instance = one.find(client)?;
    let ask = StateAsk { id: instance.id, state: WishedState::Destroyed };
    let answer = client.wish_state(&ask)?;
    if ui.json {
        ui.json(&answer);
    } else {
        ui.say(format_args!("{} is being destroyed", instance.title));
    }
    Ok(Exit::Done)
}
