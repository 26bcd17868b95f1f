//! A recorded history of calls, and what must hold of it. Pure: knows neither HTTP nor processes.
//!
//! What calls change are *registers*, each with one writer, which writes ascending levels one after
//! the other: then "nothing acknowledged is lost", "nothing is invented" and "readings never go
//! back" are comparisons of numbers.

use std::collections::{BTreeMap, BTreeSet};

/// One call. Stamps come from one counter: a call that ended before another began has the smaller.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) write: Option<Write>,
    pub(super) outcome: Outcome,
}

/// What a call shall change.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) register: String,
    pub(super) level: u64,
    /// It is the last: the register goes.
    pub(super) last: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// It did nothing.
    Refused,
    /// Nobody answered: it was done, or not.
    Unknown,
    /// It was done; this was shown.
    Answered(Shown),
}

/// What an answer shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    /// Registers with their levels; `None` for one that is not there.
    pub(super) levels: Vec<(String, Option<u64>)>,
    /// Names with the identity of what bears it.
    pub(super) identities: Vec<(String, String)>,
    /// What is occupied, when the answer shows all of it.
    pub(super) places: Vec<String>,
    /// How far the master says that it is.
    pub(super) revision: Option<u64>,
}

/// What does not hold, a sentence each.
pub(super) fn violations(history: &[Record]) -> Vec<String> {
    let mut found = Vec::new();
    let mut sweeps = BTreeMap::<&str, Sweep>::new();
    let mut revisions = Sweep { free: true, ..Sweep::default() };
    let (mut by_name, mut by_identity) = (BTreeMap::new(), BTreeMap::new());
    for record in history {
        if let Some(write) = &record.write {
            let sweep = sweeps.entry(&write.register).or_default();
            sweep.events.push((record.began, Event::Tried(write.level, write.last)));
            if matches!(record.outcome, Outcome::Answered(_)) {
                sweep.events.push((record.ended, Event::Acknowledged(write.level)));
            }
        }
        let Outcome::Answered(shown) = &record.outcome else { continue };
        for (register, level) in &shown.levels {
            sweeps.entry(register).or_default().saw(record, *level);
        }
        if let Some(revision) = shown.revision {
            revisions.saw(record, Some(revision));
        }
        for (name, identity) in &shown.identities {
            if by_name.entry(name).or_insert(identity) != &identity {
                found.push(format!("{name} is {} and {identity}", by_name[name]));
            }
            if by_identity.entry(identity).or_insert(name) != &name {
                found.push(format!("{identity} is {} and {name}", by_identity[identity]));
            }
        }
        let mut names = BTreeSet::new();
        let mut twice = |what| if names.insert(what) { None } else { Some(what) };
        let named = shown.identities.iter().map(|(name, _)| name);
        let doubled: Vec<_> = named.chain(&shown.places).filter_map(&mut twice).collect();
        found.extend(doubled.into_iter().map(|what| format!("{what} is twice in one answer")));
    }
    found.extend(revisions.violations("the revision"));
    found.extend(sweeps.into_iter().flat_map(|(register, sweep)| sweep.violations(register)));
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Tried(u64, bool),
    Acknowledged(u64),
    /// Number of the sight.
    Looked(usize),
    Saw(usize, Option<u64>),
}

/// All that happened to one register.
#[derive(Debug, Default)]
struct Sweep {
    events: Vec<(u64, Event)>,
    sights: usize,
    /// It may have levels that nobody wrote.
    free: bool,
}

impl Sweep {
    fn saw(&mut self, record: &Record, level: Option<u64>) {
        self.events.push((record.began, Event::Looked(self.sights)));
        self.events.push((record.ended, Event::Saw(self.sights, level)));
        self.sights += 1;
    }

    fn violations(mut self, register: &str) -> Vec<String> {
        self.events.sort_unstable();
        let mut found = Vec::new();
        // at least, at most, and the level of a register that went
        let (mut floor, mut ceiling, mut gone) = (0, 0, None);
        let mut floors = vec![0; self.sights];
        for (stamp, event) in self.events {
            match event {
                Event::Tried(level, last) => {
                    ceiling = ceiling.max(level);
                    gone = gone.or(last.then_some(level));
                }
                Event::Acknowledged(level) => floor = floor.max(level),
                Event::Looked(sight) => floors[sight] = floor,
                Event::Saw(sight, level) => {
                    // what is not there may be not yet there, or gone
                    let absent = if floors[sight] == 0 { 0 } else { gone.unwrap_or(0) };
                    let level = level.unwrap_or(absent);
                    if level < floors[sight] {
                        let least = floors[sight];
                        found.push(format!(
                            "{register} was {level} at {stamp}, after it was {least}"
                        ));
                    }
                    if level > ceiling && !self.free {
                        found
                            .push(format!("{register} was {level} at {stamp}, which nobody wrote"));
                    }
                    floor = floor.max(level);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(began: u64, ended: u64, level: u64, outcome: Outcome) -> Record {
        let write = Write { register: "a".into(), level, last: level == 9 };
        Record { began, ended, write: Some(write), outcome }
    }

    fn done() -> Outcome {
        Outcome::Answered(Shown::default())
    }

    fn sight(began: u64, ended: u64, level: Option<u64>) -> Record {
        shown(began, ended, Shown { levels: vec![("a".into(), level)], ..Shown::default() })
    }

    fn shown(began: u64, ended: u64, shown: Shown) -> Record {
        Record { began, ended, write: None, outcome: Outcome::Answered(shown) }
    }

    fn revision(began: u64, ended: u64, revision: u64) -> Record {
        shown(began, ended, Shown { revision: Some(revision), ..Shown::default() })
    }

    fn named(pairs: &[(&str, &str)], places: &[&str]) -> Shown {
        let identities = pairs.iter().map(|(name, id)| ((*name).into(), (*id).into())).collect();
        let places = places.iter().map(|place| (*place).into()).collect();
        Shown { identities, places, ..Shown::default() }
    }

    #[test]
    fn what_must_hold_of_a_history() {
        let table = [
            (vec![write(1, 2, 1, done()), sight(3, 4, Some(1))], None),
            (vec![write(1, 2, 1, done()), sight(3, 4, None)], Some("a was 0 at 4, after it was 1")),
            (vec![write(1, 4, 1, done()), sight(2, 3, None)], None),
            (vec![write(1, 2, 1, Outcome::Unknown), sight(3, 4, None)], None),
            (vec![write(1, 2, 1, Outcome::Unknown), sight(3, 4, Some(1))], None),
            (
                vec![write(1, 2, 1, Outcome::Unknown), sight(3, 4, Some(1)), sight(5, 6, None)],
                Some("a was 0 at 6, after it was 1"),
            ),
            (vec![write(3, 4, 1, done()), sight(1, 2, Some(1))], Some("which nobody wrote")),
            (vec![write(1, 2, 1, done()), sight(3, 4, Some(2))], Some("which nobody wrote")),
            (vec![write(1, 2, 9, done()), sight(3, 4, None)], None),
            (vec![write(1, 2, 9, done()), sight(3, 4, Some(1))], Some("after it was 9")),
            (
                // looked before it was there, and told when it was about to go
                vec![
                    write(2, 3, 1, done()),
                    sight(1, 5, None),
                    write(4, 8, 9, Outcome::Unknown),
                    sight(6, 7, Some(1)),
                ],
                None,
            ),
            (vec![revision(1, 2, 7), revision(3, 4, 7)], None),
            (vec![revision(1, 2, 7), revision(3, 4, 6)], Some("the revision was 6 at 4")),
            (vec![revision(1, 4, 7), revision(2, 3, 6)], None),
            (vec![shown(1, 2, named(&[("a", "1"), ("b", "2")], &["p", "q"]))], None),
            (vec![shown(1, 2, named(&[], &["p", "p"]))], Some("p is twice in one answer")),
            (vec![shown(1, 2, named(&[("a", "1"), ("a", "1")], &[]))], Some("a is twice")),
            (
                vec![
                    shown(1, 2, named(&[("a", "1")], &[])),
                    shown(3, 4, named(&[("a", "2")], &[])),
                ],
                Some("a is 1 and 2"),
            ),
            (
                vec![
                    shown(1, 2, named(&[("a", "1")], &[])),
                    shown(3, 4, named(&[("b", "1")], &[])),
                ],
                Some("1 is a and b"),
            ),
        ];
        for (history, expected) in table {
            let found = violations(&history);
            match expected {
                None => assert_eq!(found, [""; 0], "{history:?}"),
                Some(text) => assert!(found[0].contains(text), "{text}: {found:?} of {history:?}"),
            }
        }
    }
}
