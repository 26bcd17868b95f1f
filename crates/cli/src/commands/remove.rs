//! `slapos remove URL COMPUTER`

use slapos_core::names::{ComputerId, SoftwareUrl, SupplyWish};
use slapos_wire::{client::Client, v1::SupplyAsk};

use super::supply;
use crate::{error::Outcome, ui::Ui};

/// Remove a software release from a computer.
///
/// Refused while instances on that computer use it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The release
    #[arg(value_name = "URL")]
    software_release: SoftwareUrl,
    /// The computer, e.g. COMP-1
    computer: ComputerId,
}

pub(crate) fn run(args: &Args, client: &Client, ui: Ui) -> Outcome {
    let (software_release, state) = (args.software_release.clone(), SupplyWish::Destroyed);
    supply::wish(&SupplyAsk { software_release, state, again: false }, &args.computer, client, ui)
}
