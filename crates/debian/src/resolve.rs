//! Which packages: the closure of what is asked for, in memory, always the same for the same index.
//!
//! `Depends` and `Pre-Depends` are followed, `Recommends` are not. Stubs count as present in every
//! version, with all that they provide. Conflicts are not looked at: the packages are never
//! configured together, they only lie in one tree.
//!
//! # The rule for alternatives
//! One that is already chosen (or a stub) wins; else the first that can be had with all that it
//! needs; for a name, its own package before those that provide it, these by their names.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::Error;
use crate::index::Packages;
use crate::relation::{self, Relation};

/// The numbers in `packages` of the closure of `asked`, sorted by name.
pub(crate) fn resolve(
    packages: &Packages<'_>,
    asked: &BTreeSet<String>,
    stubs: &BTreeSet<String>,
) -> Result<Vec<usize>, Error> {
    let mut present: HashSet<&str> = HashSet::new();
    for stub in stubs.iter().filter(|stub| !asked.contains(*stub)) {
        present.insert(stub);
        if let Some(&number) = packages.named(stub).first() {
            present
                .extend(relation::groups(packages.get(number).provides).flatten().map(|r| r.name));
        }
    }
    let mut resolver = Resolver { packages, present, chosen: BTreeMap::new(), log: Vec::new() };
    let mut waiting = Vec::new();
    for name in asked {
        let relation = Relation::parse(name);
        let number = resolver
            .candidates(&relation)
            .first()
            .copied()
            .ok_or_else(|| Error::Unresolved { chain: vec![missing(packages, &relation)] })?;
        // What is asked for is chosen before any dependency, so that it wins among alternatives.
        if resolver.choose(number) {
            waiting.push(number);
        }
    }
    for number in waiting {
        resolver.follow(number).map_err(|chain| Error::Unresolved { chain })?;
    }
    Ok(resolver.chosen.into_values().collect())
}

struct Resolver<'p, 'a> {
    packages: &'p Packages<'a>,
    present: HashSet<&'p str>,
    chosen: BTreeMap<&'a str, usize>,
    /// Names in the order in which they were chosen, to take back those of a failed alternative.
    log: Vec<&'a str>,
}

impl<'p, 'a> Resolver<'p, 'a> {
    /// Chooses all that package `number` needs; an error is the chain from it to what is missing.
    fn follow(&mut self, number: usize) -> Result<(), Vec<String>> {
        let package = self.packages.get(number);
        let groups = relation::groups(package.pre_depends).chain(relation::groups(package.depends));
        for group in groups {
            if let Err(mut chain) = self.satisfy(&group) {
                chain.insert(0, format!("{} {}", package.name, package.version));
                return Err(chain);
            }
        }
        Ok(())
    }

    fn satisfy(&mut self, group: &[Relation<'a>]) -> Result<(), Vec<String>> {
        if group.iter().any(|relation| self.is_satisfied(relation)) {
            return Ok(());
        }
        let mut first_failure = None;
        for relation in group {
            for number in self.candidates(relation) {
                let mark = self.log.len();
                if !self.choose(number) {
                    continue; // another version of it is chosen, and does not fit
                }
                match self.follow(number) {
                    Ok(()) => return Ok(()),
                    Err(chain) => {
                        first_failure.get_or_insert(chain);
                        self.take_back(mark);
                    }
                }
            }
        }
        let missing =
            || group.iter().map(|relation| self.explain(relation)).collect::<Vec<_>>().join(" | ");
        Err(first_failure.unwrap_or_else(|| vec![missing()]))
    }

    fn is_satisfied(&self, relation: &Relation<'_>) -> bool {
        let is_chosen = |&number: &usize| {
            let name = self.packages.get(number).name;
            self.chosen.get(name) == Some(&number)
        };
        self.present.contains(relation.name) || self.candidates(relation).iter().any(is_chosen)
    }

    /// The packages that satisfy `relation`, preferred ones first.
    fn candidates(&self, relation: &Relation<'_>) -> Vec<usize> {
        let own = self.packages.named(relation.name).iter().copied();
        let own = own.filter(|&number| relation.accepts(self.packages.get(number).version));
        let provided = self.packages.providers(relation.name).iter();
        let provided = provided.filter(|provider| match provider.version {
            Some(version) => relation.accepts(version),
            None => relation.constraint.is_none(),
        });
        own.chain(provided.map(|provider| provider.package)).collect()
    }

    /// Chooses a package unless its name is taken by another version (or by itself).
    fn choose(&mut self, number: usize) -> bool {
        let name = self.packages.get(number).name;
        if self.chosen.contains_key(name) {
            return false;
        }
        self.chosen.insert(name, number);
        self.log.push(name);
        true
    }

    fn take_back(&mut self, mark: usize) {
        for name in self.log.drain(mark..) {
            self.chosen.remove(name);
        }
    }

    fn explain(&self, relation: &Relation<'_>) -> String {
        match self.chosen.get(relation.name) {
            Some(&number) => {
                format!("{relation} (but {} is chosen)", self.packages.get(number).version)
            }
            None => missing(self.packages, relation),
        }
    }
}

/// Says what is missing, with the versions that there are, or the nearest name.
fn missing(packages: &Packages<'_>, relation: &Relation<'_>) -> String {
    let versions: Vec<_> =
        packages.named(relation.name).iter().map(|&n| packages.get(n).version).collect();
    if !versions.is_empty() {
        return format!("{relation} (there is only {})", versions.join(", "));
    }
    match slapos_nearest::nearest(relation.name, packages.names()) {
        Some(name) => format!("{relation} (not in the index; did you mean {name}?)"),
        None => format!("{relation} (not in the index)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Index;

    /// One line per package: `name version; depends; provides`.
    fn closure(index: &str, asked: &str, stubs: &str) -> Result<String, String> {
        let stanza = |line: &str| {
            let part = |n: usize| line.split(';').nth(n).unwrap_or_default().trim().to_owned();
            let (name, version) = (part(0), part(0));
            let (name, version) =
                (name.split(' ').next().unwrap(), version.split(' ').nth(1).unwrap_or("1"));
            format!(
                "Package: {name}\nVersion: {version}\nDepends: {}\nProvides: {}\n\n",
                part(1),
                part(2)
            )
        };
        let text: String = index.split('/').map(|line| stanza(line.trim())).collect();
        let index = Index::from_text("sid", &text).unwrap();
        let packages = index.packages();
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let found =
            resolve(&packages, &words(asked), &words(stubs)).map_err(|error| error.to_string())?;
        let label = |&number: &usize| {
            let package = packages.get(number);
            if package.version == "1" {
                package.name.to_owned()
            } else {
                format!("{}={}", package.name, package.version)
            }
        };
        Ok(found.iter().map(label).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn closures_are_what_they_should_be() {
        let table = [
            ("a; b, c / b; d / c / d / e", "a", "", "a b c d"),
            ("a; b | c / b / c", "a", "", "a b"),
            ("a; b | c / b / c", "a c", "", "a c"), // asked wins
            ("a; b | c / b / c", "a", "c", "a"),    // a stub is present
            ("a; x | c / c", "a", "", "a c"),       // the first is not there
            ("a; b | c / b; x / c", "a", "", "a c"), // the first cannot be had
            ("a; b | c / b; d, x / d / c", "a", "", "a c"), // and leaves nothing behind
            ("a; b / b; a", "a", "", "a b"),        // a circle
            ("a; v / b;; v / c;; v", "a", "", "a b"), // providers by name
            ("a; v / b;; v / v", "a", "", "a v"),   // the real one first
            ("a; v (>= 2) / b;; v (= 1) / c;; v / d;; v (= 2)", "a", "", "a d"),
            ("a; b (<< 2) / b 2 / b 1", "a", "", "a b"), // an older version fits
            ("a; b / b 2 / b 10", "a", "", "a b=10"),
            (
                "a; perl:any, debconf | debconf-2.0, p-5 / perl / debconf / base;; p-5",
                "a",
                "perl debconf base",
                "a",
            ),
            ("a; v / b;; v", "v a", "", "a b"), // a virtual name may be asked
            ("a;b/b", "a b", "a b", "a b"),     // asked: not a stub
        ];
        for (index, asked, stubs, wished) in table {
            assert_eq!(closure(index, asked, stubs).as_deref(), Ok(wished), "{index}");
        }
    }

    #[test]
    fn an_error_tells_the_chain_to_what_is_missing() {
        let table = [
            (
                "a; b / b; c (>= 2) / c",
                "a",
                "cannot resolve: a 1 needs b 1 needs c (>= 2) (there is only 1)",
            ),
            (
                "a; libfoo2 / libfoo1",
                "a",
                "a 1 needs libfoo2 (not in the index; did you mean libfoo1?)",
            ),
            ("a", "b", "cannot resolve: b (not in the index; did you mean a?)"),
            ("a; b, c (= 2) / b; c (= 1) / c 2 / c 1", "a", "a 1 needs c (= 2) (but 1 is chosen)"),
            (
                "a; xxxxx | yyyyy",
                "a",
                "a 1 needs xxxxx (not in the index) | yyyyy (not in the index)",
            ),
        ];
        for (index, asked, wished) in table {
            let problem = closure(index, asked, "").unwrap_err();
            assert!(problem.contains(wished), "{index}: {problem}");
        }
    }
}
