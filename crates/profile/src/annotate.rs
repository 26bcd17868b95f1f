//! A profile after `extends` and macros, before substitution: what each option says, and which files say it.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde::Serialize;

use crate::engine::read_profile;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::job::Options;
use crate::read::Raw;
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
pub fn annotate(profile: &str, directory: &Utf8Path, host: &mut dyn Host) -> Result<Annotated> {
    let (layer, _) = read_profile(profile, &Options::new(), directory, host)?;
    let mut macros = Macros::default();
    let (mut sections, mut faults) = (BTreeMap::new(), Vec::new());
    for name in layer.keys() {
        match macros.expand(&layer, name) {
            Ok(options) => {
                let options = options.iter().map(|(name, raw)| (name.to_string(), annotated(raw)));
                sections.insert(name.to_string(), options.collect());
            }
            Err(error) => faults.push(error),
        }
    }
    match Error::of(faults) {
        Some(error) => Err(error),
        None => Ok(Annotated { sections }),
    }
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
