//! What to evaluate, and what a profile may know of where it runs. Values only.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

/// Options by name.
pub type Options = BTreeMap<String, String>;

/// One evaluation of one profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// The profile: an absolute path, or a URL.
    pub profile: String,
    /// The directory that it lays out, absolute: a partition or a release. Nothing outside is ever removed.
    pub directory: Utf8PathBuf,
    /// What was installed by earlier runs; made and kept by this crate.
    pub state_file: Utf8PathBuf,
    /// Sections that the caller adds; their options override those of the profile. Values are taken as they are.
    pub extra: BTreeMap<String, Options>,
    /// Which of them are secrets, as `section:option`: they reach neither state nor messages.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secret: BTreeSet<String>,
    /// The interpreter for parts whose recipe only exists in Python; without one such parts are refused.
    pub python: Option<Utf8PathBuf>,
    /// What is laid out.
    pub purpose: Purpose,
}

/// A release or an instance of one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Purpose {
    /// A release, which takes its software from Debian.
    Software(Supply),
    /// An instance.
    Instance(Facts),
}

/// Where software comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Supply {
    /// Directory for packages, shared by all releases.
    pub cache: Utf8PathBuf,
    /// Directory for the logs of parts, `PART.log` each; made when the first is written.
    pub logs: Utf8PathBuf,
    /// Another mirror than the host's own, `URL [SUITE [COMPONENT ...]]`.
    pub mirror: Option<String>,
    /// File of the keys that packages are verified with, instead of those that the host trusts.
    pub keyring: Option<Utf8PathBuf>,
    /// How many seconds a mirror may be silent, if not as long as usual.
    pub mirror_timeout_s: Option<u64>,
    /// Time of the installation, seconds since 1970.
    pub now_unix_s: u64,
    /// Variable `http_proxy` of the caller's environment.
    pub http_proxy: Option<String>,
    /// Variable `https_proxy` of the caller's environment.
    pub https_proxy: Option<String>,
    /// Variable `no_proxy` of the caller's environment.
    pub no_proxy: Option<String>,
}

impl Supply {
    /// From where the host takes it, kept in that directory, with the logs in there.
    pub fn kept_in(cache: &Utf8Path) -> Self {
        Self {
            cache: cache.to_owned(),
            logs: cache.join("log"),
            mirror: None,
            keyring: None,
            mirror_timeout_s: None,
            now_unix_s: 0,
            http_proxy: None,
            https_proxy: None,
            no_proxy: None,
        }
    }

    /// The variables of the caller's environment that name proxies.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = (&'static str, String)> {
        let known = [
            ("http_proxy", &self.http_proxy),
            ("https_proxy", &self.https_proxy),
            ("no_proxy", &self.no_proxy),
        ];
        known.map(|(name, proxy)| Some((name, proxy.clone()?))).into_iter().flatten()
    }
}

/// What an instance may know of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Reference of the computer, such as `COMP-1`.
    pub computer: String,
    /// Reference of the partition, such as `slappart0`.
    pub partition: String,
    /// Title of the instance.
    pub title: String,
    /// Title of the root of its tree.
    pub root_title: String,
    /// Identity of the instance.
    pub id: String,
    /// Type of the instance, an entry of the release.
    pub software_type: String,
    /// URL of the release.
    pub software_release: String,
    /// Wished state: `started` or `stopped`.
    pub state: String,
    /// Parameters, as texts.
    pub parameters: Options,
    /// IPv4 addresses of the partition.
    pub ipv4: Vec<String>,
    /// IPv6 addresses of the partition.
    pub ipv6: Vec<String>,
    /// The master's time stamp of the wish.
    pub timestamp: String,
    /// The shared instances that it serves: those that shall run.
    pub shared: Vec<Shared>,
    /// What it last published itself, as the master knows it.
    #[serde(default)]
    pub connection: Options,
}

/// A shared instance, as the instance that serves it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// Its identity: what `-slave-reference` names.
    pub reference: String,
    /// Its title.
    pub title: String,
    /// Its type, an entry of the release.
    pub software_type: String,
    /// Its parameters, as texts.
    pub parameters: Options,
}
