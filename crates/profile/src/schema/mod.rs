//! What a release says of the parameters of its instances: `software.cfg.json`, and the JSON Schemas that it names.
//!
//! Reads files through whoever asks, so that a part notices their changes, and a client can look before it asks.

mod document;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value as Json;

pub(crate) use document::{Mending, Schema};

use crate::error::{Code, Error, Result};
use crate::job::Options;

/// Gives the JSON in a file.
pub type Read<'a> = dyn FnMut(&Utf8Path) -> Result<Json> + 'a;

/// What a release says of its types.
#[derive(Debug)]
pub struct Release {
    path: Utf8PathBuf,
    types: serde_json::Map<String, Json>,
    /// The wished type.
    wished: String,
    /// Parameters are JSON under `_`.
    pub(crate) in_json: bool,
}

impl Release {
    /// Reads what the `software.cfg.json` at `path` says of a type of the release.
    ///
    /// # Errors
    /// An unreadable file, or one that lacks `serialisation` or `software-type`.
    pub fn read(path: &Utf8Path, software_type: &str, read: &mut Read<'_>) -> Result<Self> {
        let mut release = read(path)?;
        let wished = match software_type {
            "" | "RootSoftwareInstance" => "default",
            other => other,
        };
        let serialisation =
            [&release["software-type"][wished]["serialisation"], &release["serialisation"]];
        let in_json = match serialisation.iter().find_map(|text| text.as_str()) {
            Some("json-in-xml") => true,
            Some("xml") => false,
            _ => {
                let message =
                    format!("{path} says neither `xml` nor `json-in-xml` as `serialisation`");
                return Err(Error::new(Code::BadOption, message));
            }
        };
        let Json::Object(types) = release["software-type"].take() else {
            return Err(Error::new(Code::BadOption, format!("{path} has no `software-type`")));
        };
        Ok(Self { path: path.to_owned(), types, wished: wished.to_owned(), in_json })
    }

    /// Whether an instance of this type, or a shared one, may have these parameters.
    ///
    /// # Errors
    /// A type that the release does not have; parameters that its schema refuses, named, without their values.
    pub fn check(&self, parameters: &Options, shared: bool, read: &mut Read<'_>) -> Result<()> {
        let given = match parameters.get("_").filter(|_| self.in_json) {
            Some(json) => serde_json::from_str(json).unwrap_or_else(|_| Json::from(json.as_str())),
            None => serde_json::json!(parameters),
        };
        let schema = self.schema(shared, read)?;
        schema.apply(given, Mending::default()).map(drop).map_err(|faults| refused(&faults))
    }

    /// The schema of what goes into instances of the wished type, or into shared ones.
    pub(crate) fn schema(&self, shared: bool, read: &mut Read<'_>) -> Result<Schema> {
        let of_type = |name: &str, entry: &Json| {
            entry["software-type"].as_str().unwrap_or(name) == self.wished
                && entry["shared"] == true
        };
        let entry = match shared {
            false => self.types.get(&self.wished),
            true => {
                self.types.iter().find(|(name, entry)| of_type(name, entry)).map(|found| found.1)
            }
        };
        let Some(file) = entry.and_then(|entry| entry["request"].as_str()) else {
            let kind = if shared { "shared instances of the" } else { "the" };
            let message = format!("{} has no schema for {kind} type `{}`", self.path, self.wished);
            let names = self.types.keys().map(String::as_str);
            return Err(Error::new(Code::BadOption, message).with_nearest(&self.wished, names));
        };
        let folder = self.path.parent().unwrap_or(Utf8Path::new("/"));
        Schema::read(&folder.join(file), read)
    }
}

/// The error for parameters that a schema refuses.
pub(crate) fn refused(faults: &[String]) -> Error {
    let message = format!("the parameters of this instance are refused: {}", faults.join("; "));
    Error::new(Code::BadOption, message).with_hint("request it again with other parameters")
}
