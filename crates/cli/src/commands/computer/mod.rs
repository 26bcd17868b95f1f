//! `slapos computer ...`: machines.

mod allocation;
mod history;
mod info;
mod list;
mod revoke;
mod set;
mod token;

use slapos_core::names::ComputerId;
use slapos_wire::{
    client::Client,
    v1::{AllocationScope, Computer},
};

use super::at::When;
use crate::{
    error::{Exit, Outcome},
    ui::{Ui, ago},
};

/// What to do with computers. The help of a verb is that of its arguments where it has its own.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List computers
    List(When),
    /// Show a computer: what it is for, its partitions and its releases
    Info {
        /// The computer, e.g. COMP-1
        computer: ComputerId,
        #[command(flatten)]
        when: When,
    },
    History(history::Args),
    /// Let a computer take new instances
    Open {
        /// The computer, e.g. COMP-1
        computer: ComputerId,
    },
    /// Let a computer take no new instances; what is there stays
    Close {
        /// The computer, e.g. COMP-1
        computer: ComputerId,
    },
    /// Let a computer take no new instances, for it shall become empty
    ///
    /// What is there runs on: destroy it, or request it elsewhere. `slapos computer info` says
    /// what is left.
    Drain {
        /// The computer, e.g. COMP-1
        computer: ComputerId,
    },
    Set(set::Args),
    /// Hand out the right to let one computer join: a secret for `slapos node register`
    Token,
    /// Take the certificate of a computer away
    ///
    /// Its name can then be registered again, with a new certificate, to replace the machine.
    Revoke {
        /// The computer, e.g. COMP-1
        computer: ComputerId,
    },
}

pub(crate) fn run(verb: &Verb, client: &Client, ui: Ui) -> Outcome {
    use AllocationScope::{Closed, Draining, Open};
    match verb {
        Verb::List(when) => list::run(*when, client, ui),
        Verb::Info { computer, when } => info::run(computer, *when, client, ui),
        Verb::History(args) => history::run(args, client, ui),
        Verb::Open { computer } => allocation::run(computer, Open, client, ui),
        Verb::Close { computer } => allocation::run(computer, Closed, client, ui),
        Verb::Drain { computer } => allocation::run(computer, Draining, client, ui),
        Verb::Set(args) => set::run(args, client, ui),
        Verb::Token => token::run(client, ui),
        Verb::Revoke { computer } => revoke::run(computer, client, ui),
    }
}

/// Prints what became of a change: a sentence, or the computer as JSON.
fn changed(ui: Ui, computer: &Computer) -> Outcome {
    if ui.json {
        ui.json(computer);
    } else {
        ui.say(summary(computer));
    }
    Ok(Exit::Done)
}

/// What a computer is for, in one line.
fn summary(computer: &Computer) -> String {
    let (name, allocation) = (&computer.computer, computer.allocation);
    let (free, all) = (free(computer), computer.partitions.len());
    let capacity = computer.capacity.map(|it| format!(", at most {it} instances"));
    let traits = traits(computer);
    let described = if traits.is_empty() { String::new() } else { format!(", {traits}") };
    let capacity = capacity.unwrap_or_default();
    format!("{name}: {allocation}{capacity}, {free} of {all} partitions free{described}")
}

/// When the node of a computer was last heard of.
fn seen(computer: &Computer) -> String {
    computer.seen_at.map_or_else(|| "-".into(), ago)
}

/// How many partitions of a computer are free.
fn free(computer: &Computer) -> usize {
    computer.partitions.iter().filter(|partition| partition.instance.is_none()).count()
}

/// The traits of a computer as a person writes them.
fn traits(computer: &Computer) -> String {
    let pairs = computer.traits.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}
