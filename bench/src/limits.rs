//! What this machine can do at best: durable appends, starting processes.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;

use crate::output;

const RECORD_BYTES: usize = 1024;
const PREALLOCATED_MIB: u64 = 256;
const PROGRAM: &str = "/bin/true";

/// Measure what this machine can do: synced appends of 1 KiB records, starting processes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory on the disk to test
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Seconds for each figure
    #[arg(long, short = 's', default_value_t = 3.0)]
    seconds: f64,
}

#[derive(Serialize)]
struct Limits {
    /// By how the file was made and how many records one sync covers.
    syncs: BTreeMap<String, Syncs>,
    /// By the number of threads that start them.
    processes: BTreeMap<usize, Processes>,
}

#[derive(Serialize)]
struct Syncs {
    syncs_per_s: f64,
    records_per_s: f64,
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
}

#[derive(Serialize)]
struct Processes {
    per_s: f64,
    us_each: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let span = Duration::try_from_secs_f64(args.seconds).context("--seconds")?;
    let mut limits = Limits { syncs: BTreeMap::new(), processes: BTreeMap::new() };
    for preallocated in [false, true] {
        for records in [1, 8, 64, 512] {
            let how = if preallocated { "preallocated" } else { "growing" };
            let measured = syncs(&args.dir, span, records, preallocated)?;
            limits.syncs.insert(format!("{how}_{records:03}"), measured);
        }
    }
    for threads in [1, 2, 4] {
        limits.processes.insert(threads, processes(span, threads)?);
    }
    output::data(&serde_json::to_string_pretty(&limits)?)
}

/// Appends some records and syncs, over and over. `preallocated`: the file has its blocks and its
/// size already, as a log that is used again.
fn syncs(dir: &Path, span: Duration, records: usize, preallocated: bool) -> Result<Syncs> {
    let path = dir.join(format!("slapload-{}.sync", std::process::id()));
    let measured = sync_times(&path, span, RECORD_BYTES * records, preallocated);
    std::fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
    let (mut times_us, elapsed) = measured.with_context(|| path.display().to_string())?;
    times_us.sort_by(f64::total_cmp);
    let percentile = |percent: usize| {
        let at = (times_us.len() * percent / 100).min(times_us.len().saturating_sub(1));
        times_us.get(at).map_or(0.0, |us| (us * 10.0).round() / 10.0)
    };
    let rate = times_us.len() as f64 / elapsed.as_secs_f64();
    Ok(Syncs {
        syncs_per_s: rate.round(),
        records_per_s: (rate * records as f64).round(),
        p50_us: percentile(50),
        p99_us: percentile(99),
        max_us: percentile(100),
    })
}

fn sync_times(
    path: &Path,
    span: Duration,
    bytes: usize,
    preallocated: bool,
) -> std::io::Result<(Vec<f64>, Duration)> {
    let mut file = File::options().create(true).write(true).truncate(true).open(path)?;
    if preallocated {
        let zeros = vec![0; 1 << 20];
        for _ in 0..PREALLOCATED_MIB {
            file.write_all(&zeros)?;
        }
        file.sync_all()?;
    }
    let chunk = vec![0x5a; bytes];
    let (mut times_us, mut at) = (vec![], 0);
    let start = Instant::now();
    while start.elapsed() < span {
        let begin = Instant::now();
        file.write_all_at(&chunk, at)?;
        file.sync_data()?;
        times_us.push(begin.elapsed().as_secs_f64() * 1e6);
        at += chunk.len() as u64;
        if at + chunk.len() as u64 > PREALLOCATED_MIB << 20 {
            at = 0;
        }
    }
    Ok((times_us, start.elapsed()))
}

/// Starts a program and waits for its end, over and over, in some threads.
fn processes(span: Duration, threads: usize) -> Result<Processes> {
    let start = Instant::now();
    let starters: Vec<_> = (0..threads)
        .map(|_| {
            thread::spawn(move || {
                let mut count = 0_u32;
                while start.elapsed() < span {
                    let mut command = Command::new(PROGRAM);
                    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                    command.status()?;
                    count += 1;
                }
                std::io::Result::Ok(count)
            })
        })
        .collect();
    let mut count = 0;
    for starter in starters {
        let started = starter.join().map_err(|_| anyhow!("a thread panicked"))?;
        count += started.with_context(|| format!("start {PROGRAM}"))?;
    }
    let elapsed_s = start.elapsed().as_secs_f64();
    Ok(Processes {
        per_s: (f64::from(count) / elapsed_s).round(),
        us_each: (elapsed_s / f64::from(count.max(1)) * 1e7).round() / 10.0,
    })
}
