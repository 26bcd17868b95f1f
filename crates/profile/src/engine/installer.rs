//! What is installed, part by part: records of the last run turn into those of this one.

use std::collections::{BTreeSet, HashMap};
use std::mem::take;
use std::rc::Rc;

use camino::{Utf8Path, Utf8PathBuf};

use super::ledger::Ledger;
use super::signature::Basis;
use super::state::{PartState, State};
use super::{Engine, Inputs, Part, Slow, Work};
use crate::error::Result;
use crate::files::is_inside;
use crate::job::Purpose;
use crate::outcome::{Action, Input, Look, PartReport, unchanged};
use crate::recipes::{self, Recipe};

/// An installation under way.
pub(super) struct Installer {
    /// Paths that were recorded and may have to go at the end.
    left: Vec<Utf8PathBuf>,
    /// Files of parts that changed or vanished. They go when something else needs their place.
    stale: BTreeSet<Utf8PathBuf>,
    /// What this run wrote, or would have if it had not been there already.
    written: BTreeSet<Utf8PathBuf>,
    /// Records of this run.
    done: Vec<PartState>,
    /// Records of the last run, less those that were taken over.
    before: Vec<PartState>,
    bases: HashMap<Rc<str>, Basis>,
    ledger: Ledger,
}

/// A part that is being installed.
pub(super) struct Step {
    pub(super) name: Rc<str>,
    part: Part,
    instance: Box<dyn Recipe>,
    basis: Basis,
    old: Option<PartState>,
    /// Its signature is that of the last run.
    same: bool,
    /// What its long step makes.
    owns: Vec<Utf8PathBuf>,
}

impl Step {
    /// What of it can be done beside other parts, and must be done first.
    pub(super) fn slow(&mut self) -> Option<Slow> {
        let mut slow = self.instance.slow(self.same)?;
        self.owns = take(&mut slow.owns);
        Some(slow)
    }

    /// Its record while it is not finished.
    fn begun(&self) -> PartState {
        let paths = self.old.iter().flat_map(|old| old.paths.clone());
        record(&self.name, &self.part, &self.basis, paths.chain(self.owns.clone()).collect())
    }
}

impl Installer {
    pub(super) fn new(last: State, bases: HashMap<Rc<str>, Basis>, ledger: Ledger) -> Self {
        let (stale, written) = (BTreeSet::new(), BTreeSet::new());
        let (left, before) = (last.left, last.parts);
        Self { left, stale, written, done: Vec::new(), before, bases, ledger }
    }

    /// Uninstalls, last installed first, the parts that changed or vanished. Plain files stay until they are replaced
    /// or the run is over, for services look at them; so do folders of a release, from which services run; both not
    /// where a recipe wants an empty place.
    pub(super) fn remove_first(&mut self, engine: &mut Engine<'_>) -> Result<()> {
        let is_instance = matches!(engine.job.purpose, Purpose::Instance(_));
        let mut kept = BTreeSet::new();
        for old in self.before.iter_mut().rev() {
            let part = engine.slots.get(old.name.as_str()).and_then(|slot| slot.part.as_ref());
            let signature = self.bases.get(old.name.as_str()).map(|basis| &basis.signature);
            let waits = part.is_some_and(|part| part.waiting.is_some());
            if waits || signature == Some(&old.signature) && misses_path(old).is_none() {
                kept.extend(old.paths.iter().cloned());
                continue;
            }
            let kind = recipes::find(&old.recipe);
            let clears = match part {
                Some(part) => part.kind.clear_first || kind.is_some_and(|kind| kind.clear_first),
                None => kind.is_none_or(|kind| kind.clear_first),
            };
            let stays = |path: &Utf8PathBuf| {
                !clears && (path.is_file() && !path.is_symlink() || !is_instance)
            };
            let (stay, go): (Vec<_>, Vec<_>) = take(&mut old.paths).into_iter().partition(stays);
            self.stale.extend(stay.iter().cloned());
            old.paths = stay;
            if !go.is_empty() {
                old.signature.clear();
            }
            for path in go.iter().rev() {
                engine.remove(path)?;
            }
        }
        self.stale.retain(|path| !kept.contains(path) && is_inside(engine.directory(), path));
        Ok(())
    }

    /// Takes up a part; `None` if there is nothing to install.
    pub(super) fn begin(&mut self, engine: &mut Engine<'_>, name: &Rc<str>) -> Option<Step> {
        let old = self.before.iter().position(|old| old.name == **name);
        let old = old.map(|at| self.before.remove(at));
        let mut part = engine.slots[name].part.take()?;
        if let Some(waiting) = &part.waiting {
            engine.report(name, &part, Action::Waiting((**waiting).clone()));
            self.done.extend(old);
            return None;
        }
        let (instance, basis) = part.instance.take().zip(self.bases.remove(name))?;
        if let Some(old) = old.as_ref().filter(|old| part.kind.pure && rests(old, &basis)) {
            for input in &old.looks {
                engine.inputs.entry(input.path.clone()).or_insert_with(|| input.seen.clone());
            }
            let Basis { signature, below, .. } = basis;
            self.done.push(PartState { signature, below, ..old.clone() });
            engine.report(name, &part, Action::Unchanged);
            return None;
        }
        let same = old
            .as_ref()
            .is_some_and(|old| old.signature == basis.signature && misses_path(old).is_none());
        let (name, owns) = (Rc::clone(name), Vec::new());
        Some(Step { name, part, instance, basis, old, same, owns })
    }

    /// Tells the ledger that the part begins, before anything of it changes. One whose signature is that of the last
    /// run would be done again anyway.
    pub(super) fn announce(&mut self, step: &Step) -> Result<()> {
        self.ledger.knows(step.old.as_ref().map_or(&[], |old| &old.paths));
        if step.same {
            return Ok(());
        }
        self.ledger.part(&step.begun())?;
        // What such a recipe does may take long, and cannot be told from what is there.
        if step.part.kind.clear_first { self.ledger.sync() } else { Ok(()) }
    }

    /// Tells the ledger that the part is finished which ended last.
    pub(super) fn tell_end(&mut self) -> Result<()> {
        match self.done.last() {
            Some(done) if self.ledger.is_told_of(&done.name) => self.ledger.part(done),
            _ => Ok(()),
        }
    }

    /// Lays out a part whose long step, if it has one, ended so, and records it.
    pub(super) fn end(
        &mut self,
        engine: &mut Engine<'_>,
        step: Step,
        slow: Result<()>,
    ) -> Result<()> {
        let Step { name, part, mut instance, basis, old, same, owns } = step;
        let changes = engine.outcome.changed.len();
        let mut seen = Inputs::new();
        let Engine { host, job, outcome, inputs, .. } = &mut *engine;
        let mut work = Work::new(&mut **host, &name, &job.directory, outcome, &mut seen);
        work.stale = take(&mut self.stale);
        work.ledger = Some(&mut self.ledger);
        let result = slow.and_then(|()| match same {
            true => instance.update(&mut work),
            false => instance.install(&mut work),
        });
        let Work { mut recorded, claimed, written, keep, fetched, stale, .. } = work;
        self.stale = stale;
        self.written.extend(written.iter().cloned());
        let looks = if part.kind.pure && !fetched { looks(&seen, &written) } else { Vec::new() };
        for (path, look) in seen {
            inputs.entry(path).or_insert(look);
        }
        let had = old.is_some();
        let old_paths = old.map(|old| old.paths).unwrap_or_default();
        if result.is_err() {
            recorded.extend(claimed);
        }
        if result.is_err() || keep {
            recorded.extend(old_paths.into_iter().chain(owns));
        } else {
            self.left.extend(old_paths);
        }
        let mut record = record(&name, &part, &basis, recorded);
        if result.is_ok() {
            record = PartState { signature: basis.signature, looks, ..record };
        }
        self.done.push(record);
        result.map_err(|error| error.during(format!("while installing part [{name}]")))?;
        let action = match (had, same && engine.outcome.changed.len() == changes) {
            (false, _) => Action::Installed,
            (true, false) => Action::Updated,
            (true, true) => Action::Unchanged,
        };
        engine.report(&name, &part, action);
        Ok(())
    }

    /// Writes the state as it would be if the run were interrupted now, and the ledger begins anew.
    pub(super) fn save<'s>(
        &mut self,
        open: impl Iterator<Item = &'s Step>,
        state_file: &Utf8Path,
    ) -> Result<()> {
        self.state(open).save(state_file)?;
        self.ledger.clear()
    }

    /// The state if the run were interrupted now, in the middle of these steps: they would be done again, what is
    /// finished would not.
    fn state<'s>(&self, open: impl Iterator<Item = &'s Step>) -> State {
        let open = open.map(Step::begun);
        let (done, before) = (self.done.iter().cloned(), self.before.iter().cloned());
        let parts = done.chain(open).chain(before).collect();
        let mut state = State::new(parts);
        state.left.clone_from(&self.left);
        state
    }

    /// Removes what is no longer wanted; after a failure everything not reached is kept as it was.
    pub(super) fn finish(
        mut self,
        engine: &mut Engine<'_>,
        went_through: bool,
    ) -> Result<(State, Ledger)> {
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
        let recorded = self.done.iter().chain(&self.before).flat_map(|part| &part.paths);
        let kept: BTreeSet<&Utf8PathBuf> = recorded.chain(&self.written).collect();
        for path in &self.left {
            // a file of former times may have given its place to a folder, whose content follows in the order
            let mut from_here = kept.range::<&Utf8PathBuf, _>(path..);
            if !from_here.next().is_some_and(|kept| kept.starts_with(path)) {
                engine.remove(path)?;
            }
        }
        self.done.extend(self.before);
        engine.made = self.written;
        Ok((State::new(self.done), self.ledger))
    }
}

/// The record of a part that is not finished.
fn record(name: &str, part: &Part, basis: &Basis, mut paths: Vec<Utf8PathBuf>) -> PartState {
    paths.sort();
    paths.dedup();
    PartState {
        name: name.to_owned(),
        recipe: part.recipe.clone(),
        signature: String::new(),
        options: basis.options.clone(),
        paths,
        reads: basis.reads.clone(),
        below: basis.below.clone(),
        own: basis.own.clone(),
        looks: Vec::new(),
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
    old.paths.iter().find(|path| Look::of_own(path) == Look::Absent)
}
