//! The table of a whole run (`bench/run`): ours beside the ceiling and the reference.
//!
//! It only reads reports, which lie in a directory as
//! `ceiling/NAME.json`, `slapproxy/SIZE/NAME.json`, `ours/SIZE/NAME.json` (SIZE: partitions in
//! all), `watch.json` and `in_process.json`. What is missing there is told as not measured.

mod judge;
mod render;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::{engine::Report, output};

/// Compose the table of a whole run and put it between markers of a document
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory of the reports
    #[arg(long, value_name = "DIR")]
    reports: PathBuf,
    /// Replace what is between the markers of this file
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// When it was measured
    #[arg(long)]
    date: String,
    /// What was measured, e.g. a commit
    #[arg(long)]
    subject: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let measured = Measured::read(&args.reports)?;
    let text = render::section(&measured, &args.date, &args.subject);
    if let Some(path) = &args.into {
        let document = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let replaced = replace(&document, &text).with_context(|| path.display().to_string())?;
        output::file(path, &replaced)?;
    }
    output::data(&text)
}

/// All reports of a run.
#[derive(Debug, Default)]
struct Measured {
    ceiling: Reports,
    reference: BTreeMap<u64, Master>,
    ours: BTreeMap<u64, Master>,
    /// Watchers, idle and woken, of ours.
    watch: Option<Report>,
    /// Allocations a second without HTTP.
    in_process: Option<f64>,
}

/// Reports by their names.
type Reports = BTreeMap<String, Report>;

/// What was measured of a master with a fleet of one size.
#[derive(Debug, Default)]
struct Master {
    reports: Reports,
    /// From its start to its first answer, after SIGKILL.
    ready_ms: Option<f64>,
}

impl Measured {
    fn read(directory: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct InProcess {
            rate_per_s: f64,
        }
        let in_process = read_if_there::<InProcess>(&directory.join("in_process.json"))?;
        Ok(Self {
            ceiling: reports(&directory.join("ceiling"))?,
            reference: masters(&directory.join("slapproxy"))?,
            ours: masters(&directory.join("ours"))?,
            watch: read_if_there(&directory.join("watch.json"))?,
            in_process: in_process.map(|it| it.rate_per_s),
        })
    }
}

fn masters(directory: &Path) -> Result<BTreeMap<u64, Master>> {
    #[derive(Deserialize)]
    struct Ready {
        ms: f64,
    }
    let mut masters = BTreeMap::new();
    for path in entries(directory)? {
        let size = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        let size = size.with_context(|| format!("{}: not a size", path.display()))?;
        let ready = read_if_there::<Ready>(&path.join("ready.json"))?;
        let ready_ms = ready.map(|ready| ready.ms);
        masters.insert(size, Master { reports: reports(&path)?, ready_ms });
    }
    Ok(masters)
}

fn reports(directory: &Path) -> Result<Reports> {
    let mut reports = BTreeMap::new();
    for path in entries(directory)? {
        let is_report = path.extension().is_some_and(|extension| extension == "json");
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or("");
        if is_report && name != "ready" {
            reports.insert(name.to_owned(), Report::read(&path)?);
        }
    }
    Ok(reports)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    if !directory.exists() {
        return Ok(vec![]);
    }
    let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn read_if_there<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(Some(serde_json::from_str(&text).with_context(|| path.display().to_string())?))
}

const BEGIN: &str = "<!-- bench/run: begin -->";
const END: &str = "<!-- bench/run: end -->";

/// The document with another text between its markers.
fn replace(document: &str, text: &str) -> Result<String> {
    let parts = document.split_once(BEGIN);
    let parts = parts.and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else { bail!("lacks the markers {BEGIN} and {END}") };
    Ok(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let document = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let wanted = format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n");
        assert_eq!(replace(&document, "new\n").unwrap(), wanted);
        assert_eq!(replace(&wanted, "new\n").unwrap(), wanted);
        for bad in ["", BEGIN, END, &format!("{END}{BEGIN}")] {
            assert!(replace(bad, "new").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_run_without_reports_is_told_as_not_measured() {
        let text = render::section(&Measured::default(), "today", "nothing");
        assert!(text.contains("| allocate, K=64 | – | – | – | – | – | 0.6, 60 | not measured |"));
    }
}
