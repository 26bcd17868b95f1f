//! `slapos service rename TITLE NEW`

use slapos_core::names::Title;
use slapos_wire::{client::Client, v1::RenameAsk};

use super::{One, changed};
use crate::{error::Outcome, ui::Ui};

/// Give an instance another title. It stays where it is, with its data and its connection.
///
/// Whoever requests it must use the new title from now on: under the old one a new instance is
/// made, and what a requester no longer asks for is destroyed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    one: One,
    /// The new title, unique in its tree (for a root: among your roots)
    #[arg(value_name = "NEW")]
    new_title: Title,
}

pub(super) fn run(args: &Args, client: &Client, ui: Ui) -> Outcome {
    let id = args.one.find(client)?.id;
    let instance = client.rename(&RenameAsk { id, title: args.new_title.clone() })?;
    changed(ui, &instance, format_args!("{} is now called {}", args.one.title, instance.title))
}
