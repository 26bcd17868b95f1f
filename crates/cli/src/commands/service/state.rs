//! `slapos service start|stop TITLE`

use slapos_core::names::WishedState;
use slapos_wire::{client::Client, v1::StateAsk};

use super::{One, changed};
use crate::{error::Outcome, ui::Ui};

pub(super) fn run(one: &One, state: WishedState, client: &Client, ui: Ui) -> Outcome {
    let id = one.find(client)?.id;
    let instance = client.wish_state(&StateAsk { id, state })?;
    let now = &instance.state;
    changed(ui, &instance, format_args!("{} is {now}", instance.title))
}
