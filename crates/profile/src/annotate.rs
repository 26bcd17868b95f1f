//! A profile after `extends` and macros, before substitution: what each option says, and which files say it.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde::Serialize;

use crate::engine::{GIVEN, read_profile};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::job::Options;
use crate::merge::MACROS;
use crate::read::{Change, Raw};
use crate::section::Macros;

/// All sections of a profile, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotated {
    /// Options by section and name.
    pub sections: BTreeMap<String, BTreeMap<String, AnnotatedOption>>,
}

/// One option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnnotatedOption {
    /// Its text, references unfilled.
    pub value: String,
    /// Paths or URLs of the files that its lines come from, in the order of the lines.
    pub origin: Vec<String>,
}

/// Reads the profile at a path or URL. The cache of URLs is relative to `directory`. An error tells all faults.
///
/// What a section takes from one that only a node gives stays its option `<`.
pub fn annotate(profile: &str, directory: &Utf8Path, host: &mut dyn Host) -> Result<Annotated> {
    let (mut layer, _) = read_profile(profile, &Options::new(), directory, host)?;
    let names: Vec<_> = layer.keys().cloned().collect();
    let given: Vec<&str> = GIVEN.into_iter().filter(|name| !layer.contains_key(*name)).collect();
    layer.extend(given.iter().map(|name| ((*name).into(), Default::default())));
    let mut macros = Macros::default();
    let (mut sections, mut faults) = (BTreeMap::new(), Vec::new());
    for name in names {
        match macros.expand(&layer, &name) {
            Ok(options) => {
                let open = layer[&name].get(MACROS).and_then(|change| left_open(change, &given));
                let open = open.map(|raw| (MACROS.to_owned(), annotated(&raw)));
                let options = options.iter().map(|(name, raw)| (name.to_string(), annotated(raw)));
                sections.insert(name.to_string(), options.chain(open).collect());
            }
            Err(error) => faults.push(error),
        }
    }
    match Error::of(faults) {
        Some(error) => Err(error),
        None => Ok(Annotated { sections }),
    }
}

/// The lines of a `<=` that name sections which are given later.
fn left_open(change: &Change, given: &[&str]) -> Option<Raw> {
    let mut raw = change.set.clone()?;
    raw.lines.retain(|line| given.contains(&line.text.trim()));
    (!raw.lines.is_empty()).then_some(raw)
}

fn annotated(raw: &Raw) -> AnnotatedOption {
    let mut origin: Vec<String> = Vec::new();
    for line in &raw.lines {
        let file = &line.spot.source.name;
        if !origin.contains(file) {
            origin.push(file.clone());
        }
    }
    AnnotatedOption { value: raw.text(), origin }
}
