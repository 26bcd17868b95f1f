//! `slapos service history [TITLE]`

use slapos_core::names::Title;
use slapos_wire::{client::Client, v1::HistoryAsk};

use super::unknown;
use crate::{
    commands::history::{self, Extent},
    error::{Exit, Outcome},
    ui::Ui,
};

/// Show what happened: who changed what, when, from where; newest last.
///
/// With a title: what happened to the instance of that title, also when it is gone, or was called
/// so then. `--errors` shows the text of each error that its node told; `--json` always has them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The title of the instance; everything by default
    title: Option<Title>,
    #[command(flatten)]
    extent: Extent,
}

pub(super) fn run(args: &Args, client: &Client, ui: Ui) -> Outcome {
    let ask = HistoryAsk { title: args.title.clone(), ..HistoryAsk::default() };
    let entries = history::read(client, ask, &args.extent)?;
    if let (Some(title), true) = (&args.title, entries.is_empty())
        && client.history(Some(title))?.is_empty()
    {
        return Err(unknown(title, &client.instances_at(None, None)?, None));
    }
    history::show(&entries, &args.extent, client, ui)?;
    Ok(Exit::Done)
}
