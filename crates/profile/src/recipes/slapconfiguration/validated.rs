//! `slapos.cookbook:slapconfiguration.jsonschema`: as the others, with parameters that a schema holds to.
//!
//! In: `jsonschema` (the release's `software.cfg.json`, other schemas beside it), `validate-parameters`,
//! `set-default`, `unstringify`, each `all`, `main`, `shared` or `none` (default: `all`, then `none`), `unwrap-shared`.
//! Out, with validated shared instances: `valid-shared-instance-list` and `invalid-shared-instance-list`, entries of
//! `reference`, `parameters` and `errors`. Wrong parameters of the instance itself fail the part, and so reach the
//! master; those of a shared one only its entry, since another's mistake must not stop this instance.

use camino::Utf8Path;
use serde_json::Value as Json;
use slapos_jinja::Value;

use super::super::Recipe;
use super::{fill, listed, texts};
use crate::engine::{Scope, Stop};
use crate::error::{Code, Error, Result};
use crate::job::{Facts, Shared};
use crate::recipes::publish::from_json;
use crate::schema::{Mending, Release, Schema, refused};

pub(super) fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let facts = scope.facts()?;
    let release = release(scope, facts)?;
    let validate = Which::read(scope, "validate-parameters", "all")?;
    let (defaults, unstringify) =
        (Which::read(scope, "set-default", "none")?, Which::read(scope, "unstringify", "none")?);
    Which::read(scope, "report-error", "all")?;
    let mut parameters = match facts.parameters.get("_").filter(|_| release.in_json) {
        Some(json) => from_json(json)
            .map_err(|error| error.with_hint("give the parameters of this instance as JSON"))?,
        None => texts(facts),
    };
    if validate.main {
        let schema = schema(scope, &release, false)?;
        let mending = Mending { defaults: defaults.main, unstringify: unstringify.main };
        let given = Some(json_of(&parameters)?).filter(Json::is_object);
        let mended =
            schema.apply(given.unwrap_or_else(|| Json::Object(Default::default())), mending);
        parameters = Value::from(&mended.map_err(|faults| refused(&faults))?);
    }
    let made = fill(scope, facts, parameters)?;
    if validate.shared {
        scope.delete("slave-instance-list");
        let mending = Mending { defaults: defaults.shared, unstringify: unstringify.shared };
        shared(scope, facts, &release, mending)?;
    } else if release.in_json && scope.flag("unwrap-shared", true)? {
        let list = facts.shared.iter().map(unwrapped).collect::<Result<_>>()?;
        scope.set_secret("slave-instance-list", Value::list(list));
    }
    Ok(made)
}

/// Sorts the shared instances by whether their parameters are valid.
fn shared(
    scope: &mut Scope<'_, '_>,
    facts: &Facts,
    release: &Release,
    mending: Mending,
) -> Result<(), Stop> {
    let (mut valid, mut invalid) = (Vec::new(), Vec::new());
    if !facts.shared.is_empty() {
        let schema = schema(scope, release, true)?;
        for instance in &facts.shared {
            let given = match instance.parameters.get("_") {
                Some(text) => serde_json::from_str(text).unwrap_or(Json::String(text.clone())),
                None => serde_json::json!(instance.parameters),
            };
            let entry = |parameters: &Json| {
                let reference = Value::from(instance.reference.as_str());
                vec![("reference", reference), ("parameters", Value::from(parameters))]
            };
            match schema.apply(given.clone(), mending) {
                Ok(parameters) => valid.push(Value::dict(entry(&parameters))),
                Err(faults) => {
                    let mut entry = entry(&given);
                    entry.push(("errors", Value::from(faults.join("\n"))));
                    invalid.push(Value::dict(entry));
                }
            }
        }
    }
    scope.set_secret("valid-shared-instance-list", Value::list(valid));
    scope.set_secret("invalid-shared-instance-list", Value::list(invalid));
    Ok(())
}

/// An entry of the list with the parameters that stand as JSON under `_`; what the master says stays.
fn unwrapped(instance: &Shared) -> Result<Value> {
    let entry = listed(instance);
    if let (Value::Dict(entry), Some(json)) = (&entry, instance.parameters.get("_"))
        && let Value::Dict(parameters) = from_json(json)?
    {
        let mut entry = entry.borrow_mut();
        entry.shift_remove(&slapos_jinja::Key::from("_"));
        for (name, value) in parameters.borrow().iter() {
            entry.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    Ok(entry)
}

fn json_of(value: &Value) -> Result<Json, Stop> {
    let text = value.to_json();
    let text = text.map_err(|error| Error::new(Code::BadOption, error.message()))?;
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

fn release(scope: &mut Scope<'_, '_>, facts: &Facts) -> Result<Release, Stop> {
    let path = scope.required("jsonschema")?;
    let path = scope.path(path.trim().trim_start_matches("file://"));
    let release = Release::read(&path, &facts.software_type, &mut |path| read_json(scope, path));
    Ok(release.map_err(|error| scope.place(error, "jsonschema"))?)
}

fn schema(scope: &mut Scope<'_, '_>, release: &Release, shared: bool) -> Result<Schema, Stop> {
    let schema = release.schema(shared, &mut |path| read_json(scope, path));
    Ok(schema.map_err(|error| scope.place(error, "jsonschema"))?)
}

/// Reads a file of JSON; a change of it is a change of the part.
fn read_json(scope: &mut Scope<'_, '_>, path: &Utf8Path) -> Result<Json> {
    let bytes = scope.read(path.as_str())?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::new(Code::Unreadable, format!("{path} is not JSON: {error}")))
}

/// Whether something is done with the parameters of the instance, and of the shared ones.
#[derive(Debug, Clone, Copy)]
struct Which {
    main: bool,
    shared: bool,
}

impl Which {
    fn read(scope: &mut Scope<'_, '_>, option: &str, otherwise: &str) -> Result<Self, Stop> {
        let text = scope.text(option)?.unwrap_or_else(|| otherwise.to_owned());
        let (main, shared) = match text.trim() {
            "all" => (true, true),
            "main" => (true, false),
            "shared" => (false, true),
            "none" => (false, false),
            other => {
                let message = format!("`{option}` is `{other}`, wanted all, main, shared or none");
                return Err(scope.fault(option, Code::BadOption, message).into());
            }
        };
        Ok(Self { main, shared })
    }
}
