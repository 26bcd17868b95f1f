//! What goes between the parts of the cloud, and how it may fail on its way.

use rand::{Rng, SeedableRng, rngs::StdRng};
use slapos_core::{
    actor::Actor,
    decide::Ask,
    names::{ComputerId, InstanceId, PartitionId, Revision, SoftwareUrl},
    world::Dictionary,
};
use slapos_wire::v1::Watch;

/// Microseconds since the run began.
pub(crate) type Moment = u64;

/// One millisecond.
pub(crate) const MS: Moment = 1_000;

/// One try of a call. A caller that tries again makes another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallId(pub(crate) u64);

/// Who calls. It has at most one call under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    /// A person.
    Person(usize),
    /// The agent of a computer: its format, then its watch.
    Watch(usize),
    /// The task of a partition.
    Partition(usize, PartitionId),
    /// The task of a release.
    Release(usize, SoftwareUrl),
}

impl Caller {
    /// The computer that it is on; people reach the master by a link that is never cut.
    pub(crate) fn computer(&self) -> Option<usize> {
        match self {
            Self::Person(_) => None,
            Self::Watch(node) | Self::Partition(node, _) | Self::Release(node, _) => Some(*node),
        }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    /// Something that may change the world.
    Ask(Box<Ask>, Actor),
    /// What a computer must hear since a revision.
    Watch(ComputerId, Revision),
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// It is so, from this revision on.
    Done(Revision),
    /// The report was about an older wish.
    Stale(Revision),
    /// Another report came in between.
    Overtaken(Revision),
    /// This instance is meant, and this came out of it.
    Instance(InstanceId, Dictionary),
    /// There is none.
    Absent,
    /// Refused, or the master cannot tell.
    Refused,
    /// What a computer must hear.
    News(Box<Watch>),
}

/// Chance, all of it.
#[derive(Debug)]
pub(crate) struct Dice {
    numbers: StdRng,
    /// Things go wrong.
    pub(crate) faults: bool,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { numbers: StdRng::seed_from_u64(seed), faults: true }
    }

    /// True `percent` times out of a hundred.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.numbers.random_ratio(percent, 100)
    }

    /// True `percent` times out of a hundred, as long as there are faults.
    pub(crate) fn mishap(&mut self, percent: u32) -> bool {
        self.faults && self.chance(percent)
    }

    /// A number from `least` to `most`.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        self.numbers.random_range(least..=most)
    }

    /// One of these.
    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.numbers.random_range(0..from.len())].clone()
    }

    /// How long a message takes; once in a while, much longer than another one.
    pub(crate) fn delay(&mut self) -> Moment {
        let slow = self.mishap(5);
        if slow { self.between(200 * MS, 9_000 * MS) } else { self.between(MS / 5, 8 * MS) }
    }
}
