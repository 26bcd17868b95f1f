//! The shell scripts that recipes write: one command with what shall be done before it.
//!
//! The order is that of SlapOS: ignore signals, note the process, wait for files, mount, go on as the program.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};

/// A line of the script is broken after so many characters.
const LINE_LENGTH: usize = 78;

/// Starts a command.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// Program and arguments; what the script is called with is appended.
    pub(super) command: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) ignored_signals: Vec<String>,
    pub(super) wait_for: Vec<Utf8PathBuf>,
    /// Holds the number of the process; refuses a second run of the same command.
    pub(super) pidfile: Option<Utf8PathBuf>,
    /// Asks for a processor of its own.
    pub(super) reserve_cpu: bool,
    /// Size and place of file systems in memory that only the command sees.
    pub(super) memory_folders: Vec<(String, Utf8PathBuf)>,
    pub(super) redirect: Option<Redirect>,
}

/// Where the command's output goes; the files may be moved away at any time.
#[derive(Debug, Default)]
pub(super) struct Redirect {
    /// What the command gets when the script gets USR1, such as `HUP`.
    pub(super) signal: Option<String>,
    pub(super) stdout: Option<Utf8PathBuf>,
    pub(super) stderr: Option<Utf8PathBuf>,
}

impl Script {
    /// A script that does nothing but start the command.
    pub(super) fn of<S: Into<String>>(command: impl IntoIterator<Item = S>) -> Self {
        Self { command: command.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::from("#!/bin/sh -e\n");
        let mut ignored = self.ignored_signals.clone();
        if self.redirect.is_some() && ignored.is_empty() {
            ignored.push("USR1".to_owned());
        }
        if !ignored.is_empty() {
            let _infallible = writeln!(text, "trap '' {}", ignored.join(" "));
        }
        if let Some(pidfile) = &self.pidfile {
            text.push_str(&self.once(pidfile));
        }
        if self.reserve_cpu {
            text.push_str("echo $$ >>\"$HOME/.slapos-cpu-exclusive\"\n");
        }
        for file in &self.wait_for {
            let file = quote(file.as_str());
            let _infallible =
                writeln!(text, "until test -e {file} || test -L {file}; do sleep 0.2; done");
        }
        for (name, value) in &self.environment {
            let _infallible = writeln!(text, "export {name}={}", quote(value));
        }
        let words = self.command.iter().map(|word| quote(word)).chain(["\"$@\"".to_owned()]);
        if self.memory_folders.is_empty() && self.redirect.is_none() {
            text.push_str(&broken("exec", words));
            return text;
        }
        text.push_str(&broken("set --", words));
        for (size, path) in &self.memory_folders {
            text.push_str(&in_memory(size, path));
        }
        match &self.redirect {
            None => text.push_str("exec \"$@\"\n"),
            Some(redirect) => text.push_str(&redirect.text()),
        }
        text
    }

    /// Refuses a second run, and keeps the number of the process. Numbers come back after a while, so a process
    /// only counts when it is this very command.
    fn once(&self, pidfile: &Utf8Path) -> String {
        let pidfile = quote(pidfile.as_str());
        let command = quote(&self.command.join(" ").replace('\n', " "));
        format!(
            "if pid=$(cat {pidfile} 2>/dev/null) && test -n \"$pid\" &&\n  \
             {{ tr '\\0\\n' '  ' <\"/proc/$pid/cmdline\"; }} 2>/dev/null | grep -qF -- {command}; then\n  \
             echo \"Already running with pid $pid.\" >&2\n  exit 1\nfi\necho $$ >{pidfile}\n"
        )
    }
}

/// Puts a file system in memory before the command. A sandbox may forbid that: then the folder is a plain one.
fn in_memory(size: &str, path: &Utf8Path) -> String {
    let (options, path) = (quote(&format!("size={size}")), quote(path.as_str()));
    let told = quote(&format!("no private file system in memory at {path}: it is a plain folder"));
    let own = "unshare --user --map-root-user --mount";
    format!(
        "mkdir -p {path}\n\
         if {own} mount -t tmpfs -o {options} tmpfs {path} 2>/dev/null; then\n  \
         set -- {own} sh -ec 'mount -t tmpfs -o \"$1\" tmpfs \"$2\"\n    \
         user=$3 group=$4; shift 4\n    \
         exec unshare --user --map-user=\"$user\" --map-group=\"$group\" \"$@\"' \\\n    \
         sh {options} {path} \"$(id -u)\" \"$(id -g)\" \"$@\"\nelse\n  echo {told} >&2\nfi\n"
    )
}

impl Redirect {
    /// Starts the command `"$@"` with its output in pipes; each line is appended to the file of that name at that
    /// time.
    fn text(&self) -> String {
        let mut text = String::from(
            "keep() { while IFS= read -r line || test -n \"$line\"; do printf '%s\\n' \"$line\" >>\"$1\"; done; }\n\
             pipes=$(mktemp -d)\ntrap 'rm -r \"$pipes\"' EXIT\n",
        );
        let same = self.stdout.is_some() && self.stdout == self.stderr;
        let mut to = String::new();
        for (name, number, file) in [("out", "", &self.stdout), ("err", "2", &self.stderr)] {
            let Some(file) = file else { continue };
            if same && name == "err" {
                to.push_str(" 2>&1");
                continue;
            }
            let _infallible = writeln!(
                text,
                "mkfifo \"$pipes/{name}\"\nkeep {} <\"$pipes/{name}\" &",
                quote(file.as_str())
            );
            let _infallible = write!(to, " {number}>\"$pipes/{name}\"");
        }
        let signal = match &self.signal {
            Some(signal) => format!("'kill -{signal} \"$child\"'"),
            None => ":".to_owned(),
        };
        let _infallible = write!(
            text,
            "(exec \"$@\"){to} &\nchild=$!\ntrap {signal} USR1\n\
             trap 'kill \"$child\"' TERM INT\nset +e\n\
             while :; do\n  wait \"$child\"; status=$?\n  kill -0 \"$child\" 2>/dev/null || break\ndone\n\
             wait\nexit \"$status\"\n"
        );
        text
    }
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
pub(super) fn words(text: &str) -> Option<Vec<String>> {
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
