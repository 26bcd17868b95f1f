//! Ratios between two reports of one scenario.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};

use crate::{engine::Report, output};

/// Print ratios between two JSON reports of the same scenario: NEW over BASE
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    base: PathBuf,
    new: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let read = |path: &Path| Report::read(path);
    output::data(&compare(&read(&args.base)?, &read(&args.new)?)?)
}

/// One figure of a report, and whether more of it is better.
type Figure = (&'static str, fn(&Report) -> Option<f64>, bool);

const FIGURES: [Figure; 7] = [
    ("rate /s", |r| Some(r.rate_per_s), true),
    ("p50 µs", |r| Some(r.latency_us?.p50), false),
    ("p99 µs", |r| Some(r.latency_us?.p99), false),
    ("max µs", |r| Some(r.latency_us?.max), false),
    ("server CPU µs/op", |r| Some(r.server.as_ref()?.cpu_us_per_op), false),
    ("server RSS kB", |r| Some(r.server.as_ref()?.rss_after_kb as f64), false),
    ("MB/s received", |r| Some(r.mb_received_per_s), true),
];

fn compare(base: &Report, new: &Report) -> Result<String> {
    let (a, b) = (&base.scenario, &new.scenario);
    ensure!(a == b, "different scenarios: {a} and {b}");
    let mut out = format!("{a}\n");
    for (name, figure, more_is_better) in FIGURES {
        let (Some(was), Some(is)) = (figure(base), figure(new)) else { continue };
        let ratio = if more_is_better { is / was } else { was / is };
        let verdict = if ratio >= 1.0 { "better" } else { "WORSE" };
        writeln!(out, "  {name:<18} {was:>12} -> {is:>12}   {ratio:>9.2}x {verdict}")?;
    }
    let conditions = |r: &Report| {
        [
            ("connections", r.connections.to_string()),
            ("computers", r.computers.to_string()),
            ("partitions_per_computer", r.partitions_per_computer.to_string()),
            ("keepalive", r.keepalive.to_string()),
        ]
    };
    for ((name, was), (_, is)) in conditions(base).into_iter().zip(conditions(new)) {
        if was != is {
            writeln!(out, "  note: {name} differs: {was} and {is}")?;
        }
    }
    Ok(out)
}
