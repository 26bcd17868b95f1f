//! The scenarios, one file each: its options, its operation, its checks.

pub(crate) mod allocate;
pub(crate) mod churn;
pub(crate) mod converge;
pub(crate) mod format;
pub(crate) mod info;
pub(crate) mod mixed;
pub(crate) mod poll;
pub(crate) mod publish;
pub(crate) mod ready;
pub(crate) mod reask;
pub(crate) mod shared;
pub(crate) mod tree;
pub(crate) mod verify;
pub(crate) mod watch;

use std::collections::HashSet;

use anyhow::{Result, ensure};

use crate::fleet::Place;

/// Partitions that more than one instance got.
fn given_twice<'a>(places: impl Iterator<Item = &'a Place>) -> Vec<&'a Place> {
    let mut seen = HashSet::new();
    places.filter(|place| !seen.insert(*place)).collect()
}

fn insist_on_one_each(twice: &[&Place], allowed: bool) -> Result<()> {
    let examples: Vec<String> =
        twice.iter().take(5).map(|p| format!("{}/{}", p.computer, p.partition)).collect();
    ensure!(
        allowed || twice.is_empty(),
        "{} partition(s) were given to more than one instance, for example {}",
        twice.len(),
        examples.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_given_twice_is_found() {
        let place = |name: &str| Place { computer: "C".into(), partition: name.into() };
        let places = [place("a"), place("b"), place("a")];
        assert_eq!(given_twice(places.iter()), [&places[0]]);
        assert!(insist_on_one_each(&given_twice(places.iter()), false).is_err());
        assert!(insist_on_one_each(&given_twice(places.iter()), true).is_ok());
        assert!(insist_on_one_each(&given_twice(places[..2].iter()), false).is_ok());
    }
}
