//! `slapos computer revoke COMPUTER`

use slapos_core::names::ComputerId;
use slapos_wire::client::Client;

use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

pub(super) fn run(computer: &ComputerId, client: &Client, ui: Ui) -> Outcome {
    let shown = client.revoke(computer)?;
    if ui.json {
        ui.json(&shown);
    } else {
        ui.say(format_args!("{computer} has no certificate that counts"));
    }
    Ok(Exit::Done)
}
