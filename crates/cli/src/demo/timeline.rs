//! How long each step took: measured here, or between the times that the master's journal and the
//! written files carry. All on one machine, hence one clock.

use std::{fs, os::unix::fs::MetadataExt, time::Duration};

use slapos_core::names::{InstanceId, Revision};
use slapos_wire::{
    client::Client,
    v1::{HistoryEntry, Instance},
};

use super::{cloud::Stage, story::milliseconds};
use crate::{error::Failure, ui::Ui};

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

    /// The steps from the request to the connection, as the journal has them. A run that found
    /// everything in place adds nothing.
    pub(super) fn told_by_the_master(
        &mut self,
        client: &Client,
        web: &Instance,
        database: &Instance,
        stage: &Stage,
    ) -> Result<(), Failure> {
        let history = client.history(None)?;
        let moment = |verb, id| moment(&history, self.since, verb, id);
        let requested = moment("request", web.id);
        let asked = moment("request", database.id);
        let published = moment("publish", database.id);
        let rendered =
            published.and_then(|at| rendered_at(stage, web).filter(|rendered| *rendered >= at));
        let connected = moment("publish", web.id);
        let steps = [
            ("PHP's node is woken and PHP asks for MySQL", requested, asked),
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
        Ok(())
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

/// When a verb about an instance was committed, in microseconds since 1970; the first time.
fn moment(history: &[HistoryEntry], since: Revision, verb: &str, id: InstanceId) -> Option<u64> {
    let about = |entry: &&HistoryEntry| {
        entry.change.revision > since
            && entry.change.verb == verb
            && entry.change.instance.as_ref().is_some_and(|instance| instance.id == id)
    };
    history.iter().find(about).map(|entry| entry.change.at.0)
}

/// When the PHP partition's configuration was written, in microseconds since 1970.
fn rendered_at(stage: &Stage, web: &Instance) -> Option<u64> {
    let path = stage
        .directory
        .join(web.computer.as_ref()?.as_str())
        .join("instance")
        .join(web.partition.as_ref()?.as_str())
        .join("etc/config.inc.php");
    let facts = fs::metadata(path).ok()?;
    let seconds = u64::try_from(facts.mtime()).ok()?;
    Some(seconds * 1_000_000 + u64::try_from(facts.mtime_nsec()).ok()? / 1000)
}
