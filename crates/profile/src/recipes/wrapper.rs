//! `slapos.cookbook:wrapper`: an executable that starts a program.
//!
//! In: `command-line` (shell words), `wrapper-path`, `environment` (lines `name=value`), `wait-for-files`, `pidfile`,
//! `private-tmpfs` (lines *size path*), `reserve-cpu`, `sig-ign`, `redirect-signal`, `redirect-stdout`,
//! `redirect-stderr`, `hash-files`, `hash-existing-files`. With hash files the path gets their hash as suffix, so that
//! a service whose configuration changed is another service. Out: `wrapper-path`, absolute.

use std::collections::BTreeMap;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use data_encoding::HEXLOWER;
use md5::{Digest, Md5};

use super::script::{Redirect, Script, words};
use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] =
    [Kind { version: 3, ..Kind::pure(&["slapos.cookbook:wrapper"], make) }];

struct Wrapper {
    path: Utf8PathBuf,
    script: Script,
    /// Hashed when the part is installed.
    hash_files: Vec<Utf8PathBuf>,
    /// Hashed when the constructor ran.
    existing: Vec<Vec<u8>>,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let path = scope.required("wrapper-path")?;
    let path = scope.path(&path);
    let command = scope.required("command-line")?;
    let command = match words(&command) {
        Some(words) if !words.is_empty() => words,
        _ => {
            return Err(scope
                .fault("command-line", Code::BadOption, "a quote is opened and never closed")
                .into());
        }
    };
    let script = Script {
        command,
        environment: environment(scope)?,
        ignored_signals: signals(scope, "sig-ign")?,
        wait_for: paths(scope, "wait-for-files")?,
        pidfile: scope.text("pidfile")?.map(|text| scope.path(&text)),
        reserve_cpu: scope.flag("reserve-cpu", false)?,
        memory_folders: memory_folders(scope)?,
        redirect: redirect(scope)?,
    };
    let hash_files = paths(scope, "hash-files")?;
    for file in &hash_files {
        made_here(file, scope.directory())
            .map_err(|error| scope.place_of(error, "hash-files", file.as_str()))?;
    }
    let mut existing = Vec::new();
    for file in paths(scope, "hash-existing-files")? {
        existing.push(
            scope.read(file.as_str()).map_err(|error| scope.place(error, "hash-existing-files"))?,
        );
    }
    scope.set_open("wrapper-path", path.as_str());
    Ok(Box::new(Wrapper { path, script, hash_files, existing }))
}

fn paths(scope: &mut Scope<'_, '_>, option: &str) -> Result<Vec<Utf8PathBuf>, Stop> {
    let texts = scope.words(option)?;
    Ok(texts.iter().map(|text| scope.path(text)).collect())
}

/// Variables by name; of several with the same name the last counts.
fn environment(scope: &mut Scope<'_, '_>) -> Result<BTreeMap<String, String>, Stop> {
    let mut found = BTreeMap::new();
    for line in scope.lines("environment")? {
        let Some((name, value)) = line.split_once('=') else {
            let error = Error::new(Code::BadOption, format!("`{line}` is not `name=value`"));
            return Err(scope.place_of(error, "environment", &line).into());
        };
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = name.trim();
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins_well || !name.chars().all(good) {
            let error = Error::new(Code::BadOption, format!("`{name}` cannot name a variable"));
            return Err(scope.place_of(error, "environment", &line).into());
        }
        found.insert(name.to_owned(), value.trim().to_owned());
    }
    Ok(found)
}

/// Names of signals without `SIG`, such as `USR1` or `RTMIN+1`.
fn signals(scope: &mut Scope<'_, '_>, option: &str) -> Result<Vec<String>, Stop> {
    let names = scope.words(option)?;
    let good = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '+';
    match names.iter().find(|name| !name.chars().all(good)) {
        None => Ok(names),
        Some(bad) => {
            let message = format!("`{bad}` is no name of a signal such as USR1 or RTMIN+1");
            Err(scope.fault(option, Code::BadOption, message).into())
        }
    }
}

fn memory_folders(scope: &mut Scope<'_, '_>) -> Result<Vec<(String, Utf8PathBuf)>, Stop> {
    let mut found = Vec::new();
    for line in scope.lines("private-tmpfs")? {
        let Some((size, path)) = line.split_once(char::is_whitespace) else {
            let error = Error::new(Code::BadOption, format!("`{line}` is not `size path`"));
            return Err(scope.place_of(error, "private-tmpfs", &line).into());
        };
        found.push((size.to_owned(), scope.path(path)));
    }
    Ok(found)
}

fn redirect(scope: &mut Scope<'_, '_>) -> Result<Option<Redirect>, Stop> {
    let redirect = Redirect {
        signal: signals(scope, "redirect-signal")?.pop(),
        stdout: scope.text("redirect-stdout")?.map(|text| scope.path(&text)),
        stderr: scope.text("redirect-stderr")?.map(|text| scope.path(&text)),
    };
    if redirect.stdout.is_some() || redirect.stderr.is_some() {
        return Ok(Some(redirect));
    }
    match redirect.signal {
        None => Ok(None),
        Some(_) => {
            let message = "`redirect-signal` means nothing without `redirect-stdout` or `-stderr`";
            Err(scope.fault("redirect-signal", Code::BadOption, message).into())
        }
    }
}

/// Refuses a hash file that is there but lies outside of the directory: no part of this profile made it.
fn made_here(file: &Utf8Path, directory: &Utf8Path) -> Result<()> {
    match (fs::canonicalize(file), fs::canonicalize(directory)) {
        (Ok(file), Ok(directory)) if !file.starts_with(&directory) => {
            let message = format!("{} is not made by this profile", file.display());
            Err(Error::new(Code::BadOption, message).with_hint(
                "`hash-files` are made by parts of this profile, others are `hash-existing-files`",
            ))
        }
        _ => Ok(()),
    }
}

impl Recipe for Wrapper {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        let path = match self.suffix(work)? {
            Some(hash) => Utf8PathBuf::from(format!("{}-{hash}", self.path)),
            None => self.path.clone(),
        };
        work.write(&path, self.script.text().as_bytes(), Mode::Exact(0o700))
    }
}

impl Wrapper {
    /// The hash of all hash files; `None` without any.
    fn suffix(&self, work: &mut Work<'_>) -> Result<Option<String>> {
        let mut contents = Vec::new();
        for file in &self.hash_files {
            let content = work.read(file.as_str()).map_err(|error| {
                error.with_hint("what `hash-files` names must be made by a part before this one")
            })?;
            contents.push(content);
        }
        contents.extend(self.existing.iter().cloned());
        if contents.is_empty() {
            return Ok(None);
        }
        let mut hash = Md5::new();
        for content in contents {
            hash.update(format!("{}\n", content.len()));
            hash.update(content);
        }
        Ok(Some(HEXLOWER.encode(&hash.finalize())))
    }
}
