//! The state file of zc.buildout, `.installed.cfg`, taken over once: when a directory has no state file of ours yet.
//!
//! Each part keeps its options, for recipes that look at what they did before, and its paths, so that what vanishes
//! is uninstalled. All parts are installed again, since the signatures are of another program.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use camino::Utf8Path;

use super::state::{PartState, State};
use crate::error::{Code, Error, Result};
use crate::files;
use crate::read::{Source, parse};

/// What stands for white space at the ends of lines.
const SPACES: [(&str, &str); 5] = [
    ("%(__buildout_space__)s", " "),
    ("%(__buildout_space_n__)s", "\n"),
    ("%(__buildout_space_r__)s", "\r"),
    ("%(__buildout_space_f__)s", "\u{c}"),
    ("%(__buildout_space_v__)s", "\u{b}"),
];

/// Reads the file; without one nothing is installed.
pub(super) fn read(path: &Utf8Path) -> Result<State> {
    if fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(State::new(Vec::new()));
    }
    let text = String::from_utf8(files::read(path)?).map_err(|_| bad(path, "it is not UTF-8"))?;
    let mut faults = Vec::new();
    let layer = parse(&Source::new(path.as_str(), text), &mut faults);
    if let Some(fault) = faults.first() {
        return Err(bad(path, fault));
    }
    let options = |section: &str| -> Option<BTreeMap<String, String>> {
        let options = layer.get(section)?.iter().filter_map(|(name, change)| {
            Some((name.to_string(), spaced(&change.set.as_ref()?.text())))
        });
        Some(options.collect())
    };
    let parts = options("buildout").and_then(|mut own| own.remove("parts")).unwrap_or_default();
    let parts = parts.split_whitespace().filter_map(|name| Some(part(name, options(name)?)));
    Ok(State::new(parts.collect()))
}

fn part(name: &str, mut options: BTreeMap<String, String>) -> PartState {
    let paths = options.remove("__buildout_installed__").unwrap_or_default();
    options.remove("__buildout_signature__");
    PartState {
        name: name.to_owned(),
        recipe: options.get("recipe").cloned().unwrap_or_default(),
        options,
        paths: paths.lines().filter(|path| path.starts_with('/')).map(Into::into).collect(),
        ..PartState::default()
    }
}

fn spaced(text: &str) -> String {
    SPACES.iter().fold(text.to_owned(), |text, (mark, space)| text.replace(mark, space))
}

fn bad(path: &Utf8Path, problem: impl std::fmt::Display) -> Error {
    Error::new(Code::BadState, format!("the state file {path} cannot be used: {problem}"))
        .with_hint("move it away to install everything again; files of vanished parts then stay")
}
