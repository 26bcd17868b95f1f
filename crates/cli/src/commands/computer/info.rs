//! `slapos computer info COMPUTER`

use slapos_core::names::ComputerId;
use slapos_wire::client::Client;

use crate::{
    commands::at::When,
    error::{Exit, Outcome},
    ui::Ui,
};

pub(super) fn run(computer: &ComputerId, when: When, client: &Client, ui: Ui) -> Outcome {
    let computer = client.computer_at(computer, when.at)?;
    if ui.json {
        ui.json(&computer);
        return Ok(Exit::Done);
    }
    ui.data(super::summary(&computer));
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
        vec![
            supply.software_release.to_string(),
            supply.state.as_str().to_owned(),
            supply.text.clone().unwrap_or_default(),
        ]
    });
    ui.table(&["release", "state", "text"], &supplies.collect::<Vec<_>>());
    Ok(Exit::Done)
}
