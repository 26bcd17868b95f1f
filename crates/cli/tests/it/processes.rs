//! Processes that a test starts: none outlives it, however it ends.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

/// Runs a shell script when the test is killed, which runs no destructor. Dropped, it runs nothing.
pub(crate) struct Guard(Child);

impl Guard {
    /// `script` gets `arguments` as `$1`, `$2` and so on.
    pub(crate) fn when_killed(script: &str, arguments: &[&str]) -> Self {
        let whole = format!("read -r _; {script}");
        let mut command = Command::new("sh");
        command
            .args(["-c", &whole, "guard"])
            .args(arguments)
            .stdin(Stdio::piped()) // its end is the end of this process
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0); // what kills the test's group does not kill this
        Self(command.spawn().unwrap())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// Command lines of processes that have to do with a directory, by their number.
pub(crate) fn below(directory: &Path) -> Vec<(u32, String)> {
    let needle = directory.to_str().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        let read = |name| fs::read(entry.path().join(name)).unwrap_or_default();
        let line = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        let cwd = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        if (line.contains(needle) || cwd.starts_with(directory)) && !line.contains("read -r _") {
            found.push((pid, line));
        }
    }
    found
}

pub(crate) fn assert_none_below(directory: &Path) {
    assert_eq!(below(directory), Vec::new());
}
