//! What changes when a group's set of programs is declared anew. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Program;

/// What has to be done; programs in neither list are left untouched.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Names to end: vanished, or declared differently.
    pub(super) stop: Vec<String>,
    /// Programs to start, each after the ends of its predecessors.
    pub(super) start: Vec<Start>,
}

/// One program to start.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) program: Program,
    /// Names out of [`Difference::stop`] that are the same service with another configuration:
    /// they hold its ports and files until they are gone.
    pub(super) after: Vec<String>,
}

/// Compares what is known of a group with what is wished.
pub(super) fn difference(known: &BTreeMap<String, Program>, wished: &[Program]) -> Difference {
    let unchanged: BTreeSet<&str> = wished
        .iter()
        .filter(|program| known.get(&program.name) == Some(program))
        .map(|program| program.name.as_str())
        .collect();
    let stop: Vec<String> =
        known.keys().filter(|name| !unchanged.contains(name.as_str())).cloned().collect();
    let start = wished
        .iter()
        .filter(|program| !unchanged.contains(program.name.as_str()))
        .map(|program| Start {
            program: program.clone(),
            after: stop.iter().filter(|old| stem(old) == stem(&program.name)).cloned().collect(),
        })
        .collect();
    Difference { stop, start }
}

/// The name of a service without the hash of its configuration and without SlapOS's suffix for
/// watched services.
pub(super) fn stem(name: &str) -> &str {
    let name = name.strip_suffix("-on-watch").unwrap_or(name);
    match name.rsplit_once('-') {
        Some((stem, hash)) if is_hash(hash) && !stem.is_empty() => stem,
        _ => name,
    }
}

/// md5, sha1 or sha256 in hexadecimal.
fn is_hash(text: &str) -> bool {
    matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "web-0123456789abcdef0123456789abcdef";
    const NEW: &str = "web-fedcba9876543210fedcba9876543210-on-watch";

    fn program(name: &str, argument: &str) -> Program {
        Program::new(name, vec!["/bin/p".into(), argument.into()], "/", "/log")
    }

    #[test]
    fn a_stem_is_a_name_without_its_hash() {
        let table = [
            ("web", "web"),
            (OLD, "web"),
            (NEW, "web"),
            ("web-on-watch", "web"),
            ("php-fpm", "php-fpm"),
            ("0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"),
            ("-0123456789abcdef0123456789abcdef", "-0123456789abcdef0123456789abcdef"),
        ];
        for (name, wanted) in table {
            assert_eq!(stem(name), wanted, "{name}");
        }
    }

    #[test]
    fn only_what_differs_is_touched() {
        // known, wished, stopped, started (with what they wait for)
        type Row = (
            &'static [(&'static str, &'static str)],
            &'static [(&'static str, &'static str)],
            &'static [&'static str],
            &'static [(&'static str, &'static [&'static str])],
        );
        let table: &[Row] = &[
            (&[], &[], &[], &[]),
            (&[], &[("a", "1"), ("b", "1")], &[], &[("a", &[]), ("b", &[])]),
            (&[("a", "1")], &[("a", "1")], &[], &[]),
            (&[("a", "1"), ("b", "1")], &[("b", "1")], &["a"], &[]),
            (&[("a", "1"), ("b", "1")], &[("a", "2"), ("b", "1")], &["a"], &[("a", &["a"])]),
            (&[(OLD, "1")], &[(NEW, "1"), ("x", "1")], &[OLD], &[(NEW, &[OLD]), ("x", &[])]),
        ];
        for (known, wished, stop, start) in table {
            let known =
                known.iter().map(|(name, arg)| (name.to_string(), program(name, arg))).collect();
            let wished: Vec<Program> =
                wished.iter().map(|(name, arg)| program(name, arg)).collect();
            let seen = difference(&known, &wished);
            assert_eq!(seen.stop, *stop);
            let started: Vec<(&str, Vec<&str>)> = seen
                .start
                .iter()
                .map(|start| {
                    let after = start.after.iter().map(String::as_str).collect();
                    (start.program.name.as_str(), after)
                })
                .collect();
            let wanted: Vec<(&str, Vec<&str>)> =
                start.iter().map(|(name, after)| (*name, after.to_vec())).collect();
            assert_eq!(started, wanted);
        }
    }
}
