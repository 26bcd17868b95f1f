//! Whole runs: a profile, a directory, a host that answers from a table.

mod bench;
mod language;
mod recipes;
mod state;
mod waiting;
