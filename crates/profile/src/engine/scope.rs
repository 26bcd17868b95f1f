//! What a recipe's constructor may do: read its options and those of others, set its own, ask the host.
//!
//! Reading another section uses it first, so that it comes earlier in the order; what was read counts for the
//! signature. Reading a value that is not there yet stops the constructor, and the part waits.

use std::rc::Rc;

use camino::{Utf8Path, Utf8PathBuf};
use slapos_jinja::Value;

use super::{Engine, Slot, put_option, read_location, signature};
use crate::error::{Code, Error, Result};
use crate::extends::BASE;
use crate::files::{self, Mode};
use crate::host::Host;
use crate::job::{Facts, Job, Purpose};
use crate::location::is_url;
use crate::outcome::Waiting;
use crate::read::{Raw, Source, Spot};
use crate::recipe_host::RecipeHost;
use crate::value::{Cell, Datum, Seen, dumps};

/// Why a constructor ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    Error(Error),
    Waiting(Rc<Waiting>),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// The view of one part on the evaluation.
pub(crate) struct Scope<'e, 'h> {
    engine: &'e mut Engine<'h>,
    name: Rc<str>,
}

impl<'e, 'h> Scope<'e, 'h> {
    pub(super) fn new(engine: &'e mut Engine<'h>, name: Rc<str>) -> Self {
        Self { engine, name }
    }

    /// Name of the section.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn job(&self) -> &'h Job {
        self.engine.job
    }

    /// The instance; an error in a release.
    pub(crate) fn facts(&self) -> Result<&'h Facts> {
        match &self.engine.job.purpose {
            Purpose::Instance(facts) => Ok(facts),
            Purpose::Software(_) => Err(Error::new(
                Code::Unsupported,
                format!("[{}] belongs into an instance, not into a release", self.name),
            )),
        }
    }

    pub(crate) fn directory(&self) -> &'h Utf8Path {
        self.engine.directory()
    }

    pub(crate) fn host(&mut self) -> &mut dyn Host {
        &mut *self.engine.host
    }

    /// Remembers that the profile requests this title.
    pub(crate) fn requested(&mut self, title: &str) {
        self.engine.outcome.requested.push(title.to_owned());
    }

    /// Names of the own options, sorted, without `recipe` and those that the language adds.
    pub(crate) fn option_names(&self) -> Vec<String> {
        let slot = &self.engine.slots[&self.name];
        let mut names: Vec<String> = slot
            .raw
            .keys()
            .chain(slot.cells.keys())
            .filter(|name| !["recipe", BASE].contains(&&***name))
            .map(ToString::to_string)
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// An own option; `None` if it is not there.
    pub(crate) fn option(&mut self, option: &str) -> Result<Option<Value>, Stop> {
        let slot = &self.engine.slots[&self.name];
        if !slot.raw.contains_key(option) && !slot.cells.contains_key(option) {
            return Ok(None);
        }
        let cell = self.engine.cell(&self.name, option)?;
        self.learn(&cell);
        match cell.read().map_err(|error| self.place(error, option))? {
            Seen::Value(value) => Ok(Some(value)),
            Seen::Waiting(waiting) => Err(Stop::Waiting(waiting)),
        }
    }

    /// An own option as text, as Python's `str` shows it; `None` if it is not there or empty.
    pub(crate) fn text(&mut self, option: &str) -> Result<Option<String>, Stop> {
        let Some(value) = self.option(option)? else {
            return Ok(None);
        };
        let text =
            value.text().map_err(|error| self.fault(option, Code::BadOption, error.message()))?;
        Ok(Some(text.to_string()).filter(|text| !text.trim().is_empty()))
    }

    /// An own option that must be there.
    pub(crate) fn required(&mut self, option: &str) -> Result<String, Stop> {
        if let Some(text) = self.text(option)? {
            return Ok(text);
        }
        let names = self.option_names();
        let error = Error::new(
            Code::MissingOption,
            format!("part [{}] lacks option `{option}`", self.name),
        );
        let error =
            self.place(error, "recipe").with_nearest(option, names.iter().map(String::as_str));
        Err(error.into())
    }

    /// Lines of an own option that are not empty.
    pub(crate) fn lines(&mut self, option: &str) -> Result<Vec<String>, Stop> {
        let text = self.text(option)?.unwrap_or_default();
        Ok(text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(ToOwned::to_owned)
            .collect())
    }

    /// Words of an own option.
    pub(crate) fn words(&mut self, option: &str) -> Result<Vec<String>, Stop> {
        let text = self.text(option)?.unwrap_or_default();
        Ok(text.split_whitespace().map(ToOwned::to_owned).collect())
    }

    /// An own option that says yes: `true`, `yes`, `on` or `1`.
    pub(crate) fn flag(&mut self, option: &str, otherwise: bool) -> Result<bool, Stop> {
        let Some(text) = self.text(option)? else {
            return Ok(otherwise);
        };
        match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" | "none" => Ok(false),
            other => {
                let message = format!("`{option}` is `{other}`, wanted `true` or `false`");
                Err(self.fault(option, Code::BadOption, message).into())
            }
        }
    }

    /// An own option as octal permissions.
    pub(crate) fn mode(&mut self, option: &str) -> Result<Option<Mode>, Stop> {
        let Some(text) = self.text(option)? else {
            return Ok(None);
        };
        match Mode::parse(&text) {
            Some(mode) => Ok(Some(mode)),
            None => Err(self
                .fault(option, Code::BadOption, format!("`{text}` is no octal mode such as 0644"))
                .into()),
        }
    }

    /// A path, relative ones below the directory.
    pub(crate) fn path(&self, text: &str) -> Utf8PathBuf {
        files::in_directory(self.directory(), text)
    }

    /// Refuses options of a recipe that are known there but not offered here.
    pub(crate) fn refuse(&mut self, options: &[&str]) -> Result<(), Stop> {
        for option in options {
            if self.text(option)?.is_some() {
                let message = format!("option `{option}` of this recipe is not offered yet");
                return Err(self.fault(option, Code::Unsupported, message).into());
            }
        }
        Ok(())
    }

    /// An option of any section, written `section:option`; an empty section is the own one.
    pub(crate) fn reference(&mut self, reference: &str) -> Result<Value, Stop> {
        let Some((section, option)) = reference.split_once(':') else {
            let message = format!("`{reference}` is not `section:option`");
            return Err(Error::new(Code::BadReference, message).into());
        };
        let me = Rc::clone(&self.name);
        let section = if section.is_empty() { &*me } else { section };
        let cell = self.engine.refer(&me, section, option)?;
        self.learn(&cell);
        let digest = signature::digest(signature::recorded(&cell)?.as_bytes());
        self.note(format!("{section}:{option}"), digest);
        match cell.read()? {
            Seen::Value(value) => Ok(value),
            Seen::Waiting(waiting) => Err(Stop::Waiting(waiting)),
        }
    }

    /// Names of the options of another section, in the order of the texts, then those that its recipe set; uses it.
    pub(crate) fn options_of(&mut self, section: &str) -> Result<Vec<String>, Stop> {
        let me = Rc::clone(&self.name);
        self.engine.need(&me, section)?;
        if let Some(waiting) = self.engine.waiting_of(section).filter(|_| section != &*me) {
            return Err(Stop::Waiting(waiting));
        }
        let slot = &self.engine.slots[section];
        let set = slot.cells.keys().filter(|name| !slot.raw.contains_key(&**name));
        Ok(slot.raw.keys().chain(set).map(ToString::to_string).collect())
    }

    /// Names of all sections, used or not.
    pub(crate) fn section_names(&self) -> Vec<String> {
        self.engine.sections.keys().map(ToString::to_string).collect()
    }

    /// Adds the sections of a text to the profile; those that are there get the options.
    pub(crate) fn add_sections(&mut self, text: &str) -> Result<(), Stop> {
        let file = format!("a text of [{}]", self.name);
        self.engine.add_sections(&file, text)?;
        Ok(())
    }

    /// Whether an own option, or one of a section that was looked at, is a secret.
    pub(crate) fn may_know_secrets(&self) -> bool {
        let secret = |slot: &Slot| slot.cells.values().any(|cell| cell.secret);
        let own = &self.engine.slots[&self.name];
        let others = own.needs.iter().filter_map(|name| self.engine.slots.get(name));
        others.chain([own]).any(secret)
    }

    /// The process that runs recipes written in Python.
    pub(crate) fn recipe_host(&mut self) -> Result<Rc<RecipeHost>> {
        if let Some(host) = &self.engine.recipe_host {
            return Ok(Rc::clone(host));
        }
        let python = self
            .engine
            .job
            .python
            .as_deref()
            .ok_or_else(|| Error::new(Code::Unsupported, "this node has no Python"))?;
        let host = Rc::new(RecipeHost::start(python, self.directory())?);
        self.engine.recipe_host = Some(Rc::clone(&host));
        Ok(host)
    }

    /// Whether a section exists, used or not.
    pub(crate) fn has_section(&self, section: &str) -> bool {
        self.engine.sections.contains_key(section)
    }

    /// A copy of a whole section with its real values.
    pub(crate) fn section(&mut self, section: &str) -> Result<Vec<(String, Value)>, Stop> {
        let names = self.options_of(section)?;
        names
            .into_iter()
            .map(|name| Ok((name.clone(), self.reference(&format!("{section}:{name}"))?)))
            .collect()
    }

    /// Fills `${section:option}` in the text of a file, `$$` becomes `$`.
    pub(crate) fn substitute(&mut self, file: &str, text: &str) -> Result<String, Stop> {
        let source = Source::new(file, text);
        let spot = |line, column| Spot { source: Rc::clone(&source), line, column };
        let raw = Raw {
            spot: spot(1, 1),
            lines: text
                .split('\n')
                .enumerate()
                .map(|(at, line)| crate::read::Line { text: line.into(), spot: spot(at + 1, 1) })
                .collect(),
        };
        let me = Rc::clone(&self.name);
        let cell = self.engine.substitute(&me, text, &|offset| raw.spot_at(offset))?;
        self.learn(&cell);
        self.note(
            format!("text {file}"),
            signature::digest(signature::recorded(&cell)?.as_bytes()),
        );
        match &cell.datum {
            Datum::Waiting(waiting) => Err(Stop::Waiting(Rc::clone(waiting))),
            Datum::Text(_) | Datum::Typed(_) => {
                Ok(cell.pasted()?.unwrap_or_default().replace("$$", "$"))
            }
        }
    }

    /// Sets an own option. It is a secret if the constructor has read one, for it may be made of it.
    pub(crate) fn set(&mut self, option: &str, value: impl Into<Value>) {
        let secret = self.engine.slots[&self.name].knows_secrets;
        self.engine.set_cell(&self.name, option, Cell::of(value.into(), secret));
    }

    /// Sets an own option that tells nothing of what the constructor has read: a place, a state, what was drawn.
    pub(crate) fn set_open(&mut self, option: &str, value: impl Into<Value>) {
        self.engine.set_cell(&self.name, option, Cell::of(value.into(), false));
    }

    /// Sets an own option that reaches neither state nor log.
    pub(crate) fn set_secret(&mut self, option: &str, value: impl Into<Value>) {
        self.engine.set_cell(&self.name, option, Cell::of(value.into(), true));
    }

    /// Takes an own option away.
    pub(crate) fn delete(&mut self, option: &str) {
        if let Some(slot) = self.engine.slots.get_mut(&self.name) {
            Rc::make_mut(&mut slot.raw).shift_remove(option);
            slot.cells.remove(option);
        }
    }

    /// Refuses a section that is in use already.
    pub(crate) fn unused(&self, section: &str) -> Result<()> {
        if !self.engine.slots.contains_key(section) {
            return Ok(());
        }
        let message =
            format!("[{section}] is in use already and cannot get values from [{}]", self.name);
        Err(Error::new(Code::BadOption, message)
            .with_hint(format!("nothing but [{}] may refer to [{section}]", self.name)))
    }

    /// Gives an option of a section that is not in use yet another value than the profile does.
    pub(crate) fn preset(&mut self, section: &str, option: &str, value: &Value) -> Result<()> {
        self.unused(section)?;
        let text = match value.as_str() {
            Some(text) => text.to_owned(),
            None => dumps(value)?,
        };
        let source = Source::of_secret("(published before)");
        put_option(&mut self.engine.sections, &source, section, option, &text);
        Ok(())
    }

    /// The value of an option of another section, which then no longer has it.
    pub(crate) fn take(&mut self, section: &str, option: &str) -> Result<Value, Stop> {
        let value = self.reference(&format!("{section}:{option}"))?;
        if let Some(slot) = self.engine.slots.get_mut(section) {
            Rc::make_mut(&mut slot.raw).shift_remove(option);
            slot.cells.remove(option);
        }
        Ok(value)
    }

    /// Sets an own option that is not known yet.
    pub(crate) fn set_waiting(&mut self, option: &str, waiting: &Rc<Waiting>) {
        self.engine.set_cell(&self.name, option, Cell::new(Datum::Waiting(Rc::clone(waiting))));
    }

    /// The part needs the Python environment of the release.
    pub(crate) fn want_eggs(&mut self) -> Result<(), Stop> {
        let wanted = self.engine.want_eggs();
        wanted.map_err(|error| self.place(error, "recipe").into())
    }

    /// An own option as the last successful run left it.
    pub(crate) fn previous(&self, option: &str) -> Option<&str> {
        self.engine.previous.get(&*self.name)?.options.get(option).map(String::as_str)
    }

    /// Reads a path or URL; its content counts for the signature.
    pub(crate) fn read(&mut self, place: &str) -> Result<Vec<u8>> {
        let bytes = read_location(self.engine.host, &mut self.engine.inputs, place)?;
        self.note(format!("file {place}"), signature::digest(&bytes));
        Ok(bytes)
    }

    /// Whether something is at a path; that it appears or vanishes is noticed.
    pub(crate) fn exists(&mut self, path: &Utf8Path) -> bool {
        super::is_there(&mut self.engine.inputs, path)
    }

    /// Where an own option points to: a URL as it is, a path made absolute.
    pub(crate) fn location(&self, text: &str) -> String {
        let text = text.trim().strip_prefix("file://").unwrap_or(text.trim());
        if is_url(text) { text.to_owned() } else { self.path(text).into_string() }
    }

    /// An error about an own option, with its place.
    pub(crate) fn fault(&self, option: &str, code: Code, message: impl Into<String>) -> Error {
        self.place(Error::new(code, message), option)
    }

    /// Gives an error the place of an own option.
    pub(crate) fn place(&self, error: Error, option: &str) -> Error {
        let slot = &self.engine.slots[&self.name];
        match slot.raw.get(option).or_else(|| slot.raw.get("recipe")) {
            Some(raw) => error.at(|| {
                raw.lines
                    .iter()
                    .find(|line| !line.text.is_empty())
                    .map_or(&raw.spot, |line| &line.spot)
                    .place()
            }),
            None => error,
        }
    }

    /// The place of the first line of an own option that holds `text`.
    pub(crate) fn place_of(&self, error: Error, option: &str, text: &str) -> Error {
        let raw = self.engine.slots[&self.name].raw.get(option);
        match raw.and_then(|raw| raw.lines.iter().find(|line| line.text.contains(text))) {
            Some(line) => error.at(|| line.spot.place()),
            None => self.place(error, option),
        }
    }

    /// Whether an option that was read is a secret.
    pub(crate) fn is_secret(&self, section: &str, option: &str) -> bool {
        let cell = self.engine.slots.get(section).and_then(|slot| slot.cells.get(option));
        cell.is_some_and(|cell| cell.secret)
    }

    fn learn(&mut self, cell: &Cell) {
        if let Some(slot) = self.engine.slots.get_mut(&self.name) {
            slot.knows_secrets |= cell.secret;
        }
    }

    fn note(&mut self, what: String, digest: String) {
        if let Some(slot) = self.engine.slots.get_mut(&self.name) {
            slot.reads.insert(what, digest);
        }
    }
}
