//! The built binary, end to end, with real processes.
//!
//! `story` has one test for each sentence of the founding tutorial (`s3_…`), on small releases of
//! our own; `shared` is about shared instances; `demo` runs the real MariaDB, phpMyAdmin and browser;
//! `backup`, `faults` and `kill` are about the state of a master, kept and endangered; `stop` is the
//! end of a node; `environments` are those of Python that releases share; `logs` is what they write while they run; `trouble` is what goes wrong; `tutorial` types the whole lesson;
//! `packages` is what a mirror may do wrong; `proxy` is the single-node master, `tls` one that passes
//! requests on; `python` is the unmodified Python client, `python_parts` what a profile has in
//! Python; `slapos_releases` runs releases of SlapOS as they are; `verbs` are those of computers and
//! instances.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backup;
mod browser;
mod classic;
mod cloud;
mod demo;
mod disk;
mod environments;
mod faults;
mod foreign;
mod kill;
mod logs;
mod master;
mod node;
mod packages;
mod processes;
mod profile;
mod proxy;
mod python;
mod python_parts;
mod recorder;
mod register;
mod shared;
mod slapos_releases;
mod stop;
mod story;
mod tls;
mod trouble;
mod tutorial;
mod verbs;

// A mirror that the test itself fills and signs.
#[path = "../../../debian/tests/it/debs.rs"]
#[expect(dead_code, reason = "the tests of the packages themselves need more of it")]
mod debs;
#[path = "../../../debian/tests/it/mirror.rs"]
#[expect(dead_code, reason = "the tests of the packages themselves need more of it")]
mod mirror;

#[path = "../../../../testing/skip.rs"]
mod skip;
