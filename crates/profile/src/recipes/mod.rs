//! The recipes, one file each, under the names and options that SlapOS gives them.
//!
//! A recipe is a constructor, which reads options and sets its own, and an installation, which writes. To add one:
//! a file with its `KIND`s and tests, and a line in [`KINDS`].

mod authorized_key;
mod cargo;
mod certificate_authority;
mod check_parameter;
mod check_port_listening;
mod check_url_available;
mod cns_symlink;
mod collective_template;
mod command;
mod copyfilelist;
mod cron;
mod debian;
mod download;
mod egg;
mod free_port;
mod hosted;
mod jinja2;
mod jsondump;
mod logrotate;
mod made;
mod mkdirectory;
mod npm;
mod password;
mod promise;
mod publish;
mod publish_early;
mod publishurl;
mod random;
mod readline;
mod redis;
mod request;
mod script;
mod shell;
mod simplelogger;
mod slapconfiguration;
mod supplied;
mod switch;
mod symlink;
mod template;
mod tunnel;
mod urlparse;
mod userinfo;
mod uuid;
mod wheel;
mod wrapper;
mod zero_knowledge;

use camino::Utf8PathBuf;
use slapos_jinja::Value;

use crate::engine::{Scope, Slow, Stop, Work};
use crate::error::{Code, Error, Result};
use crate::files::Mode;
use crate::job::Job;

/// A part whose constructor has run.
pub(crate) trait Recipe {
    /// What takes long in laying the part out: it is done first, in a release beside that of other parts. `same`: its
    /// signature is that of the last run.
    fn slow(&mut self, _same: bool) -> Option<Slow> {
        None
    }

    /// Lays the part out; records what it owns.
    fn install(&mut self, work: &mut Work<'_>) -> Result<()>;

    /// Looks for faults that installing would find, as far as the files are there.
    fn check(&self, _work: &mut Work<'_>) -> Result<()> {
        Ok(())
    }

    /// The profile with which it goes on.
    fn inner(&self) -> Option<&Job> {
        None
    }

    /// As [`Recipe::install`], for a part whose signature is that of the last run.
    fn update(&mut self, work: &mut Work<'_>) -> Result<()> {
        self.install(work)
    }

    /// An option that the part only has when somebody asks for it; a secret.
    fn option_on_demand(&mut self, _option: &str) -> Result<Option<Value>> {
        Ok(None)
    }
}

/// Runs the constructor of a recipe.
pub(crate) type Make = fn(&mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop>;

/// A recipe as profiles know it.
pub(crate) struct Kind {
    /// Names, the common one first.
    pub(crate) names: &'static [&'static str],
    /// Counts up when the recipe does something else with the same options: its parts are then installed again.
    pub(crate) version: u32,
    pub(crate) make: Make,
    /// Installing needs an empty place: what is recorded is removed before, not after.
    pub(crate) clear_first: bool,
    /// Asks for instances.
    pub(crate) requests: bool,
    /// Nothing happens outside of the evaluation: the constructor reads options and files, the installation writes
    /// files through [`Work`], whose content depends on these and on what it reads through [`Work`]. So faults can be
    /// looked for, a plan can be made, and what has not changed can be left alone.
    pub(crate) pure: bool,
}

impl Kind {
    const fn new(names: &'static [&'static str], make: Make) -> Self {
        Self { names, version: 1, make, clear_first: false, requests: false, pure: false }
    }

    const fn pure(names: &'static [&'static str], make: Make) -> Self {
        Self { pure: true, ..Self::new(names, make) }
    }
}

/// All recipes.
static KINDS: &[&[Kind]] = &[
    &authorized_key::KINDS,
    &certificate_authority::KINDS,
    &check_parameter::KINDS,
    &check_port_listening::KINDS,
    &check_url_available::KINDS,
    &cns_symlink::KINDS,
    &collective_template::KINDS,
    &command::KINDS,
    &copyfilelist::KINDS,
    &cron::KINDS,
    &debian::KINDS,
    &download::KINDS,
    &free_port::KINDS,
    &jinja2::KINDS,
    &jsondump::KINDS,
    &logrotate::KINDS,
    &mkdirectory::KINDS,
    &password::KINDS,
    &promise::KINDS,
    &publish::KINDS,
    &publish_early::KINDS,
    &publishurl::KINDS,
    &random::KINDS,
    &readline::KINDS,
    &redis::KINDS,
    &request::KINDS,
    &shell::KINDS,
    &simplelogger::KINDS,
    &slapconfiguration::KINDS,
    &switch::KINDS,
    &symlink::KINDS,
    &template::KINDS,
    &tunnel::KINDS,
    &urlparse::KINDS,
    &userinfo::KINDS,
    &uuid::KINDS,
    &wrapper::KINDS,
    &zero_knowledge::KINDS,
];

/// The native recipe of that name.
pub(crate) fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().flatten().find(|kind| kind.names.contains(&name))
}

/// Stands for every recipe that is not native, where there is a Python to run it.
pub(crate) const HOSTED: &Kind = &hosted::HOSTED;

pub(crate) use egg::{is_egg, lacking as lacking_eggs, reads as egg_reads};

/// Stands for every recipe that asks for eggs.
pub(crate) const EGG: &Kind = &egg::KIND;

/// Stands for every recipe that would build software, for parts that a table of supplied software answers.
pub(crate) const SUPPLIED: &Kind = &supplied::SUPPLIED;

/// The error for a recipe that nobody knows.
pub(crate) fn unknown(recipe: &str, section: &str, python: bool) -> Error {
    let message = format!("part [{section}] needs recipe `{recipe}`, which is not known here");
    let error = Error::new(Code::UnknownRecipe, message).with_nearest(recipe, names());
    match (error.hint(), python) {
        (Some(_), _) => error,
        (None, true) => error
            .with_hint("it is not native, and the Python of this node does not have its package"),
        (None, false) => error.with_hint("it is not native, and this node has no Python"),
    }
}

/// Names of all native recipes.
fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().copied().flatten().flat_map(|kind| kind.names.iter().copied())
}

/// A part that only has options.
struct OptionsOnly;

impl Recipe for OptionsOnly {
    fn install(&mut self, _work: &mut Work<'_>) -> Result<()> {
        Ok(())
    }
}

/// A part that is one file.
struct WriteFile {
    path: Utf8PathBuf,
    text: String,
    mode: Mode,
}

impl WriteFile {
    /// As what a constructor gives back.
    fn boxed(path: Utf8PathBuf, text: String, mode: Mode) -> Result<Box<dyn Recipe>, Stop> {
        Ok(Box::new(Self { path, text, mode }))
    }
}

impl Recipe for WriteFile {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.write(&self.path, self.text.as_bytes(), self.mode)
    }
}
