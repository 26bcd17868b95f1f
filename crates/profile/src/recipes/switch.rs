//! `slapos.cookbook:switch-softwaretype`: goes on with the profile of the instance's type.
//!
//! In: each option named like a type is `section:option`, holding the path of a profile; `override`, a dictionary from
//! types to profiles that extend those. The profile runs in the same directory with a state file of its own;
//! `[slap-connection]` and `[slap-configuration]` are handed on.

use std::collections::{BTreeMap, BTreeSet};

use slapos_jinja::Value;

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work, run_inside};
use crate::error::{Code, Error, Result};
use crate::job::{Job, Options};
use crate::value::dumps;

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.cookbook:switch-softwaretype"], make)];

const CONFIGURATION: &str = "slap-configuration";
const OVERRIDE: &str = "override";
const HANDED_ON: [&str; 5] =
    ["directory", "bin-directory", "parts-directory", "eggs-directory", "develop-eggs-directory"];

struct Switch(Job);

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let software_type = scope.reference(&format!("{CONFIGURATION}:slap-software-type"))?;
    let software_type = software_type.as_str().unwrap_or_default().to_owned();
    let mut types = scope.option_names();
    types.retain(|name| name != OVERRIDE);
    let known = |name: &str| types.iter().any(|known| known == name);
    let chosen = match software_type.as_str() {
        "RootSoftwareInstance" | "" if !known(&software_type) => "default",
        other => other,
    };
    if !known(chosen) {
        let error =
            scope.fault("recipe", Code::BadOption, format!("this release has no type `{chosen}`"));
        let error = error.with_hint(format!("its types are: {}", types.join(", ")));
        return Err(error.with_nearest(chosen, types.iter().map(String::as_str)).into());
    }
    let reference = scope.required(chosen)?;
    let profile = scope.reference(reference.trim()).map_err(|stop| match stop {
        Stop::Error(error) => Stop::Error(scope.place(error, chosen)),
        waiting @ Stop::Waiting(_) => waiting,
    })?;
    let profile =
        profile.text().map_err(|error| scope.fault(chosen, Code::BadOption, error.message()))?;
    let job = scope.job();
    let state_file = job.state_file.with_file_name(format!(
        "{}-{}.json",
        job.state_file.file_stem().unwrap_or("state"),
        scope.name()
    ));
    let (mut extra, secret) = handed_on(scope)?;
    let mut profile = scope.location(&profile);
    let buildout = extra.entry("buildout".to_owned()).or_default();
    buildout.remove("extends"); // of a switch before this one
    if let Some(outer) = overriding(scope, chosen)? {
        buildout.insert("extends".to_owned(), profile);
        profile = outer;
    }
    Ok(Box::new(Switch(Job { profile, state_file, extra, secret, ..job.clone() })))
}

/// The profile that takes the place of a type's own, which it extends.
fn overriding(scope: &mut Scope<'_, '_>, chosen: &str) -> Result<Option<String>, Stop> {
    let profiles = match scope.option(OVERRIDE)? {
        None => return Ok(None),
        Some(Value::Dict(profiles)) => profiles,
        Some(text) if text.as_str() == Some("") => return Ok(None),
        Some(_) => {
            let message = "`override` must be a dictionary from types to profiles";
            return Err(scope.fault(OVERRIDE, Code::BadOption, message).into());
        }
    };
    let profiles = profiles.borrow();
    let mut profiles = profiles.iter().map(|(name, profile)| (name.value().as_str(), profile));
    let Some((_, profile)) = profiles.find(|(name, _)| *name == Some(chosen)) else {
        return Ok(None);
    };
    let profile =
        profile.text().map_err(|error| scope.fault(OVERRIDE, Code::BadOption, error.message()))?;
    Ok(Some(scope.location(&profile)))
}

/// The sections that the other profile gets, on top of those that this one got, and which of it are secrets.
fn handed_on(
    scope: &mut Scope<'_, '_>,
) -> Result<(BTreeMap<String, Options>, BTreeSet<String>), Stop> {
    let (mut extra, mut secret) = (scope.job().extra.clone(), scope.job().secret.clone());
    let buildout = extra.entry("buildout".to_owned()).or_default();
    // Where zc.buildout kept the state of this sub-run.
    buildout.insert("installed".to_owned(), format!(".installed-{}.cfg", scope.name()));
    for option in HANDED_ON {
        buildout.insert(option.to_owned(), text(&scope.reference(&format!("buildout:{option}"))?)?);
    }
    for section in ["slap-connection", CONFIGURATION] {
        if !scope.has_section(section) {
            continue;
        }
        let mut options = Options::new();
        for (name, value) in scope.section(section)? {
            if scope.is_secret(section, &name) {
                secret.insert(format!("{section}:{name}"));
            }
            options.insert(name, text(&value)?);
        }
        options.insert("recipe".to_owned(), String::new());
        extra.insert(section.to_owned(), options);
    }
    Ok((extra, secret))
}

/// Texts as they are, other values as literals.
fn text(value: &Value) -> Result<String, Error> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => dumps(value),
    }
}

impl Recipe for Switch {
    fn inner(&self) -> Option<&Job> {
        Some(&self.0)
    }

    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        let outcome = run_inside(&self.0, &mut *work.host)?;
        work.adopt(outcome);
        Ok(())
    }
}
