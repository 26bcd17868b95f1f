//! What happened, as `service history` and `computer history` print it.

use slapos_core::names::Timestamp;
use slapos_wire::{
    client::{Client, ClientError},
    v1::{HistoryAsk, HistoryEntry},
};

use super::show_time;
use crate::ui::Ui;

/// How much of the history is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Extent {
    /// Show at most so many entries, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Show only what failed, each with its whole text
    #[arg(long)]
    errors: bool,
}

/// The entries that are asked for, oldest first.
pub(crate) fn read(
    client: &Client,
    ask: HistoryAsk,
    extent: &Extent,
) -> Result<Vec<HistoryEntry>, ClientError> {
    client.history_of(&HistoryAsk { errors: extent.errors, ..ask }, extent.limit)
}

/// Prints entries, newest last: a table, the texts of errors, or all of it as JSON.
pub(crate) fn show(entries: &[HistoryEntry], extent: &Extent, ui: Ui) {
    if !extent.errors || ui.json {
        ui.list(entries, &["time (UTC)", "revision", "what", "who", "from"], |entry| {
            let (change, time) = (&entry.change, precisely(entry.change.at));
            let revision = change.revision.0.to_string();
            vec![time, revision, change.what.clone(), entry.who.clone(), entry.origin.clone()]
        });
        return;
    }
    if entries.is_empty() {
        ui.say("no error was told");
    }
    for HistoryEntry { change, who, origin, error } in entries {
        let (time, revision) = (precisely(change.at), change.revision.0);
        ui.data(format_args!("{time} rev:{revision} {} ({who} from {origin})", change.what));
        for line in error.iter().flat_map(|text| text.lines()) {
            ui.data(format_args!("  {line}"));
        }
    }
}

/// A time with its milliseconds: much can happen in a second.
fn precisely(at: Timestamp) -> String {
    format!("{}.{:03}", show_time(at), at.0 / 1000 % 1000)
}
