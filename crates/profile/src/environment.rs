//! The Python of a release: a virtual environment with its [`Eggs`].
//!
//! What it takes to make one is told here, as files and commands; who carries that out is the [`Host`](crate::Host).
//! Nothing but what the hashes name is installed; what has no wheel is built by pinned tools too.

use camino::{Utf8Path, Utf8PathBuf};
use data_encoding::HEXLOWER;
use md5::{Digest as _, Md5};

use crate::eggs::{self, Eggs};
use crate::error::{Code, Error, Result};
use crate::files::{self, Keep, Mode};
use crate::process;

/// Where a release has its environment.
pub const IN_RELEASE: &str = "eggs";
/// Name of the file in an environment that is written last and holds its name: without it, it is half made.
pub const MARK: &str = ".complete";
/// What a person can do when an environment cannot be made.
pub const HINT: &str = "the node's Python needs `venv` (Debian: python3-venv) and reaches the index that pip is configured for";

/// What builds the eggs that have no wheel.
const BUILDERS: [&str; 2] = ["setuptools", "wheel"];
/// Names of the lists that pip is given, in an environment.
const LISTS: [&str; 2] = ["builders.txt", "eggs.txt"];

/// How pip is called, before where and what.
const PIP: [&str; 9] = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--no-input",
    "--disable-pip-version-check",
    "--require-hashes",
    "--no-deps",
    "--no-build-isolation",
];

/// How an environment is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Making {
    /// Says what is made: the same eggs at the same versions, for the same interpreter, in the same way.
    pub name: String,
    /// Name and text of the files that must be in its folder first.
    pub lists: Vec<(&'static str, String)>,
    python: Utf8PathBuf,
}

impl Making {
    /// How `python` makes an environment with these eggs.
    ///
    /// # Errors
    /// `unsupported`: eggs that no table has.
    pub fn new(eggs: &Eggs, python: &Utf8Path) -> Result<Self> {
        let builders = eggs.requirements(|egg| BUILDERS.contains(&egg))?;
        let others = eggs.requirements(|egg| !BUILDERS.contains(&egg))?;
        let rules = format!("{python} {}\n{PIP:?}\n{builders}\n{others}", eggs.python());
        let name = HEXLOWER.encode(&Md5::digest(rules));
        let lists = LISTS.into_iter().zip([builders, others]).collect();
        Ok(Self { name, lists, python: python.to_owned() })
    }

    /// The programs, with their arguments, that make it in `directory`, where the lists are and nothing else; one after
    /// the other. `cache` is for pip.
    pub fn commands(&self, directory: &Utf8Path, cache: &Utf8Path) -> Vec<Vec<String>> {
        let venv = [self.python.as_str(), "-m", "venv", directory.as_str()];
        let mut commands = vec![venv.map(String::from).to_vec()];
        let python = directory.join("bin/python");
        for (list, _) in &self.lists {
            let list = directory.join(list);
            let what = ["--cache-dir", cache.as_str(), "-r", list.as_str()];
            let authorities = process::authorities().into_iter().flat_map(|file| ["--cert", file]);
            let words = [&[python.as_str()], &PIP[..], &what].concat();
            commands.push(words.into_iter().chain(authorities).map(String::from).collect());
        }
        commands
    }

    /// Whether `directory`, which nobody else writes, holds it.
    pub fn has_marked(&self, directory: &Utf8Path) -> bool {
        files::text_of(&directory.join(MARK)).is_some_and(|name| name == self.name)
    }

    /// Says in `directory` that it is there, when all of it is on the disk.
    ///
    /// # Errors
    /// `file`: the disk does not take it.
    pub fn mark(&self, directory: &Utf8Path) -> Result<()> {
        files::settle(directory)?;
        files::put(&directory.join(MARK), self.name.as_bytes(), Mode::Plain, Keep::Durable)?;
        Ok(())
    }
}

/// The version of an interpreter, such as `3.11`.
///
/// # Errors
/// `command`: it does not run, or is no Python.
pub(crate) fn version_of(python: &Utf8Path) -> Result<String> {
    let program = "import sys; print('%d.%d' % sys.version_info[:2])";
    let mut command = std::process::Command::new(python);
    let output = command.args(["-I", "-c", program]).output();
    let output = output.map_err(|source| Error::io("run", python, &source))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && !version.is_empty() {
        return Ok(version);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let message = format!("{python} does not tell its version: {}", said.trim());
    Err(Error::new(Code::Command, message).with_hint("is it a Python?"))
}

/// Whether an interpreter has an egg, of whatever version.
pub(crate) fn has(python: &Utf8Path, egg: &str) -> bool {
    let program = "import importlib.metadata as m, sys; m.distribution(sys.argv[1])";
    let mut command = std::process::Command::new(python);
    let output = command.args(["-I", "-c", program, egg]).output();
    output.is_ok_and(|output| output.status.success())
}

/// An environment that is there.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    directory: Utf8PathBuf,
}

impl Environment {
    /// The one of the release in that directory, which is not looked at.
    pub(crate) fn of(release: &Utf8Path) -> Self {
        Self { directory: release.join(IN_RELEASE) }
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> Utf8PathBuf {
        self.directory.join("bin/python")
    }

    /// The programs of an installed egg: name and `module:function`.
    pub(crate) fn programs(&self, egg: &str) -> Result<Vec<(String, String)>> {
        let wanted = eggs::normal(egg);
        let mut found = Vec::new();
        for library in files::entries(&self.directory.join("lib"))? {
            for info in files::entries(&library.join("site-packages"))? {
                let name = info.file_name().unwrap_or_default();
                let Some(name) =
                    name.strip_suffix(".dist-info").and_then(|name| name.split('-').next())
                else {
                    continue;
                };
                if eggs::normal(name) == wanted {
                    found.extend(console_scripts(
                        &files::text_of(&info.join("entry_points.txt")).unwrap_or_default(),
                    ));
                }
            }
        }
        Ok(found)
    }
}

/// The section `[console_scripts]` of an `entry_points.txt`.
fn console_scripts(text: &str) -> Vec<(String, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[console_scripts]";
        } else if let Some((name, target)) = line.split_once('=').filter(|_| inside) {
            found.push((name.trim().to_owned(), target.trim().to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_named_by_what_is_in_it_and_how_it_is_made() {
        let name = |python: &str, version: &str, pin: &str| {
            let pins = [("netaddr", pin.to_owned())];
            let (eggs, _) = Eggs::choose(version, pins.into_iter()).unwrap();
            Making::new(&eggs, python.into()).unwrap().name
        };
        let one = name("/usr/bin/python3", "3.11", "1.3.0");
        assert_eq!(one, name("/usr/bin/python3", "3.11", "is not in the table"));
        for other in [
            name("/usr/bin/python3", "3.11", "0.7.19"),
            name("/usr/bin/python3", "3.12", "1.3.0"),
            name("/opt/python3", "3.11", "1.3.0"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn what_builds_others_is_installed_before_them() {
        let (eggs, _) = Eggs::choose("3.11", std::iter::empty()).unwrap();
        let making = Making::new(&eggs, "python3".into()).unwrap();
        let commands = making.commands("/e".into(), "/cache".into());
        assert_eq!(commands[0], ["python3", "-m", "venv", "/e"]);
        for (command, (name, text)) in commands[1..].iter().zip(&making.lists) {
            assert!(command.contains(&format!("/e/{name}")), "{command:?}");
            assert_eq!(text.contains("wheel=="), *name == "builders.txt", "{text}");
        }
    }

    #[test]
    fn programs_are_those_of_the_console() {
        let text = "[gui_scripts]\nno = a:b\n[console_scripts]\nmonitor.x = slapos.x:main\n\n[other]\ny = z\n";
        assert_eq!(console_scripts(text), [("monitor.x".to_owned(), "slapos.x:main".to_owned())]);
    }

    #[test]
    fn only_a_python_tells_its_version() {
        assert!(version_of("/bin/false".into()).is_err());
        assert!(version_of("/bin/true".into()).is_err());
        assert!(version_of("/usr/bin/python3".into()).unwrap().starts_with("3."));
    }
}
