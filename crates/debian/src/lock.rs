//! The lock: exactly which debs make a tree, as a text for people and for version control.
//!
//! ```text
//! slapos-debian lock 1
//! architecture amd64
//! suite bookworm
//! package hello
//! stub perl
//! deb bookworm hello 2.10-3 amd64 52988 <sha256> pool/main/h/hello/hello_2.10-3_amd64.deb
//! ```
//!
//! Installing from a lock needs no index, as long as the mirror, or the cache, has the debs.
//! The text names no mirror: paths are relative to whatever mirror the host uses.

use std::collections::BTreeSet;

use camino::Utf8Path;

use crate::{Error, Request};

const HEADER: &str = "slapos-debian lock 1";

/// What was asked and which debs answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Debian's name of the architecture.
    pub architecture: String,
    /// The suite that was asked for, if one was.
    pub suite: Option<String>,
    /// The packages asked for, sorted.
    pub packages: BTreeSet<String>,
    /// The packages deemed present.
    pub stubs: BTreeSet<String>,
    /// The closure, sorted by name.
    pub debs: Vec<Deb>,
}

/// One package file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deb {
    /// Package name.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// Architecture, or `all`.
    pub architecture: String,
    /// Path below the mirror's URL.
    pub path: String,
    /// Bytes of the file.
    pub size: u64,
    /// SHA256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Suite whose index named it: tells which of several mirrors to ask first.
    pub suite: String,
}

impl Lock {
    /// Whether this lock answers `request` on `architecture`.
    pub fn answers(&self, request: &Request, architecture: &str) -> bool {
        self.architecture == architecture
            && self.suite == request.suite
            && self.packages.iter().eq(BTreeSet::from_iter(&request.packages))
            && self.stubs == request.stubs
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`Error::Format`] with the line.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut lines = text.lines().enumerate();
        if lines.next().map(|(_, line)| line) != Some(HEADER) {
            return Err(Error::format("lock", format!("does not begin with `{HEADER}`")));
        }
        let mut lock = Self {
            architecture: String::new(),
            suite: None,
            packages: BTreeSet::new(),
            stubs: BTreeSet::new(),
            debs: Vec::new(),
        };
        for (number, line) in lines {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["architecture", name] => lock.architecture = name.to_owned(),
                ["suite", name] => lock.suite = Some(name.to_owned()),
                ["package", name] => drop(lock.packages.insert(name.to_owned())),
                ["stub", name] => drop(lock.stubs.insert(name.to_owned())),
                ["deb", ..] => {
                    lock.debs.push(Deb::parse(&words).ok_or_else(|| bad_line(number, line))?);
                }
                [""] => (),
                _ => return Err(bad_line(number, line)),
            }
        }
        Ok(lock)
    }

    /// Writes `path` in one step: readers see the old text or the new one.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::DiskFull`].
    pub fn write(&self, path: &Utf8Path) -> Result<(), Error> {
        write(path, self.to_string().as_bytes())
    }
}

impl std::fmt::Display for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{HEADER}\narchitecture {}", self.architecture)?;
        if let Some(suite) = &self.suite {
            writeln!(f, "suite {suite}")?;
        }
        for package in &self.packages {
            writeln!(f, "package {package}")?;
        }
        for stub in &self.stubs {
            writeln!(f, "stub {stub}")?;
        }
        for deb in &self.debs {
            let Deb { name, version, architecture, path, size, sha256, suite } = deb;
            writeln!(f, "deb {suite} {name} {version} {architecture} {size} {sha256} {path}")?;
        }
        Ok(())
    }
}

impl Deb {
    fn parse(words: &[&str]) -> Option<Self> {
        let ["deb", suite, name, version, architecture, size, sha256, path] = *words else {
            return None;
        };
        let [suite, name, version, architecture, path] =
            [suite, name, version, architecture, path].map(str::to_owned);
        (is_sha256(sha256) && is_inner_path(&path)).then_some(Self {
            name,
            version,
            architecture,
            path,
            size: size.parse().ok()?,
            sha256: sha256.to_owned(),
            suite,
        })
    }
}

fn bad_line(number: usize, line: &str) -> Error {
    Error::format("lock", format!("line {}: `{line}`", number + 1))
}

/// Whether `text` is a SHA256 as this crate writes it, and so can be a file name.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether `path` stays below the mirror's URL, and fits a line of the lock and a request line.
pub(crate) fn is_inner_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'\\');
    path.bytes().all(plain) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Writes a file that everybody may read.
pub(crate) fn write(path: &Utf8Path, bytes: &[u8]) -> Result<(), Error> {
    slapos_atomic::write(path, bytes, 0o644).map_err(|source| Error::io("write", path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let deb = |name: &str| Deb {
            name: name.to_owned(),
            version: "1:2.10-3+b1".to_owned(),
            architecture: "amd64".to_owned(),
            path: format!("pool/main/h/{name}_2.10-3_amd64.deb"),
            size: 52_988,
            sha256: "0a".repeat(32),
            suite: "bookworm".to_owned(),
        };
        Lock {
            architecture: "amd64".to_owned(),
            suite: Some("bookworm".to_owned()),
            packages: ["hello".to_owned()].into(),
            stubs: ["perl".to_owned()].into(),
            debs: vec![deb("hello"), deb("libc6")],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(Lock::parse(&lock().to_string()).unwrap(), lock());
    }

    #[test]
    fn a_damaged_lock_is_refused_with_its_line() {
        let good = lock().to_string();
        let table = [
            ("lock 1", "lock 2", "does not begin"),
            ("stub perl", "stab perl", "line 5"),
            ("0a0a", "0A0a", "line 6"),
            ("pool/main/h/hello", "pool/../../h/hello", "line 6"),
            ("pool/main/h/hello", "/pool/h/hello", "line 6"),
            ("52988", "many", "line 6"),
        ];
        for (from, to, wished) in table {
            let problem = Lock::parse(&good.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(problem.contains(wished), "{to}: {problem}");
        }
    }

    #[test]
    fn a_lock_answers_only_its_own_request() {
        let mut request = Request::new(["hello"], "/tree");
        request.stubs = ["perl".to_owned()].into();
        request.suite = Some("bookworm".to_owned());
        assert!(lock().answers(&request, "amd64"));
        assert!(!lock().answers(&request, "arm64"));
        assert!(!lock().answers(&request.clone().without(["ucf"]), "amd64"));
        request.packages.push("nginx".to_owned());
        assert!(!lock().answers(&request, "amd64"));
    }
}
