//! Looks for all faults of a profile at once, without effects.
//!
//! The evaluation goes on after a fault: what cannot be known is unknown, and whatever depends on it too, silently.
//! Constructors run only if they ask nobody; options that the others may set are unknown.

use std::rc::Rc;

use serde::Serialize;

use super::{BUILDOUT, Engine, OtherVersion, Part, Scope, Stop, Work};
use crate::environment;
use crate::error::{Code, Error, Fault, Place, Result};
use crate::host::Host;
use crate::job::Job;
use crate::python;
use crate::read::Raw;
use crate::recipes;
use crate::supply::{self, Origin};
use crate::value::Datum;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// All faults, in the order in which the evaluation meets them.
    pub faults: Vec<Fault>,
    /// The parts, in the order of their installation.
    pub parts: Vec<CheckedPart>,
    /// Eggs that come at other versions than the release pins.
    pub eggs: Vec<OtherVersion>,
}

/// A part, and who can install it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedPart {
    /// Section name.
    pub name: String,
    /// Recipe, as the profile names it.
    pub recipe: String,
    /// Who can install it.
    pub means: Means,
    /// Where what takes the place of the software that it would build comes from.
    pub origin: Option<Origin>,
    /// Where its recipe is named.
    pub place: Place,
}

/// Who can install a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// This program.
    Native,
    /// The recipe host: the recipe is Python.
    Host,
    /// This program, from the packages of others: the recipe would build software.
    Supplied,
    /// This program, from sources: it has the client of their registry build them.
    Built,
    /// Nobody: it builds software from source.
    Nobody,
}

impl Means {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] =
        [Self::Native, Self::Host, Self::Supplied, Self::Built, Self::Nobody];

    /// The word, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Host => "host",
            Self::Supplied => "supplied",
            Self::Built => "built",
            Self::Nobody => "nobody",
        }
    }
}

impl Checked {
    /// The parts that nobody can install. A release with one is refused.
    pub fn lacking(&self) -> impl Iterator<Item = &CheckedPart> {
        self.parts.iter().filter(|part| part.means == Means::Nobody)
    }
}

/// Checks a profile. Never fails: an unreadable profile is a fault.
pub fn check(job: &Job, host: &mut dyn Host) -> Checked {
    let mut engine = match Engine::load(job, host) {
        Ok(engine) => engine,
        Err(error) => {
            let faults = faults_of(&[error]);
            return Checked { faults, parts: Vec::new(), eggs: Vec::new() };
        }
    };
    for name in GIVEN {
        engine.sections.entry(name.into()).or_default();
    }
    engine.findings = Some(Findings::default());
    let evaluated = engine.evaluate();
    let Findings { mut faults, parts } = engine.findings.take().unwrap_or_default();
    faults.extend(evaluated.err());
    let eggs = engine.eggs.map(|(_, others)| others).unwrap_or_default();
    Checked { faults: faults_of(&faults), parts, eggs }
}

/// Sections that the node, or the profile that switches to this one, may give: they may have any option.
pub(crate) const GIVEN: [&str; 5] = [
    "network-information",
    "slap-configuration",
    "slap-connection",
    "slap_connection",
    "storage-configuration",
];

/// What is found on the way.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) faults: Vec<Error>,
    parts: Vec<CheckedPart>,
}

/// Each fault once: a section that is used twice has its faults twice.
fn faults_of(errors: &[Error]) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    for fault in errors.iter().flat_map(Error::faults) {
        let same = |known: &&Fault| {
            (known.code, &known.place, &known.message) == (fault.code, &fault.place, &fault.message)
        };
        if !faults.iter().any(|known| same(&known)) {
            faults.push(fault.clone());
        }
    }
    faults
}

/// Of a part that is supplied, from where, and so whether it is built.
fn supplied(origin: Origin) -> (Means, Option<Origin>) {
    let means = if origin == Origin::Crates { Means::Built } else { Means::Supplied };
    (means, Some(origin))
}

impl Engine<'_> {
    /// Whether a section may have an option that no text gives it.
    pub(super) fn may_have(&self, section: &str, option: &str) -> bool {
        let slot = &self.slots[section];
        match &slot.part {
            Some(part) => part.instance.is_none() && part.may_set(option, slot),
            // Of buildout there are many options, and its extensions add others.
            None => slot.sets_anything || section == BUILDOUT || GIVEN.contains(&section),
        }
    }

    /// In place of a construction.
    pub(super) fn check_part(&mut self, name: &str, recipe: &str, raw: &Raw) -> Result<()> {
        let place = raw.lines.first().map_or(&raw.spot, |line| &line.spot).place();
        let kind = recipes::find(recipe);
        let (means, origin) = match kind {
            _ if recipes::is_egg(recipe) => self.means_of_eggs(name)?,
            Some(_) => (Means::Native, None),
            None => match self.origin(name) {
                Some(origin) => supplied(origin),
                None if python::builds(recipe) => (Means::Nobody, None),
                None => (Means::Host, None),
            },
        };
        if means == Means::Host {
            let known = self.is_of_an_egg(name, recipe).map_err(|error| error.at(|| place.clone()));
            self.noted(known)?;
        }
        let (own, recipe) = (name.to_owned(), recipe.to_owned());
        let part = CheckedPart { name: own, recipe: recipe.clone(), means, origin, place };
        let Some(kind) = kind else {
            self.slots[name].sets_anything = true;
            self.found(part);
            return Ok(());
        };
        self.follow_context(name)?;
        let mut known = Part { kind, recipe, instance: None, waiting: None };
        let name: Rc<str> = name.into();
        if kind.pure && !self.waits(&name) {
            match (kind.make)(&mut Scope::new(self, Rc::clone(&name))) {
                Ok(instance) => known.instance = Some(instance),
                // What other parts make is not there yet.
                Err(Stop::Error(error)) if self.is_about_own_file(&error) => {}
                Err(Stop::Error(error)) => {
                    self.noted::<()>(Err(error.at(|| raw.spot.place())))?;
                }
                Err(Stop::Waiting(_)) => {}
            }
        }
        if let Some(instance) = &known.instance {
            let Engine { host, job, outcome, inputs, .. } = &mut *self;
            let mut work = Work::new(&mut **host, &name, &job.directory, outcome, inputs);
            let checked = instance.check(&mut work);
            if !checked.as_ref().is_err_and(|error| self.is_about_own_file(error)) {
                self.noted(checked)?;
            }
        }
        self.slots[&name].part = Some(known);
        self.found(part);
        Ok(())
    }

    /// Refuses a recipe that the recipe host cannot have: neither the table of eggs nor the node's Python has its egg.
    pub(super) fn is_of_an_egg(&self, name: &str, recipe: &str) -> Result<()> {
        let egg = recipe.split(':').next().unwrap_or_default();
        let python = self.job.python.as_deref().filter(|_| !egg.is_empty());
        if python::may_be(recipe) || python.is_some_and(|python| environment::has(python, egg)) {
            return Ok(());
        }
        let error = recipes::unknown(recipe, name, true);
        Err(match recipe.strip_prefix("slapos.cookbook:") {
            Some(short) => error.with_nearest(short, python::cookbook()),
            None => error,
        })
    }

    /// Whether all eggs of a part are supplied.
    fn means_of_eggs(&mut self, name: &str) -> Result<(Means, Option<Origin>)> {
        if let Some(origin) = self.origin(name) {
            return Ok(supplied(origin));
        }
        match recipes::lacking_eggs(&mut Scope::new(self, name.into())) {
            Ok(lacking) if lacking.is_empty() => {
                let chosen = self.want_eggs();
                self.noted(chosen)?;
                Ok(supplied(Origin::Pypi))
            }
            Ok(_) | Err(Stop::Waiting(_)) => Ok((Means::Nobody, None)),
            Err(Stop::Error(error)) => Err(error),
        }
    }

    /// Where a part comes from that a table supplies.
    fn origin(&self, name: &str) -> Option<Origin> {
        let supplied = supply::find(name)?;
        self.is_supplied(name, &self.slots[name].raw).then(|| supplied.source.origin())
    }

    fn found(&mut self, part: CheckedPart) {
        if let Some(findings) = &mut self.findings {
            findings.parts.push(part);
        }
    }

    fn is_about_own_file(&self, error: &Error) -> bool {
        error.code() == Code::File && error.to_string().contains(self.directory().as_str())
    }

    fn waits(&self, name: &str) -> bool {
        let mut cells = self.slots[name].cells.values();
        cells.any(|cell| matches!(cell.datum, Datum::Waiting(_)))
    }

    /// Follows the references in the context of a template: its constructor stops at the first unknown one.
    fn follow_context(&mut self, name: &str) -> Result<()> {
        let Some(raw) = self.slots[name].raw.get("context").cloned() else {
            return Ok(());
        };
        for line in &raw.lines {
            let words: Vec<&str> = line.text.split_whitespace().collect();
            let used = match words.as_slice() {
                ["key" | "jsonkey", _, reference] => match reference.split_once(':') {
                    Some((section, option))
                        if !section.contains("${") && !option.contains("${") =>
                    {
                        let section = if section.is_empty() { name } else { section };
                        self.refer(name, section, option).map(|_| ())
                    }
                    _ => continue,
                },
                ["section", _, section] if !section.contains("${") => self.need(name, section),
                _ => continue,
            };
            self.noted(used.map_err(|error| error.at(|| line.spot.place())))?;
        }
        Ok(())
    }
}
