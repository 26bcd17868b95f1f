//! How long each step took: measured here, or between the times that the master's journal and the
//! written files carry. All on one machine, hence one clock.

use std::time::Duration;

use slapos_core::names::Revision;
use slapos_wire::v1::HistoryEntry;

use super::{milestones::Milestones, road::Configured, story::milliseconds};
use crate::ui::Ui;

/// Steps and their durations, in order.
#[derive(Debug)]
pub(super) struct Timeline {
    /// What is later than this happened in this run.
    since: Revision,
    rows: Vec<(&'static str, Duration)>,
}

impl Timeline {
    /// Nothing has happened yet; the master is at revision `since`.
    pub(super) fn new(since: Revision) -> Self {
        Self { since, rows: Vec::new() }
    }

    /// A step that was measured here.
    pub(super) fn measured(&mut self, step: &'static str, duration: Duration) {
        self.rows.push((step, duration));
    }

    /// What is later than this happened in this run.
    pub(super) fn since(&self) -> Revision {
        self.since
    }

    /// The steps from the request to the connection, as the journal has them. A run that found
    /// everything in place adds nothing.
    pub(super) fn told_by_the_master(&mut self, told: &Milestones, configured: Option<Configured>) {
        let moment = |entry: &Option<HistoryEntry>| {
            let entry = entry.as_ref().filter(|entry| entry.change.revision > self.since)?;
            Some(entry.change.at.0)
        };
        let (requested, asked) = (moment(&told.requested), moment(&told.asked));
        let (published, connected) = (moment(&told.published), moment(&told.connected));
        let rendered = configured.map(|configured| configured.at);
        let steps = [
            ("PHP's node is woken and PHP asks for MySQL", requested, asked),
            ("PHP has made what needs no database, and waits", asked, moment(&told.waits)),
            ("MariaDB's node is woken and begins", asked, moment(&told.begun)),
            ("MariaDB is deployed, started, checked, published", asked, published),
            ("PHP's configuration is rewritten with the values", published, rendered),
            ("PHP and nginx start, are checked, publish the address", rendered, connected),
            ("from request to connected, in all", requested, connected),
        ];
        for (step, from, to) in steps {
            if let (Some(from), Some(to)) = (from, to)
                && let Some(micros) = to.checked_sub(from)
            {
                self.rows.push((step, Duration::from_micros(micros)));
            }
        }
    }

    /// Prints the table.
    pub(super) fn show(&self, ui: Ui) {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|(step, duration)| vec![(*step).to_owned(), milliseconds(*duration)])
            .collect();
        ui.table(&["step", "time"], &rows);
    }
}
