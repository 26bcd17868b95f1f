//! `slapos computer info COMPUTER`

use slapos_core::names::{ComputerId, SupplyState};
use slapos_wire::client::Client;

use crate::{
    commands::at::When,
    error::{Exit, Outcome},
    ui::{Ui, ago},
};

pub(super) fn run(computer: &ComputerId, when: When, client: &Client, ui: Ui) -> Outcome {
    let computer = client.computer_at(computer, when.at)?;
    if ui.json {
        ui.json(&computer);
        return Ok(Exit::Done);
    }
    ui.data(super::summary(&computer));
    match (computer.seen_at, when.at) {
        (Some(at), _) => ui.data(format_args!("its node was last heard of: {}", ago(at))),
        (None, None) => ui.data("its node was not heard of since the master began"),
        (None, Some(_)) => {} // no journal has it
    }
    ui.data("");
    let partitions = computer.partitions.iter().map(|partition| {
        let addresses: Vec<_> = partition.addresses.iter().map(ToString::to_string).collect();
        let instance = partition.instance.as_ref();
        vec![
            partition.name.to_string(),
            addresses.join(" "),
            instance.map_or_else(|| "free".into(), |instance| instance.title.to_string()),
        ]
    });
    ui.table(&["partition", "addresses", "instance"], &partitions.collect::<Vec<_>>());
    ui.data("");
    let supplies = computer.supplies.iter().map(|supply| {
        let done = supply.percent.map(|percent| format!(" {percent}%")).unwrap_or_default();
        vec![
            supply.software_release.to_string(),
            format!("{}{done}", supply.state.as_str()),
            supply.text.as_deref().and_then(|text| text.lines().next()).unwrap_or_default().into(),
        ]
    });
    ui.table(&["release", "state", "text"], &supplies.collect::<Vec<_>>());
    for supply in computer.supplies.iter().filter(|supply| supply.state == SupplyState::Error) {
        ui.data(format_args!("\n{}:", supply.software_release));
        for line in supply.text.iter().flat_map(|text| text.lines()) {
            ui.data(format_args!("  {line}"));
        }
    }
    Ok(Exit::Done)
}
