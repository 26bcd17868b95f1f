//! `slapos supply URL COMPUTER`

use slapos_core::names::{ComputerId, SoftwareUrl, SupplyWish};
use slapos_wire::{client::Client, v1::SupplyAsk};

use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

/// Make a software release available on a computer.
///
/// The node of that computer installs it; `slapos computer info COMPUTER` shows how far it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The release: a URL, an absolute path, or software/NAME for one that comes with slapos
    #[arg(value_name = "URL")]
    software_release: SoftwareUrl,
    /// The computer, e.g. COMP-1
    computer: ComputerId,
}

pub(crate) fn run(args: &Args, client: &Client, ui: Ui) -> Outcome {
    wish(&args.software_release, &args.computer, client, ui, SupplyWish::Available)
}

/// Wishes a release on a computer, or away from it.
pub(super) fn wish(
    release: &SoftwareUrl,
    computer: &ComputerId,
    client: &Client,
    ui: Ui,
    state: SupplyWish,
) -> Outcome {
    let ask = SupplyAsk { software_release: release.clone(), state };
    let supply = client.supply(computer, &ask)?;
    if ui.json {
        ui.json(&supply);
    } else {
        let wished = match state {
            SupplyWish::Available => "shall be available",
            SupplyWish::Destroyed => "shall be removed",
        };
        let now = supply.state.as_str();
        ui.say(format_args!("{release} {wished} on {computer}; now: {now}"));
    }
    Ok(Exit::Done)
}
