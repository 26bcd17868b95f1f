//! Promises: the checks by which an instance says whether it works.
//!
//! Native descriptions are `etc/plugin/NAME.json` (module, class, config), written when the
//! profile is evaluated; executables are `etc/promise/NAME`, good when they exit with 0, and run
//! as the partition's user inside its sandbox. Never decides what follows from a red promise.
//!
//! # Invariants
//! - Every check has a deadline; whatever it started is gone when it is reported.
//! - A check that cannot be carried out is red and says why; none is skipped in silence.
//! - Same partition, same order of results: by name.

mod checks;
mod description;
mod executable;
mod record;

use std::{collections::BTreeSet, fs, io, sync::Arc, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    sandbox::{Sandbox, User},
    supervise::Environment,
};

/// Checks of one partition at the same time.
const PARALLEL_MAX: usize = 8;
/// First and longest pause before red promises are tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

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
    Native(Utf8PathBuf),
    Executable(Utf8PathBuf),
    /// A Python file without a native description.
    Python(Utf8PathBuf),
}

/// Runs every check of the partition, some at a time, and records the results that changed below
/// `.slapgrid/promise/result`. Ordered by name.
pub async fn run_all(context: &PromiseContext) -> Vec<PromiseResult> {
    let results = match find(&context.directory) {
        Ok(found) => run(context, found).await,
        Err(error) => vec![unreadable(context, &error)],
    };
    record::record_all(context, &results);
    results
}

/// Runs every check, then the red ones again and again, quickly at first, until all are green or
/// the deadline has passed: that a server can be reached has no event of its own. `on_red` gets
/// the red ones whenever their messages change. Returns the last results of all.
pub async fn until_green(
    context: &PromiseContext,
    deadline: Instant,
    on_red: &mut (dyn FnMut(&[PromiseResult]) + Send),
) -> Vec<PromiseResult> {
    let mut results = run_all(context).await;
    let mut told: Vec<PromiseResult> = Vec::new();
    let (mut pause, longest) = PAUSE;
    loop {
        let red: Vec<PromiseResult> = results.iter().filter(|one| !one.ok).cloned().collect();
        if red.is_empty() || Instant::now() >= deadline {
            return results;
        }
        if red != told {
            on_red(&red);
            told.clone_from(&red);
        }
        sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
        pause = (pause * 2).min(longest);
        let names: BTreeSet<&str> = red.iter().map(|one| one.name.as_str()).collect();
        let again = match find(&context.directory) {
            Ok(found) => {
                found.into_iter().filter(|one| names.contains(one.name.as_str())).collect()
            }
            Err(_) => continue, // reported red by the next full pass
        };
        let Ok(fresh) = timeout_at(deadline, run(context, again)).await else {
            return results;
        };
        record::record_all(context, &fresh);
        results.retain(|one| one.ok || fresh.iter().all(|other| other.name != one.name));
        results.extend(fresh);
        results.sort_by(|one, other| one.name.cmp(&other.name));
    }
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
        Source::Native(path) => {
            let text = fs::read(path).map_err(|error| format!("read {path}: {error}"))?;
            let check = description::parse(&text).map_err(|error| format!("{path}: {error}"))?;
            checks::run(context, check).await
        }
        Source::Executable(path) => executable::run(context, vec![path.to_string()]).await,
        Source::Python(path) => Err(format!(
            "{path}: Python promises are not supported yet; only those with a native description are"
        )),
    }
}

fn unreadable(context: &PromiseContext, error: &io::Error) -> PromiseResult {
    let message = format!("read the promises of {}: {error}", context.directory);
    PromiseResult { name: "promises".into(), ok: false, message }
}

/// All checks of a partition, by name. Files that begin with a dot are being written.
fn find(directory: &Utf8Path) -> io::Result<Vec<Found>> {
    let plugins = names(&directory.join("etc/plugin"))?;
    let executables = names(&directory.join("etc/promise"))?;
    let mut found = Vec::new();
    for name in &plugins {
        let path = directory.join("etc/plugin").join(name);
        if let Some(stem) = name.strip_suffix(".json") {
            found.push(Found { name: stem.to_owned(), source: Source::Native(path) });
        } else if let Some(stem) = name.strip_suffix(".py")
            && !plugins.contains(&format!("{stem}.json"))
        {
            found.push(Found { name: stem.to_owned(), source: Source::Python(path) });
        }
    }
    for name in executables {
        let path = directory.join("etc/promise").join(&name);
        found.push(Found { name, source: Source::Executable(path) });
    }
    found.sort();
    Ok(found)
}

fn names(directory: &Utf8Path) -> io::Result<BTreeSet<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        other => other?,
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && name != "__pycache__" && name != "__init__.py" {
            names.insert(name);
        }
    }
    Ok(names)
}
