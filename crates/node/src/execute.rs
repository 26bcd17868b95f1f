//! Carries out the steps of a plan, one after the other. Decides nothing.
//!
//! What goes wrong is reported to the master, whole, and ends the pass; the task tries again.

use std::{collections::BTreeMap, fs, io, time::Duration};

use camino::Utf8Path;
use slapos_core::names::{InstanceId, PartitionId, ReportedState, Title, WishedState};
use slapos_wire::v1::{Dictionary, InstanceReport, InstanceWish, Promise};
use tokio::{sync::SemaphorePermit, task::block_in_place, time::Instant};

use crate::{
    agent::Node,
    calls, clock, confine,
    evaluate::evaluate,
    files::insist,
    format,
    instance::{
        Evaluated, Memory, Partition, Requests, forget, list_programs, memory_path, remember,
    },
    job,
    plan::{Inputs, Step},
    promise::{self, PromiseContext, PromiseResult},
    report::fit_instance,
    settings::Settings,
    software::{self, Completed, chain},
    steady::{self, Unsteady},
    supervise::Program,
};

/// The longest that an evaluation may take.
const EVALUATE_LIMIT: Duration = Duration::from_secs(3600);
/// Promises that are still red after this are told to the master, at each change.
const TELL_RED_AFTER: Duration = Duration::from_millis(300);
/// Promises that are still red after this count as a failure of the pass.
const GREEN_LIMIT: Duration = Duration::from_secs(120);

/// A step that failed, for the report.
struct StepError(String);

impl From<io::Error> for StepError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Carries out `steps`. `inputs` is what an evaluation is made from. The error was reported.
pub(crate) async fn execute(
    partition: &mut Partition,
    wish: Option<&InstanceWish>,
    steps: &[Step],
    inputs: Inputs,
) -> Result<(), ()> {
    if let Some(wish) = wish
        && is_news(partition, wish)
        && partition.failed != Some(wish.generation)
    {
        partition.reports.begin(report(wish, ReportedState::Starting));
    }
    for step in steps {
        let done = match (step, wish) {
            (Step::StopPrograms, _) => stop_programs(partition).await,
            (Step::Wipe, _) => wipe(partition),
            (Step::RefuseOccupied, _) => refuse_occupied(partition),
            (Step::Evaluate, Some(wish)) => evaluate_profile(partition, wish, &inputs).await,
            (Step::RunPrograms, Some(wish)) => run_programs(partition, wish, &inputs).await,
            (Step::AwaitPromises, Some(wish)) => await_promises(partition, wish).await,
            (Step::ReportStopped, Some(wish)) => report_stopped(partition, wish).await,
            (Step::ReportDestroyed, Some(wish)) => report_destroyed(partition, wish).await,
            (_, None) => Ok(()), // the plan names these only with a wish
        };
        if let Err(StepError(text)) = done {
            tracing::error!(?step, error = %text, "pass failed");
            if let Some(wish) = wish {
                let report =
                    InstanceReport { text: Some(text), ..report(wish, ReportedState::Error) };
                // That it is refused too was logged.
                let _told = tell(partition, report).await;
                partition.failed = Some(wish.generation);
            }
            return Err(());
        }
    }
    partition.failed = None;
    Ok(())
}

/// The master has not yet heard that this wish is fulfilled.
fn is_news(partition: &Partition, wish: &InstanceWish) -> bool {
    let reported = partition.memory.as_ref().and_then(|memory| memory.reported);
    wish.state != WishedState::Destroyed && reported != Some((wish.generation, wish.state))
}

/// A report with nothing but a state.
fn report(wish: &InstanceWish, state: ReportedState) -> InstanceReport {
    InstanceReport {
        id: wish.id,
        generation: wish.generation,
        follows: None,
        state,
        text: None,
        connection: None,
        shared: BTreeMap::new(),
        requested: None,
        promises: Vec::new(),
    }
}

/// Tells the master; true when it was about the current wish.
async fn tell(partition: &Partition, report: InstanceReport) -> Result<bool, StepError> {
    let report = fit_instance(report).map_err(StepError)?;
    let told = partition.reports.tell(report).await;
    told.map_err(|why| StepError(format!("the master does not take the report: {why}")))
}

async fn stop_programs(partition: &mut Partition) -> Result<(), StepError> {
    partition.programs_run = false;
    let stopped = partition.node.supervisor.stop(partition.name.as_str()).await;
    stopped.map_err(|error| StepError(format!("stop the services: {}", chain(&error))))
}

/// Removes everything in the partition, and what the node remembers of it.
fn wipe(partition: &mut Partition) -> Result<(), StepError> {
    let settings = &partition.node.settings;
    let directory = settings.partition_directory(&partition.name);
    let failed = |error: io::Error| StepError(format!("empty {directory}: {error}"));
    block_in_place(|| {
        insist(&directory, || empty(&directory))?;
        match fs::remove_dir_all(settings.log_directory(&partition.name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        forget(settings, &partition.name)
    })
    .map_err(failed)?;
    partition.memory = None;
    Ok(())
}

fn refuse_occupied(partition: &Partition) -> Result<(), StepError> {
    let settings = &partition.node.settings;
    let file = memory_path(settings, &partition.name);
    let directory = settings.partition_directory(&partition.name);
    Err(StepError(match partition.memory.as_ref().and_then(|memory| memory.id) {
        Some(id) => format!(
            "partition-occupied: {directory} holds what is left of {id}, whose end the master never \
             wished (was it put back from a backup?); save what you need of it, then destroy this \
             instance, which empties the partition, and request it again"
        ),
        None => format!(
            "memory-unknown: {file} cannot be understood, so nobody knows whose files are in \
             {directory}; put that file back from a backup and restart the node, or destroy the \
             instance, which empties the partition"
        ),
    }))
}

/// Removes everything in a directory, whatever its name is, and for ever: a power failure brings
/// nothing back. What has gone meanwhile is gone.
fn empty(directory: &Utf8Path) -> io::Result<()> {
    let done = |removed: io::Result<()>| match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        done(if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path()) // does not follow links
        } else {
            fs::remove_file(entry.path())
        })?;
    }
    fs::File::open(directory)?.sync_all()
}

async fn evaluate_profile(
    partition: &mut Partition,
    wish: &InstanceWish,
    inputs: &Inputs,
) -> Result<(), StepError> {
    let node = &partition.node;
    let settings = &node.settings;
    let mut memory = match partition.memory.take() {
        Some(memory) if memory.id == Some(wish.id) => memory,
        _ => Memory::of(wish.id),
    };
    // Before anything is made: after a crash or a failure the partition is known to be occupied.
    memory.evaluated = None;
    partition.memory = Some(memory.clone());
    let logs = settings.log_directory(&partition.name);
    block_in_place(|| {
        remember(settings, &partition.name, &memory)?;
        fs::create_dir_all(&logs)
    })?;
    let job = job::instance(settings, &partition.name, wish);
    let directory = settings.partition_directory(&partition.name);
    let user = settings.partition_user(&partition.name);
    format::directory(&directory, 0o750, user).map_err(|error| StepError(chain(&error)))?;
    let spec = confine::instance_evaluation(settings, &partition.name, &wish.software_release);
    let mut requests = Requests { node, partition: &partition.name };
    let log = logs.join("instance.log");
    let turn = turn(partition, wish).await;
    let result = evaluate(&settings.program, &spec, job, &log, EVALUATE_LIMIT, &mut requests).await;
    drop(turn);
    let release = settings.release_directory(&wish.software_release);
    let outcome =
        result.map_err(|error| StepError(software::name_template(&release, chain(&error))))?;
    let titles = outcome.requested.iter().filter_map(|title| Title::try_from(title.as_str()).ok());
    memory.evaluated = Some(Evaluated {
        inputs: inputs.clone(),
        at_unix_s: clock::now_unix_seconds(),
        requested: titles.collect(),
        read: outcome.inputs,
        connection: outcome.connection,
        shared: outcome.shared.into_iter().filter_map(for_guest).collect(),
        waiting: outcome.waiting.iter().map(sentence).collect(),
    });
    memory.reported = None;
    block_in_place(|| remember(settings, &partition.name, &memory))?;
    partition.memory = Some(memory);
    Ok(())
}

/// Waits until its profile may be evaluated, and says so; `None` when the node is ending.
async fn turn<'p>(partition: &'p Partition, wish: &InstanceWish) -> Option<SemaphorePermit<'p>> {
    let node = &partition.node;
    if let Ok(turn) = node.evaluations.try_acquire() {
        return Some(turn);
    }
    let max = node.settings.evaluations_max;
    let text = format!("waits for its turn: {max} at a time are processed on this computer");
    let tell = |text| {
        if is_news(partition, wish) {
            let starting = report(wish, ReportedState::Starting);
            partition.reports.begin(InstanceReport { text, ..starting });
        }
    };
    tell(Some(text));
    let turn = node.evaluations.acquire().await.ok();
    tell(None);
    turn
}

/// The shared instance of a reference, which the engine took from the wish, and what is for it.
fn for_guest((reference, values): (String, Dictionary)) -> Option<(InstanceId, Dictionary)> {
    Some((InstanceId::try_from(reference.as_str()).ok()?, values))
}

/// What a part waits for.
fn sentence(waiting: &slapos_profile::Waiting) -> String {
    format!("waits for `{}`: {}", waiting.title, waiting.reason)
}

/// Hands the programs to the supervisor. Those that it has found not to stay up begin anew when something is other than
/// it was then: their release was repaired perhaps, or what they were told.
async fn run_programs(
    partition: &mut Partition,
    wish: &InstanceWish,
    inputs: &Inputs,
) -> Result<(), StepError> {
    let Partition { node, name, .. } = partition;
    let settings = &node.settings;
    fs::create_dir_all(settings.log_directory(name))?;
    let programs = list_programs(settings, name, &wish.software_release)?;
    let failed = |error| StepError(format!("start the services: {}", chain(&error)));
    if partition.handed.as_ref() != Some(inputs) {
        let known = node.supervisor.status().await.map_err(failed)?;
        let faulty = |program: &Program| {
            known.iter().any(|known| {
                known.group == name.as_str() && known.name == program.name && known.fault.is_some()
            })
        };
        let sound: Vec<Program> = programs.iter().filter(|one| !faulty(one)).cloned().collect();
        if sound.len() < programs.len() {
            node.supervisor.apply(name.as_str(), sound).await.map_err(failed)?;
        }
    }
    node.supervisor.apply(name.as_str(), programs).await.map_err(failed)?;
    partition.handed = Some(inputs.clone());
    partition.programs_run = true;
    Ok(())
}

/// Checks promises and services until they are green and stay up, and then reports `started`, with the connection. An
/// instance with parts that wait is reported as waiting instead, with the reason.
async fn await_promises(partition: &mut Partition, wish: &InstanceWish) -> Result<(), StepError> {
    let Some(evaluated) = partition.memory.as_ref().and_then(|memory| memory.evaluated.clone())
    else {
        return Ok(());
    };
    if !evaluated.waiting.is_empty() {
        let text = Some(evaluated.waiting.join("; "));
        tell(partition, InstanceReport { text, ..report(wish, ReportedState::Waiting) }).await?;
        return Ok(());
    }
    let installed_anew = installed_anew(&partition.node, wish, &evaluated.inputs.release);
    let Ok(promises) = calls::unless(installed_anew, until_green(partition, wish)).await else {
        return Ok(()); // the next pass, which comes at once, evaluates anew
    };
    let promised = promises.as_ref().is_ok_and(|promises| !promises.is_empty());
    until_steady(partition, wish, promised).await?; // what a red promise may come from
    let promises = promises?;
    let told = InstanceReport {
        connection: Some(evaluated.connection.unwrap_or_default()),
        shared: evaluated.shared,
        requested: Some(evaluated.requested),
        promises,
        ..report(wish, ReportedState::Started)
    };
    if tell(partition, told).await? {
        remember_reported(partition, wish)?;
    }
    Ok(())
}

/// Waits until the release of an instance is another installation than the one that it was evaluated from.
async fn installed_anew(node: &Node, wish: &InstanceWish, evaluated: &str) {
    let directory = node.settings.release_directory(&wish.software_release);
    let mut complete = node.releases_complete.subscribe();
    while Completed::of(&directory).is_none_or(|it| it.installation == evaluated) {
        let _told = complete.changed().await; // the node, which tells it, outlives this
    }
}

fn promise_context(settings: &Settings, name: &PartitionId, wish: &InstanceWish) -> PromiseContext {
    let directory = settings.partition_directory(name);
    let release = settings.release_directory(&wish.software_release);
    let facts = [
        ("computer-id", settings.computer.as_str()),
        ("master-url", settings.master_url.as_str()),
        ("partition-id", name.as_str()),
    ];
    PromiseContext {
        program: settings.program.clone(),
        environment: confine::environment(&directory),
        user: confine::partition_user(settings, name),
        sandbox: Some(confine::partition_sandbox(settings, name, &wish.software_release)),
        python: job::own_python(&release).or_else(|| settings.python.clone()),
        facts: facts.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        directory,
    }
}

/// Checks the promises until they are green; as long as they are not, the master is told at each
/// change.
async fn until_green(
    partition: &Partition,
    wish: &InstanceWish,
) -> Result<Vec<Promise>, StepError> {
    let context = promise_context(&partition.node.settings, &partition.name, wish);
    let mut on_red = |results: &[PromiseResult]| {
        let promises = results.iter().map(told).collect();
        let red = InstanceReport { promises, ..report(wish, ReportedState::Starting) };
        if let Ok(red) = fit_instance(red) {
            partition.reports.begin(red);
        }
    };
    let deadline = Instant::now() + GREEN_LIMIT;
    let results = promise::until_green(&context, deadline, TELL_RED_AFTER, &mut on_red).await;
    match results.iter().find(|one| !one.ok) {
        Some(red) => Err(StepError(format!("promise {} is red: {}", red.name, red.message))),
        None => Ok(results.iter().map(told).collect()),
    }
}

/// Waits until the services are up; the master is told which one is not yet.
async fn until_steady(
    partition: &Partition,
    wish: &InstanceWish,
    promised: bool,
) -> Result<(), StepError> {
    let mut on_unsure = |text| {
        let text = Some(text);
        partition.reports.begin(InstanceReport { text, ..report(wish, ReportedState::Starting) });
    };
    let (node, name) = (&partition.node, &partition.name);
    let steady =
        steady::until_steady(&node.supervisor, &node.settings, name, promised, &mut on_unsure);
    steady.await.map_err(|unsteady| match unsteady {
        Unsteady::Down(text) => StepError(text),
        Unsteady::Unknown(error) => StepError(format!("look at the services: {}", chain(&error))),
    })
}

fn told(result: &PromiseResult) -> Promise {
    Promise { name: result.name.clone(), ok: result.ok, message: result.message.clone() }
}

async fn report_stopped(partition: &mut Partition, wish: &InstanceWish) -> Result<(), StepError> {
    if tell(partition, report(wish, ReportedState::Stopped)).await? {
        remember_reported(partition, wish)?;
    }
    Ok(())
}

async fn report_destroyed(partition: &mut Partition, wish: &InstanceWish) -> Result<(), StepError> {
    tell(partition, report(wish, ReportedState::Destroyed)).await?;
    Ok(())
}

fn remember_reported(partition: &mut Partition, wish: &InstanceWish) -> Result<(), StepError> {
    if let Some(memory) = &mut partition.memory {
        let reported: (_, WishedState) = (wish.generation, wish.state);
        if memory.reported != Some(reported) {
            memory.reported = Some(reported);
            block_in_place(|| remember(&partition.node.settings, &partition.name, memory))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        ffi::OsStr,
        os::unix::{ffi::OsStrExt, fs::symlink},
    };

    use super::*;
    use crate::traced;

    #[test]
    fn a_directory_is_emptied_whatever_its_names_are_and_links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::File::create(elsewhere.path().join("kept")).unwrap();
        let odd = OsStr::from_bytes(b"odd-\xff");
        fs::create_dir_all(directory.path().join(odd).join(odd)).unwrap();
        fs::File::create(directory.path().join(odd).join("file")).unwrap();
        fs::File::create(directory.path().join(OsStr::from_bytes(b"\xfe"))).unwrap();
        symlink(elsewhere.path(), directory.path().join("link")).unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap();
        empty(path).unwrap();
        assert_eq!(fs::read_dir(path).unwrap().count(), 0);
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
        empty(&path.join("missing")).unwrap();
    }

    #[test]
    fn an_emptied_directory_is_empty_after_a_power_failure() {
        let test = "execute::tests::a_directory_is_emptied_whatever_its_names_are_and_links_are_not_followed";
        let Some(calls) = traced::calls(test) else { return };
        assert!(traced::followed(&calls, ["unlink", "link"], "fsync("), "{calls:#?}");
    }
}
