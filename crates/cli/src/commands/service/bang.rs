//! `slapos service bang TITLE`

use slapos_wire::{client::Client, v1::InstanceBangAsk};

use super::{One, changed};
use crate::{error::Outcome, ui::Ui};

/// Process an instance again, as its node does after a change: what is as wished stays untouched.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    one: One,
    /// Its whole tree, from the root down
    #[arg(long)]
    tree: bool,
    /// Why, for the history
    #[arg(long, value_name = "TEXT", default_value = "asked by hand")]
    message: String,
}

pub(super) fn run(args: &Args, client: &Client, ui: Ui) -> Outcome {
    let id = args.one.find(client)?.id;
    let ask = InstanceBangAsk { id, message: args.message.clone(), tree: args.tree };
    let instance = client.bang_instance(&ask)?;
    let what = if args.tree { "the whole tree of " } else { "" };
    changed(ui, &instance, format_args!("{what}{} is processed again", instance.title))
}
