//! Which eggs of PyPI the Python of a release has, and at which versions: data, see `software/supply/eggs.toml`.
//!
//! Every environment has all eggs of the table, each at the version that the release's `[versions]` pins, if the table
//! has that one for the node's Python; otherwise at the table's, and that is said. Any versions of the table agree with
//! each other, for it is not written otherwise. So releases with the same pins have the same environment.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

const TABLE: &str = include_str!("../../../software/supply/eggs.toml");

/// Eggs of recipes that are native: no part needs them.
const NATIVE: [&str; 12] = [
    "cns-recipe-symlink",
    "collective-recipe-template",
    "plone-recipe-command",
    "slapos-cookbook",
    "slapos-libnetworkcache",
    "slapos-recipe-build",
    "slapos-recipe-cmmi",
    "slapos-recipe-maketools",
    "slapos-recipe-template",
    "zc-buildout",
    "zc-recipe-egg",
    "zc-recipe-testrunner",
];

/// The versions of Python that the table is made for, the commonest first.
const PYTHONS: [&str; 3] = ["3.11", "3.12", "3.13"];

/// One version of an egg, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: String,
    /// Those that have it, if not all do.
    #[serde(default)]
    pythons: Vec<String>,
    /// Of all its files.
    sha256: Vec<String>,
}

impl Entry {
    fn is_for(&self, python: &str) -> bool {
        self.pythons.is_empty() || self.pythons.iter().any(|known| known == python)
    }
}

static EGGS: LazyLock<BTreeMap<String, Vec<Entry>>> = LazyLock::new(|| {
    toml::from_str(TABLE).expect("the tables come with the program and are tested")
});

/// How an egg is supplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// What it is wanted for is native.
    Native,
    /// It is in the environment.
    Installed,
    /// Not at all.
    Nobody,
}

/// The name of an egg as indexes compare it, without extras and versions: `Foo.Bar[x]>=1` is `foo-bar`.
pub(crate) fn normal(egg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name = egg.split(|c| !plain(c)).next().unwrap_or_default();
    name.to_lowercase().replace(['.', '_'], "-")
}

/// How the egg of that name is supplied.
pub(crate) fn means(egg: &str) -> Means {
    let name = normal(egg);
    if NATIVE.contains(&&*name) {
        Means::Native
    } else if EGGS.contains_key(&name) {
        Means::Installed
    } else {
        Means::Nobody
    }
}

/// The eggs of an environment: a version of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eggs {
    /// The Python that they are for, such as `3.11`.
    python: String,
    /// By their names as indexes compare them.
    versions: BTreeMap<String, String>,
}

/// An egg that comes at another version than the release pins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherVersion {
    /// Its name as indexes compare it.
    pub egg: String,
    /// What the release pins.
    pub pinned: String,
    /// What it gets.
    pub supplied: String,
}

impl Eggs {
    /// Chooses for a Python such as `3.11`. `pins` are the versions that a release wants, by any spelling of the names;
    /// what it says of how an egg is to be built, as in `1.0:whl`, is passed over.
    ///
    /// # Errors
    /// `unsupported`: the table is not made for that Python.
    pub(crate) fn choose<'p>(
        python: &str,
        pins: impl Iterator<Item = (&'p str, String)>,
    ) -> Result<(Self, Vec<OtherVersion>)> {
        if !PYTHONS.contains(&python) {
            let known = PYTHONS.join(", ");
            let message =
                format!("eggs are supplied for Python {known}, and this node has {python}");
            return Err(Error::new(Code::Unsupported, message).with_hint(
                "install one of these, and name it by `python` in the node's settings",
            ));
        }
        let pins: BTreeMap<String, String> =
            pins.map(|(egg, version)| (normal(egg), version)).collect();
        let (mut versions, mut others) = (BTreeMap::new(), Vec::new());
        for (egg, entries) in &*EGGS {
            let mut fitting = entries.iter().filter(|entry| entry.is_for(python)).peekable();
            let first = fitting.peek().map(|entry| &entry.version).cloned().unwrap_or_default();
            let pinned = pins.get(egg).map(|pin| pin.trim().trim_end_matches(":whl"));
            let pinned = pinned.filter(|pin| !pin.is_empty());
            let wanted = pinned.and_then(|pin| fitting.find(|entry| entry.version == pin));
            let supplied = wanted.map_or(first, |entry| entry.version.clone());
            if let Some(pinned) = pinned.filter(|pin| *pin != supplied) {
                let (egg, pinned, supplied) = (egg.clone(), pinned.to_owned(), supplied.clone());
                others.push(OtherVersion { egg, pinned, supplied });
            }
            versions.insert(egg.clone(), supplied);
        }
        Ok((Self { python: python.to_owned(), versions }, others))
    }

    /// What a check takes when it knows no Python.
    pub(crate) fn any_python() -> &'static str {
        PYTHONS[0]
    }

    /// The Python that they are for, such as `3.11`.
    pub(crate) fn python(&self) -> &str {
        &self.python
    }

    /// The lines that tell pip to install those of these eggs that `which` names, and nothing but files with the
    /// table's hashes.
    ///
    /// # Errors
    /// `unsupported`: one is not in the table, so whoever made this did not ask it.
    pub(crate) fn requirements(&self, which: impl Fn(&str) -> bool) -> Result<String> {
        let mut lines = String::new();
        for (egg, version) in self.versions.iter().filter(|(egg, _)| which(egg)) {
            let mut known = EGGS.get(egg).into_iter().flatten();
            let fits = |entry: &&Entry| entry.version == *version && entry.is_for(&self.python);
            let Some(entry) = known.find(fits) else {
                let message =
                    format!("no egg {egg} {version} is supplied for Python {}", self.python);
                return Err(Error::new(Code::Unsupported, message));
            };
            lines.push_str(&format!("{egg}=={version}"));
            for digest in &entry.sha256 {
                lines.push_str(&format!(" --hash=sha256:{digest}"));
            }
            lines.push('\n');
        }
        Ok(lines)
    }

    /// What people read of it: a line for each egg.
    pub(crate) fn told(&self, others: &[OtherVersion]) -> String {
        let line = |(egg, version): (&String, &String)| {
            let other = others.iter().find(|other| other.egg == *egg);
            let pinned = other.map(|other| format!("  (the release pins {})", other.pinned));
            format!("{egg} {version}{}\n", pinned.unwrap_or_default())
        };
        let lines: String = self.versions.iter().map(line).collect();
        format!("Python {}\n{lines}", self.python)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(python: &str, pins: &[(&str, &str)]) -> (Eggs, Vec<OtherVersion>) {
        let pins = pins.iter().map(|(egg, version)| (*egg, (*version).to_owned()));
        Eggs::choose(python, pins).unwrap()
    }

    #[test]
    fn eggs_are_known_by_any_spelling() {
        let table = [
            ("slapos.cookbook", Means::Native),
            ("slapos.toolbox[flask_auth]", Means::Installed),
            ("PyRSS2Gen", Means::Installed),
            ("Zope.Interface >= 5", Means::Installed),
            ("setuptools", Means::Installed),
            ("zope", Means::Nobody),
            ("", Means::Nobody),
        ];
        for (egg, expected) in table {
            assert_eq!(means(egg), expected, "{egg}");
        }
    }

    #[test]
    fn a_pin_is_taken_if_the_table_has_it_for_this_python_and_another_version_is_told() {
        let netaddr = |pin| choose("3.11", &[("NetAddr", pin)]);
        assert_eq!(netaddr("0.7.19").0.versions["netaddr"], "0.7.19");
        assert_eq!(netaddr("0.7.19:whl"), netaddr("0.7.19"));
        assert_eq!(netaddr("0.7.19").1, []);
        assert_eq!(netaddr("1.3.0").0, choose("3.11", &[]).0, "the first is for who pins none");
        let (eggs, others) = netaddr("9+patched");
        assert_eq!(eggs, choose("3.11", &[]).0);
        let told = others.iter().map(|other| (&*other.egg, &*other.pinned, &*other.supplied));
        assert_eq!(told.collect::<Vec<_>>(), [("netaddr", "9+patched", "1.3.0")]);
        assert!(eggs.told(&others).contains("netaddr 1.3.0  (the release pins 9+patched)\n"));

        let markupsafe = [("MarkupSafe", "2.1.3")]; // has no wheel for this one
        assert_eq!(choose("3.12", &markupsafe).1, []);
        assert_eq!(choose("3.13", &markupsafe).1.len(), 1);
        assert!(Eggs::choose("3.8", std::iter::empty()).is_err());
    }

    #[test]
    fn pip_is_told_the_hashes_of_what_was_chosen_and_of_nothing_that_is_not_in_the_table() {
        let (mut eggs, _) = choose("3.11", &[("netaddr", "0.7.19")]);
        let text = eggs.requirements(|egg| egg == "netaddr").unwrap();
        let hash = text.strip_prefix("netaddr==0.7.19 --hash=sha256:").unwrap();
        assert_eq!(hash.trim().len(), 64);
        eggs.versions.insert("netaddr".to_owned(), "0.0.1".to_owned());
        assert!(eggs.requirements(|egg| egg == "netaddr").is_err());
    }

    #[test]
    fn every_egg_has_a_version_for_every_python_and_hashes() {
        for python in PYTHONS {
            let (eggs, _) = choose(python, &[]);
            assert!(eggs.versions.values().all(|version| !version.is_empty()), "{eggs:?}");
        }
        for (egg, entry) in
            EGGS.iter().flat_map(|(egg, entries)| entries.iter().map(move |e| (egg, e)))
        {
            assert_eq!(*egg, normal(egg));
            let hashed = |digest: &String| digest.len() == 64;
            assert!(!entry.sha256.is_empty() && entry.sha256.iter().all(hashed), "{egg}");
            assert!(entry.pythons.iter().all(|python| PYTHONS.contains(&&**python)), "{egg}");
        }
    }
}
