//! The whole way, against a mirror of our own on loopback, and against the host's real one.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod archives;
mod debs;
mod downloads;
mod host;
mod mirror;
mod proxies;
mod real;
mod trust;

#[path = "../../../../testing/skip.rs"]
mod skip;
