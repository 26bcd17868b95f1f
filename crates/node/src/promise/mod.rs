//! Promises: the checks by which an instance says whether it works.
//!
//! Native descriptions are `etc/plugin/NAME.json` (module, class, config), written when the
//! profile is evaluated; executables are `etc/promise/NAME`, good when they exit with 0; Python
//! files in `etc/plugin` without a description run like these. Both run as the partition's user
//! inside its sandbox. Never decides what follows from a red promise.
//!
//! # Invariants
//! - Every check has a deadline; whatever it started is gone when it is reported.
//! - A check that cannot be carried out is red and says why; none is skipped in silence.
//! - Same partition, same order of results: by name.
//! - The partition belongs to its user: no link in it leads us, perhaps root, elsewhere, and
//!   nothing in it makes us wait or read without end.

mod checks;
mod description;
mod executable;
mod plugin;
mod record;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};
use tokio::{
    sync::Semaphore,
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep, timeout_at},
};

use crate::{
    files::{names_below, read_below},
    sandbox::{Sandbox, User},
    supervise::Environment,
};

/// Checks of one partition at the same time.
const PARALLEL_MAX: usize = 8;
/// A longer native description is red.
const DESCRIPTION_BYTES_MAX: usize = 64 << 10;
/// First and longest pause before red promises are tried again; each is longer than the one before
/// by a quarter.
const PAUSE: (Duration, Duration) = (Duration::from_millis(4), Duration::from_secs(2));

/// What the checks of a partition need to know.
#[derive(Debug, Clone)]
pub struct PromiseContext {
    /// This very program, which is started for `node launch`.
    pub program: Utf8PathBuf,
    /// The partition.
    pub directory: Utf8PathBuf,
    /// The whole environment of executables.
    pub environment: Environment,
    /// Who runs executables; only for root.
    pub user: Option<User>,
    /// What executables may touch.
    pub sandbox: Option<Sandbox>,
    /// Runs the promises that only exist in Python; without one they are red.
    pub python: Option<Utf8PathBuf>,
    /// What such a promise may ask for of where it runs, e.g. `partition-id`.
    pub facts: BTreeMap<String, String>,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PromiseResult {
    /// Name of the file without `.json` or `.py`.
    pub name: String,
    /// Green.
    pub ok: bool,
    /// For a person; of a green one too.
    pub message: String,
}

/// One check as found in the partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    name: String,
    source: Source,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// A description, named from the partition on.
    Native(Utf8PathBuf),
    Executable(Utf8PathBuf),
    /// A Python file without a native description.
    Python(Utf8PathBuf),
}

/// Runs every check of the partition, some at a time, and records the results that changed below
/// `.slapgrid/promise/result`. Ordered by name.
pub async fn run_all(context: &PromiseContext) -> Vec<PromiseResult> {
    record(context, run_found(context).await).await
}

async fn run_found(context: &PromiseContext) -> Vec<PromiseResult> {
    match find(context).await {
        Ok(found) => run(context, found).await,
        Err(error) => vec![unreadable(context, &error)],
    }
}

/// Runs every check, then the red ones again and again, quickly at first, until all are green or
/// the deadline has passed: that a server can be reached has no event of its own. While some are
/// red after `quiet`, `on_red` gets all results whenever they have changed. Returns the last ones.
/// What is red for a moment while a service starts is not recorded: that would wait for the disk.
pub async fn until_green(
    context: &PromiseContext,
    deadline: Instant,
    quiet: Duration,
    on_red: &mut (dyn FnMut(&[PromiseResult]) + Send),
) -> Vec<PromiseResult> {
    let begun = Instant::now();
    let mut results = run_found(context).await;
    let mut told: Vec<PromiseResult> = Vec::new();
    let (mut pause, longest) = PAUSE;
    while results.iter().any(|one| !one.ok) && Instant::now() < deadline {
        if begun.elapsed() >= quiet && results != told {
            results = record(context, results).await;
            on_red(&results);
            told.clone_from(&results);
        }
        sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
        pause = (pause * 5 / 4).min(longest);
        let red = |one: &Found| results.iter().all(|known| known.name != one.name || !known.ok);
        let again: Vec<Found> = match find(context).await {
            Ok(found) => found.into_iter().filter(red).collect(),
            Err(_) => continue, // reported red by the next full pass
        };
        let Ok(fresh) = timeout_at(deadline, run(context, again)).await else { break };
        results.retain(|one| one.ok);
        results.extend(fresh);
        results.sort_by(|one, other| one.name.cmp(&other.name));
    }
    record(context, results).await
}

/// Records the results, which waits for the disk, and gives them back.
async fn record(context: &PromiseContext, results: Vec<PromiseResult>) -> Vec<PromiseResult> {
    let (known, context) = (results.clone(), context.clone());
    let recorded = spawn_blocking(move || record::record_all(&context, &results)).await;
    if let Err(error) = recorded {
        tracing::warn!(%error, "the recording of results broke off");
    }
    known
}

async fn run(context: &PromiseContext, found: Vec<Found>) -> Vec<PromiseResult> {
    let places = Arc::new(Semaphore::new(PARALLEL_MAX));
    let mut running = JoinSet::new();
    for one in found {
        let (context, places) = (context.clone(), Arc::clone(&places));
        running.spawn(async move {
            let _place = places.acquire().await;
            let outcome = check(&context, &one.source).await;
            let (ok, message) = match outcome {
                Ok(message) => (true, message),
                Err(message) => (false, message),
            };
            PromiseResult { name: one.name, ok, message }
        });
    }
    let mut results = running.join_all().await;
    results.sort_by(|one, other| one.name.cmp(&other.name));
    results
}

/// The message of a green or of a red result.
type Outcome = Result<String, String>;

async fn check(context: &PromiseContext, source: &Source) -> Outcome {
    match source {
        Source::Native(below) => {
            let path = context.directory.join(below);
            let text = read(context, below).await;
            let text = text.map_err(|error| format!("read {path}: {error}"))?;
            let check = description::parse(&text).map_err(|error| format!("{path}: {error}"))?;
            checks::run(context, check).await
        }
        Source::Executable(path) => executable::run(context, vec![path.to_string()]).await,
        Source::Python(path) => plugin::run(context, path).await,
    }
}

async fn read(context: &PromiseContext, below: &Utf8Path) -> io::Result<Vec<u8>> {
    let (directory, below) = (context.directory.clone(), below.to_owned());
    spawn_blocking(move || read_below(&directory, &below, DESCRIPTION_BYTES_MAX)).await?
}

fn unreadable(context: &PromiseContext, error: &io::Error) -> PromiseResult {
    let message = format!("read the promises of {}: {error}", context.directory);
    PromiseResult { name: "promises".into(), ok: false, message }
}

/// All checks of a partition, by name. Files that begin with a dot are being written.
async fn find(context: &PromiseContext) -> io::Result<Vec<Found>> {
    let directory = context.directory.clone();
    spawn_blocking(move || find_in(&directory)).await?
}

fn find_in(directory: &Utf8Path) -> io::Result<Vec<Found>> {
    let plugins = names(directory, "etc/plugin")?;
    let executables = names(directory, "etc/promise")?;
    let mut found = Vec::new();
    for name in &plugins {
        let path = Utf8Path::new("etc/plugin").join(name);
        if let Some(stem) = name.strip_suffix(".json") {
            found.push(Found { name: stem.to_owned(), source: Source::Native(path) });
        } else if let Some(stem) = name.strip_suffix(".py")
            && !plugins.contains(&format!("{stem}.json"))
        {
            found.push(Found {
                name: stem.to_owned(),
                source: Source::Python(directory.join(path)),
            });
        }
    }
    for name in executables {
        let path = directory.join("etc/promise").join(&name);
        found.push(Found { name, source: Source::Executable(path) });
    }
    found.sort();
    Ok(found)
}

fn names(partition: &Utf8Path, below: &str) -> io::Result<BTreeSet<String>> {
    let names = names_below(partition, below.into())?.into_iter();
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let ours =
        |name: &String| !name.starts_with('.') && name != "__pycache__" && name != "__init__.py";
    Ok(names.filter(ours).collect())
}
