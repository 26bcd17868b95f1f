//! `slapos.cookbook:slapconfiguration`, `.serialised` and `.jsonschema`: what the instance knows of itself.
//!
//! The facts come from whoever runs the profile; the options that say where the master is are not needed. A
//! parameter overrides the profile's `configuration.<name>`. Serialised: parameters are JSON under the key `_`;
//! without it they are taken as they are.
//!
//! `slave-instance-list` has a dictionary for each shared instance that this one serves: its parameters as texts,
//! in either form, and `slave_reference`, `slave_title`, `slap_software_type`.

use slapos_jinja::{Set, Value};

use super::publish::from_json;
use super::{Kind, OptionsOnly, Recipe};
use crate::engine::{Scope, Stop};
use crate::error::{Code, Error, Result};
use crate::job::{Facts, Shared};

mod validated;

pub(super) static KINDS: [Kind; 3] = [
    Kind::new(&["slapos.cookbook:slapconfiguration"], plain),
    Kind::new(&["slapos.cookbook:slapconfiguration.serialised"], serialised),
    Kind::new(&["slapos.cookbook:slapconfiguration.jsonschema"], validated::make),
];

fn plain(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let facts = scope.facts()?;
    fill(scope, facts, texts(facts))
}

fn serialised(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let facts = scope.facts()?;
    let parameters = match facts.parameters.get("_") {
        Some(json) => from_json(json)
            .map_err(|error| error.with_hint("give the parameters of this instance as JSON"))?,
        None => texts(facts),
    };
    fill(scope, facts, parameters)
}

fn texts(facts: &Facts) -> Value {
    Value::dict(facts.parameters.iter().map(|(name, text)| (name, Value::from(text.as_str()))))
}

fn fill(
    scope: &mut Scope<'_, '_>,
    facts: &Facts,
    parameters: Value,
) -> Result<Box<dyn Recipe>, Stop> {
    if let Value::Dict(parameters) = &parameters {
        for (name, value) in parameters.borrow().iter() {
            if let Some(name) = name.value().as_str().filter(|name| !name.contains(['=', ':'])) {
                scope.set(&format!("configuration.{name}"), value.clone());
            }
        }
    }
    scope.set("configuration", parameters);
    let short = facts.root_title.rsplit('/').next().unwrap_or_default();
    let texts = [
        ("instance-state", facts.state.as_str()),
        ("instance-title", &facts.title),
        ("root-instance-title", &facts.root_title),
        ("root-instance-short-title", short),
        ("instance-guid", &facts.id),
        ("slap-software-type", &facts.software_type),
        ("slap-computer-partition-id", &facts.partition),
        ("slap-computer-id", &facts.computer),
        ("slap-software-release-url", &facts.software_release),
        ("timestamp", &facts.timestamp),
    ];
    for (option, text) in texts {
        scope.set(option, text);
    }
    // A secret: the parameters belong to others, and may hold passwords.
    scope.set_secret("slave-instance-list", Value::list(facts.shared.iter().map(listed).collect()));
    addresses(scope, "ipv4", &facts.ipv4)?;
    addresses(scope, "ipv6", &facts.ipv6)?;
    scope.set("storage-dict", Value::dict::<&str>([]));
    Ok(Box::new(OptionsOnly))
}

/// An entry of the list. What the master says comes last: no parameter can pretend to be another instance.
fn listed(shared: &Shared) -> Value {
    let mut entry = shared.parameters.clone();
    let said = [
        ("slave_reference", &shared.reference),
        ("slave_title", &shared.title),
        ("slap_software_type", &shared.software_type),
    ];
    entry.extend(said.map(|(name, text)| (name.to_owned(), text.clone())));
    Value::dict(entry.iter().map(|(name, text)| (name.as_str(), Value::from(text.as_str()))))
}

/// The set, and as `-random` the smallest, if there is any.
fn addresses(scope: &mut Scope<'_, '_>, option: &str, list: &[String]) -> Result<()> {
    let set = Set::of(list.iter().map(|text| Value::from(text.as_str())))
        .map_err(|error| Error::new(Code::BadOption, error.message()))?;
    scope.set(option, Value::Set(set));
    if let Some(smallest) = list.iter().min() {
        scope.set(&format!("{option}-random"), smallest.as_str());
    }
    Ok(())
}
