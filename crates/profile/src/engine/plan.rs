//! What a run would do, without doing it.
//!
//! Evaluates as a run does, requests included, as far as the host answers. Of parts that only write files the texts
//! are made too, each seeing what the ones before it would have written; of the others it is known only whether they
//! would run. No Python runs: such a part is taken to set what it set in the last run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;

use camino::Utf8PathBuf;
use serde::Serialize;

use super::conceal;
use super::installer::misses_path;
use super::signature::{Basis, SECRET};
use super::state::PartState;
use super::{BUILDOUT, Engine, Part, Work};
use crate::error::{Code, Error, Result};
use crate::host::Host;
use crate::job::Job;
use crate::outcome::{Look, Waiting};
use crate::python;
use crate::read::Raw;
use crate::value::{Cell, Datum, escape};

/// What a run would do, in its order; what vanishes comes first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// A step for each part.
    pub steps: Vec<Step>,
}

/// What a run would do with one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Section name; parts of a profile that is switched to have its part's name and `/` before theirs.
    pub part: String,
    /// Recipe, as the profile names it.
    pub recipe: String,
    /// What would happen.
    pub intent: Intent,
    /// Why, a phrase each; empty if nothing would happen.
    pub reasons: Vec<String>,
    /// Files that would be written or removed, as far as that is known.
    pub files: Vec<FileChange>,
}

/// What would happen to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    /// It is new.
    Install,
    /// It has changed.
    Update,
    /// It is no longer wanted.
    Remove,
    /// It waits for an answer.
    Wait,
    /// A run ends with it, and nothing is installed.
    Refused,
    /// Nothing.
    Keep,
}

/// A file that would change. Secrets that recipes made are hidden in its texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Absolute.
    pub path: Utf8PathBuf,
    /// Its text now; `None` if there is none, or it is no text.
    pub before: Option<String>,
    /// Its text afterwards; `None` if it would be removed, or is no text.
    pub after: Option<String>,
}

/// What parts of a plan would have written, for those that come after them.
pub(crate) type Draft = BTreeMap<Utf8PathBuf, Vec<u8>>;

impl Plan {
    /// Whether the run would end with an error.
    pub fn is_refused(&self) -> bool {
        self.steps.iter().any(|step| step.intent == Intent::Refused)
    }
}

/// Plans a run of `job`. What a part is refused for is its step.
///
/// # Errors
/// Those that the run itself would end with and that belong to no part.
pub fn plan(job: &Job, host: &mut dyn Host) -> Result<Plan> {
    let mut engine = Engine::load(job, host)?;
    engine.planning = true;
    let state = engine.last_state()?;
    engine.evaluate()?;
    let bases = engine.bases()?;
    let mut before: BTreeMap<String, PartState> =
        state.parts.into_iter().map(|part| (part.name.clone(), part)).collect();
    let mut draft = Draft::new();
    let mut steps = Vec::new();
    for name in engine.order.clone() {
        let Some(part) = engine.slots[&name].part.take() else { continue };
        let old = before.remove(&*name);
        let planned = engine.plan_part(&name, part, old.as_ref(), bases.get(&name), &mut draft);
        match planned {
            Ok(planned) => steps.extend(planned),
            Err(error) => engine.refuse(&name, error),
        }
    }
    for (name, error) in std::mem::take(&mut engine.refused) {
        before.remove(&*name);
        steps.extend(engine.refused_step(&name, &error));
    }
    let kept: Vec<Utf8PathBuf> = draft.into_keys().collect();
    let gone = before.into_values().map(|old| vanished(old, &kept));
    let mut steps: Vec<Step> = gone.chain(steps).collect();
    let secrets = engine.secrets();
    for step in &mut steps {
        step.reasons.iter_mut().for_each(|reason| secrets.hide(reason));
        step.files.iter_mut().for_each(|change| conceal::hide(change, &secrets));
    }
    Ok(Plan { steps })
}

fn vanished(old: PartState, kept: &[Utf8PathBuf]) -> Step {
    let gone = old.paths.into_iter().filter(|path| !kept.contains(path));
    Step {
        part: old.name,
        recipe: old.recipe,
        intent: Intent::Remove,
        reasons: vec!["it is no longer wanted".to_owned()],
        files: gone.filter(|path| Look::at(path) != Look::Absent).map(removed).collect(),
    }
}

/// The text of a file that nobody but its owner may read is not shown: it may be a secret.
fn removed(path: Utf8PathBuf) -> FileChange {
    let is_open = |meta: fs::Metadata| meta.permissions().mode() & 0o077 != 0;
    let shown = fs::metadata(&path).is_ok_and(is_open);
    let before = shown.then(|| fs::read_to_string(&path).ok()).flatten();
    FileChange { before, after: None, path }
}

impl Engine<'_> {
    /// In place of the constructor of a part in Python, which may do anything: it is taken to set what it set in the
    /// last run. Without one it is not known, and the part waits.
    pub(super) fn assume(&mut self, name: &Rc<str>) -> Result<()> {
        if let Some(last) = self.previous.get(&**name).cloned() {
            for below in last.below.keys() {
                if self.sections.contains_key(below.as_str()) {
                    self.need(name, below)?;
                }
            }
            let slot = &mut self.slots[name];
            let set = last.options.into_iter().filter(|(option, text)| {
                !slot.raw.contains_key(option.as_str()) && !text.starts_with(SECRET)
            });
            for (option, text) in set {
                slot.cells.insert(option.into(), Cell::new(Datum::Text(escape(&text).into())));
            }
            slot.reads = last.reads;
        } else if let Some(part) = &mut self.slots[name].part {
            let reason = "it is Python, which a plan does not run".to_owned();
            let part_name = name.to_string();
            part.waiting = Some(Rc::new(Waiting { part: part_name, title: String::new(), reason }));
        }
        self.order.push(Rc::clone(name));
        Ok(())
    }

    /// Remembers that a run would end with a section; the first reason counts.
    pub(super) fn refuse(&mut self, name: &str, error: Error) {
        self.refused.entry(name.into()).or_insert(error);
    }

    /// The step of a section that a run would end with; none if it is only what a part refers to.
    fn refused_step(&self, name: &str, error: &Error) -> Option<Step> {
        let raw = self.slots.get(name).and_then(|slot| slot.raw.get("recipe"));
        let is_only_referred_to = raw.is_none() && !self.is_wanted(name);
        let hint = error.hint().map(|hint| format!("hint: {hint}"));
        (!is_only_referred_to).then(|| Step {
            part: name.to_owned(),
            recipe: raw.map(Raw::text).unwrap_or_default(),
            intent: Intent::Refused,
            reasons: std::iter::once(format!("{error} [{}]", error.code().name()))
                .chain(hint)
                .collect(),
            files: Vec::new(),
        })
    }

    /// Whether a part is listed.
    fn is_wanted(&self, name: &str) -> bool {
        let parts = self.slots.get(BUILDOUT).and_then(|slot| slot.raw.get("parts"));
        parts.is_some_and(|raw| raw.text().split_whitespace().any(|word| word == name))
    }

    /// Refuses a part that the recipe host would be asked for in vain.
    pub(super) fn can_be_hosted(&self, name: &str, recipe: &str) -> Result<()> {
        if !python::builds(recipe) {
            return self.is_of_an_egg(name, recipe);
        }
        let message = format!("[{name}] builds software from source, and nothing takes its place");
        Err(Error::new(Code::Unsupported, message)
            .with_hint("software/supply/README.md says how to add what does"))
    }

    fn plan_part(
        &mut self,
        name: &str,
        mut part: Part,
        old: Option<&PartState>,
        basis: Option<&Basis>,
        draft: &mut Draft,
    ) -> Result<Vec<Step>> {
        let mut step = Step {
            part: name.to_owned(),
            recipe: part.recipe.clone(),
            intent: Intent::Keep,
            reasons: Vec::new(),
            files: Vec::new(),
        };
        if let Some(waiting) = &part.waiting {
            step.intent = Intent::Wait;
            step.reasons.push(waiting.reason.clone());
            return Ok(vec![step]);
        }
        if let Some(basis) = basis {
            step.reasons = reasons(old, basis);
        }
        let mut inner = Vec::new();
        if let Some(mut instance) = part.instance.take() {
            if let Some(job) = instance.inner() {
                inner = plan(job, &mut *self.host)?.steps;
            }
            if part.kind.pure {
                let Engine { host, job, outcome, inputs, .. } = &mut *self;
                let mut work = Work::new(&mut **host, name, &job.directory, outcome, inputs);
                work.draft = Some(draft);
                match instance.install(&mut work) {
                    // What other parts make is not there yet.
                    Err(error) if error.code() == Code::File => {
                        step.reasons.push(format!("its text is not known yet: {error}"));
                    }
                    other => other?,
                }
                let (files, recorded) = (std::mem::take(&mut work.drafted), work.recorded);
                step.files = files;
                let left =
                    old.iter().flat_map(|old| &old.paths).filter(|path| !recorded.contains(path));
                let left = left.filter(|path| Look::at(path) != Look::Absent);
                step.files.extend(left.cloned().map(removed));
            }
        }
        if !step.files.is_empty() && step.reasons.is_empty() {
            step.reasons.push("its text has changed".to_owned());
        }
        step.intent = match (old, step.reasons.is_empty()) {
            (None, _) => Intent::Install,
            (Some(_), true) => Intent::Keep,
            (Some(_), false) => Intent::Update,
        };
        for below in &mut inner {
            below.part = format!("{name}/{}", below.part);
        }
        Ok(std::iter::once(step).chain(inner).collect())
    }
}

/// Why a part would be installed again; nothing if it would not.
fn reasons(old: Option<&PartState>, basis: &Basis) -> Vec<String> {
    let Some(old) = old else {
        return vec!["it is new".to_owned()];
    };
    let missing = misses_path(old).map(|path| format!("{path} is not there any more"));
    if old.signature == basis.signature {
        return missing.into_iter().collect();
    }
    let mut reasons: Vec<String> = missing.into_iter().collect();
    if old.recipe != basis.recipe {
        reasons.push(format!("its recipe was {}", old.recipe));
    }
    reasons.extend(
        differences(&old.options, &basis.options)
            .map(|(name, old, new)| format!("option `{name}`{}", shown(old, new))),
    );
    // The text of an own option is told already.
    let read = differences(&old.reads, &basis.reads);
    let read = read.filter(|(what, ..)| !what.starts_with("text ["));
    reasons.extend(read.map(|(what, ..)| format!("what it read has changed: {what}")));
    let below = differences(&old.below, &basis.below);
    reasons
        .extend(below.map(|(part, ..)| format!("part [{part}], to which it refers, has changed")));
    if reasons.is_empty() {
        reasons.push("the last run did not finish it, or was by another program".to_owned());
    }
    reasons
}

type Texts = BTreeMap<String, String>;

/// Names with another text on the two sides, or with one on one side only.
fn differences<'a>(
    old: &'a Texts,
    new: &'a Texts,
) -> impl Iterator<Item = (&'a String, Option<&'a String>, Option<&'a String>)> {
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    names.map(|name| (name, old.get(name), new.get(name))).filter(|(_, old, new)| old != new)
}

/// Both texts, if they are short and no secrets.
fn shown(old: Option<&String>, new: Option<&String>) -> String {
    let plain =
        |text: &String| text.len() < 60 && !text.contains('\n') && !text.starts_with(SECRET);
    match (old, new) {
        (None, _) => " is new".to_owned(),
        (_, None) => " is gone".to_owned(),
        (Some(old), Some(new)) if plain(old) && plain(new) => format!(": `{old}` → `{new}`"),
        _ => " has changed".to_owned(),
    }
}
