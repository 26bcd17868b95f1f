//! `slapos computer list`

use slapos_wire::client::Client;

use crate::{
    commands::at::When,
    error::{Exit, Outcome},
    ui::Ui,
};

pub(super) fn run(when: When, client: &Client, ui: Ui) -> Outcome {
    let computers = client.computers_at(when.at)?;
    ui.list(
        &computers,
        &["computer", "allocation", "capacity", "free", "partitions", "releases", "seen", "traits"],
        |computer| {
            vec![
                computer.computer.to_string(),
                computer.allocation.to_string(),
                computer.capacity.map_or_else(|| "all".into(), |it| it.to_string()),
                super::free(computer).to_string(),
                computer.partitions.len().to_string(),
                computer.supplies.len().to_string(),
                super::seen(computer),
                super::traits(computer),
            ]
        },
    );
    Ok(Exit::Done)
}
