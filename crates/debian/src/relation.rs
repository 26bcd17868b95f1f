//! Dependencies between packages: `a (>= 1) | b, c:any`.

use std::cmp::Ordering;

use crate::version;

/// One alternative of a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Relation<'a> {
    pub(crate) name: &'a str,
    /// Operator and version.
    pub(crate) constraint: Option<(&'a str, &'a str)>,
}

/// The alternatives of each dependency; empty ones are left out.
pub(crate) fn groups(text: &str) -> impl Iterator<Item = Vec<Relation<'_>>> {
    text.split(',').filter(|group| !group.trim().is_empty()).map(alternatives)
}

/// The alternatives of one dependency.
pub(crate) fn alternatives(group: &str) -> Vec<Relation<'_>> {
    group.split('|').map(Relation::parse).collect()
}

impl<'a> Relation<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let (name, rest) =
            text.trim().split_once(['(', ' ', '\n', '[']).unwrap_or((text.trim(), ""));
        let inner =
            rest.trim_start().trim_start_matches('(').split(')').next().unwrap_or_default().trim();
        let operator = inner.len() - inner.trim_start_matches(['<', '>', '=']).len();
        let constraint = (operator > 0).then(|| (&inner[..operator], inner[operator..].trim()));
        // `:any` and `:native` are satisfied by our one architecture.
        let name = name.split(':').next().unwrap_or(name);
        Self { name, constraint }
    }

    /// Whether a package of this name and `version` satisfies it.
    pub(crate) fn accepts(&self, version: &str) -> bool {
        let Some((operator, wished)) = self.constraint else {
            return true;
        };
        let order = version::compare(version, wished);
        match operator {
            "<<" => order == Ordering::Less,
            "<=" | "<" => order != Ordering::Greater,
            "=" => order == Ordering::Equal,
            ">=" | ">" => order != Ordering::Less,
            ">>" => order == Ordering::Greater,
            _ => false,
        }
    }
}

impl std::fmt::Display for Relation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.constraint {
            Some((operator, version)) => write!(f, "{} ({operator} {version})", self.name),
            None => f.write_str(self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read() {
        let text = "libc6 (>= 2.34), a(<<1)|b:any | c [amd64],\n perl:any (= 5~x), ";
        let seen: Vec<Vec<String>> =
            groups(text).map(|group| group.iter().map(Relation::to_string).collect()).collect();
        let wished = [vec!["libc6 (>= 2.34)"], vec!["a (<< 1)", "b", "c"], vec!["perl (= 5~x)"]];
        assert_eq!(seen, wished);
    }

    #[test]
    fn constraints_accept_and_refuse() {
        let table = [
            ("a", "1", true),
            ("a (<< 2)", "2", false),
            ("a (<= 2)", "2", true),
            ("a (= 2-1)", "2", false),
            ("a (>= 2~)", "2", true),
            ("a (>> 2)", "2-1", true),
            ("a (!! 2)", "2", true), // no operator of Debian's: no constraint
        ];
        for (relation, version, wished) in table {
            assert_eq!(
                Relation::parse(relation).accepts(version),
                wished,
                "{relation} with {version}"
            );
        }
    }
}
