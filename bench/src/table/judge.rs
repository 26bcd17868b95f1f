//! The targets, and whether they are reached. Pure.

use super::{Master, Measured, Reports};

/// Partitions of the fleet at which ours is judged.
pub(super) const SIZE: u64 = 10_000;
/// The reference is fastest with a small fleet, so that is what ours is compared with.
pub(super) const REFERENCE_SIZE: u64 = 1_000;
/// A large master has so many partitions.
pub(super) const LARGE: u64 = 1_000_000;

/// An operation whose rate is compared.
pub(super) struct Row {
    pub(super) operation: &'static str,
    /// Name of the report of ours and of the reference.
    pub(super) ours: &'static str,
    pub(super) reference: Option<&'static str>,
    pub(super) ceiling: &'static str,
    /// Part of the ceiling, at least.
    pub(super) share_min: f64,
    /// Times the reference, at least.
    pub(super) times_min: Option<f64>,
}

#[rustfmt::skip] // a table
pub(super) const ROWS: [Row; 7] = [
    Row { operation: "allocate, K=64", ours: "allocate_K64", reference: Some("allocate_K1"), ceiling: "allocate_K64", share_min: 0.6, times_min: Some(60.0) },
    Row { operation: "allocate, K=1", ours: "allocate_K1", reference: Some("allocate_K1"), ceiling: "allocate_K1", share_min: 0.5, times_min: Some(8.0) },
    Row { operation: "re-ask unchanged, K=64", ours: "reask_K64", reference: Some("reask_K1"), ceiling: "reask_K64", share_min: 0.6, times_min: Some(100.0) },
    Row { operation: "info, K=64", ours: "info_K64", reference: Some("info_K1"), ceiling: "info_K64", share_min: 0.6, times_min: Some(60.0) },
    Row { operation: "publish, K=64", ours: "publish_K64", reference: Some("publish_K1"), ceiling: "publish_K64", share_min: 0.6, times_min: Some(50.0) },
    Row { operation: "poll of 100 partitions, K=4", ours: "poll_K4", reference: Some("poll_K1"), ceiling: "poll_K4", share_min: 0.6, times_min: Some(300.0) },
    Row { operation: "poll unchanged, conditional, K=64", ours: "poll_etag_K64", reference: None, ceiling: "post_K64", share_min: 0.8, times_min: None },
];

/// Whether a target is reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    Yes,
    No,
    NotMeasured,
}

/// Rates a second and their ratios.
#[derive(Debug)]
pub(super) struct Rates {
    pub(super) ours: Option<f64>,
    pub(super) ceiling: Option<f64>,
    pub(super) reference: Option<f64>,
    /// Ours over the ceiling.
    pub(super) share: Option<f64>,
    /// Ours over the reference.
    pub(super) times: Option<f64>,
    pub(super) verdict: Verdict,
}

impl Row {
    /// Compares the rates of a run.
    pub(super) fn rates(&self, measured: &Measured) -> Rates {
        let ours = rate(measured.ours.get(&SIZE), self.ours);
        let ceiling = measured.ceiling.get(self.ceiling).map(|report| report.rate_per_s);
        let reference = measured.reference.get(&REFERENCE_SIZE);
        let reference = self.reference.and_then(|name| rate(reference, name));
        let ratio = |other: Option<f64>| Some(ours? / other.filter(|rate| *rate > 0.0)?);
        let (share, times) = (ratio(ceiling), ratio(reference));
        let shared = at_least(share, self.share_min);
        let verdict = match self.times_min {
            Some(times_min) => both(shared, at_least(times, times_min)),
            None => shared,
        };
        Rates { ours, ceiling, reference, share, times, verdict }
    }
}

/// The figure must be so much at least.
pub(super) fn at_least(figure: Option<f64>, wanted: f64) -> Verdict {
    match figure {
        None => Verdict::NotMeasured,
        Some(figure) if figure >= wanted => Verdict::Yes,
        Some(_) => Verdict::No,
    }
}

/// The figure must be so much at most.
pub(super) fn at_most(figure: Option<f64>, wanted: f64) -> Verdict {
    at_least(figure.map(|figure| -figure), -wanted)
}

/// Two parts of one target.
pub(super) fn both(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::No, _) | (_, Verdict::No) => Verdict::No,
        (Verdict::NotMeasured, _) | (_, Verdict::NotMeasured) => Verdict::NotMeasured,
        (Verdict::Yes, Verdict::Yes) => Verdict::Yes,
    }
}

fn rate(master: Option<&Master>, report: &str) -> Option<f64> {
    Some(master?.reports.get(report)?.rate_per_s)
}

/// The master's CPU for one operation, in microseconds.
pub(super) fn cpu_us(reports: &Reports, name: &str) -> Option<f64> {
    Some(reports.get(name)?.server.as_ref()?.cpu_us_per_op)
}

/// How much more CPU an operation takes with the larger fleet: the worst operation and its ratio.
pub(super) fn growth(small: Option<&Master>, large: Option<&Master>) -> Option<(String, f64)> {
    let (small, large) = (&small?.reports, &large?.reports);
    let ratios = small.keys().filter_map(|name| {
        let before = cpu_us(small, name).filter(|us| *us > 0.0)?;
        Some((name.clone(), cpu_us(large, name)? / before))
    });
    ratios.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Resident memory after the last measurement, in bytes: the most that any report tells.
pub(super) fn memory_bytes(master: &Master) -> Option<f64> {
    let resident = |name| Some(master.reports.get(name)?.server.as_ref()?.rss_after_kb);
    let kb = master.reports.keys().filter_map(resident).max()?;
    Some(kb as f64 * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_of_two_parts_needs_both() {
        use Verdict::{No, NotMeasured, Yes};
        for (one, other, verdict) in
            [(Yes, Yes, Yes), (Yes, No, No), (No, NotMeasured, No), (NotMeasured, Yes, NotMeasured)]
        {
            assert_eq!(both(one, other), verdict, "{one:?} and {other:?}");
            assert_eq!(both(other, one), verdict, "{other:?} and {one:?}");
        }
    }

    #[test]
    fn bounds_belong_to_what_is_allowed() {
        assert_eq!(at_least(Some(0.6), 0.6), Verdict::Yes);
        assert_eq!(at_least(Some(0.59), 0.6), Verdict::No);
        assert_eq!(at_most(Some(1.5), 1.5), Verdict::Yes);
        assert_eq!(at_most(Some(1.51), 1.5), Verdict::No);
        assert_eq!(at_most(None, 1.5), Verdict::NotMeasured);
    }
}
