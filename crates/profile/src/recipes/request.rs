//! `slapos.cookbook:request`, `:requestoptional` and their `.serialised` forms: asks for another instance.
//!
//! In: `software-url`, `software-type` (`default`), `name`, `shared`, `state`, `sla-*`, `config-*`, `return`.
//! Out: `connection-<name>` for each returned name, `instance-guid`, `instance-state`, `instance-status` (the last word
//! on it, `#access ...` or `#error ...`), `requested-state`.
//!
//! A returned value that is not there makes the part wait, with all that refer to it. An optional request never
//! waits: its missing values are empty. Serialised: parameters and values are JSON under the key `_`.
//!
//! A section may carry options of its own for others to read, such as `slap-...`, but one that only just misses the
//! name of an option here is a mistake.

use std::collections::BTreeMap;
use std::rc::Rc;

use slapos_jinja::Value;
use slapos_nearest::nearest;

use super::publish::from_json;
use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work, host_error};
use crate::error::{Code, Error, Result};
use crate::host::{RequestAnswer, RequestAsk};
use crate::job::Options;
use crate::outcome::Waiting;

const OPTIONS: [&str; 7] =
    ["name", "return", "shared", "slave", "software-type", "software-url", "state"];
/// Whatever begins so is a parameter or a condition.
const FAMILIES: [&str; 2] = ["config", "sla"];
/// Whatever begins so is for others, though it only just misses a family.
const OTHERS: &str = "slap-";

const fn kind(names: &'static [&'static str], make: super::Make) -> Kind {
    Kind { requests: true, ..Kind::new(names, make) }
}

pub(super) static KINDS: [Kind; 4] = [
    kind(&["slapos.cookbook:request"], |scope| {
        request(scope, &Form { optional: false, serialised: false })
    }),
    kind(&["slapos.cookbook:request.serialised"], |scope| {
        request(scope, &Form { optional: false, serialised: true })
    }),
    kind(&["slapos.cookbook:requestoptional"], |scope| {
        request(scope, &Form { optional: true, serialised: false })
    }),
    kind(&["slapos.cookbook:requestoptional.serialised"], |scope| {
        request(scope, &Form { optional: true, serialised: true })
    }),
];

struct Form {
    optional: bool,
    serialised: bool,
}

/// A request that was made; the error is what came instead of an answer.
struct Request(Option<Error>);

fn request(scope: &mut Scope<'_, '_>, form: &Form) -> Result<Box<dyn Recipe>, Stop> {
    let ask = ask(scope, form)?;
    scope.requested(&ask.title);
    let returned = scope.words("return")?;
    scope.set_open("requested-state", ask.state.as_str());
    match scope.host().request(&ask) {
        Ok(answer) => {
            fill(scope, form, &ask, &returned, &answer)?;
            Ok(Box::new(Request(None)))
        }
        Err(refusal) => {
            let error = host_error(&format!("the request for `{}` failed", ask.title), refusal);
            let error = scope.place(error, "name");
            let waiting = waiting(scope, &ask, error.to_string());
            for name in &returned {
                match form.optional {
                    true => scope.set_open(&format!("connection-{name}"), ""),
                    false => scope.set_waiting(&format!("connection-{name}"), &waiting),
                }
            }
            scope.set_open("instance-guid", "");
            scope.set_open("instance-state", "");
            scope.set_open("instance-status", "");
            Ok(Box::new(Request(Some(error).filter(|_| !form.optional))))
        }
    }
}

fn ask(scope: &mut Scope<'_, '_>, form: &Form) -> Result<RequestAsk, Stop> {
    scope.refuse(&["config", "sla"])?;
    refuse_misspelt(scope)?;
    let title = scope.required("name")?;
    let software_release = scope.required("software-url")?;
    let software_type = scope.text("software-type")?.unwrap_or_else(|| "default".to_owned());
    let state = state(scope)?;
    let slave = scope.flag("slave", false)?;
    let shared = scope.flag("shared", slave)?;
    let (mut values, mut placement) = (BTreeMap::new(), Options::new());
    for option in scope.option_names() {
        if let Some(name) = option.strip_prefix("config-") {
            if let Some(value) = scope.option(&option)? {
                values.insert(name.to_owned(), value);
            }
        } else if let Some(name) = option.strip_prefix("sla-")
            && let Some(text) = scope.text(&option)?
        {
            placement.insert(name.to_owned(), text.trim().to_owned());
        }
    }
    Ok(RequestAsk {
        title: title.trim().to_owned(),
        software_release: software_release.trim().to_owned(),
        software_type: software_type.trim().to_owned(),
        parameters: parameters(values, form).map_err(|error| scope.place(error, "recipe"))?,
        placement,
        state,
        shared,
    })
}

fn refuse_misspelt(scope: &Scope<'_, '_>) -> Result<(), Stop> {
    let strange = |name: &&String| !OPTIONS.contains(&name.as_str()) && !name.starts_with(OTHERS);
    for option in scope.option_names().iter().filter(strange) {
        let (family, rest) = option.split_once('-').unwrap_or((option, ""));
        let meant = match nearest(family, FAMILIES) {
            Some(meant) if !rest.is_empty() => Some(format!("{meant}-{rest}")),
            _ => nearest(option, OPTIONS).map(ToOwned::to_owned),
        };
        if let Some(meant) = meant {
            let message = format!("a request has no option `{option}`");
            let error = scope.fault(option, Code::BadOption, message);
            return Err(error.with_hint(format!("did you mean `{meant}`?")).into());
        }
    }
    Ok(())
}

/// The wished state: the own option, else the one wished for this instance.
fn state(scope: &mut Scope<'_, '_>) -> Result<String, Stop> {
    if let Some(state) = scope.text("state")? {
        return Ok(state.trim().to_owned());
    }
    if scope.has_section("slap-connection") {
        let names = scope.options_of("slap-connection")?;
        for option in ["requested", "requested-state"] {
            if names.iter().any(|name| name == option) {
                let value = scope.reference(&format!("slap-connection:{option}"))?;
                return Ok(value.as_str().unwrap_or("started").to_owned());
            }
        }
    }
    Ok("started".to_owned())
}

fn parameters(values: BTreeMap<String, Value>, form: &Form) -> Result<Options> {
    let bad = |error: slapos_jinja::Error| Error::new(Code::BadOption, error.message());
    if form.serialised {
        let json = Value::dict(values).to_json().map_err(bad)?;
        return Ok(Options::from([("_".to_owned(), json)]));
    }
    values
        .into_iter()
        .map(|(name, value)| Ok((name, value.text().map_err(bad)?.to_string())))
        .collect()
}

fn waiting(scope: &Scope<'_, '_>, ask: &RequestAsk, reason: String) -> Rc<Waiting> {
    Rc::new(Waiting { part: scope.name().to_owned(), title: ask.title.clone(), reason })
}

/// Sets what the answer brought; stops if something is missing.
fn fill(
    scope: &mut Scope<'_, '_>,
    form: &Form,
    ask: &RequestAsk,
    returned: &[String],
    answer: &RequestAnswer,
) -> Result<(), Stop> {
    scope.set_open("instance-guid", answer.id.as_str());
    scope.set_open("instance-state", answer.state.as_str());
    scope.set_open("instance-status", status(answer));
    let given = given(answer, form)
        .map_err(|error| error.during(format!("while reading what `{}` published", ask.title)))?;
    let mut missing = Vec::new();
    for name in returned {
        let option = format!("connection-{name}");
        match given.get(name) {
            Some(value) => scope.set_secret(&option, value.clone()),
            None if form.optional => scope.set_open(&option, ""),
            None => missing.push(name.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let reason = match (&answer.waiting, &answer.connection) {
        (Some(reason), _) => reason.clone(),
        (None, None) => format!("`{}` has published nothing yet", ask.title),
        (None, Some(_)) => format!("`{}` has not published {} yet", ask.title, missing.join(", ")),
    };
    Err(Stop::Waiting(waiting(scope, ask, reason)))
}

/// What SlapOS says of the access to an instance.
fn status(answer: &RequestAnswer) -> String {
    match &answer.waiting {
        Some(reason) => format!("#error {reason}"),
        None => format!("#access Instance correctly {}", answer.state),
    }
}

/// The published values by name.
fn given(answer: &RequestAnswer, form: &Form) -> Result<BTreeMap<String, Value>> {
    let Some(connection) = &answer.connection else {
        return Ok(BTreeMap::new());
    };
    if form.serialised
        && let Some(json) = connection.get("_")
    {
        let Value::Dict(values) = from_json(json)? else {
            return Err(Error::new(Code::BadOption, "`_` holds JSON that is no object"));
        };
        let values = values.borrow();
        return Ok(values
            .iter()
            .filter_map(|(key, value)| Some((key.value().as_str()?.to_owned(), value.clone())))
            .collect());
    }
    Ok(connection.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect())
}

impl Recipe for Request {
    fn install(&mut self, _work: &mut Work<'_>) -> Result<()> {
        self.0.take().map_or(Ok(()), Err)
    }
}
