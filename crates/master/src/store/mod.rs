//! The store: a journal of entries is the truth; rows of the present state are folded out of it
//! behind the answers, so that a start is quick and an operator can look.
//!
//! # Invariants (`R` = rules of the store)
//! - A commit moves the head row by compare-and-set of `(epoch, revision)` (R1); whoever opens
//!   the store raises the epoch, so an older holder can commit nothing more.
//! - Each entry carries the digest of everything before it and itself; an entry that does not fit
//!   its digest is never used. A torn end is cut at the last whole entry, kept beside and
//!   reported; any other damage is refused.
//! - A database file gets its name only when it is complete (R9).
//! - After any error of a commit the store must not be used again (R5). A full disk alone is none
//!   of these: `SQLite` takes such a commit back before it syncs anything.

mod check;
mod copy;
mod error;
mod fold;
mod journal;
mod log;
mod room;
mod sqlite;
mod tail;

pub use self::{
    check::Checked,
    error::StoreError,
    journal::Journal,
    log::LogCut,
    sqlite::{Loaded, Store},
    tail::Cut,
};
pub(crate) use self::{
    check::check,
    copy::{Head, copy, depose, head, succeed},
    log::check_log,
    room::{MAKE_ROOM, beyond_reserve, is_lacking, there_is as there_is_room},
    sqlite::unfinished_restore,
};
