//! What takes the place of software that a release would build: data, see `software/supply/`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// One file per source.
const DEBIAN: &str = include_str!("../../../software/supply/debian.toml");
const PYPI: &str = include_str!("../../../software/supply/pypi.toml");
const NPM: &str = include_str!("../../../software/supply/npm.toml");
const CRATES: &str = include_str!("../../../software/supply/crates.toml");
const OWN: &str = include_str!("../../../software/supply/own.toml");
const PROGRAMS: &str = include_str!("../../../software/supply/programs.toml");

/// What takes the place of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Supplied {
    pub(crate) source: Source,
    /// Where `bin`, `lib` and the like are, below the part's tree.
    pub(crate) location: String,
    /// Options that profiles read; `${location}` stands for that place.
    pub(crate) options: BTreeMap<String, String>,
    /// Links below that place, `path = target`: other builds have other places.
    pub(crate) links: BTreeMap<String, String>,
    /// Programs of our own, texts by their path; one that is not absolute is below that place.
    pub(crate) files: BTreeMap<String, String>,
}

/// Where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Debian packages with their closure, less some.
    Debian { packages: Vec<String>, without: Vec<String> },
    /// Nothing but programs of our own.
    Own,
    /// Eggs, in place of those that the part lists.
    Eggs(Vec<String>),
    /// Programs of crates.io, which cargo builds.
    Crates(Vec<Pin>),
    /// Wheels of PyPI with programs that are no Python.
    Wheels(Vec<Pin>),
    /// Packages of npm, all that are needed.
    Npm(Vec<Pin>),
}

impl Source {
    pub(crate) fn origin(&self) -> Origin {
        match self {
            Self::Debian { .. } => Origin::Debian,
            Self::Own => Origin::Own,
            Self::Eggs(_) | Self::Wheels(_) => Origin::Pypi,
            Self::Crates(_) => Origin::Crates,
            Self::Npm(_) => Origin::Npm,
        }
    }

    /// The packages of registries whose versions are pinned.
    pub(crate) fn pins(&self) -> &[Pin] {
        match self {
            Self::Crates(pins) | Self::Wheels(pins) | Self::Npm(pins) => pins,
            Self::Debian { .. } | Self::Own | Self::Eggs(_) => &[],
        }
    }
}

/// Where what is supplied comes from, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Origin {
    /// Debian packages.
    #[serde(rename = "Debian")]
    Debian,
    /// PyPI: eggs or wheels.
    #[serde(rename = "PyPI")]
    Pypi,
    /// The registry of npm.
    #[serde(rename = "npm")]
    Npm,
    /// The registry of cargo.
    #[serde(rename = "crates.io")]
    Crates,
    /// Programs that come with this one.
    #[serde(rename = "own")]
    Own,
}

impl Origin {
    /// The word, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian => "Debian",
            Self::Pypi => "PyPI",
            Self::Npm => "npm",
            Self::Crates => "crates.io",
            Self::Own => "own",
        }
    }
}

/// Exactly one version of a package of others, written `NAME@VERSION HASH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) name: String,
    pub(crate) version: String,
    /// As its registry writes it.
    pub(crate) hash: String,
}

impl Pin {
    fn parse(text: &str) -> Option<Self> {
        let (package, hash) = text.split_once(' ')?;
        let (name, version) = package.rsplit_once('@')?;
        let [name, version, hash] = [name, version, hash].map(ToOwned::to_owned);
        Some(Self { name, version, hash })
    }
}

/// An entry as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    eggs: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    links: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    location: Option<String>,
    #[serde(default)]
    options: BTreeMap<String, String>,
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} {}", self.name, self.version, self.hash)
    }
}

impl Entry {
    fn pins(&self) -> Vec<Pin> {
        let pins = self.packages.iter().map(|text| Pin::parse(text));
        pins.collect::<Option<_>>().expect("the tables come with the program and are tested")
    }
}

static TABLE: LazyLock<BTreeMap<String, Supplied>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    type Make = fn(&Entry) -> (Source, &'static str);
    let files: [(&str, Make); 5] = [
        (DEBIAN, |entry| {
            let (packages, without) = (entry.packages.clone(), entry.without.clone());
            (Source::Debian { packages, without }, "usr")
        }),
        (OWN, |_| (Source::Own, "")),
        (PYPI, |entry| match entry.packages.is_empty() {
            true => (Source::Eggs(entry.eggs.clone()), ""),
            false => (Source::Wheels(entry.pins()), ""),
        }),
        (NPM, |entry| (Source::Npm(entry.pins()), "")),
        (CRATES, |entry| (Source::Crates(entry.pins()), "usr")),
    ];
    for (text, make) in files {
        let entries: BTreeMap<String, Entry> =
            toml::from_str(text).expect("the tables come with the program and are tested");
        for (part, entry) in entries {
            let (source, location) = make(&entry);
            let Entry { location: own, options, links, files, .. } = entry;
            let location = own.unwrap_or_else(|| location.to_owned());
            all.insert(part, Supplied { source, location, options, links, files });
        }
    }
    all
});

/// What takes the place of programs of eggs: texts by name.
pub(crate) static EGG_PROGRAMS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    toml::from_str(PROGRAMS).expect("the tables come with the program and are tested")
});

/// What takes the place of the part of that name.
pub(crate) fn find(part: &str) -> Option<&'static Supplied> {
    TABLE.get(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_names_what_it_takes_and_stands_in_one_table_only() {
        let mut seen = BTreeMap::new();
        for (file, text) in
            [("debian", DEBIAN), ("own", OWN), ("pypi", PYPI), ("npm", NPM), ("crates", CRATES)]
        {
            let entries: BTreeMap<String, Entry> = toml::from_str(text).unwrap();
            for (part, entry) in entries {
                if ["pypi", "npm", "crates"].contains(&file) {
                    let checked = |pin: &Pin| match file {
                        "npm" => pin.hash.starts_with("sha512-"),
                        _ => {
                            pin.hash.len() == 64 && pin.hash.bytes().all(|b| b.is_ascii_hexdigit())
                        }
                    };
                    assert!(entry.pins().iter().all(checked), "{file}: {part} has a wrong hash");
                }
                let takes = match file {
                    "pypi" | "own" => 1, // perhaps nothing, on purpose
                    _ => entry.packages.len(),
                };
                assert!(takes > 0, "{file}: {part} takes nothing");
                let known = entry
                    .options
                    .values()
                    .all(|text| !text.replace("${location}", "").contains('$'));
                assert!(known, "{file}: {part} has another reference than ${{location}}");
                assert_eq!(seen.insert(part.clone(), file), None, "{part} is in two tables");
            }
        }
        for origin in [Origin::Debian, Origin::Pypi, Origin::Npm, Origin::Crates, Origin::Own] {
            assert_eq!(serde_json::to_value(origin).unwrap(), origin.name());
        }
        assert_eq!(find("nginx").unwrap().location, "usr");
        assert_eq!(find("nginx-lib"), None);
        assert!(EGG_PROGRAMS.values().all(|text| text.starts_with("#!")));
    }
}
