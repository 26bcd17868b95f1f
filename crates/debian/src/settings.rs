//! What the caller says: which packages, where to, and where from. Values only.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use camino::Utf8PathBuf;

use crate::{Error, Lock, ProxyEnvironment};

/// Packages that only serve maintainer scripts, which never run here: never unpacked, always
/// deemed present, together with everything that they provide.
pub const DEFAULT_STUBS: &[&str] = &[
    "adduser",
    "cron",
    "dbconfig-common",
    "debconf",
    "debianutils",
    "dpkg",
    "init-system-helpers",
    "iproute2",
    "locales",
    "locales-all",
    "logrotate",
    "lsb-base",
    "mailcap",
    "media-types",
    "mount",
    "netbase",
    "passwd",
    "perl",
    "perl-base",
    "postgresql-client-common",
    "postgresql-common",
    "procps",
    "psmisc",
    "sensible-utils",
    "ssl-cert",
    "systemd",
    "sysvinit-utils",
    "tar",
    "ucf",
    "usrmerge",
];

/// One tree: the packages that are asked for, and the directory that shall hold them.
#[derive(Debug, Clone)]
pub struct Request {
    /// Names of packages, as in the index.
    pub packages: Vec<String>,
    /// Packages deemed present and never unpacked; at first [`DEFAULT_STUBS`]. A package that is
    /// asked for is never a stub.
    pub stubs: BTreeSet<String>,
    /// Suite (such as `trixie`) in place of the one that the host's sources name.
    pub suite: Option<String>,
    /// The final directory, absolute: programs are bound to it. Must be absent, empty, or a tree
    /// made by [`crate::install`], which is replaced when it answers another request.
    pub tree: Utf8PathBuf,
    /// Packages decided earlier. Used as long as it answers this request and its debs can be had.
    pub lock: Option<Lock>,
}

impl Request {
    /// Asks for `packages` in `tree`, with the default stubs.
    pub fn new<I>(packages: I, tree: impl Into<Utf8PathBuf>) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        Self {
            packages: packages.into_iter().map(Into::into).collect(),
            stubs: DEFAULT_STUBS.iter().map(|&name| name.to_owned()).collect(),
            suite: None,
            tree: tree.into(),
            lock: None,
        }
    }

    /// Adds stubs: packages that the program can do without.
    #[must_use]
    pub fn without<I>(mut self, names: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.stubs.extend(names.into_iter().map(Into::into));
        self
    }
}

/// Where things come from and where they are kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Root of the apt configuration (`etc/apt`) and of the keyrings; normally `/`.
    pub apt_root: Utf8PathBuf,
    /// Mirror in place of the host's own sources.
    pub mirror: Option<Mirror>,
    /// Keyring in place of those that the sources name.
    pub keyring: Option<Utf8PathBuf>,
    /// Directory for debs and parsed indexes; may be shared by many processes.
    pub cache: Utf8PathBuf,
    /// Proxy variables of the environment, after those of apt's configuration.
    pub proxies: ProxyEnvironment,
    /// Debian's name of the architecture, such as `amd64`.
    pub architecture: String,
    /// Time of this installation, against which `Valid-Until` of an index is judged.
    pub now: SystemTime,
    /// Downloads at the same time.
    pub downloads: usize,
    /// How long a mirror may be silent before an attempt to fetch something counts as failed.
    pub silence: Duration,
    /// Caps against hostile or broken archives.
    pub limits: Limits,
}

impl Settings {
    /// The host's own sources and architecture, debs kept in `cache`.
    pub fn new(cache: impl Into<Utf8PathBuf>, now: SystemTime) -> Self {
        Self {
            apt_root: Utf8PathBuf::from("/"),
            mirror: None,
            keyring: None,
            cache: cache.into(),
            proxies: ProxyEnvironment::default(),
            architecture: host_architecture().to_owned(),
            now,
            downloads: 4,
            silence: Duration::from_secs(30),
            limits: Limits::default(),
        }
    }
}

/// Caps for one package.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a deb.
    pub deb_bytes: u64,
    /// Bytes of all unpacked files of a deb.
    pub unpacked_bytes: u64,
    /// Entries in a deb.
    pub entries: usize,
    /// Bytes of an index, compressed or not.
    pub index_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deb_bytes: 2 << 30,
            unpacked_bytes: 8 << 30,
            entries: 500_000,
            index_bytes: 512 << 20,
        }
    }
}

/// A mirror, written `URL [SUITE [COMPONENT ...]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Directory that holds `dists` and `pool`.
    pub url: String,
    /// Suite; `None` takes the request's, else the one that the host's sources name.
    pub suite: Option<String>,
    /// Components, `main` if none is named.
    pub components: Vec<String>,
}

impl std::str::FromStr for Mirror {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut words = text.split_whitespace().map(str::to_owned);
        let url = words.next().unwrap_or_default();
        if !["http://", "https://", "file:/"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(Error::BadMirror(text.to_owned()));
        }
        let suite = words.next();
        let mut components: Vec<String> = words.collect();
        if components.is_empty() {
            components.push("main".to_owned());
        }
        Ok(Self { url, suite, components })
    }
}

/// Debian's name for the architecture this program was built for.
fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64el",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_a_url_a_suite_and_components() {
        let table = [
            ("http://m/debian", Some((None, vec!["main"]))),
            ("https://m/debian trixie", Some((Some("trixie"), vec!["main"]))),
            (" file:/srv/m sid main contrib ", Some((Some("sid"), vec!["main", "contrib"]))),
            ("ftp://m/debian", None),
            ("", None),
        ];
        for (text, wished) in table {
            let seen: Option<Mirror> = text.parse().ok();
            let seen = seen
                .as_ref()
                .map(|m| (m.suite.as_deref(), m.components.iter().map(String::as_str).collect()));
            assert_eq!(seen, wished, "{text:?}");
        }
    }
}
