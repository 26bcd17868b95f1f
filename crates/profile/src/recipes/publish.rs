//! `slapos.cookbook:publish`, and `:publish.serialised`: what the instance tells its requester.
//!
//! In: every option but `recipe` and those that begin with `-`; with `-publish` only the named ones; `-extends` names
//! sections whose options are published too; `-slave-reference` names the shared instance that they are for.
//! Serialised: one key `_` that holds JSON. Nothing is sent here, the outcome carries it; so nothing can fail here
//! either, and the forms `_failsafe` are the same.

use std::collections::{BTreeMap, BTreeSet};

use slapos_jinja::Value;

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};
use crate::extends::BASE;

pub(super) static KINDS: [Kind; 2] = [
    Kind::new(&["slapos.cookbook:publish", "slapos.cookbook:publish_failsafe"], plain),
    Kind::new(
        &["slapos.cookbook:publish.serialised", "slapos.cookbook:publish.serialised_failsafe"],
        serialised,
    ),
];

struct Publish {
    /// The shared instance that the values are for; `None`: they are the instance's own.
    reference: Option<String>,
    values: BTreeMap<String, String>,
}

fn plain(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let reference = reference(scope)?;
    let mut values = BTreeMap::new();
    for (name, value) in collect(scope)? {
        let text =
            value.text().map_err(|error| scope.fault(&name, Code::BadOption, error.message()))?;
        values.insert(name, text.to_string());
    }
    Ok(Box::new(Publish { reference, values }))
}

fn serialised(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let reference = reference(scope)?;
    let json = Value::dict(collect(scope)?)
        .to_json()
        .map_err(|error| scope.fault("recipe", Code::BadOption, error.message()))?;
    Ok(Box::new(Publish { reference, values: BTreeMap::from([("_".to_owned(), json)]) }))
}

/// The shared instance that the part is for. An empty reference is a mistake: it must not turn values that are meant
/// for one requester into those of another.
fn reference(scope: &mut Scope<'_, '_>) -> Result<Option<String>, Stop> {
    const OPTION: &str = "-slave-reference";
    let Some(value) = scope.option(OPTION)? else {
        return Ok(None);
    };
    let text =
        value.text().map_err(|error| scope.fault(OPTION, Code::BadOption, error.message()))?;
    let reference = text.trim();
    let served = &scope.facts()?.shared;
    if served.iter().any(|shared| shared.reference == reference) {
        return Ok(Some(reference.to_owned()));
    }
    let message = format!("this instance serves no shared instance `{reference}`");
    let error = scope.fault(OPTION, Code::BadOption, message).with_hint(
        "take it from `slave_reference` of an entry of `slap-configuration:slave-instance-list`",
    );
    let known = served.iter().map(|shared| shared.reference.as_str());
    Err(error.with_nearest(reference, known).into())
}

/// Name and value of everything to publish.
fn collect(scope: &mut Scope<'_, '_>) -> Result<BTreeMap<String, Value>, Stop> {
    let (mut found, mut seen) = (BTreeMap::new(), BTreeSet::new());
    let mut open = vec![scope.name().to_owned()];
    while let Some(section) = open.pop() {
        if !seen.insert(section.clone()) {
            continue;
        }
        let names = scope.options_of(&section)?;
        let wanted = match names.iter().any(|name| name == "-publish") {
            true => words(&scope.reference(&format!("{section}:-publish"))?),
            false => names
                .iter()
                .filter(|name| !name.starts_with('-') && !["recipe", BASE].contains(&name.as_str()))
                .cloned()
                .collect(),
        };
        for name in wanted {
            let value =
                scope.reference(&format!("{section}:{name}")).map_err(|stop| match stop {
                    Stop::Error(error) => Stop::Error(scope.place_of(error, "-publish", &name)),
                    waiting @ Stop::Waiting(_) => waiting,
                })?;
            found.entry(name).or_insert(value);
        }
        if names.iter().any(|name| name == "-extends") {
            open.extend(words(&scope.reference(&format!("{section}:-extends"))?));
        }
    }
    Ok(found)
}

fn words(value: &Value) -> Vec<String> {
    value.as_str().unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect()
}

impl Recipe for Publish {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        match &self.reference {
            Some(reference) => work.publish_for(reference, self.values.clone()),
            None => work.publish(self.values.clone()),
        }
        Ok(())
    }
}

/// JSON that stands for a dictionary of texts; `None` if it is none.
pub(super) fn from_json(text: &str) -> Result<Value> {
    Value::from_json(text).map_err(|error| {
        Error::new(Code::BadOption, format!("`_` does not hold JSON: {}", error.message))
    })
}
