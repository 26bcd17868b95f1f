//! `slapos remove URL COMPUTER`

use slapos_core::names::SupplyWish;
use slapos_wire::client::Client;

use super::supply;
use crate::{error::Outcome, ui::Ui};

/// Remove a software release from a computer.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    what: supply::Args,
}

pub(crate) fn run(args: &Args, client: &Client, ui: Ui) -> Outcome {
    supply::wish(&args.what, client, ui, SupplyWish::Destroyed)
}
