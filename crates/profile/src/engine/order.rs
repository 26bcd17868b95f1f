//! Using a section: macros, references, constructor. The order of parts falls out: what is referred to comes first.

use std::rc::Rc;

use super::{BUILDOUT, DIRECTORIES, Engine, Frame, Part, Scope, Slot, Stop};
use crate::eggs;
use crate::error::{Code, Error, Result};
use crate::files;
use crate::job::Purpose;
use crate::merge;
use crate::outcome::Waiting;
use crate::python;
use crate::read::{NEEDS, Raw, Source, Spot, parse};
use crate::recipes;
use crate::section::{Macros, RawOptions, missing_section};
use crate::supply;
use crate::value::{Cell, Datum, Piece, Seen, escape, pieces};

/// How deep sections and options may refer to others before the profile is taken for a mistake.
const DEPTH_MAX: usize = 200;

/// How long all substituted texts may be together, in bytes.
const TEXT_BYTES_MAX: usize = 256 << 20;

impl Engine<'_> {
    /// Uses a section, if that has not happened yet.
    pub(super) fn initialise(&mut self, name: &str) -> Result<()> {
        if let Some(error) = self.refused.get(name) {
            return Err(error.clone());
        }
        if self.slots.contains_key(name) {
            return Ok(());
        }
        if !self.sections.contains_key(name) {
            return Err(missing_section(&self.sections, name));
        }
        self.not_too_deep()?;
        self.open.push(Frame::Section(name.into()));
        let done = self.initialise_new(name);
        let done = self.left(done);
        if let Err(error) = &done
            && self.planning
        {
            self.refused.insert(name.into(), error.clone());
        }
        done
    }

    fn not_too_deep(&self) -> Result<()> {
        let sections = self.open.iter().filter(|frame| matches!(frame, Frame::Section(_))).count();
        if sections < DEPTH_MAX && self.open.len() - sections < DEPTH_MAX {
            return Ok(());
        }
        let message = format!("references go deeper than {DEPTH_MAX} sections or options");
        Err(Error::new(Code::TooLarge, message))
    }

    /// Closes the innermost frame; an error gets it as a link of its way.
    fn left<T>(&mut self, result: Result<T>) -> Result<T> {
        let frame = self.open.pop();
        match frame {
            Some(frame) => result.map_err(|error| error.during(frame.link())),
            None => result,
        }
    }

    /// Keeps an error for later, when all faults are looked for; `None` stands for what is not known then.
    pub(super) fn noted<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match (result, &mut self.findings) {
            (Err(error), Some(findings)) => {
                let open = self.open.iter().rev();
                findings.faults.push(open.fold(error, |error, frame| error.during(frame.link())));
                Ok(None)
            }
            (result, _) => result.map(Some),
        }
    }

    fn initialise_new(&mut self, name: &str) -> Result<()> {
        let mut raw = self.macros.expand(&self.sections, name)?;
        self.without_building(name, &mut raw);
        let mut referring: Vec<Rc<str>> = raw
            .iter()
            .filter(|(_, raw)| raw.text().contains("${"))
            .map(|(option, _)| Rc::clone(option))
            .collect();
        referring.sort();
        self.slots.insert(name.into(), Slot { raw, ..Slot::default() });
        if name == BUILDOUT {
            self.settle_directories()?;
        }
        for option in referring {
            let cell = self.cell(name, &option);
            if self.noted(cell)?.is_none() {
                self.set_cell(name, &option, Cell::new(unknown()));
            }
        }
        self.need_named(name)?;
        self.construct(name)
    }

    /// Of a part that is supplied, takes away how it would be built, and so what that would need.
    fn without_building(&self, name: &str, raw: &mut Rc<RawOptions>) {
        let recipe = raw.get("recipe").map(Raw::text).unwrap_or_default();
        if self.is_supplied(name, raw) {
            Rc::make_mut(raw).retain(|option, _| &**option == "recipe");
        } else if recipes::is_egg(&recipe) && self.is_release() {
            let egg = raw.get("egg").map_or(name.into(), Raw::text);
            if !recipe.contains(':') || eggs::means(&egg) != eggs::Means::Nobody {
                Rc::make_mut(raw).retain(|option, _| recipes::egg_reads(&recipe, option));
            }
        }
    }

    fn is_release(&self) -> bool {
        matches!(self.job.purpose, Purpose::Software(_))
    }

    /// Whether a part would build software, and a table says what takes its place.
    pub(super) fn is_supplied(&self, name: &str, raw: &RawOptions) -> bool {
        let recipe = raw.get("recipe").map(Raw::text).unwrap_or_default();
        let builds = |recipe| {
            python::builds(recipe)
                || ["slapos.recipe.build", "plone.recipe.command"].contains(&recipe)
        };
        builds(recipe.trim()) && supply::find(name).is_some() && self.is_release()
    }

    /// Uses the sections of a line `=> a b`.
    fn need_named(&mut self, name: &str) -> Result<()> {
        let Some(raw) = self.slots[name].raw.get(NEEDS).cloned() else {
            return Ok(());
        };
        for needed in raw.text().split_whitespace() {
            let used = self.need(name, needed);
            self.noted(used.map_err(|error| error.at(|| find_word(&raw, needed).place())))?;
        }
        Ok(())
    }

    /// Adds the sections of a text, which must not be in use yet.
    pub(super) fn add_sections(&mut self, file: &str, text: &str) -> Result<()> {
        let mut faults = Vec::new();
        let layer = parse(&Source::new(file, text), &mut faults);
        if let Some(error) = Error::of(faults) {
            return Err(error);
        }
        if let Some(used) = layer.keys().find(|name| self.slots.contains_key(&***name)) {
            let message = format!("{file} changes section [{used}], which is in use already");
            return Err(Error::new(Code::Unsupported, message));
        }
        merge::merge(&mut self.sections, layer);
        self.macros = Macros::default(); // what was expanded may have changed
        Ok(())
    }

    fn settle_directories(&mut self) -> Result<()> {
        for (option, _) in DIRECTORIES {
            let cell = self.cell(BUILDOUT, option)?;
            if let Seen::Value(value) = cell.read()?
                && let Some(text) = value.as_str()
            {
                let path = files::in_directory(self.directory(), text);
                self.set_cell(
                    BUILDOUT,
                    option,
                    Cell::new(Datum::Text(escape(path.as_str()).into())),
                );
            }
        }
        Ok(())
    }

    /// Runs the constructor of a section that has a recipe.
    fn construct(&mut self, name: &str) -> Result<()> {
        let Some(raw) = self.slots[name].raw.get("recipe").cloned() else {
            return Ok(());
        };
        let Seen::Value(value) = self.cell(name, "recipe")?.read()? else {
            if self.findings.is_some() {
                return Ok(());
            }
            return Err(Error::new(Code::Unsupported, "a recipe's name cannot wait for a request")
                .at(|| raw.spot.place()));
        };
        let recipe = value.as_str().unwrap_or_default().trim().to_owned();
        if recipe.is_empty() {
            return Ok(());
        }
        if self.findings.is_some() {
            return self.check_part(name, &recipe, &raw);
        }
        let python = self.job.python.is_some() || self.planning;
        let supplied = self.is_supplied(name, &self.slots[name].raw);
        let egg = recipes::is_egg(&recipe).then_some(recipes::EGG);
        let own = supplied.then_some(recipes::SUPPLIED).or(egg).or_else(|| recipes::find(&recipe));
        let kind = own.or(python.then_some(recipes::HOSTED)).ok_or_else(|| {
            recipes::unknown(&recipe, name, python)
                .at(|| raw.lines.first().map_or_else(|| raw.spot.place(), |line| line.spot.place()))
        })?;
        let slot = &self.slots[name];
        let waits = slot.cells.values().find_map(|cell| match &cell.datum {
            Datum::Waiting(waiting) => Some(Rc::clone(waiting)),
            Datum::Text(_) | Datum::Typed(_) => None,
        });
        let mut part = Part { kind, recipe, instance: None, waiting: None };
        let name: Rc<str> = name.into();
        let made = match waits {
            Some(waiting) => Err(Stop::Waiting(waiting)),
            None if self.planning && std::ptr::eq(kind, recipes::HOSTED) => {
                self.can_be_hosted(&name, &part.recipe)
                    .map_err(|error| error.at(|| raw.spot.place()))?;
                self.slots[&name].part = Some(part);
                return self.assume(&name);
            }
            None => (kind.make)(&mut Scope::new(self, Rc::clone(&name))),
        };
        match made {
            Ok(instance) => part.instance = Some(instance),
            Err(Stop::Error(error)) => return Err(error.at(|| raw.spot.place())),
            Err(Stop::Waiting(waiting)) => {
                self.note_waiting(&name, kind, &waiting);
                part.waiting = Some(waiting);
            }
        }
        self.slots[&name].part = Some(part);
        self.order.push(name);
        Ok(())
    }

    /// Keeps causes, and the titles of requests that could not be made yet.
    fn note_waiting(&mut self, name: &str, kind: &recipes::Kind, waiting: &Rc<Waiting>) {
        if waiting.part == name {
            self.outcome.waiting.push(Waiting::clone(waiting));
        } else if kind.requests
            && let Ok(cell) = self.cell(name, "name")
            && let Ok(Seen::Value(title)) = cell.read()
            && let Some(title) = title.as_str()
        {
            self.outcome.requested.push(title.to_owned());
        }
    }

    /// The value of an option after substitution.
    pub(super) fn cell(&mut self, section: &str, option: &str) -> Result<Cell> {
        self.initialise(section)?;
        let slot = &self.slots[section];
        if let Some(cell) = slot.cells.get(option) {
            return Ok(cell.clone());
        }
        if let Some(raw) = slot.raw.get(option).cloned() {
            let cell = self.compute(section, option, &raw)?;
            self.set_cell(section, option, cell.clone());
            return Ok(cell);
        }
        if option == "_buildout_section_name_" {
            return Ok(Cell::new(Datum::Text(section.into())));
        }
        if let Some(cell) = self.option_on_demand(section, option)? {
            return Ok(cell);
        }
        if self.findings.is_some() && self.may_have(section, option) {
            return Ok(Cell::new(unknown()));
        }
        Err(self.missing_option(section, option))
    }

    /// An option that the section's recipe makes when somebody asks for it.
    fn option_on_demand(&mut self, section: &str, option: &str) -> Result<Option<Cell>> {
        let part = self.slots.get_mut(section).and_then(|slot| slot.part.as_mut());
        let Some(instance) = part.and_then(|part| part.instance.as_mut()) else {
            return Ok(None);
        };
        let Some(value) = instance.option_on_demand(option)? else {
            return Ok(None);
        };
        let cell = Cell::of(value, true);
        self.set_cell(section, option, cell.clone());
        Ok(Some(cell))
    }

    fn compute(&mut self, section: &str, option: &str, raw: &Raw) -> Result<Cell> {
        let from = self.open.iter().position(|frame| {
            matches!(frame, Frame::Option { section: s, option: o, .. } if **s == *section && **o == *option)
        });
        if let Some(from) = from {
            return Err(self.circle(from, section, option));
        }
        self.not_too_deep()?;
        let at = raw.spot.clone();
        self.open.push(Frame::Option { section: section.into(), option: option.into(), at });
        let text = raw.text();
        let result = self.substitute(section, &text, &|offset| raw.spot_at(offset));
        let mut cell = self.left(result)?;
        cell.secret |= raw.is_secret();
        Ok(cell)
    }

    /// The error for an option that is reached again while it is evaluated.
    fn circle(&self, from: usize, section: &str, option: &str) -> Error {
        let steps = self.open[from..].iter().filter_map(|frame| match frame {
            Frame::Option { section, option, .. } => Some(format!("{section}:{option}")),
            Frame::Section(_) => None,
        });
        let circle: Vec<String> = steps.chain([format!("{section}:{option}")]).collect();
        let circle = circle.join(" → ");
        let message = format!("options refer to each other in a circle: {circle}");
        Error::new(Code::OptionCycle, message)
    }

    /// Fills the references of a text that stands in `section`.
    pub(super) fn substitute(
        &mut self,
        section: &str,
        text: &str,
        spot_at: &dyn Fn(usize) -> Spot,
    ) -> Result<Cell> {
        let found = pieces(text).map_err(|(offset, message)| {
            Error::new(Code::BadReference, message)
                .at(|| spot_at(offset).place())
                .with_hint("a dollar sign before a brace that is no reference is written `$$`")
        })?;
        let mut whole = String::new();
        let (mut secret, mut waiting) = (false, None);
        for piece in &found {
            let (target, option, offset) = match *piece {
                Piece::Text(text) => {
                    whole.push_str(text);
                    continue;
                }
                Piece::Reference { section: "", option, offset } => (section, option, offset),
                Piece::Reference { section, option, offset } => (section, option, offset),
            };
            let cell = self
                .refer(section, target, option)
                .map_err(|error| error.at(|| spot_at(offset).place()));
            let cell = self.noted(cell)?.unwrap_or_else(|| Cell::new(unknown()));
            if found.len() == 1 {
                return Ok(cell);
            }
            secret |= cell.secret;
            match (&cell.datum, cell.pasted()?) {
                (Datum::Waiting(cause), _) => waiting = waiting.or(Some(Rc::clone(cause))),
                (_, pasted) => whole.push_str(&pasted.unwrap_or_default()),
            }
            if self.text_bytes + whole.len() > TEXT_BYTES_MAX {
                let message = format!("the values have more than {} MiB", TEXT_BYTES_MAX >> 20);
                return Err(Error::new(Code::TooLarge, message).at(|| spot_at(offset).place()));
            }
        }
        self.text_bytes += whole.len();
        let datum = waiting.map_or_else(|| Datum::Text(whole.into()), Datum::Waiting);
        Ok(Cell { datum, secret })
    }

    /// What `section` gets when it asks for an option, perhaps of another section. Every option of a part that
    /// waits is waiting.
    pub(super) fn refer(&mut self, section: &str, target: &str, option: &str) -> Result<Cell> {
        if section != target {
            self.need(section, target)?;
            if let Some(waiting) = self.waiting_of(target) {
                return Ok(Cell::new(Datum::Waiting(waiting)));
            }
        }
        self.cell(target, option)
    }

    /// Makes `section` depend on `target`, which is used if it was not yet.
    pub(super) fn need(&mut self, section: &str, target: &str) -> Result<()> {
        self.initialise(target)?;
        if let Some(slot) = self.slots.get_mut(section) {
            slot.needs.insert(target.into());
        }
        Ok(())
    }

    pub(super) fn waiting_of(&self, section: &str) -> Option<Rc<Waiting>> {
        self.slots.get(section)?.part.as_ref()?.waiting.clone()
    }

    pub(super) fn set_cell(&mut self, section: &str, option: &str, cell: Cell) {
        if let Some(slot) = self.slots.get_mut(section) {
            slot.cells.insert(option.into(), cell);
        }
    }

    fn missing_option(&self, section: &str, option: &str) -> Error {
        let slot = &self.slots[section];
        let error = Error::new(
            Code::MissingOption,
            format!("section [{section}] has no option `{option}`"),
        );
        let requests = slot.part.as_ref().is_some_and(|part| part.kind.requests);
        if let Some(name) = option.strip_prefix("connection-").filter(|_| requests) {
            return error.with_hint(format!("add `{name}` to `return` of [{section}]"));
        }
        if option == "ipv6-random" {
            return error.with_hint(
                "this partition has no IPv6 address: set `ipv6_local_network` in [slapformat] of the node",
            );
        }
        error.with_nearest(option, slot.raw.keys().chain(slot.cells.keys()).map(|name| &**name))
    }
}

/// What has no value while faults are looked for: it is known only when parts run.
pub(super) fn unknown() -> Datum {
    let reason = "it is known only when it runs".to_owned();
    Datum::Waiting(Rc::new(Waiting { part: String::new(), title: String::new(), reason }))
}

/// Where a word stands in a value; the value itself if it is not there as written.
pub(super) fn find_word(raw: &Raw, word: &str) -> Spot {
    let text = raw.text();
    let found = text.match_indices(word).map(|(at, _)| at).find(|at| {
        let open = |c: Option<char>| c.is_none_or(char::is_whitespace);
        open(text[..*at].chars().next_back()) && open(text[at + word.len()..].chars().next())
    });
    found.map_or_else(|| raw.spot.clone(), |at| raw.spot_at(at))
}
