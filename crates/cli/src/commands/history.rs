//! What happened, as `service history` and `computer history` print it.

use std::collections::BTreeMap;

use slapos_core::names::Timestamp;
use slapos_wire::{
    client::{Client, ClientError},
    v1::{HistoryAsk, HistoryEntry},
};

use crate::ui::{Ui, show_time};

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
pub(crate) fn show(
    entries: &[HistoryEntry],
    extent: &Extent,
    client: &Client,
    ui: Ui,
) -> Result<(), ClientError> {
    if ui.json {
        ui.json(&entries);
        return Ok(());
    }
    if !extent.errors {
        let titles = titles(entries, client)?;
        let rows: Vec<_> = without_repeats(entries)
            .map(|entry| {
                let (change, time) = (&entry.change, precisely(entry.change.at));
                let revision = change.revision.0.to_string();
                let who = titles.get(&entry.who).unwrap_or(&entry.who).clone();
                vec![time, revision, change.what.clone(), who, entry.origin.clone()]
            })
            .collect();
        ui.table(&["time (UTC)", "revision", "what", "who", "from"], &rows);
        return Ok(());
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
    Ok(())
}

/// What instances that did something are called today, by what the history calls them.
fn titles(
    entries: &[HistoryEntry],
    client: &Client,
) -> Result<BTreeMap<String, String>, ClientError> {
    if !entries.iter().any(|entry| entry.who.starts_with("instance ")) {
        return Ok(BTreeMap::new());
    }
    let all = client.instances_at(None, None)?;
    let named =
        all.iter().map(|it| (format!("instance {}", it.id), format!("instance {}", it.title)));
    Ok(named.collect())
}

/// Without what a release's node said again: that it still builds.
fn without_repeats(entries: &[HistoryEntry]) -> impl Iterator<Item = &HistoryEntry> {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    entries.iter().filter(move |entry| {
        let what = entry.change.what.as_str();
        let Some((about, word)) = what.rsplit_once(": ") else { return true };
        let again = last.insert(about, word) == Some(word);
        !(again && entry.change.verb == "supply-report")
    })
}

/// A time with its milliseconds: much can happen in a second.
fn precisely(at: Timestamp) -> String {
    format!("{}.{:03}", show_time(at), at.0 / 1000 % 1000)
}
