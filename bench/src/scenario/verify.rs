//! Compares what a master says now with what it has acknowledged before.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{
    engine::{Load, alone},
    fleet::{Fleet, Place},
    options::{Common, Located, block},
    output,
};

/// Check that every recorded allocation is still there (after a crash, a restart, a migration)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// What `allocate --record` wrote
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let load = args.common.load()?;
    let record = read_record(&args.record)?;
    let missing = block(missing(&load, &record))?;
    ensure!(
        missing.is_empty(),
        "{} of {} acknowledged allocation(s) are not there:\n  {}",
        missing.len(),
        record.len(),
        missing[..missing.len().min(10)].join("\n  ")
    );
    let json = json!({ "scenario": "verify", "allocations": record.len(), "missing": 0 });
    let text = format!("verify: all {} acknowledged allocations are there", record.len());
    args.common.emit_text(&json.to_string(), &text)
}

/// Writes a line `["TITLE", "COMPUTER", "PARTITION"]` for each allocation.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write_record(path: &Path, fleet: &Fleet, located: &[Located]) -> Result<()> {
    let mut text = String::with_capacity(located.len() * 48);
    for (instance, place) in located {
        let line = json!([fleet.title(*instance), place.computer, place.partition]);
        writeln!(text, "{line}").context("compose the record")?;
    }
    output::file(path, &text)
}

fn read_record(path: &Path) -> Result<Vec<(String, Place)>> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    text.lines()
        .map(|line| {
            let [title, computer, partition]: [String; 3] =
                serde_json::from_str(line).with_context(|| format!("not a record: {line}"))?;
            Ok((title, Place { computer, partition }))
        })
        .collect()
}

async fn missing(load: &Load, record: &[(String, Place)]) -> Result<Vec<String>> {
    let mut by_computer: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (title, place) in record {
        by_computer.entry(&place.computer).or_default().push((title, &place.partition));
    }
    let mut session = alone(load);
    let mut missing = vec![];
    for (computer, wanted) in by_computer {
        let seen = session.computer("verify", computer).await?;
        let titles: HashMap<&str, Option<&str>> =
            seen.iter().map(|seen| (seen.partition.as_str(), seen.title.as_deref())).collect();
        for (title, partition) in wanted {
            let found = titles.get(partition).copied().flatten();
            if found != Some(title) {
                missing.push(format!("{computer}/{partition}: was {title}, is {found:?}"));
            }
        }
    }
    Ok(missing)
}
