//! Everything that can go wrong, with the place, and the way out where there is one.

use camino::{Utf8Path, Utf8PathBuf};

/// Why an installation failed. Nothing half-done counts as done: the tree is not there, and what
/// was downloaded and verified stays in the cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host names no usable source of packages and the settings name no mirror.
    #[error("no source of Debian packages: {looked_at} names none")]
    NoSources { looked_at: Utf8PathBuf },
    /// A mirror was given, but nothing says which suite.
    #[error(
        "which suite of the mirror {url}? Neither the request, nor the mirror's setting, nor the host says"
    )]
    NoSuite { url: String },
    /// A mirror is not `URL [SUITE [COMPONENT ...]]`.
    #[error("`{0}` is not a mirror: wanted `URL [SUITE [COMPONENT ...]]` with http, https or file")]
    BadMirror(String),
    /// A file of apt's configuration cannot be understood.
    #[error("{path}:{line}: {problem}")]
    AptConfig { path: Utf8PathBuf, line: usize, problem: String },
    /// No key to verify with.
    #[error("no OpenPGP key to verify {release} with: {problem}")]
    NoKey { release: String, problem: String },
    /// The signature of an index is missing, wrong, or of nobody we trust.
    #[error("the index {release} is refused: {problem}")]
    Signature { release: String, problem: String },
    /// The index is older than it says it may be.
    #[error("the index {release} has expired: it was valid until {until}")]
    Expired { release: String, until: String },
    /// A text from the mirror (or a lock) is not in its format.
    #[error("{what}: {problem}")]
    Format { what: String, problem: String },
    /// A dependency cannot be had.
    #[error("cannot resolve: {}", chain.join(" needs "))]
    Unresolved { chain: Vec<String> },
    /// The transfer failed, after retries.
    #[error("fetch {url}: {problem}")]
    Fetch { url: String, problem: String },
    /// The mirror does not have it.
    #[error("fetch {url}: not found (404)")]
    NotFound { url: String },
    /// A mirror on this disk that may not be read.
    #[error("the mirror {url} cannot be read")]
    Unreadable {
        url: String,
        #[source]
        source: std::io::Error,
    },
    /// What arrived is not what was announced.
    #[error("{url} is refused: {problem}")]
    Mismatch { url: String, problem: String },
    /// An archive is broken or hostile.
    #[error("{package} is refused: {problem}")]
    Archive { package: String, problem: String },
    /// An executable that cannot be bound to its tree.
    #[error("cannot patch {path}: {problem}")]
    Elf { path: Utf8PathBuf, problem: String },
    /// The directory is not ours to replace.
    #[error("{0} exists, is not empty, and is not a tree made by this program")]
    NotOurs(Utf8PathBuf),
    /// The directory's name cannot serve.
    #[error("`{path}` cannot hold a tree: {problem}")]
    BadTree { path: Utf8PathBuf, problem: &'static str },
    /// No space, or no quota, left.
    #[error("disk full while writing {path}")]
    DiskFull { path: Utf8PathBuf },
    /// The file system refused.
    #[error("{step} {path}")]
    Io {
        step: &'static str,
        path: Utf8PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Wraps a failed file operation; a full disk becomes its own kind.
    pub(crate) fn io(step: &'static str, path: &Utf8Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path }
            }
            _ => Self::Io { step, path, source },
        }
    }

    /// A text that is not in its format.
    pub(crate) fn format(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Format { what: what.into(), problem: problem.into() }
    }

    /// What the person can do next, in the words of the program that they use; `None` when there
    /// is nothing general to say.
    pub fn hint(&self, ways: &Ways<'_>) -> Option<String> {
        let Ways { mirror, keyring } = ways;
        Some(match self {
            Self::NoSources { .. } => {
                format!("this host is not Debian? Name a mirror and its suite: {mirror}")
            }
            Self::NoSuite { .. } => format!("name the suite after the URL: {mirror}"),
            Self::NoKey { .. } => format!(
                "install the package debian-archive-keyring, or name a file with the mirror's keys: \
                 {keyring}"
            ),
            Self::Signature { .. } => format!(
                "the mirror is broken or hostile, or its keys are newer than the keyring; \
                 another mirror: {mirror}; newer keys: {keyring}"
            ),
            Self::Expired { .. } => {
                format!("check this host's clock, or use a mirror that is up to date: {mirror}")
            }
            Self::Unresolved { .. } => {
                "check the spelling and the suite; what the program can do without goes into \
                 `without`"
                    .to_owned()
            }
            Self::Fetch { .. } => format!(
                "is the network up? Proxies come from apt's configuration and http_proxy; \
                 another mirror: {mirror}"
            ),
            Self::Unreadable { .. } => format!(
                "let whoever installs read it; where installations are confined, an apt source on this disk does not \
                 do, but the same as a mirror does: {mirror}"
            ),
            Self::NotFound { .. } | Self::Mismatch { .. } => {
                format!("the mirror may be changing just now: try again, or name another: {mirror}")
            }
            Self::NotOurs(_) => "choose another directory, or empty this one".to_owned(),
            Self::DiskFull { .. } => "free some space and run again: downloads are kept".to_owned(),
            Self::BadMirror(_)
            | Self::AptConfig { .. }
            | Self::Format { .. }
            | Self::Archive { .. }
            | Self::Elf { .. }
            | Self::BadTree { .. }
            | Self::Io { .. } => return None,
        })
    }
}

/// How whoever reads a hint gives another source of packages to the program that they use.
#[derive(Debug, Clone, Copy)]
pub struct Ways<'a> {
    /// A mirror, e.g. `--mirror "URL SUITE"`.
    pub mirror: &'a str,
    /// A file of keys, e.g. `--keyring FILE`.
    pub keyring: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, StorageFull};
        for (kind, wished) in
            [(StorageFull, true), (QuotaExceeded, true), (PermissionDenied, false)]
        {
            let error = Error::io("write", "/srv/x".into(), kind.into());
            assert_eq!(matches!(error, Error::DiskFull { .. }), wished, "{kind}");
            assert!(error.to_string().contains("/srv/x"), "{error}");
        }
    }
}
