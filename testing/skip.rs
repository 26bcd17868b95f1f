//! Tests that need what this machine may lack. Every test binary includes this file.

use std::fmt::Display;

/// Says why a test is left out. With `SLAPOS_TEST_ALL=1`, as `./test` sets it, that is a failure: what is left out in
/// silence proves nothing.
#[expect(clippy::print_stdout, reason = "says why")]
pub(crate) fn skip(why: impl Display) {
    let all = std::env::var_os("SLAPOS_TEST_ALL").is_some_and(|all| all == "1");
    assert!(!all, "nothing may be left out (SLAPOS_TEST_ALL=1), but: {why}");
    println!("skipped: {why}");
}
