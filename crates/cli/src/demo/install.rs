//! Waits until the demo's own releases are there, with a bar for each.

use slapos_core::names::{ComputerId, SoftwareUrl};
use slapos_wire::{client::Client, v1::Supply};

use super::curtain::Curtain;
use crate::{commands::supply, error::Failure, events::until, ui::Ui};

/// Waits until each of these releases is available on its computer. What else somebody supplied
/// in the meantime, or in an earlier run, is not the demo's concern.
pub(super) fn install(
    client: &Client,
    awaited: &[(SoftwareUrl, ComputerId)],
    curtain: &Curtain,
    ui: Ui,
) -> Result<(), Failure> {
    let mut said = Vec::new();
    until(client, "the releases are installed", |client| {
        let mut missing = 0;
        for computer in client.computers()? {
            let name = computer.computer;
            for supply in computer.supplies {
                let release = &supply.software_release;
                let ours = awaited.iter().any(|(url, place)| url == release && *place == name);
                if ours && !observe_supply(&name, &supply, curtain, &mut said)? {
                    missing += 1;
                }
            }
        }
        Ok((missing == 0).then_some(()))
    })?;
    curtain.show(|_| said.iter().for_each(|line| ui.say(line)))
}

/// Shows one release; true when it is available.
fn observe_supply(
    computer: &ComputerId,
    supply: &Supply,
    curtain: &Curtain,
    said: &mut Vec<String>,
) -> Result<bool, Failure> {
    let label = format!("{} on {computer}", supply.software_release);
    let available = curtain.show(|bars| supply::show(supply, &label, bars))??;
    let line = format!("   {label}: available");
    if available && !said.contains(&line) {
        said.push(line);
    }
    Ok(available)
}
