//! What earlier runs installed: one JSON file, written atomically and only when it changed.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::files::{Keep, Mode, put};
use crate::outcome::Input;

/// Version of the file's format.
const VERSION: u32 = 1;

/// The state file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    /// In the order of their installation.
    pub(super) parts: Vec<PartState>,
    /// Paths of earlier installations which the run that was interrupted would have removed at its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) left: Vec<Utf8PathBuf>,
}

/// One installed part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartState {
    pub(crate) name: String,
    pub(crate) recipe: String,
    /// Empty: it must be installed again whatever its options.
    pub(crate) signature: String,
    /// Options after substitution and construction; secrets as digests.
    pub(crate) options: BTreeMap<String, String>,
    /// What it owns and uninstalling removes.
    pub(crate) paths: Vec<Utf8PathBuf>,
    /// What its constructor read elsewhere, by digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) reads: BTreeMap<String, String>,
    /// Signatures of the parts that it refers to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) below: BTreeMap<String, String>,
    /// Digest of what it is made of, without the parts that it refers to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) own: String,
    /// What its installation read and wrote, as it looked: while it looks so, there is nothing to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) looks: Vec<Input>,
}

impl State {
    pub(super) fn new(parts: Vec<PartState>) -> Self {
        Self { version: VERSION, parts, left: Vec::new() }
    }

    /// Reads the file; `None` without one.
    pub(super) fn load(path: &Utf8Path) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read the state", path, &error)),
        };
        let bad = |problem: String| {
            Error::new(Code::BadState, format!("the state file {path} cannot be used: {problem}"))
                .with_hint(
                    "move it away to install everything again; files of vanished parts then stay",
                )
        };
        let state: Self = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
        match state.version {
            VERSION => Ok(Some(state)),
            other => {
                Err(bad(format!("it has version {other}, this program reads version {VERSION}")))
            }
        }
    }

    /// Writes the file unless it says just this.
    pub(super) fn save(&self, path: &Utf8Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| {
            Error::new(Code::BadState, format!("the state cannot be written: {error}"))
        })?;
        put(path, &text, Mode::Exact(0o600), Keep::Durable)?;
        Ok(())
    }
}

/// The template that a generated file was made from, as the state file of its run says.
pub fn template_of(state: &[u8], generated: &str) -> Option<String> {
    let state: State = serde_json::from_slice(state).ok()?;
    let option = |part: &PartState, names: [&str; 2]| {
        names.iter().find_map(|name| part.options.get(*name)).cloned()
    };
    let made =
        |part: &&PartState| option(part, ["output", "rendered"]).as_deref() == Some(generated);
    option(state.parts.iter().find(made)?, ["url", "template"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_comes_back_and_strange_ones_are_refused() {
        let keeper = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(keeper.path()).unwrap().join("state.json");
        assert_eq!(State::load(&path).unwrap(), None);
        let part = PartState {
            name: "a".into(),
            recipe: "r".into(),
            signature: "s".into(),
            options: BTreeMap::from([("x".into(), "1".into())]),
            paths: vec!["/p/a".into()],
            reads: BTreeMap::new(),
            below: BTreeMap::new(),
            own: String::new(),
            looks: Vec::new(),
        };
        let state = State::new(vec![part]);
        state.save(&path).unwrap();
        assert_eq!(State::load(&path).unwrap(), Some(state));
        for text in ["{}", "{\"version\": 99, \"parts\": []}", ""] {
            put(&path, text.as_bytes(), Mode::Plain, Keep::Renewable).unwrap();
            assert_eq!(State::load(&path).unwrap_err().code(), Code::BadState, "{text}");
        }
    }

    #[test]
    fn a_generated_file_has_its_template() {
        let text = r#"{"version":1,"parts":[{"name":"a","recipe":"r","signature":"","paths":[],
            "options":{"output":"/r/instance.cfg","url":"/s/instance.cfg.in"}}]}"#;
        let found = template_of(text.as_bytes(), "/r/instance.cfg");
        assert_eq!(found.as_deref(), Some("/s/instance.cfg.in"));
        assert_eq!(template_of(text.as_bytes(), "/r/other"), None);
        assert_eq!(template_of(b"", "/r/instance.cfg"), None);
    }

    /// The format of the first release must stay readable.
    #[test]
    fn version_1_is_read() {
        let text = r#"{"version":1,"parts":[{"name":"a","recipe":"r","signature":"","options":{},"paths":[]}]}"#;
        let state: State = serde_json::from_str(text).unwrap();
        assert_eq!(state.parts[0].name, "a");
    }
}
