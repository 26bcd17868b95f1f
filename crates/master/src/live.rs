//! What is known of computers only while the master runs: when their nodes called, what runs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use slapos_core::names::{ComputerId, PartitionId, Timestamp};
use slapos_wire::v1;

/// A sample that is older is not shown: nodes send one a second while somebody looks.
const SAMPLE_AGE_MAX: Duration = Duration::from_secs(10);

/// The live facts of all computers.
#[derive(Debug, Default)]
pub(crate) struct Live {
    computers: Mutex<BTreeMap<ComputerId, Facts>>,
}

#[derive(Debug, Default)]
struct Facts {
    seen_at: Option<Timestamp>,
    told_observed: bool,
    sample: Option<(Instant, Vec<v1::Process>)>,
}

impl Live {
    /// Notes that the node of a computer called.
    pub(crate) fn seen(&self, computer: &ComputerId, now: Timestamp) {
        self.with(computer, |facts| facts.seen_at = Some(now));
    }

    /// When the node last called.
    pub(crate) fn seen_at(&self, computer: &ComputerId) -> Option<Timestamp> {
        let computers = self.computers.lock().unwrap_or_else(PoisonError::into_inner);
        computers.get(computer).and_then(|facts| facts.seen_at)
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

    fn with<T>(&self, computer: &ComputerId, edit: impl FnOnce(&mut Facts) -> T) -> T {
        let mut computers = self.computers.lock().unwrap_or_else(PoisonError::into_inner);
        edit(computers.entry(computer.clone()).or_default())
    }
}
