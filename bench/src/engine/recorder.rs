//! Counts and latencies, exact enough: three digits up to an hour.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::nanoseconds;

const HOUR_NS: u64 = 3_600_000_000_000;

/// What the operations of one generator thread took.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// By kind of request, in the order of their first appearance.
    pub(crate) kinds: Vec<(&'static str, Histogram<u64>)>,
    pub(crate) operations: Histogram<u64>,
    /// When each operation was done: nanoseconds since the beginning of the phase.
    pub(crate) done: Vec<u64>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self { kinds: vec![], operations: histogram(), done: Vec::with_capacity(1 << 12) }
    }

    pub(crate) fn request(&mut self, kind: &'static str, took: Duration) {
        self.kind(kind).saturating_record(nanoseconds(took));
    }

    pub(crate) fn operation(&mut self, took: Duration, since_start: Duration) {
        self.operations.saturating_record(nanoseconds(took));
        self.done.push(nanoseconds(since_start));
    }

    /// Adds what another one recorded.
    pub(crate) fn merge(&mut self, other: Self) {
        for (kind, latencies) in other.kinds {
            add(self.kind(kind), &latencies);
        }
        add(&mut self.operations, &other.operations);
        self.done.extend(other.done);
    }

    fn kind(&mut self, kind: &'static str) -> &mut Histogram<u64> {
        let at = self.kinds.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
            self.kinds.push((kind, histogram()));
            self.kinds.len() - 1
        });
        &mut self.kinds[at].1
    }
}

/// An empty one, for nanoseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(HOUR_NS, 3).expect("valid bounds")
}

fn add(sum: &mut Histogram<u64>, other: &Histogram<u64>) {
    sum.add(other).expect("the same bounds");
}
