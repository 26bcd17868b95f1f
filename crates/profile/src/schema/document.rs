//! JSON Schemas of parameters: validation, and the defaults of what really applies.
//!
//! A default counts only when its schema lies on a way that validates: inside a branch of `oneOf` that does not hold,
//! it does not. All documents are read before; nothing is fetched while validating.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, Retrieve, Uri, Validator};
use serde_json::{Value as Json, json};
use slapos_jinja::modules::quote;
use slapos_nearest::nearest;

use super::Read;
use crate::error::Result;
use crate::location::normal;

/// A default may have defaults inside, and so on; so often.
const ROUNDS_MAX: usize = 20;
/// Schemas inside schemas, references included.
const DEPTH_MAX: usize = 100;
/// What may stand in the fragment of a URI beside letters and digits.
const FRAGMENT: &str = "/~!$&'()*+,;=:@";

/// What is done to parameters beside validating them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mending {
    /// Adds what is not given and has a default.
    pub(crate) defaults: bool,
    /// Takes texts for the whole numbers and truths that they show.
    pub(crate) unstringify: bool,
}

/// A schema with all the documents that it refers to.
#[derive(Debug)]
pub(crate) struct Schema {
    documents: Arc<BTreeMap<Utf8PathBuf, Json>>,
    path: Utf8PathBuf,
}

/// A schema inside a document: its file, and the JSON pointer in it.
type Spot = (Utf8PathBuf, String);

/// A default: where the object is, the name of the property, its value.
type Default = (String, String, Json);

impl Schema {
    /// Reads a schema and what it refers to.
    pub(crate) fn read(path: &Utf8Path, read: &mut Read<'_>) -> Result<Self> {
        let mut documents = BTreeMap::new();
        let mut open = vec![path.to_owned()];
        while let Some(path) = open.pop() {
            if documents.contains_key(&path) {
                continue;
            }
            let document = read(&path)?;
            let folder = path.parent().unwrap_or(Utf8Path::new("/"));
            files_of(&document, &mut |file| open.push(normal(&folder.join(file))));
            documents.insert(path, document);
        }
        Ok(Self { documents: Arc::new(documents), path: path.to_owned() })
    }

    /// The parameters, mended; or what is wrong with them, one line each.
    pub(crate) fn apply(
        &self,
        mut parameters: Json,
        mending: Mending,
    ) -> Result<Json, Vec<String>> {
        let root = (self.path.clone(), String::new());
        let validator = self.validator(&root).map_err(|error| vec![error])?;
        while mending.unstringify && unstringify(&validator, &mut parameters) {}
        self.faults(&validator, &parameters)?;
        for _ in 0..ROUNDS_MAX {
            let mut defaults = Vec::new();
            if mending.defaults {
                self.walk(&root, &parameters, "", 0, &mut defaults);
            }
            if defaults.is_empty() {
                break;
            }
            set(&mut parameters, defaults)?;
            self.faults(&validator, &parameters)?;
        }
        Ok(parameters)
    }

    fn validator(&self, (path, pointer): &Spot) -> Result<Validator, String> {
        let reference =
            format!("file://{}#{}", quote(path.as_str(), "/"), quote(pointer, FRAGMENT));
        jsonschema::options()
            .with_retriever(Documents(Arc::clone(&self.documents)))
            .build(&json!({ "$ref": reference }))
            .map_err(|error| format!("the schema {path} cannot be used: {error}"))
    }

    /// What the schema refuses, one line each, without values: they may be secrets.
    fn faults(&self, validator: &Validator, parameters: &Json) -> Result<(), Vec<String>> {
        let told = validator.iter_errors(parameters).map(|error| {
            let at = error.instance_path().as_str().trim_start_matches('/');
            if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
                let names = unexpected.iter().map(|name| self.unknown(at, name));
                return names.collect::<Vec<_>>().join("; ");
            }
            let place = if at.is_empty() { "the parameters".into() } else { format!("`{at}`") };
            format!("{place}: {}", error.masked())
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() { Ok(()) } else { Err(told) }
    }

    /// Says that there is no such parameter, and which one may be meant.
    fn unknown(&self, at: &str, name: &str) -> String {
        let mut known = BTreeSet::new();
        self.documents.values().for_each(|document| names_of(document, &mut known));
        let inside = if at.is_empty() { String::new() } else { format!(" in `{at}`") };
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "it takes none".to_owned(),
            None => format!("it takes {}", known.into_iter().collect::<Vec<_>>().join(", ")),
        };
        format!("there is no parameter `{name}`{inside} ({hint})")
    }

    fn is_valid(&self, spot: &Spot, instance: &Json) -> bool {
        self.validator(spot).is_ok_and(|validator| validator.is_valid(instance))
    }

    /// Finds the defaults of all schemas that apply to an instance, which is valid.
    fn walk(&self, spot: &Spot, instance: &Json, at: &str, depth: usize, found: &mut Vec<Default>) {
        let Some(Json::Object(schema)) = self.schema(spot).filter(|_| depth < DEPTH_MAX) else {
            return;
        };
        let inner = |step: &str| (spot.0.clone(), format!("{}/{step}", spot.1));
        let go =
            |to: &Spot, found: &mut Vec<Default>| self.walk(to, instance, at, depth + 1, found);
        if let Some(target) = self.target(spot) {
            go(&target, found);
        }
        for word in ["allOf", "anyOf", "oneOf"] {
            let branches = schema.get(word).and_then(Json::as_array).map_or(0, Vec::len);
            for branch in (0..branches).map(|number| inner(&format!("{word}/{number}"))) {
                if word == "allOf" || self.is_valid(&branch, instance) {
                    go(&branch, found);
                }
            }
        }
        if schema.contains_key("if") {
            let holds = self.is_valid(&inner("if"), instance);
            let then = if holds { ["if", "then"].as_slice() } else { &["else"] };
            then.iter().for_each(|word| go(&inner(word), found));
        }
        match instance {
            Json::Object(members) => {
                let named = schema.get("properties").and_then(Json::as_object);
                for name in named.iter().flat_map(|named| named.keys()) {
                    let property = inner(&format!("properties/{}", escape(name)));
                    match members.get(name) {
                        Some(member) => {
                            let at = format!("{at}/{}", escape(name));
                            self.walk(&property, member, &at, depth + 1, found);
                        }
                        None => found.extend(
                            self.default(&property, 0).map(|it| (at.to_owned(), name.clone(), it)),
                        ),
                    }
                }
                let others = members
                    .iter()
                    .filter(|(name, _)| !named.is_some_and(|named| named.contains_key(*name)));
                for (name, member) in others {
                    let at = format!("{at}/{}", escape(name));
                    for rest in self.schemas_of_others(spot, name) {
                        self.walk(&rest, member, &at, depth + 1, found);
                    }
                }
            }
            Json::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.walk(&inner("items"), item, &format!("{at}/{number}"), depth + 1, found);
                }
            }
            _ => {}
        }
    }

    /// The schemas of a property that is not named: those of matching patterns, else that of additional ones.
    fn schemas_of_others(&self, spot: &Spot, name: &str) -> Vec<Spot> {
        let patterns = self.schema(spot).and_then(|schema| schema["patternProperties"].as_object());
        let matches = |pattern: &&String| {
            let test = jsonschema::validator_for(&json!({ "pattern": pattern }));
            test.is_ok_and(|test| test.is_valid(&json!(name)))
        };
        let inner = |step: String| (spot.0.clone(), format!("{}/{step}", spot.1));
        let matching = patterns.into_iter().flat_map(|patterns| patterns.keys()).filter(matches);
        let found: Vec<Spot> = matching
            .map(|pattern| inner(format!("patternProperties/{}", escape(pattern))))
            .collect();
        if found.is_empty() { vec![inner("additionalProperties".into())] } else { found }
    }

    fn schema(&self, (path, pointer): &Spot) -> Option<&Json> {
        self.documents.get(path)?.pointer(pointer)
    }

    /// What a reference leads to.
    fn target(&self, spot: &Spot) -> Option<Spot> {
        let reference = self.schema(spot)?.get("$ref")?.as_str()?;
        let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let path = match file {
            "" => spot.0.clone(),
            file => normal(&spot.0.parent()?.join(file)),
        };
        Some((path, pointer.to_owned()))
    }

    /// The default of a schema, perhaps behind references.
    fn default(&self, spot: &Spot, depth: usize) -> Option<Json> {
        if let Some(default) = self.schema(spot)?.get("default") {
            return Some(default.clone());
        }
        let target = self.target(spot).filter(|_| depth < DEPTH_MAX)?;
        self.default(&target, depth + 1)
    }
}

/// Tells all files that references name.
fn files_of(json: &Json, tell: &mut impl FnMut(&str)) {
    match json {
        Json::Object(members) => {
            let file =
                members.get("$ref").and_then(Json::as_str).map(|text| text.split('#').next());
            if let Some(Some(file)) = file
                && !file.is_empty()
                && !file.contains(':')
            {
                tell(file);
            }
            members.values().for_each(|member| files_of(member, tell));
        }
        Json::Array(items) => items.iter().for_each(|item| files_of(item, tell)),
        _ => {}
    }
}

/// Names of all properties that a schema describes.
fn names_of<'a>(json: &'a Json, names: &mut BTreeSet<&'a str>) {
    match json {
        Json::Object(members) => {
            let described = members.get("properties").and_then(Json::as_object);
            names.extend(described.into_iter().flat_map(|it| it.keys().map(String::as_str)));
            members.values().for_each(|member| names_of(member, names));
        }
        Json::Array(items) => items.iter().for_each(|item| names_of(item, names)),
        _ => {}
    }
}

/// A name as a step of a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Turns one text that should be a whole number or a truth, and shows one, into it. False if there is none.
fn unstringify(validator: &Validator, parameters: &mut Json) -> bool {
    let meant = validator.iter_errors(parameters).find_map(|error| {
        let ValidationErrorKind::Type { kind } = error.kind() else { return None };
        let wants = |wanted: JsonType| match kind {
            TypeKind::Single(one) => *one == wanted,
            TypeKind::Multiple(several) => several.contains(wanted),
        };
        let text = error.instance().as_str()?.to_owned();
        let number = text.trim().parse::<i64>().ok().filter(|_| wants(JsonType::Integer));
        let truth = match text.as_str() {
            "True" => Some(true),
            "False" => Some(false),
            _ => None,
        };
        let value = number
            .map(Json::from)
            .or(truth.filter(|_| wants(JsonType::Boolean)).map(Json::from))?;
        Some((error.instance_path().as_str().to_owned(), value))
    });
    let Some((path, value)) = meant else { return false };
    let Some(place) = parameters.pointer_mut(&path) else { return false };
    *place = value;
    true
}

/// Adds defaults. Two different ones for the same property are a mistake of the schema.
fn set(parameters: &mut Json, defaults: Vec<Default>) -> Result<(), Vec<String>> {
    let mut added: BTreeMap<(String, String), Json> = BTreeMap::new();
    for (at, name, value) in defaults {
        let key = (at, name);
        match added.get(&key) {
            Some(known) if *known != value => {
                return Err(vec![format!(
                    "`{}/{}` has different defaults: {known} and {value}",
                    key.0, key.1
                )]);
            }
            _ => drop(added.insert(key, value)),
        }
    }
    for ((at, name), value) in added {
        if let Some(Json::Object(members)) = parameters.pointer_mut(&at) {
            members.insert(name, value);
        }
    }
    Ok(())
}

/// Gives the validator the documents that were read.
struct Documents(Arc<BTreeMap<Utf8PathBuf, Json>>);

impl Retrieve for Documents {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Json, Box<dyn std::error::Error + Send + Sync>> {
        let found = self.0.iter().find(|(path, _)| {
            uri.scheme().as_str() == "file" && uri.path().as_str() == quote(path.as_str(), "/")
        });
        found
            .map(|(_, json)| json.clone())
            .ok_or_else(|| format!("{uri} lies outside of the release").into())
    }
}
