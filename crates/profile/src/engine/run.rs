//! Installs what an evaluation found, against what the last run left.

use std::fs::{File, TryLockError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use super::installer::Installer;
use super::ledger::Ledger;
use super::state::State;
use super::{BUILDOUT, Engine, Part, Teller, beside, check, import};
use crate::error::{Code, Error, Result};
use crate::files;
use crate::host::Host;
use crate::job::{Job, Purpose};
use crate::outcome::{Action, Input, Look, Outcome, PartReport};
use crate::value::Seen;

/// How long a run waits for another one in its directory to end: one that was killed takes a moment.
const PATIENCE: Duration = Duration::from_secs(3);

/// Evaluates a profile and lays out its directory, in which no other run may be at work.
///
/// Parts that wait for a request are no error: the outcome names them. An error leaves installed what was installed
/// before it, and the next run goes on there. A release that would build software from source is refused with the list
/// of such parts.
pub fn run(job: &Job, host: &mut dyn Host) -> Result<Outcome> {
    let _alone = alone(&job.directory)?;
    run_inside(job, host)
}

/// Takes the directory until the file is closed, also by the end of the process. Programs that are started do not
/// inherit it.
fn alone(directory: &Utf8Path) -> Result<File> {
    let failed = |source| Error::io("take for this run", directory, &source);
    let file = File::open(directory).map_err(failed)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => {
                sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                let message = format!("another run is at work in {directory}");
                return Err(Error::new(Code::Busy, message).with_hint("wait until it has ended"));
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

/// The same, by a run that has the directory already.
pub(crate) fn run_inside(job: &Job, host: &mut dyn Host) -> Result<Outcome> {
    let mut engine = Engine::load(job, host)?;
    let state = engine.last_state()?;
    if let Err(error) = engine.evaluate() {
        let error = engine.secrets().hidden(error);
        drop(engine);
        return Err(unsupplied(job, host).unwrap_or(error));
    }
    match lay_out(&mut engine, state) {
        Ok(()) => Ok(engine.outcome),
        Err(error) => Err(engine.secrets().hidden(error)),
    }
}

/// Installs what was evaluated.
fn lay_out(engine: &mut Engine<'_>, state: State) -> Result<()> {
    let job = engine.job;
    let bases = engine.bases()?;
    let mut ledger = Ledger::new(&job.state_file);
    if ledger.is_there() {
        state.save(&job.state_file)?;
        ledger.clear()?;
    }
    let mut installer = Installer::new(state, bases, ledger);
    installer.remove_first(engine)?;
    let prepared = engine.make_directories().and_then(|()| engine.make_environment());
    let result = prepared.and_then(|()| match &job.purpose {
        Purpose::Software(supply) => beside::install(&mut installer, engine, &supply.logs),
        Purpose::Instance(_) => one_by_one(&mut installer, engine),
    });
    let (state, mut ledger) = installer.finish(engine, result.is_ok())?;
    state.save(&job.state_file)?;
    ledger.clear()?;
    result?;
    engine.inputs_seen(&state);
    Ok(())
}

/// The refusal of a release that would build software from source: it names all that nothing takes the place of, for
/// the first of them alone says little.
fn unsupplied(job: &Job, host: &mut dyn Host) -> Option<Error> {
    let Purpose::Software(_) = &job.purpose else { return None };
    let checked = check(job, host);
    let list = checked.lacking().map(|part| format!("{} ({})", part.name, part.recipe));
    let list = list.collect::<Vec<_>>().join(", ");
    let message = format!("it builds software from source, and nothing takes its place: {list}");
    let hint = "`slapos profile check` tells where they stand, and software/supply/README.md how to add what takes \
                their place";
    (!list.is_empty()).then(|| Error::new(Code::Unsupported, message).with_hint(hint))
}

/// Parts of an instance are installed in their order, whether they refer to each other or not.
fn one_by_one(installer: &mut Installer, engine: &mut Engine<'_>) -> Result<()> {
    for name in engine.order.clone() {
        let Some(mut step) = installer.begin(engine, &name) else { continue };
        let slow = step.slow();
        installer.announce(&step)?;
        let slow = slow.map_or(Ok(()), |slow| slow.run(&mut Teller::default()));
        installer.end(engine, step, slow)?;
        installer.tell_end()?;
    }
    Ok(())
}

impl Engine<'_> {
    /// What earlier runs installed, of ours or of zc.buildout.
    pub(super) fn last_state(&mut self) -> Result<State> {
        let mut state = match State::load(&self.job.state_file)? {
            Some(state) => state,
            None => match self.folder_option("installed")? {
                Some(path) => import::read(&path)?,
                None => State::new(Vec::new()),
            },
        };
        Ledger::replay(&self.job.state_file, &mut state)?;
        self.previous = state.parts.iter().map(|part| (part.name.clone(), part.clone())).collect();
        Ok(state)
    }

    /// The path in an option of `[buildout]`.
    fn folder_option(&mut self, option: &str) -> Result<Option<Utf8PathBuf>> {
        Ok(match self.cell(BUILDOUT, option)?.read()? {
            Seen::Value(value) => value
                .as_str()
                .filter(|text| !text.trim().is_empty())
                .map(|text| files::in_directory(self.directory(), text)),
            Seen::Waiting(_) => None,
        })
    }

    fn make_directories(&mut self) -> Result<()> {
        for option in ["bin-directory", "parts-directory"] {
            if let Some(path) = self.folder_option(option)? {
                files::make_folder(&path, 0o777)?;
            }
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Utf8Path) -> Result<()> {
        if files::remove_inside(self.directory(), path)? {
            self.outcome.changed.push(path.to_owned());
        }
        Ok(())
    }

    pub(super) fn report(&mut self, name: &str, part: &Part, action: Action) {
        self.outcome.parts.push(PartReport {
            name: name.to_owned(),
            recipe: part.recipe.clone(),
            action,
        });
    }

    /// Tells what the run depended on: files as they looked before they were read, what the parts made as it is
    /// now.
    fn inputs_seen(&mut self, state: &State) {
        let recorded: Vec<Utf8PathBuf> =
            state.parts.iter().flat_map(|part| part.paths.iter().cloned()).collect();
        let ledger = Ledger::path_for(&self.job.state_file);
        let made = recorded.iter().chain(&self.made);
        for path in made.chain([&self.job.state_file, &ledger]) {
            let followed = matches!(self.inputs.get(path), Some(Look::Followed { .. }));
            let look = if followed { Look::at(path) } else { Look::of_own(path) };
            self.inputs.insert(path.clone(), look);
        }
        let inputs = std::mem::take(&mut self.inputs);
        self.outcome.inputs.extend(inputs.into_iter().map(|(path, seen)| Input { path, seen }));
        self.outcome.recorded.extend(recorded);
    }
}
