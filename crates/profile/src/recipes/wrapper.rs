//! `slapos.cookbook:wrapper`: an executable that starts a program.
//!
//! In: `command-line` (shell words), `wrapper-path`, `environment` (lines `name=value`), `wait-for-files`, `pidfile`,
//! `sig-ign`, `hash-files`, `hash-existing-files`. With hash files the path gets their hash as suffix, so that a
//! service whose configuration changed is another service. Out: `wrapper-path`, absolute.

use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use md5::{Digest, Md5};

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work, hex};
use crate::error::{Code, Error, Result};
use crate::files::{self, Mode};

pub(super) static KINDS: [Kind; 1] =
    [Kind { pure: true, ..Kind::new(&["slapos.cookbook:wrapper"], make) }];

/// A line of the script is broken after so many characters.
const LINE_LENGTH: usize = 78;

const NOT_OFFERED: [&str; 7] = [
    "private-tmpfs",
    "reserve-cpu",
    "redirect-signal",
    "redirect-stdout",
    "redirect-stderr",
    "parameters-extra",
    "private-dev-shm",
];

struct Wrapper {
    path: Utf8PathBuf,
    script: Script,
    /// Hashed when the part is installed.
    hash_files: Vec<Utf8PathBuf>,
    /// Hashed when the constructor ran.
    existing: Vec<Vec<u8>>,
}

/// What the script does.
#[derive(Debug, Default)]
struct Script {
    command: Vec<String>,
    environment: Vec<(String, String)>,
    ignored_signals: Vec<String>,
    wait_for: Vec<Utf8PathBuf>,
    pidfile: Option<Utf8PathBuf>,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    scope.refuse(&NOT_OFFERED)?;
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
        ignored_signals: scope.words("sig-ign")?,
        wait_for: paths(scope, "wait-for-files")?,
        pidfile: scope.text("pidfile")?.map(|text| scope.path(&text)),
    };
    let mut existing = Vec::new();
    for file in paths(scope, "hash-existing-files")? {
        existing.push(
            scope.read(file.as_str()).map_err(|error| scope.place(error, "hash-existing-files"))?,
        );
    }
    let hash_files = paths(scope, "hash-files")?;
    scope.set("wrapper-path", path.as_str());
    Ok(Box::new(Wrapper { path, script, hash_files, existing }))
}

fn paths(scope: &mut Scope<'_, '_>, option: &str) -> Result<Vec<Utf8PathBuf>, Stop> {
    let texts = scope.words(option)?;
    Ok(texts.iter().map(|text| scope.path(text)).collect())
}

fn environment(scope: &mut Scope<'_, '_>) -> Result<Vec<(String, String)>, Stop> {
    let mut found = Vec::new();
    for line in scope.lines("environment")? {
        let Some((name, value)) = line.split_once('=') else {
            let error = Error::new(Code::BadOption, format!("`{line}` is not `name=value`"));
            return Err(scope.place_of(error, "environment", &line).into());
        };
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.trim().is_empty() || !name.trim().chars().all(good) {
            let error =
                Error::new(Code::BadOption, format!("`{}` cannot name a variable", name.trim()));
            return Err(scope.place_of(error, "environment", &line).into());
        }
        found.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    found.sort();
    Ok(found)
}

impl Recipe for Wrapper {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        let path = match self.suffix()? {
            Some(hash) => Utf8PathBuf::from(format!("{}-{hash}", self.path)),
            None => self.path.clone(),
        };
        work.write(&path, self.script.text().as_bytes(), Mode::Exact(0o700))
    }
}

impl Wrapper {
    /// The hash of all hash files; `None` without any.
    fn suffix(&self) -> Result<Option<String>> {
        let mut contents = Vec::new();
        for file in &self.hash_files {
            let content = files::read(file).map_err(|error| {
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
        Ok(Some(hex(&hash.finalize())))
    }
}

impl Script {
    fn text(&self) -> String {
        let mut text = String::from("#!/bin/sh -e\n");
        for file in &self.wait_for {
            let file = quote(file.as_str());
            let _infallible = writeln!(text, "until test -e {file}; do sleep 0.2; done");
        }
        if !self.ignored_signals.is_empty() {
            let _infallible = writeln!(text, "trap '' {}", self.ignored_signals.join(" "));
        }
        if let Some(pidfile) = &self.pidfile {
            text.push_str(&once(pidfile));
        }
        for (name, value) in &self.environment {
            let _infallible = writeln!(text, "export {name}={}", quote(value));
        }
        let words = self.command.iter().map(|word| quote(word)).chain(["\"$@\"".to_owned()]);
        text.push_str(&broken("exec", words));
        text
    }
}

/// Refuses a second run, and keeps the number of the process.
fn once(pidfile: &Utf8Path) -> String {
    let pidfile = quote(pidfile.as_str());
    format!(
        "if test -s {pidfile} && kill -0 \"$(cat {pidfile})\" 2>/dev/null; then\n  \
         echo already running >&2\n  exit 1\nfi\necho $$ >{pidfile}\n"
    )
}

/// One command on several lines.
fn broken(first: &str, words: impl Iterator<Item = String>) -> String {
    let (mut text, mut length) = (String::new(), first.len());
    text.push_str(first);
    for word in words {
        if length + word.len() + 1 > LINE_LENGTH && length > 2 {
            text.push_str(" \\\n ");
            length = 1;
        }
        length += word.len() + 1;
        text.push(' ');
        text.push_str(&word);
    }
    text.push('\n');
    text
}

/// The word as the shell must read it.
pub(super) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Splits as a shell does, without expanding anything; `None` if a quote stays open.
fn words(text: &str) -> Option<Vec<String>> {
    let (mut found, mut word) = (Vec::new(), None::<String>);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => word.get_or_insert_default().push_str(&until_single(&mut letters)?),
            '"' => word.get_or_insert_default().push_str(&until_double(&mut letters)?),
            '\\' => word.get_or_insert_default().push(letters.next()?),
            letter if letter.is_whitespace() => found.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    found.extend(word);
    Some(found)
}

fn until_single(letters: &mut std::str::Chars<'_>) -> Option<String> {
    let mut inside = String::new();
    loop {
        match letters.next()? {
            '\'' => return Some(inside),
            letter => inside.push(letter),
        }
    }
}

fn until_double(letters: &mut std::str::Chars<'_>) -> Option<String> {
    let mut inside = String::new();
    loop {
        match letters.next()? {
            '"' => return Some(inside),
            '\\' => match letters.next()? {
                escaped @ ('"' | '\\') => inside.push(escaped),
                other => inside.extend(['\\', other]),
            },
            letter => inside.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_a_shell_splits_them() {
        let table = [
            ("a  b\n c", Some(vec!["a", "b", "c"])),
            ("a 'b  c' \"d \\\" \\x\" e\\ f", Some(vec!["a", "b  c", "d \" \\x", "e f"])),
            ("x'y'\"z\" ''", Some(vec!["xyz", ""])),
            ("a 'b", None),
            ("a \"b", None),
            ("", Some(vec![])),
        ];
        for (text, expected) in table {
            let expected =
                expected.map(|words| words.into_iter().map(ToOwned::to_owned).collect::<Vec<_>>());
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn quoting_is_undone_by_splitting() {
        for word in ["plain", "", "two words", "it's", "$HOME", "a\nb", "*", "\"", "\\"] {
            assert_eq!(words(&quote(word)), Some(vec![word.to_owned()]), "{word}");
        }
    }

    #[test]
    fn long_commands_are_broken_between_words() {
        let words = (0..12).map(|number| format!("--option-number-{number}"));
        let text = broken("exec", words);
        assert!(
            text.lines().count() > 2 && text.lines().all(|line| line.len() <= LINE_LENGTH + 4),
            "{text}"
        );
        assert_eq!(text.matches("--option-number-").count(), 12);
    }
}
