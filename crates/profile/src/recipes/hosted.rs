//! Every recipe that has no file of its own: it is Python, and runs in the recipe host.
//!
//! Foremost `slapos.recipe.build`, Python text in the profile itself; others as far as the interpreter of the node
//! has their packages. In: whatever the recipe reads. Options that it sets are secret as soon as anything that the
//! part could read is: what Python computes of them cannot be followed.

use std::rc::Rc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use camino::Utf8PathBuf;
use serde_json::{Map, Value as Json, json};
use slapos_jinja::Value;

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Place, Result};
use crate::recipe_host::RecipeHost;
use crate::value::parse_literal;

/// What runs every recipe that is not native.
pub(super) static HOSTED: Kind = Kind { clear_first: true, ..Kind::new(&[], make) };

struct Hosted {
    host: Rc<RecipeHost>,
    part: String,
    /// What it will make, as far as it is known before.
    makes: Option<Utf8PathBuf>,
    /// Where its text stands.
    place: Option<Place>,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let recipe = scope.required("recipe")?;
    let host = scope.recipe_host()?;
    let part = scope.name().to_owned();
    let (own, main) = (literals(scope.section(&part)?)?, literals(scope.section("buildout")?)?);
    host.tell(
        &json!({"do": "make", "part": part, "recipe": recipe, "options": own, "buildout": main}),
    )?;
    let mut stop = None;
    let end = loop {
        let message = host.hear()?;
        let Some(question) = message["ask"].as_str() else {
            break message;
        };
        let answer = match answer(scope, question, &message) {
            Ok(answer) => json!({ "answer": answer }),
            // Python may ask for what is not there, and have an answer to that itself.
            Err(Stop::Error(error)) if error.code() == Code::MissingSection => {
                json!({"missing": format!("there is no section [{}]", message["name"].as_str().unwrap_or_default())})
            }
            Err(other) => {
                stop = Some(other);
                json!({"stopped": true})
            }
        };
        host.tell(&answer)?;
    };
    match stop {
        Some(stop) => return Err(stop),
        None if end["unknown"] == true => {
            return Err(scope.place(super::unknown(&recipe, &part, true), "recipe").into());
        }
        None => finished(&end)?,
    };
    let fault = scope.fault("install", Code::Python, "");
    let place = fault.faults().next().and_then(|fault| fault.place.clone());
    let inline = recipe.starts_with("slapos.recipe.build") && scope.text("install")?.is_some();
    let makes = if inline { scope.text("location")?.map(|text| scope.path(&text)) } else { None };
    Ok(Box::new(Hosted { host, part, makes, place }))
}

/// Answers a question of the part under construction.
fn answer(scope: &mut Scope<'_, '_>, question: &str, asked: &Json) -> Result<Json, Stop> {
    let text = |field: &str| asked[field].as_str().unwrap_or_default();
    match question {
        "section" => Ok(Json::Object(literals(seen(scope, text("name"))?)?)),
        "has" => Ok(scope.has_section(text("name")).into()),
        "sections" => Ok(scope.section_names().into()),
        "substitute" => Ok(scope.substitute("a text of Python", text("text"))?.into()),
        "parse" => {
            scope.add_sections(text("text"))?;
            Ok(Json::Null)
        }
        "set" => {
            let value = parse_literal(text("value"))?;
            match scope.may_know_secrets() {
                true => scope.set_secret(text("option"), value),
                false => scope.set(text("option"), value),
            }
            Ok(Json::Null)
        }
        "delete" => {
            scope.delete(text("option"));
            Ok(Json::Null)
        }
        "fetch" => {
            let place = scope.location(text("url"));
            Ok(BASE64_STANDARD.encode(scope.read(&place)?).into())
        }
        other => Err(unanswered(other).into()),
    }
}

/// Another section, less what is being evaluated just now and what refers to that: Python may want none of it.
fn seen(scope: &mut Scope<'_, '_>, section: &str) -> Result<Vec<(String, Value)>, Stop> {
    let mut options = Vec::new();
    for name in scope.options_of(section)? {
        match scope.reference(&format!("{section}:{name}")) {
            Err(Stop::Error(error)) if error.code() == Code::OptionCycle => {}
            value => options.push((name, value?)),
        }
    }
    Ok(options)
}

impl Recipe for Hosted {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        if let Some(path) = &self.makes {
            work.claim(path)?;
        }
        self.lay_out("install", work)
    }

    fn update(&mut self, work: &mut Work<'_>) -> Result<()> {
        self.lay_out("update", work)
    }
}

impl Hosted {
    fn lay_out(&self, order: &str, work: &mut Work<'_>) -> Result<()> {
        self.host.tell(&json!({"do": order, "part": self.part}))?;
        let end = loop {
            let message = self.host.hear()?;
            let answer = match message["ask"].as_str() {
                None => break message,
                Some("fetch") => {
                    let place = message["url"].as_str().unwrap_or_default();
                    json!({"answer": BASE64_STANDARD.encode(work.read(place)?)})
                }
                Some("set" | "delete") => json!({"answer": null}), // it is laid out: nobody reads options any more
                Some("has") => json!({"answer": false}),
                Some(_) => {
                    json!({"refused": "a part can look at other sections while it is made, in `init`"})
                }
            };
            self.host.tell(&answer)?;
        };
        let paths = finished(&end).map_err(|error| match &self.place {
            Some(place) => error.at(|| place.clone()),
            None => error,
        });
        for path in paths? {
            work.record(&path)?;
        }
        if end["keep"] == true {
            work.keep();
        }
        Ok(())
    }
}

/// The paths that a part owns, if it went through.
fn finished(end: &Json) -> Result<Vec<Utf8PathBuf>> {
    if let Some(failure) = end["failed"].as_str() {
        return Err(Error::new(Code::Python, failure));
    }
    let paths = end["done"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(paths.iter().filter_map(Json::as_str).map(Utf8PathBuf::from).collect())
}

fn literals(options: Vec<(String, Value)>) -> Result<Map<String, Json>> {
    let literal =
        |value: &Value| value.repr().map_err(|error| Error::new(Code::BadLiteral, error.message()));
    options.into_iter().map(|(name, value)| Ok((name, literal(&value)?.as_str().into()))).collect()
}

fn unanswered(question: &str) -> Error {
    Error::new(Code::Host, format!("the recipe host asks `{question}`, which nobody answers"))
}
