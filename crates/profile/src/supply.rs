//! What takes the place of software that a release would build: data, see `software/supply/`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// One file per source.
const DEBIAN: &str = include_str!("../../../software/supply/debian.toml");
const PYPI: &str = include_str!("../../../software/supply/pypi.toml");
const NPM: &str = include_str!("../../../software/supply/npm.toml");
const CRATES: &str = include_str!("../../../software/supply/crates.toml");

/// What takes the place of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Supplied {
    pub(crate) source: Source,
    /// Where `bin`, `lib` and the like are, below the part's tree.
    pub(crate) location: String,
    /// Options that profiles read; `${location}` stands for that place.
    pub(crate) options: BTreeMap<String, String>,
}

/// Where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Debian packages with their closure, less some.
    Debian { packages: Vec<String>, without: Vec<String> },
    /// From another source, which it names.
    Elsewhere { source: &'static str, names: Vec<String> },
}

/// An entry as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    eggs: Vec<String>,
    #[serde(default)]
    crates: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
    location: Option<String>,
    #[serde(default)]
    options: BTreeMap<String, String>,
}

static TABLE: LazyLock<BTreeMap<String, Supplied>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    type Make = fn(&Entry) -> (Source, &'static str);
    let files: [(&str, Make); 4] = [
        (DEBIAN, |entry| {
            let (packages, without) = (entry.packages.clone(), entry.without.clone());
            (Source::Debian { packages, without }, "usr")
        }),
        (PYPI, |entry| (Source::Elsewhere { source: "PyPI", names: entry.eggs.clone() }, "")),
        (NPM, |entry| (Source::Elsewhere { source: "npm", names: entry.packages.clone() }, "")),
        (CRATES, |entry| {
            (Source::Elsewhere { source: "crates.io", names: entry.crates.clone() }, "")
        }),
    ];
    for (text, make) in files {
        let entries: BTreeMap<String, Entry> =
            toml::from_str(text).expect("the tables come with the program and are tested");
        for (part, entry) in entries {
            let (source, location) = make(&entry);
            let location = entry.location.unwrap_or_else(|| location.to_owned());
            all.insert(part, Supplied { source, location, options: entry.options });
        }
    }
    all
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
        for (file, text) in [("debian", DEBIAN), ("pypi", PYPI), ("npm", NPM), ("crates", CRATES)] {
            let entries: BTreeMap<String, Entry> = toml::from_str(text).unwrap();
            for (part, entry) in entries {
                let takes = match file {
                    "pypi" => entry.eggs.len(),
                    "crates" => entry.crates.len(),
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
        assert_eq!(find("nginx").unwrap().location, "usr");
        assert_eq!(find("nginx-lib"), None);
    }
}
