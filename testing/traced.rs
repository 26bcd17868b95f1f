//! What a test does to the disk, as `strace` sees it.

use std::{fs, process::Command};

/// Runs the test of that name once more; the system calls that write, remove and sync, in their
/// order. `None` without the program that sees them.
pub(crate) fn calls(test: &str) -> Option<Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=fsync,syncfs,renameat,unlink,unlinkat", "-o"]);
    strace.arg(&trace).arg(std::env::current_exe().unwrap()).args(["--exact", test]);
    let said = match strace.output() {
        Ok(said) if said.status.success() => said,
        other => {
            let all = std::env::var_os("SLAPOS_TEST_ALL").is_some_and(|all| all == "1");
            assert!(!all, "nothing may be left out (SLAPOS_TEST_ALL=1), but: strace: {other:?}");
            println!("skipped: strace: {other:?}");
            return None;
        }
    };
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("1 passed"), "{test}: {said}");
    let text = fs::read_to_string(&trace).unwrap();
    // each line begins with the number of the thread
    let call = |line: &str| line.split_once(' ').map(|(_, call)| call.trim().to_owned());
    Some(text.lines().filter_map(call).collect())
}

/// Whether one call, which has both texts, was followed by another one.
pub(crate) fn followed(calls: &[String], [name, what]: [&str; 2], next: &str) -> bool {
    let first = calls.iter().position(|call| call.starts_with(name) && call.contains(what));
    first.is_some_and(|at| calls[at..].iter().any(|call| call.starts_with(next)))
}
