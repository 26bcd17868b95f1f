//! Waits until the releases are there, with a bar for each.

use slapos_core::names::{ComputerId, SupplyState};
use slapos_wire::{client::Client, v1::Supply};

use super::story::until;
use crate::{
    error::{Exit, Failure},
    ui::{Progress, Ui},
};

/// Waits until every release that a computer shall have is available.
pub(super) fn install(client: &Client, ui: Ui) -> Result<(), Failure> {
    let mut bars = Progress::new();
    let mut said = Vec::new();
    until(client, "the releases are installed", |client| {
        let mut missing = 0;
        for computer in client.computers()? {
            for supply in &computer.supplies {
                if !observe_supply(&computer.computer, supply, &mut bars, &mut said)? {
                    missing += 1;
                }
            }
        }
        Ok((missing == 0).then_some(()))
    })?;
    drop(bars);
    for line in said {
        ui.say(line);
    }
    Ok(())
}

/// Shows one release; true when it is available.
fn observe_supply(
    computer: &ComputerId,
    supply: &Supply,
    bars: &mut Progress,
    said: &mut Vec<String>,
) -> Result<bool, Failure> {
    let release = &supply.software_release;
    let label = format!("{release} on {computer}");
    let text = supply.text.as_deref().unwrap_or_default();
    match supply.state {
        SupplyState::Available => {
            bars.end(&label);
            let line = format!("   {label}: available");
            if !said.contains(&line) {
                said.push(line);
            }
            Ok(true)
        }
        SupplyState::Error => {
            bars.end(&label);
            Err(Failure::new(Exit::Failed, format!("cannot install {label}:\n{text}")))
        }
        SupplyState::Requested | SupplyState::Building | SupplyState::Destroyed => {
            bars.show(&label, supply.percent, text);
            Ok(false)
        }
    }
}
