//! `slapos computer list`

use slapos_wire::client::Client;

use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

pub(super) fn run(client: &Client, ui: Ui) -> Outcome {
    let computers = client.computers()?;
    ui.list(
        &computers,
        &["computer", "allocation", "free", "partitions", "releases"],
        |computer| {
            vec![
                computer.computer.to_string(),
                computer.allocation.to_string(),
                super::free(computer).to_string(),
                computer.partitions.len().to_string(),
                computer.supplies.len().to_string(),
            ]
        },
    );
    Ok(Exit::Done)
}
