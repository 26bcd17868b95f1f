//! What is known of computers only while the master runs: when their nodes called, what runs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use slapos_core::names::{ComputerId, PartitionId, Revision, Timestamp};
use slapos_wire::v1;

use crate::clock::now;

/// A sample that is older is not shown: nodes send one a second while somebody looks.
const SAMPLE_AGE_MAX: Duration = Duration::from_secs(10);

/// A node that lives calls again at once; one that lost its master, within five seconds.
const SILENT_AFTER: Duration = Duration::from_secs(10);

/// The live facts of all computers.
#[derive(Debug)]
pub(crate) struct Live {
    began: Instant,
    computers: Mutex<BTreeMap<ComputerId, Facts>>,
}

#[derive(Debug, Default)]
struct Facts {
    seen_at: Option<Timestamp>,
    heard: Option<Instant>,
    /// Calls of its node that wait for news right now.
    listening: usize,
    told_observed: bool,
    /// Of what it was last given to do by an old protocol.
    given: Option<Revision>,
    sample: Option<(Instant, Vec<v1::Process>)>,
}

/// The node of a computer waits for news as long as this lives.
#[derive(Debug)]
pub(crate) struct Listening<'a> {
    live: &'a Live,
    computer: &'a ComputerId,
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.live.seen(self.computer, now());
        self.live.with(self.computer, |facts| facts.listening -= 1);
    }
}

impl Live {
    /// Nothing was heard of anybody yet.
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), computers: Mutex::default() }
    }

    /// Notes that the node of a computer called.
    pub(crate) fn seen(&self, computer: &ComputerId, now: Timestamp) {
        self.with(computer, |facts| {
            facts.seen_at = Some(now);
            facts.heard = Some(Instant::now());
        });
    }

    /// Notes that the node of a computer waits for news.
    pub(crate) fn listens<'a>(&'a self, computer: &'a ComputerId) -> Listening<'a> {
        self.with(computer, |facts| facts.listening += 1);
        Listening { live: self, computer }
    }

    /// When the node was last heard of: now, if it waits for news.
    pub(crate) fn seen_at(&self, computer: &ComputerId) -> Option<Timestamp> {
        let computers = self.computers.lock().unwrap_or_else(PoisonError::into_inner);
        let facts = computers.get(computer)?;
        if facts.listening > 0 { Some(now()) } else { facts.seen_at }
    }

    /// For how long the node has not been heard of, if that is long; at most since the master
    /// began.
    pub(crate) fn silence(&self, computer: &ComputerId) -> Option<Duration> {
        let computers = self.computers.lock().unwrap_or_else(PoisonError::into_inner);
        let facts = computers.get(computer);
        if facts.is_some_and(|facts| facts.listening > 0) {
            return None;
        }
        let heard = facts.and_then(|facts| facts.heard).unwrap_or(self.began);
        Some(heard.elapsed()).filter(|silence| *silence > SILENT_AFTER)
    }

    /// Keeps a sample of processes.
    pub(crate) fn sample(&self, computer: &ComputerId, usage: v1::Usage) {
        let sample = Some((Instant::now(), usage.processes));
        self.with(computer, |facts| facts.sample = sample);
    }

    /// What runs for a partition, as last heard; empty when that is too long ago.
    pub(crate) fn processes(
        &self,
        computer: &ComputerId,
        partition: &PartitionId,
    ) -> Vec<v1::Process> {
        let computers = self.computers.lock().unwrap_or_else(PoisonError::into_inner);
        let sample = computers.get(computer).and_then(|facts| facts.sample.as_ref());
        let fresh = sample.filter(|(at, _)| at.elapsed() < SAMPLE_AGE_MAX);
        let all = fresh.into_iter().flat_map(|(_, processes)| processes);
        all.filter(|process| process.partition == *partition).cloned().collect()
    }

    /// True when the node was last told the opposite of `observed`.
    pub(crate) fn must_hear(&self, computer: &ComputerId, observed: bool) -> bool {
        self.with(computer, |facts| facts.told_observed != observed)
    }

    /// Notes what the node is told.
    pub(crate) fn tell(&self, computer: &ComputerId, observed: bool) {
        self.with(computer, |facts| facts.told_observed = observed);
    }

    /// Notes that a computer was given all that it has to do, as of a revision.
    pub(crate) fn give(&self, computer: &ComputerId, revision: Revision) {
        self.with(computer, |facts| facts.given = facts.given.max(Some(revision)));
    }

    /// As of which revision a computer was last given what it has to do; `None`: not since the
    /// master began.
    pub(crate) fn given(&self, computer: &ComputerId) -> Option<Revision> {
        let computers = self.computers.lock().unwrap_or_else(PoisonError::into_inner);
        computers.get(computer)?.given
    }

    fn with<T>(&self, computer: &ComputerId, edit: impl FnOnce(&mut Facts) -> T) -> T {
        let mut computers = self.computers.lock().unwrap_or_else(PoisonError::into_inner);
        edit(computers.entry(computer.clone()).or_default())
    }
}
