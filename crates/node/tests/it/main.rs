//! The node's processes for real: supervisor, launcher, sandbox and promises.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panic, as tests do")]

mod bench;
mod promise;
mod sandbox;
mod supervise;
