//! Whole runs: a profile, a directory, a host that answers from a table.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod bench;
mod beside;
mod census;
mod check;
mod hostile;
mod incremental;
mod interrupted;
mod language;
mod oracle;
mod plan;
mod recipes;
mod releases;
mod state;
mod waiting;

#[path = "../../../../testing/skip.rs"]
mod skip;
#[cfg(test)]
#[path = "../../../../testing/traced.rs"]
mod traced;
