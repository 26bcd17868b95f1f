//! The present state, which decisions bring ahead of the disk, and how far the disk is.
//!
//! A *term* is the time in which revisions only grow. When the disk is full, what was decided and
//! is not durable is given up: the world goes back to the durable revision, and a new term begins,
//! in which the same numbers are used again for other decisions. Whoever waits for a revision
//! waits for that of its own term.

use std::sync::{Mutex, PoisonError};

use slapos_core::{
    names::{ComputerId, Revision},
    refusal::Refusal,
    world::{Site, World},
    write::Entry,
};
use tokio::sync::watch;

use super::kept::{Kept, Rendered};

/// How far the store is, in one term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The last durable revision.
    pub(crate) durable: Revision,
    /// The disk is full: nothing may be decided.
    pub(crate) full: bool,
    /// Nothing more becomes durable in this term.
    pub(crate) over: bool,
}

/// The world with the term that it is in.
#[derive(Debug)]
pub(crate) struct Present {
    pub(crate) world: World,
    pub(crate) term: watch::Sender<Progress>,
    /// Of this world. Taken last, and only for a moment.
    pub(crate) kept: Mutex<Kept>,
}

impl Present {
    /// The first term begins with what is durable.
    pub(crate) fn new(world: World) -> Self {
        let progress = Progress { durable: world.revision(), full: false, over: false };
        Self { world, term: watch::Sender::new(progress), kept: Mutex::default() }
    }

    /// Goes back to a world that is durable, with the disk full.
    pub(crate) fn go_back(&mut self, durable: World) {
        let world = durable.with_policy(self.world.policy().clone());
        let progress = Progress { durable: world.revision(), full: true, over: false };
        let term = std::mem::replace(&mut self.term, watch::Sender::new(progress));
        self.world = world;
        self.kept = Mutex::default();
        term.send_modify(|term| term.over = true);
    }

    /// The document of a computer for a caller who has the one with the tag `known`: the kept one,
    /// or what `render` makes of it now.
    pub(crate) fn document<E>(
        &self,
        computer: &ComputerId,
        known: Option<&str>,
        render: impl Fn(&World, &Site) -> Result<String, E>,
    ) -> Result<Result<Rendered, E>, Refusal> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = kept().get(computer, known) {
            return Ok(Ok(document));
        }
        let rendered = render(&self.world, self.world.site(computer)?).map(Rendered::new);
        Ok(rendered.map(|document| {
            kept().put(computer, document.clone());
            document.unless_known(known)
        }))
    }

    /// Forgets the documents that an entry, which was just decided, made untrue.
    pub(crate) fn forget(&mut self, entry: &Entry) {
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.world.touched(entry).for_each(|computer| kept.forget(computer));
    }

    /// True when decisions are ahead of the disk.
    pub(crate) fn is_ahead(&self) -> bool {
        self.world.revision() > self.term.borrow().durable
    }
}
