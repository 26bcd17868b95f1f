//! Installs what an evaluation found, against what the last run left.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use camino::{Utf8Path, Utf8PathBuf};

use super::import;
use super::signature::Basis;
use super::state::{PartState, State};
use super::{BUILDOUT, Engine, Inputs, Part, Work};
use crate::error::Result;
use crate::files;
use crate::host::Host;
use crate::job::Job;
use crate::outcome::{Action, Input, Look, Outcome, PartReport, unchanged};
use crate::value::Seen;

/// Evaluates a profile and lays out its directory.
///
/// Parts that wait for a request are no error: the outcome names them. An error leaves installed what was installed
/// before it, and the next run goes on there.
pub fn run(job: &Job, host: &mut dyn Host) -> Result<Outcome> {
    let mut engine = Engine::load(job, host)?;
    let state = engine.last_state()?;
    engine.evaluate()?;
    let bases = engine.bases()?;
    let mut installer =
        Installer { left: Vec::new(), done: Vec::new(), before: state.parts, bases };
    installer.remove_first(&mut engine)?;
    let result = engine.make_directories().and_then(|()| installer.install(&mut engine));
    let state = installer.finish(&mut engine, result.is_ok())?;
    state.save(&job.state_file)?;
    result?;
    engine.inputs_seen(&state);
    Ok(engine.outcome)
}

struct Installer {
    /// Paths that were recorded and may have to go at the end.
    left: Vec<Utf8PathBuf>,
    /// Records of this run.
    done: Vec<PartState>,
    /// Records of the last run, less those that were taken over.
    before: Vec<PartState>,
    bases: HashMap<Rc<str>, Basis>,
}

impl Installer {
    /// Uninstalls, last installed first, the changed parts whose recipe wants an empty place.
    fn remove_first(&mut self, engine: &mut Engine<'_>) -> Result<()> {
        for old in self.before.iter_mut().rev() {
            let part = engine.slots.get(old.name.as_str()).and_then(|slot| slot.part.as_ref());
            let clears = part.is_some_and(|part| part.waiting.is_none() && part.kind.clear_first);
            let signature = self.bases.get(old.name.as_str()).map(|basis| &basis.signature);
            let changed = signature != Some(&old.signature) || misses_path(old).is_some();
            if clears && changed {
                old.signature.clear();
                for path in old.paths.drain(..).rev() {
                    engine.remove(&path)?;
                }
            }
        }
        Ok(())
    }

    fn install(&mut self, engine: &mut Engine<'_>) -> Result<()> {
        let total = engine.order.len() as u64;
        for (at, name) in engine.order.clone().into_iter().enumerate() {
            let old = self
                .before
                .iter()
                .position(|old| old.name == *name)
                .map(|at| self.before.remove(at));
            let Some(part) = engine.slots[&name].part.take() else {
                continue;
            };
            if let Some(waiting) = &part.waiting {
                engine.report(&name, &part, Action::Waiting((**waiting).clone()));
                self.done.extend(old);
            } else {
                let step = (at as u64, total);
                self.install_part(engine, &name, part, old, step)
                    .map_err(|error| error.during(format!("while installing part [{name}]")))?;
            }
        }
        Ok(())
    }

    fn install_part(
        &mut self,
        engine: &mut Engine<'_>,
        name: &Rc<str>,
        mut part: Part,
        old: Option<PartState>,
        (done, total): (u64, u64),
    ) -> Result<()> {
        let (Some(mut instance), Some(basis)) = (part.instance.take(), self.bases.remove(name))
        else {
            return Ok(());
        };
        if let Some(old) = old.as_ref().filter(|old| part.kind.pure && rests(old, &basis)) {
            for input in &old.looks {
                engine.inputs.entry(input.path.clone()).or_insert_with(|| input.seen.clone());
            }
            let Basis { signature, below, .. } = basis;
            self.done.push(PartState { signature, below, ..old.clone() });
            engine.report(name, &part, Action::Unchanged);
            return Ok(());
        }
        let same = old
            .as_ref()
            .is_some_and(|old| old.signature == basis.signature && misses_path(old).is_none());
        let changes = engine.outcome.changed.len();
        let mut seen = Inputs::new();
        let Engine { job, host, outcome, inputs, .. } = &mut *engine;
        let mut work = Work::new(job, &mut **host, name, outcome, &mut seen);
        if !same {
            work.progress("install", done, total);
        }
        let result = if same { instance.update(&mut work) } else { instance.install(&mut work) };
        let Work { mut recorded, written, keep, fetched, .. } = work;
        let looks = if part.kind.pure && !fetched { looks(&seen, &written) } else { Vec::new() };
        for (path, look) in seen {
            inputs.entry(path).or_insert(look);
        }
        let had = old.is_some();
        let old_paths = old.map(|old| old.paths).unwrap_or_default();
        let signature = if result.is_ok() { basis.signature } else { String::new() };
        if result.is_err() || keep {
            recorded.extend(old_paths);
        } else {
            self.left.extend(old_paths);
        }
        recorded.sort();
        recorded.dedup();
        let record = PartState {
            name: name.to_string(),
            recipe: part.recipe.clone(),
            signature,
            options: basis.options,
            paths: recorded,
            reads: basis.reads,
            below: basis.below,
            own: basis.own,
            looks,
        };
        self.done.push(record);
        result?;
        let action = match (had, same && engine.outcome.changed.len() == changes) {
            (false, _) => Action::Installed,
            (true, false) => Action::Updated,
            (true, true) => Action::Unchanged,
        };
        engine.report(name, &part, action);
        Ok(())
    }

    /// Removes what is no longer wanted; after a failure everything not reached is kept as it was.
    fn finish(mut self, engine: &mut Engine<'_>, went_through: bool) -> Result<State> {
        if went_through {
            let mut gone = Vec::new();
            for old in self.before.drain(..).rev() {
                gone.push(PartReport {
                    name: old.name,
                    recipe: old.recipe,
                    action: Action::Removed,
                });
                self.left.extend(old.paths.into_iter().rev());
            }
            engine.outcome.parts.splice(0..0, gone);
        }
        let kept: BTreeSet<&Utf8PathBuf> =
            self.done.iter().chain(&self.before).flat_map(|part| &part.paths).collect();
        for path in self.left.iter().filter(|path| !kept.contains(path)) {
            engine.remove(path)?;
        }
        self.done.extend(self.before);
        Ok(State::new(self.done))
    }
}

/// Whether a part that only writes files would write the same ones: it is made of the same, whatever changed in the
/// parts below, and all that it read and wrote looks as it did. Of one that did neither nothing is known.
fn rests(old: &PartState, basis: &Basis) -> bool {
    !old.signature.is_empty()
        && old.own == basis.own
        && !old.looks.is_empty()
        && unchanged(&old.looks)
}

/// What a part read, as it looked before, and what it wrote, as it looks now.
fn looks(seen: &Inputs, written: &[Utf8PathBuf]) -> Vec<Input> {
    let read = seen.iter().filter(|(path, _)| !written.contains(path));
    let read = read.map(|(path, look)| Input { path: path.clone(), seen: look.clone() });
    let wrote = written.iter().map(|path| Input { path: path.clone(), seen: Look::at(path) });
    read.chain(wrote).collect()
}

/// A recorded path that is not there any more.
pub(super) fn misses_path(old: &PartState) -> Option<&Utf8PathBuf> {
    old.paths.iter().find(|path| Look::at(path) == Look::Absent)
}

impl Engine<'_> {
    /// What earlier runs installed, of ours or of zc.buildout.
    pub(super) fn last_state(&mut self) -> Result<State> {
        let state = match State::load(&self.job.state_file)? {
            Some(state) => state,
            None => match self.folder_option("installed")? {
                Some(path) => import::read(&path)?,
                None => State::new(Vec::new()),
            },
        };
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

    fn remove(&mut self, path: &Utf8Path) -> Result<()> {
        if files::remove_inside(self.directory(), path)? {
            self.outcome.changed.push(path.to_owned());
        }
        Ok(())
    }

    fn report(&mut self, name: &str, part: &Part, action: Action) {
        self.outcome.parts.push(PartReport {
            name: name.to_owned(),
            recipe: part.recipe.clone(),
            action,
        });
    }

    /// Tells what the run depended on: files as they looked before they were read, what the parts own as it is now.
    fn inputs_seen(&mut self, state: &State) {
        let recorded: Vec<Utf8PathBuf> =
            state.parts.iter().flat_map(|part| part.paths.iter().cloned()).collect();
        for path in recorded.iter().chain([&self.job.state_file]) {
            self.inputs.insert(path.clone(), Look::at(path));
        }
        let inputs = std::mem::take(&mut self.inputs);
        self.outcome.inputs.extend(inputs.into_iter().map(|(path, seen)| Input { path, seen }));
        self.outcome.recorded.extend(recorded);
    }
}
