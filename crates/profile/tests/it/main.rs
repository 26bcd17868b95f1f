//! Whole runs: a profile, a directory, a host that answers from a table.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bench;
mod language;
mod recipes;
mod state;
mod waiting;
