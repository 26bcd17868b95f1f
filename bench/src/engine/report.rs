//! What is told about a run: for programs as JSON, for people as a few lines.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::{
    fleet::Placement,
    machine::{GeneratorUse, MachineUse, ServerUse},
};

/// One run. Latencies are microseconds and come from all phases, as do counts; the rate is the
/// median of the phases; what the machine did is that of the phase nearest to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) tool: String,
    pub(crate) scenario: String,
    pub(crate) url: String,
    pub(crate) seed: u64,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    pub(crate) keepalive: bool,
    pub(crate) open_loop_rate: Option<f64>,
    pub(crate) unit: String,
    pub(crate) operations: u64,
    pub(crate) errors: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) error_messages: Vec<String>,
    pub(crate) elapsed_s: f64,
    pub(crate) rate_per_s: f64,
    #[serde(default)]
    pub(crate) rates_per_s: Vec<f64>,
    pub(crate) latency_us: Option<Latency>,
    /// Of each tenth of the operations: shows a master that slows down.
    #[serde(default)]
    pub(crate) rate_by_tenth: Vec<f64>,
    pub(crate) requests: u64,
    pub(crate) requests_per_s: f64,
    pub(crate) mb_received_per_s: f64,
    pub(crate) bytes_sent_per_request: Option<u64>,
    pub(crate) bytes_received_per_request: Option<u64>,
    pub(crate) connections_opened: u64,
    pub(crate) stale_retries: u64,
    /// Where an operation has several kinds of requests.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) by_kind: BTreeMap<String, Kind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<ServerUse>,
    pub(crate) generator: GeneratorUse,
    pub(crate) machine: MachineUse,
    pub(crate) computers: u64,
    pub(crate) partitions_per_computer: u64,
    pub(crate) placement: Placement,
    /// What the scenario verified.
    #[serde(default)]
    pub(crate) checks: serde_json::Value,
}

/// Quantiles, in microseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) min: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
    pub(crate) mean: f64,
}

/// The requests of one kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kind {
    pub(crate) requests: u64,
    pub(crate) latency_us: Option<Latency>,
}

impl Report {
    /// # Errors
    /// When there is no such file, or it is not a report.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("read the report {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no report", path.display()))
    }

    /// As lines for people.
    pub(crate) fn to_text(&self) -> String {
        let mut out = String::new();
        self.write_text(&mut out).expect("a string takes everything");
        out
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "{}: {} {} /s   ({} operations in {} s, {} connection(s), {} error(s))",
            self.scenario,
            self.rate_per_s,
            self.unit,
            self.operations,
            self.elapsed_s,
            self.connections,
            self.errors,
        )?;
        if self.rates_per_s.len() > 1 {
            writeln!(out, "  each repeat /s     {:?}", self.rates_per_s)?;
        }
        write_latency(out, "latency", self.latency_us)?;
        for (name, kind) in &self.by_kind {
            write_latency(out, &format!("  {name} ×{}", kind.requests), kind.latency_us)?;
        }
        if !self.rate_by_tenth.is_empty() {
            writeln!(out, "  rate by tenth /s   {:?}", self.rate_by_tenth)?;
        }
        writeln!(
            out,
            "  traffic            {} requests/s, {} MB/s in, {} B out and {} B in per request, \
             {} connection(s) opened",
            self.requests_per_s,
            self.mb_received_per_s,
            self.bytes_sent_per_request.unwrap_or(0),
            self.bytes_received_per_request.unwrap_or(0),
            self.connections_opened,
        )?;
        writeln!(out, "  checks             {}", self.checks)?;
        if let Some(server) = &self.server {
            writeln!(out, "  server             {}", compact(server))?;
        }
        writeln!(out, "  generator          {}", compact(&self.generator))?;
        writeln!(out, "  machine            {}", compact(&self.machine))
    }
}

fn compact(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn write_latency(out: &mut String, name: &str, latency: Option<Latency>) -> std::fmt::Result {
    let Some(Latency { p50, p99, p999, max, .. }) = latency else { return Ok(()) };
    writeln!(
        out,
        "  {name:<18} p50 {p50:>10} µs   p99 {p99:>10} µs   p99.9 {p999:>10} µs   max {max:>10} µs"
    )
}

/// The quantiles of what was recorded in nanoseconds; `None`: nothing was.
pub(crate) fn latency(recorded: &Histogram<u64>) -> Option<Latency> {
    let micros = |nanos: u64| (nanos as f64 / 100.0).round() / 10.0;
    let quantile = |q: f64| micros(recorded.value_at_quantile(q));
    (!recorded.is_empty()).then(|| Latency {
        min: micros(recorded.min()),
        p50: quantile(0.5),
        p90: quantile(0.9),
        p99: quantile(0.99),
        p999: quantile(0.999),
        max: micros(recorded.max()),
        mean: (recorded.mean() / 100.0).round() / 10.0,
    })
}

pub(super) fn by_kind(kinds: &[(&'static str, Histogram<u64>)]) -> BTreeMap<String, Kind> {
    if kinds.len() < 2 {
        return BTreeMap::new();
    }
    let kind = |latencies: &Histogram<u64>| Kind {
        requests: latencies.len(),
        latency_us: latency(latencies),
    };
    kinds.iter().map(|(name, latencies)| ((*name).to_owned(), kind(latencies))).collect()
}

/// The rate in each tenth of the operations, from when they were done (nanoseconds, sorted).
pub(super) fn tenths(done: &[u64]) -> Vec<f64> {
    if done.len() < 20 {
        return vec![];
    }
    let mut from = (0, 0);
    let mut rates = Vec::with_capacity(10);
    for tenth in 1..=10 {
        let to = done.len() * tenth / 10;
        let at = done[to - 1];
        rates.push(rounded((to - from.0) as f64 * 1e9 / (at - from.1).max(1) as f64));
        from = (to, at);
    }
    rates
}

/// To two decimals, or to none from a hundred on.
pub(super) fn rounded(value: f64) -> f64 {
    if value >= 100.0 { value.round() } else { (value * 100.0).round() / 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_show_a_run_that_slows_down() {
        let mut at = 0;
        let done: Vec<u64> = (0..100u64)
            .map(|number| {
                at += if number < 50 { 1_000_000 } else { 2_000_000 };
                at
            })
            .collect();
        assert_eq!(tenths(&done)[0], 1000.0);
        assert_eq!(tenths(&done)[9], 500.0);
        assert!(tenths(&done[..19]).is_empty());
    }
}
