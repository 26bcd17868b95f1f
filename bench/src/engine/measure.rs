//! Warm-up and measured phases of one scenario.

use std::sync::Arc;

use anyhow::{Result, bail};

use super::{
    Limit, Load, Scenario,
    phase::{self, Phase},
    recorder::Recorder,
    report::{Report, rounded, tenths},
};
use crate::{http::Traffic, machine};

/// What a scenario is called and how far it goes.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) scenario: &'static str,
    /// Of the operations, in the plural.
    pub(crate) unit: &'static str,
    /// Of each measured phase.
    pub(crate) limit: Limit,
    pub(crate) first: u64,
    indices: Indices,
}

impl Plan {
    /// About what exists: each phase has the same indices.
    pub(crate) fn again(scenario: &'static str, unit: &'static str, limit: Limit) -> Self {
        Self { scenario, unit, limit, first: 0, indices: Indices::Same }
    }

    /// The same with other indices.
    pub(crate) fn from(self, first: u64) -> Self {
        Self { first, ..self }
    }

    /// Makes something new of each index, from a first one on.
    pub(crate) fn fresh(
        scenario: &'static str,
        unit: &'static str,
        limit: Limit,
        first: u64,
    ) -> Self {
        Self { scenario, unit, limit, first, indices: Indices::Fresh }
    }
}

/// Which indices the operations of a later phase have.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Indices {
    /// Those of the first phase again.
    Same,
    /// Fresh ones: each stands for something new, so there is no warm-up either.
    Fresh,
}

/// Runs the warm-up and the measured phases; the report's rate is the median of the phases.
///
/// # Errors
/// When more operations failed than the load allows.
pub(crate) fn measure<S: Scenario>(plan: &Plan, load: &Load, scenario: &Arc<S>) -> Result<Report> {
    if !load.warmup.is_zero() && plan.indices == Indices::Same {
        let limit = Limit::seconds(load.warmup.as_secs_f64());
        check(plan, load, &phase::run(load, scenario, limit, plan.first)?)?;
    }
    let mut first = plan.first;
    let mut phases = Vec::new();
    for _ in 0..load.repeat.max(1) {
        let phase = phase::run(load, scenario, plan.limit, first)?;
        check(plan, load, &phase)?;
        if plan.indices == Indices::Fresh {
            first += phase.indices;
        }
        phases.push(phase);
    }
    Ok(summarize(plan, load, phases))
}

fn check(plan: &Plan, load: &Load, phase: &Phase) -> Result<()> {
    if phase.errors > load.errors_max {
        bail!(
            "{} stopped after {} error(s) and {} good operation(s):\n  {}",
            plan.scenario,
            phase.errors,
            phase.operations(),
            phase.messages.join("\n  ")
        );
    }
    Ok(())
}

fn summarize(plan: &Plan, load: &Load, phases: Vec<Phase>) -> Report {
    let rates: Vec<f64> = phases.iter().map(|phase| rounded(phase.rate())).collect();
    let rate = median(&rates);
    // figures of the whole machine are those of the phase whose rate is nearest to the median
    let distance = |phase: &Phase| (phase.rate() - rate).abs();
    let middle = phases.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    let (middle_use, rate_by_tenth) = match middle {
        None => (machine::used(&Default::default(), &Default::default(), 0.0, 0), vec![]),
        Some(phase) => (
            machine::used(&phase.before, &phase.after, phase.elapsed_s, phase.operations()),
            tenths(&phase.recorder.done),
        ),
    };
    let mut recorder = Recorder::new();
    let mut traffic = Traffic::default();
    let (mut elapsed_s, mut errors, mut messages) = (0.0, 0, vec![]);
    for phase in phases {
        recorder.merge(phase.recorder);
        traffic += phase.traffic;
        elapsed_s += phase.elapsed_s;
        errors += phase.errors;
        messages.extend(phase.messages);
    }
    let (server, generator, machine) = middle_use;
    Report {
        tool: concat!("slapload ", env!("CARGO_PKG_VERSION")).to_owned(),
        scenario: plan.scenario.to_owned(),
        url: load.url.clone(),
        seed: load.seed,
        connections: load.connections,
        threads: load.threads,
        keepalive: load.keepalive,
        open_loop_rate: load.rate,
        unit: plan.unit.to_owned(),
        operations: recorder.done.len() as u64,
        errors,
        error_messages: messages,
        elapsed_s: (elapsed_s * 1e4).round() / 1e4,
        rate_per_s: rate,
        rates_per_s: rates,
        latency_us: super::report::latency(&recorder.operations),
        rate_by_tenth,
        requests: traffic.requests,
        requests_per_s: rounded(traffic.requests as f64 / elapsed_s.max(1e-9)),
        mb_received_per_s: rounded(traffic.bytes_received as f64 / 1e6 / elapsed_s.max(1e-9)),
        bytes_sent_per_request: traffic.bytes_sent.checked_div(traffic.requests),
        bytes_received_per_request: traffic.bytes_received.checked_div(traffic.requests),
        connections_opened: traffic.connects,
        stale_retries: traffic.stale_retries,
        by_kind: super::report::by_kind(&recorder.kinds),
        server,
        generator,
        machine,
        computers: load.computers,
        partitions_per_computer: load.partitions,
        placement: load.placement,
        checks: serde_json::Value::Null,
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle_or_between_the_two() {
        for (values, middle) in
            [(&[][..], 0.0), (&[3.0], 3.0), (&[9.0, 1.0, 2.0], 2.0), (&[4.0, 1.0], 2.5)]
        {
            assert!((median(values) - middle).abs() < 1e-9, "{values:?}");
        }
    }
}
