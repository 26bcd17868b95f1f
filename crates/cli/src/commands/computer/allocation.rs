//! `slapos computer open|close|drain COMPUTER`

use slapos_core::names::ComputerId;
use slapos_wire::{
    client::Client,
    v1::{AllocationScope, ComputerAsk},
};

use super::changed;
use crate::{error::Outcome, ui::Ui};

pub(super) fn run(
    computer: &ComputerId,
    allocation: AllocationScope,
    client: &Client,
    ui: Ui,
) -> Outcome {
    let ask = ComputerAsk { allocation: Some(allocation), ..ComputerAsk::default() };
    changed(ui, &client.govern(computer, &ask)?)
}
