//! The Python of a release: a virtual environment with the eggs of `software/supply/eggs.txt`.
//!
//! Made by the node's Python, which must have `venv`. Versions are pinned by their hashes, and nothing else is
//! installed; what has no wheel is built by pinned tools too. The environment of a release is made once: whatever part
//! wants it first, and again when the tables or the interpreter are others.

use std::fs::File;
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use data_encoding::HEXLOWER;
use md5::{Digest as _, Md5};

use crate::engine::Teller;
use crate::error::{Code, Error, Result};
use crate::files::{self, Keep, Mode};
use crate::job::Supply;
use crate::process;

const EGGS: &str = include_str!("../../../software/supply/eggs.txt");
const BUILD: &str = include_str!("../../../software/supply/eggs-build.txt");

/// Eggs of recipes that are native: no release needs them.
const NATIVE: [&str; 12] = [
    "cns-recipe-symlink",
    "collective-recipe-template",
    "plone-recipe-command",
    "slapos-cookbook",
    "slapos-libnetworkcache",
    "slapos-recipe-build",
    "slapos-recipe-cmmi",
    "slapos-recipe-maketools",
    "slapos-recipe-template",
    "zc-buildout",
    "zc-recipe-egg",
    "zc-recipe-testrunner",
];

/// Of what a failed step says, so much is told: the end.
const TOLD_BYTES: usize = 4000;

/// How an egg is supplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// What it is wanted for is native.
    Native,
    /// It is in the environment.
    Installed,
    /// Not at all.
    Nobody,
}

/// The name of an egg as indexes compare it, without extras and versions: `Foo.Bar[x]>=1` is `foo-bar`.
pub(crate) fn normal(egg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name = egg.split(|c| !plain(c)).next().unwrap_or_default();
    name.to_lowercase().replace(['.', '_'], "-")
}

/// How the egg of that name is supplied.
pub(crate) fn means(egg: &str) -> Means {
    let name = normal(egg);
    let pinned =
        |text: &str| text.lines().any(|line| line.split_once("==").is_some_and(|l| l.0 == name));
    if NATIVE.contains(&&*name) {
        Means::Native
    } else if pinned(EGGS) || pinned(BUILD) {
        Means::Installed
    } else {
        Means::Nobody
    }
}

/// The environment below a release.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    directory: Utf8PathBuf,
}

impl Environment {
    /// The environment in that directory, which is not looked at.
    pub(crate) fn at(directory: &Utf8Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> Utf8PathBuf {
        self.directory.join("bin/python")
    }

    /// Makes it, unless it is there.
    pub(crate) fn make(
        &self,
        python: &Utf8Path,
        supply: &Supply,
        teller: &mut Teller<'_>,
    ) -> Result<()> {
        let _claim = self.claim(teller)?;
        let (mark, complete) = (self.directory.join(".complete"), mark(python));
        if files::text_of(&mark).is_some_and(|text| text == complete) {
            return Ok(());
        }
        teller.step("make the Python environment", 0, 0);
        self.run(python, &["-m", "venv", "--clear", self.directory.as_str()], teller)?;
        teller.step("install eggs", 0, 0);
        self.install("build", BUILD, supply, teller)?;
        self.install("all", EGGS, supply, teller)?;
        files::settle(&self.directory)?; // what the mark vouches for
        files::put(&mark, complete.as_bytes(), Mode::Plain, Keep::Durable)?;
        Ok(())
    }

    /// Waits until nobody else makes it: all parts that want eggs may begin at the same time.
    fn claim(&self, teller: &mut Teller<'_>) -> Result<File> {
        let path = Utf8PathBuf::from(format!("{}.lock", self.directory));
        let failed = |source: std::io::Error| Error::io("lock", &path, &source);
        files::make_folder(path.parent().unwrap_or(Utf8Path::new("/")), 0o777)?;
        let lock = File::create(&path).map_err(failed)?;
        if lock.try_lock().is_err() {
            teller.step("wait for the Python environment", 0, 0);
            lock.lock().map_err(failed)?;
        }
        Ok(lock)
    }

    fn install(
        &self,
        name: &str,
        pins: &str,
        supply: &Supply,
        teller: &mut Teller<'_>,
    ) -> Result<()> {
        let list = self.directory.join(format!("{name}.txt"));
        files::put(&list, pins.as_bytes(), Mode::Plain, Keep::Renewable)?;
        let cache = supply.cache.join("pip");
        let mut arguments = vec![
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--require-hashes",
            "--no-deps",
            "--no-build-isolation",
            "--cache-dir",
            cache.as_str(),
            "-r",
            list.as_str(),
        ];
        arguments.extend(process::authorities().into_iter().flat_map(|file| ["--cert", file]));
        self.run(&self.python(), &arguments, teller)
    }

    fn run(&self, python: &Utf8Path, arguments: &[&str], teller: &mut Teller<'_>) -> Result<()> {
        let mut command = Command::new(python);
        command.args(arguments).stdin(Stdio::null());
        let output = command.output().map_err(|source| Error::io("run", python, &source))?;
        let said = [output.stdout, output.stderr].concat();
        teller.say(&said);
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&said[said.len().saturating_sub(TOLD_BYTES)..]);
        let message =
            format!("the Python environment {} cannot be made: {}", self.directory, said.trim());
        let hint = "the node's Python needs `venv` (Debian: python3-venv) and reaches the index that pip is configured for";
        Err(Error::new(Code::Command, message).with_hint(hint))
    }

    /// The programs of an installed egg: name and `module:function`.
    pub(crate) fn programs(&self, egg: &str) -> Result<Vec<(String, String)>> {
        let wanted = normal(egg);
        let mut found = Vec::new();
        for library in files::entries(&self.directory.join("lib"))? {
            for info in files::entries(&library.join("site-packages"))? {
                let name = info.file_name().unwrap_or_default();
                let Some(name) =
                    name.strip_suffix(".dist-info").and_then(|name| name.split('-').next())
                else {
                    continue;
                };
                if normal(name) == wanted {
                    found.extend(console_scripts(
                        &files::text_of(&info.join("entry_points.txt")).unwrap_or_default(),
                    ));
                }
            }
        }
        Ok(found)
    }
}

/// Names what an environment is made of.
fn mark(python: &Utf8Path) -> String {
    let digest = Md5::digest(format!("{EGGS}{BUILD}"));
    format!("{} {python}\n", HEXLOWER.encode(&digest))
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
    fn eggs_are_known_by_any_spelling() {
        let table = [
            ("slapos.cookbook", Means::Native),
            ("slapos.toolbox[flask_auth]", Means::Installed),
            ("PyRSS2Gen", Means::Installed),
            ("Zope.Interface >= 5", Means::Installed),
            ("setuptools", Means::Installed),
            ("zope", Means::Nobody),
            ("", Means::Nobody),
        ];
        for (egg, expected) in table {
            assert_eq!(means(egg), expected, "{egg}");
        }
    }

    #[test]
    fn one_at_a_time_makes_an_environment() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        // Stands for Python: fails if another of it is running, and makes one that has its own pip.
        let python = folder.join("python");
        let text = "#!/bin/sh\nplace=$0.running\nmkdir \"$place\" || exit 1\nsleep 0.05\n\
                    if [ \"$2\" = venv ]; then mkdir -p \"$4/bin\"; cp \"$0\" \"$4/bin/python\"; echo >> \"$0.made\"; fi\n\
                    rmdir \"$place\"\n";
        files::put(&python, text.as_bytes(), Mode::Runnable, Keep::Renewable).unwrap();
        let supply = Supply {
            cache: folder.join("cache"),
            logs: folder.join("log"),
            mirror: None,
            keyring: None,
            now_unix_s: 0,
            mirror_timeout_s: None,
            http_proxy: None,
            https_proxy: None,
            no_proxy: None,
        };
        let environment = Environment::at(&folder.join("release/eggs"));
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    environment.make(&python, &supply, &mut Teller::default()).unwrap();
                });
            }
        });
        assert_eq!(files::text_of(&folder.join("python.made")).unwrap(), "\n");
    }

    #[test]
    fn an_environment_is_on_the_disk_before_its_mark() {
        let test = "eggs::tests::one_at_a_time_makes_an_environment";
        let Some(calls) = crate::traced::calls(test) else { return };
        assert!(crate::traced::followed(&calls, ["syncfs", ""], "renameat("), "{calls:#?}");
    }

    #[test]
    fn every_pin_has_a_version_and_hashes() {
        for text in [EGGS, BUILD] {
            let joined = text.replace("\\\n", " ");
            for line in joined.lines().filter(|line| !line.starts_with('#')) {
                let words: Vec<_> = line.split_whitespace().collect();
                assert!(words[0].contains("=="), "{line}");
                let hashed = |word: &&str| {
                    word.strip_prefix("--hash=sha256:").is_some_and(|h| h.len() == 64)
                };
                assert!(words.len() > 1 && words[1..].iter().all(hashed), "{line}");
            }
        }
    }

    #[test]
    fn programs_are_those_of_the_console() {
        let text = "[gui_scripts]\nno = a:b\n[console_scripts]\nmonitor.x = slapos.x:main\n\n[other]\ny = z\n";
        assert_eq!(console_scripts(text), [("monitor.x".to_owned(), "slapos.x:main".to_owned())]);
    }
}
