//! The node's processes for real: supervisor, launcher, sandbox and promises; and the whole agent,
//! with a stand-in for its master.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panic, as tests do")]

mod bench;
mod install;
mod missed;
mod promise;
mod sandbox;
mod shared;
mod stand_in;
mod supervise;

#[path = "../../../../testing/skip.rs"]
mod skip;
