//! `slapos computer set COMPUTER`

use slapos_core::names::ComputerId;
use slapos_wire::{client::Client, v1::ComputerAsk};

use super::changed;
use crate::{commands::request::pair, error::Outcome, ui::Ui};

/// Say how many instances a computer takes, and by what requests can choose it.
///
/// A trait is what `slapos request ... --node KEY=VALUE` asks for, e.g. region=europe/west.
/// Traits that are not named stay as they are; KEY= takes one away.
#[derive(Debug, clap::Args)]
#[command(
    group(clap::ArgGroup::new("change").required(true).multiple(true)),
    override_usage = "slapos computer set COMPUTER [--capacity N|all] [KEY=VALUE | KEY= ...]"
)]
pub(crate) struct Args {
    /// The computer, e.g. COMP-1
    computer: ComputerId,
    /// At most so many instances; all: as many as it has partitions
    #[arg(long, value_name = "N|all", value_parser = capacity, group = "change")]
    capacity: Option<Capacity>,
    /// Traits to add, to change or to take away
    #[arg(
        value_name = "KEY=VALUE",
        value_parser = pair,
        group = "change",
        long_help = "Traits to add, to change or (KEY=) to take away: cpu_core, cpu_frequency, \
                     cpu_type, group, local_area_network_type, memory_size, memory_type, \
                     network_guid, project_guid, region, storage_capacity, storage_interface, \
                     storage_redundancy."
    )]
    traits: Vec<(String, String)>,
}

/// At most so many instances; `None`: as many as there are partitions.
#[derive(Debug, Clone, Copy)]
struct Capacity(Option<u32>);

fn capacity(text: &str) -> Result<Capacity, &'static str> {
    match text {
        "all" => Ok(Capacity(None)),
        _ => text.parse().map(|number| Capacity(Some(number))).map_err(|_| "use a number or all"),
    }
}

pub(super) fn run(args: &Args, client: &Client, ui: Ui) -> Outcome {
    let mut ask = ComputerAsk { capacity: args.capacity.map(|it| it.0), ..ComputerAsk::default() };
    if !args.traits.is_empty() {
        let mut traits = client.computer(&args.computer)?.traits;
        for (key, value) in &args.traits {
            if value.is_empty() {
                traits.remove(key);
            } else {
                traits.insert(key.clone(), value.clone());
            }
        }
        ask.traits = Some(traits);
    }
    changed(ui, &client.govern(&args.computer, &ask)?)
}
