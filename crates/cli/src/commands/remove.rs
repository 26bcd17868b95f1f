//! `slapos remove URL COMPUTER`

use slapos_core::names::{ComputerId, SoftwareUrl, SupplyWish};
use slapos_wire::{client::Client, v1::SupplyAsk};

use super::supply;
use crate::{
    error::{Exit, Failure, Outcome},
    ui::Ui,
};

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
    check_supplied(args, client)?;
    let (software_release, state) = (args.software_release.clone(), SupplyWish::Destroyed);
    supply::wish(&SupplyAsk { software_release, state, again: false }, &args.computer, client, ui)
}

/// Refuses a release that the computer was never asked to have: its name is wrong, and to say
/// "removed" would hide that. The master itself has nothing against it, as old clients repeat it.
fn check_supplied(args: &Args, client: &Client) -> Result<(), Failure> {
    let (release, computer) = (&args.software_release, &args.computer);
    let supplies = client.computer(computer)?.supplies;
    if supplies.iter().any(|supply| supply.software_release == *release) {
        return Ok(());
    }
    let known = supplies.iter().map(|supply| supply.software_release.as_str());
    let list = format!("`slapos computer info {computer}` shows what it has");
    let hint = match slapos_nearest::nearest(release.as_str(), known) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list,
    };
    Err(Failure::new(Exit::Failed, format!("{computer} has no release `{release}`")).hint(hint))
}
