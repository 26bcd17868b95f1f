//! How much waits for the disk. Whoever decided it may be gone; what was decided waits all the same,
//! for later decisions are based on it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The bytes of entries that wait for the disk. All clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Backlog(Arc<AtomicUsize>);

impl Backlog {
    /// About how many bytes wait.
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds an entry of so many bytes: it waits as long as what is returned lives.
    pub(super) fn add(&self, bytes: usize) -> Waiting {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Waiting { backlog: self.clone(), bytes }
    }
}

/// An entry that waits for the disk.
#[derive(Debug)]
pub(crate) struct Waiting {
    backlog: Backlog,
    bytes: usize,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.backlog.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
