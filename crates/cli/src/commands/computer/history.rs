//! `slapos computer history COMPUTER`

use slapos_core::names::ComputerId;
use slapos_wire::{client::Client, v1::HistoryAsk};

use crate::{
    commands::history::{self, Extent},
    error::{Exit, Outcome},
    ui::Ui,
};

/// Show what happened on a computer: itself, its releases, what its node said; newest last.
///
/// `--errors` shows the text of each error that its node told; `--json` always has them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The computer, e.g. COMP-1
    computer: ComputerId,
    #[command(flatten)]
    extent: Extent,
}

pub(super) fn run(args: &Args, client: &Client, ui: Ui) -> Outcome {
    let ask = HistoryAsk { computer: Some(args.computer.clone()), ..HistoryAsk::default() };
    let entries = history::read(client, ask, &args.extent)?;
    if entries.is_empty() {
        client.computer(&args.computer)?; // says so when there is no such computer
    }
    history::show(&entries, &args.extent, client, ui)?;
    Ok(Exit::Done)
}
