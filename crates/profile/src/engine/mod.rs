//! Evaluates sections, keeps their order, installs their parts.
//!
//! ```text
//! load     profile and what it extends → raw sections             (merge)
//! order    for each wanted part: macros, references, constructor   (order, scope)
//!          → values, the parts in order, and which of them wait
//! sign     hash of each part with all that it read                 (signature)
//! install  against the state of the last run                       (run, installer, work, state, ledger);
//!          in a release the long steps of parts beside each other  (slow, beside)
//! ```
//!
//! # Invariants
//! - All constructors run before anything is installed.
//! - A part that waits is left exactly as the last run left it.
//! - Whatever a run has made is known to the next one, also when it was killed.
//! - Only paths that a part recorded, inside the directory, are ever removed.

mod beside;
mod check;
mod conceal;
mod eggs;
mod fetch;
mod import;
mod installer;
mod ledger;
mod order;
mod parts;
mod plan;
mod run;
mod scope;
mod secrets;
mod signature;
mod slow;
mod software_type;
mod state;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use camino::{Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;

use crate::eggs::{Eggs, OtherVersion};
use crate::error::{Code, Error, Result};
use crate::extends::{self, Remote};
use crate::files;
use crate::host::Host;
use crate::job::{Job, Options};
use crate::location::is_url;
use crate::merge::merge;
use crate::outcome::{Look, Outcome, Waiting};
use crate::read::{Change, Layer, Raw, Source, Spot};
use crate::recipe_host::RecipeHost;
use crate::recipes::{Kind, Recipe};
use crate::section::{Macros, RawOptions};
use crate::value::{Cell, escape};

use check::Findings;
pub(crate) use check::GIVEN;
pub use check::{Checked, CheckedPart, Means, check};
pub use plan::{FileChange, Intent, Plan, Step, plan};
pub use run::run;
pub(crate) use run::run_inside;
pub(crate) use scope::{Scope, Stop};
pub(crate) use slow::{Slow, Teller};
pub(crate) use state::PartState;
pub use state::template_of;
pub(crate) use work::Work;

/// One evaluation under way.
pub(crate) struct Engine<'a> {
    job: &'a Job,
    host: &'a mut dyn Host,
    /// Raw sections, all files merged.
    sections: Layer,
    macros: Macros,
    /// Sections that were used.
    slots: IndexMap<Rc<str>, Slot>,
    /// Parts: what is referred to comes first.
    order: Vec<Rc<str>>,
    /// What is being evaluated, outermost first.
    open: Vec<Frame>,
    /// Length of all substituted texts, in bytes.
    text_bytes: usize,
    /// What earlier runs installed.
    previous: BTreeMap<String, PartState>,
    /// What was found, when all faults are looked for.
    findings: Option<Findings>,
    /// Parts in Python are not run.
    planning: bool,
    /// In a plan: sections that a run would end with, and why.
    refused: IndexMap<Rc<str>, Error>,
    /// Files that were read, as they looked before.
    inputs: Inputs,
    /// What parts have made: it counts as it is at the end.
    made: BTreeSet<Utf8PathBuf>,
    outcome: Outcome,
    /// Those of the release's Python, when a part needs it, and how they differ from what the release pins.
    eggs: Option<(Eggs, Vec<OtherVersion>)>,
    /// Started when the first part needs it.
    recipe_host: Option<Rc<RecipeHost>>,
}

/// One step of an evaluation that is under way.
enum Frame {
    /// A section is put to use.
    Section(Rc<str>),
    /// An option is evaluated.
    Option { section: Rc<str>, option: Rc<str>, at: Spot },
}

impl Frame {
    /// The step as a link of the way to a fault.
    fn link(&self) -> String {
        match self {
            Self::Section(name) => format!("while using section [{name}]"),
            Self::Option { section, option, at } => {
                format!("while evaluating {section}:{option} ({})", at.short())
            }
        }
    }
}

/// A section in use.
#[derive(Default)]
struct Slot {
    raw: Rc<RawOptions>,
    cells: BTreeMap<Rc<str>, Cell>,
    /// Sections that this one refers to.
    needs: BTreeSet<Rc<str>>,
    /// What the constructor read elsewhere: name to digest.
    reads: BTreeMap<String, String>,
    /// The constructor has read a secret.
    knows_secrets: bool,
    part: Option<Part>,
    /// In a check: its recipe is not known, so it may have any option.
    sets_anything: bool,
}

/// A section with a recipe.
struct Part {
    kind: &'static Kind,
    /// The recipe as the profile names it.
    recipe: String,
    /// Present until it is installed; absent also in a part that waits.
    instance: Option<Box<dyn Recipe>>,
    waiting: Option<Rc<Waiting>>,
}

impl Part {
    /// Whether the constructor may set an option of that name.
    fn may_set(&self, option: &str, slot: &Slot) -> bool {
        let Some(name) = option.strip_prefix("connection-").filter(|_| self.kind.requests) else {
            return true;
        };
        let returned = slot.raw.get("return").map(|raw| raw.text()).unwrap_or_default();
        returned.contains("${") || returned.split_whitespace().any(|returned| returned == name)
    }
}

const BUILDOUT: &str = "buildout";

/// The file that options are said to be of which the profile does not give.
const DEFAULTS: &str = "(defaults)";

/// Directory options of `[buildout]`, made absolute before anything refers to them.
const DIRECTORIES: [(&str, &str); 5] = [
    ("directory", ""),
    ("bin-directory", "bin"),
    ("parts-directory", "parts"),
    ("eggs-directory", "eggs"),
    ("develop-eggs-directory", "develop-eggs"),
];

impl<'a> Engine<'a> {
    /// Reads and merges the profile.
    fn load(job: &'a Job, host: &'a mut dyn Host) -> Result<Self> {
        let mut sections = defaults(job);
        let none = Options::new();
        let given = job.extra.get(BUILDOUT).unwrap_or(&none);
        let (layer, inputs) = read_profile(&job.profile, given, &job.directory, host)?;
        merge(&mut sections, layer);
        merge(&mut sections, extra(job));
        software_type::check(job, &sections)?;
        Ok(Self {
            job,
            host,
            sections,
            macros: Macros::default(),
            slots: IndexMap::new(),
            order: Vec::new(),
            open: Vec::new(),
            text_bytes: 0,
            previous: BTreeMap::new(),
            findings: None,
            planning: false,
            refused: IndexMap::new(),
            inputs,
            made: BTreeSet::new(),
            outcome: Outcome::default(),
            eggs: None,
            recipe_host: None,
        })
    }

    fn directory(&self) -> &'a Utf8Path {
        &self.job.directory
    }
}

/// Paths that were read, as they looked before.
pub(crate) type Inputs = BTreeMap<Utf8PathBuf, Look>;

/// Reads and merges a profile and what it extends.
pub(crate) fn read_profile(
    profile: &str,
    given: &Options,
    directory: &Utf8Path,
    host: &mut dyn Host,
) -> Result<(Layer, Inputs)> {
    let mut inputs = Inputs::new();
    let read = &mut |place: &str, remote: &Remote, optional| {
        let path = Utf8Path::new(place);
        if optional && !is_url(place) && !is_there(&mut inputs, path) {
            return Ok(None);
        }
        fetch::extended(host, &mut inputs, place, remote).map(Some)
    };
    let layer = extends::load(profile, given, directory, read)?;
    Ok((layer, inputs))
}

/// The content of a path or URL; remembers how a path looked.
fn read_location(host: &mut dyn Host, inputs: &mut Inputs, place: &str) -> Result<Vec<u8>> {
    let path = place.strip_prefix("file://").unwrap_or(place);
    if is_url(path) {
        return host
            .fetch(path)
            .map_err(|refusal| host_error(&format!("cannot fetch {path}"), refusal));
    }
    let path = Utf8PathBuf::from(path);
    is_there(inputs, &path);
    files::read(&path)
}

/// Whether something is at a path; remembers how it looked.
fn is_there(inputs: &mut Inputs, path: &Utf8Path) -> bool {
    let known = inputs.entry(path.to_owned()).or_insert_with(|| Look::at(path));
    known.is_there()
}

/// A refusal from outside as an error of the profile.
pub(crate) fn host_error(step: &str, refusal: crate::host::HostError) -> Error {
    let error = Error::new(Code::Host, format!("{step}: {}", refusal.message));
    match refusal.hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The options that `[buildout]` has when the profile says nothing.
fn defaults(job: &Job) -> Layer {
    let others = [
        ("parts", ""),
        ("offline", "false"),
        ("newest", "true"),
        ("versions", "versions"),
        ("installed", ".installed.cfg"),
    ];
    let source = Source::new(DEFAULTS, "");
    let mut layer = Layer::new();
    let mut put =
        |option: &str, text: &str| put_option(&mut layer, &source, BUILDOUT, option, text);
    for (option, folder) in DIRECTORIES {
        put(option, job.directory.join(folder).as_str().trim_end_matches('/'));
    }
    for (option, text) in others {
        put(option, text);
    }
    if let Some(python) = &job.python {
        put("executable", python.as_str());
    }
    layer
}

/// The caller's sections.
fn extra(job: &Job) -> Layer {
    let name = "(given by the caller)";
    let (plain, secret) = (Source::new(name, ""), Source::of_secret(name));
    let mut layer = Layer::new();
    for (section, options) in &job.extra {
        layer.entry(section.as_str().into()).or_default();
        for (option, text) in options {
            let hidden = job.secret.contains(&format!("{section}:{option}"));
            let source = if hidden { &secret } else { &plain };
            put_option(&mut layer, source, section, option, text);
        }
    }
    layer
}

fn put_option(layer: &mut Layer, source: &Rc<Source>, section: &str, option: &str, text: &str) {
    let spot = Spot { source: Rc::clone(source), line: 1, column: 1 };
    let set = Some(Raw::at(spot, &escape(text)));
    layer
        .entry(section.into())
        .or_default()
        .insert(option.into(), Change { set, ..Change::default() });
}
