//! The one table of what runs: keepers write their row, everyone reads, each change of a process
//! is recorded on disk at once.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::broadcast;

use super::{
    Kind, Program,
    protocol::{Event, Exit, ProgramState, ProgramStatus},
    record::{FinishedRecord, ProcessRecord, Records, State},
};

/// Events that a slow subscriber may be behind.
pub(super) const EVENTS_MAX: usize = 256;

/// Names one program: its group and its name.
pub(super) type Key = (String, String);

/// The table, the events and the record of processes.
#[derive(Debug)]
pub(super) struct Board {
    rows: Mutex<BTreeMap<Key, Row>>,
    events: broadcast::Sender<Event>,
    records: Records,
    boot: String,
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) program: Program,
    pub(super) state: ProgramState,
    /// Number and start time of the leader; also while it is being ended.
    pub(super) process: Option<(u32, u64)>,
    pub(super) failures: u32,
    pub(super) last_exit: Option<Exit>,
    /// Why it does not stay up, since that was told.
    pub(super) fault: Option<String>,
}

impl Row {
    pub(super) fn new(program: Program) -> Self {
        Self {
            program,
            state: ProgramState::Starting,
            process: None,
            failures: 0,
            last_exit: None,
            fault: None,
        }
    }
}

impl Board {
    pub(super) fn new(records: Records, boot: String) -> Self {
        let (events, _) = broadcast::channel(EVENTS_MAX);
        Self { rows: Mutex::default(), events, records, boot }
    }

    pub(super) fn records(&self) -> &Records {
        &self.records
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    pub(super) fn tell(&self, event: Event) {
        tracing::info!(?event);
        // Nobody listening is fine: events are news, the status is the truth.
        let _listeners = self.events.send(event);
    }

    pub(super) fn insert(&self, key: Key, row: Row) {
        let mut rows = self.rows();
        rows.insert(key, row);
        self.record(&rows);
    }

    pub(super) fn change(&self, key: &Key, change: impl FnOnce(&mut Row)) {
        let mut rows = self.rows();
        let Some(row) = rows.get_mut(key) else { return };
        let before = (row.process, row.failures, is_finished(row));
        change(row);
        if before != (row.process, row.failures, is_finished(row)) {
            self.record(&rows);
        }
    }

    pub(super) fn remove(&self, key: &Key) {
        let mut rows = self.rows();
        rows.remove(key);
        self.record(&rows);
    }

    pub(super) fn status(&self) -> Vec<ProgramStatus> {
        let rows = self.rows();
        let status = rows.iter().map(|((group, name), row)| ProgramStatus {
            group: group.clone(),
            name: name.clone(),
            kind: row.program.kind,
            state: row.state,
            failures: row.failures,
            last_exit: row.last_exit,
            fault: row.fault.clone(),
        });
        status.collect()
    }

    /// All programs, for the rotation of their logs.
    pub(super) fn programs(&self) -> Vec<Program> {
        self.rows().values().map(|row| row.program.clone()).collect()
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<Key, Row>> {
        // Rows are changed by single assignments: a panic elsewhere leaves nothing half-done.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A disk that is full must not stop services: the record is then behind until the next change.
    fn record(&self, rows: &BTreeMap<Key, Row>) {
        let processes = rows.iter().filter_map(|((group, _), row)| {
            let (pid, started) = row.process?;
            let (group, program) = (group.clone(), row.program.clone());
            Some(ProcessRecord { group, program, pid, started, failures: row.failures })
        });
        let finished = rows.iter().filter(|(_, row)| is_finished(row)).map(|((group, _), row)| {
            let exit = row.last_exit.unwrap_or_default();
            FinishedRecord { group: group.clone(), program: row.program.clone(), exit }
        });
        let state = State {
            boot: self.boot.clone(),
            processes: processes.collect(),
            finished: finished.collect(),
        };
        if let Err(error) = self.records.save_state(&state) {
            tracing::warn!(%error, "the running processes could not be recorded");
        }
    }
}

fn is_finished(row: &Row) -> bool {
    row.program.kind == Kind::Once && row.state == ProgramState::Finished
}
