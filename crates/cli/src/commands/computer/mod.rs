//! `slapos computer ...`: machines.

mod info;
mod list;

use slapos_core::names::ComputerId;
use slapos_wire::{client::Client, v1::Computer};

use crate::{error::Outcome, ui::Ui};

/// What to do with computers.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List computers
    List,
    /// Show a computer: its partitions and its releases
    Info {
        /// The computer, e.g. COMP-1
        computer: ComputerId,
    },
}

pub(crate) fn run(verb: &Verb, client: &Client, ui: Ui) -> Outcome {
    match verb {
        Verb::List => list::run(client, ui),
        Verb::Info { computer } => info::run(client, computer, ui),
    }
}

/// How many partitions of a computer are free.
fn free(computer: &Computer) -> usize {
    computer.partitions.iter().filter(|partition| partition.instance.is_none()).count()
}
