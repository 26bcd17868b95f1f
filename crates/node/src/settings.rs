//! What one node is told when it starts. A value: the command line reads files, this crate never does.

use std::net::IpAddr;

use camino::Utf8PathBuf;
use data_encoding::HEXLOWER;
use md5::{Digest, Md5};
use slapos_core::names::{ComputerId, PartitionId, SoftwareUrl};

/// Everything that a node has to know before it can call its master.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The computer that this node is the agent of.
    pub computer: ComputerId,
    /// Address of the master, e.g. `http://127.0.0.1:4000`.
    pub master_url: String,
    /// Releases are installed here, each in a directory named by the md5 of its URL.
    pub software_root: Utf8PathBuf,
    /// Partitions are here.
    pub instance_root: Utf8PathBuf,
    /// Sockets, locks, logs and what the node remembers.
    pub var_root: Utf8PathBuf,
    /// Downloads that releases share; may be shared by several nodes.
    pub cache_root: Utf8PathBuf,
    /// Where the releases that come with the program are laid out: `<shipped>/NAME/software.cfg`.
    pub shipped_root: Utf8PathBuf,
    /// The partitions that this computer offers.
    pub partitions: Vec<PartitionSettings>,
    /// System users; `None`: everything runs as the invoking user.
    pub users: Option<Users>,
    /// Releases that are installed at the same time; others wait for their turn.
    pub installations_max: usize,
    /// Profiles of instances that are evaluated at the same time; others wait for their turn.
    pub evaluations_max: usize,
    /// The Python that runs recipes which are not native; `None`: profiles that need one are refused.
    pub python: Option<Utf8PathBuf>,
    /// Another source of Debian packages than the host's own apt configuration.
    pub mirror: Option<String>,
    /// File of the keys that Debian packages are verified with, instead of those that the host trusts.
    pub keyring: Option<Utf8PathBuf>,
    /// How many seconds a mirror may be silent, if not as long as usual.
    pub mirror_timeout_s: Option<u64>,
    /// Proxies, as the invoker's environment names them.
    pub proxies: Proxies,
    /// The program that is started for supervisor, launcher and evaluation: this very one.
    pub program: Utf8PathBuf,
}

/// One partition as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionSettings {
    /// Its name.
    pub name: PartitionId,
    /// Addresses that its services bind.
    pub addresses: Vec<IpAddr>,
    /// Capabilities that mark it.
    pub capabilities: Vec<String>,
}

/// Proxies for downloads, beside those of the host's apt configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// `http_proxy`
    pub http: Option<String>,
    /// `https_proxy`
    pub https: Option<String>,
    /// `no_proxy`
    pub none: Option<String>,
}

/// Numbers of the system users that run things when the node runs as root. They need no entry
/// in `/etc/passwd`; see `docs/decisions/0003-users-without-passwd.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Users {
    /// Installs releases and owns them.
    pub software: u32,
    /// Runs the first partition; the next partition has the next number.
    pub first_partition: u32,
}

impl Settings {
    /// The directory of a partition.
    pub fn partition_directory(&self, partition: &PartitionId) -> Utf8PathBuf {
        self.instance_root.join(partition.as_str())
    }

    /// Where the output of a partition's services and of its evaluations goes. Outside of the
    /// partition: whoever lives there cannot make the node write elsewhere.
    pub fn log_directory(&self, partition: &PartitionId) -> Utf8PathBuf {
        self.var_root.join("log").join(partition.as_str())
    }

    /// The directory of a release: the md5 of its URL in lower-case hexadecimal, as SlapOS has it.
    pub fn release_directory(&self, release: &SoftwareUrl) -> Utf8PathBuf {
        self.software_root.join(HEXLOWER.encode(&Md5::digest(release.as_str())))
    }

    /// Where the Python environments of releases are.
    pub(crate) fn environments_root(&self) -> Utf8PathBuf {
        self.software_root.join("environments")
    }

    /// Where the installations of a release write.
    pub fn release_log(&self, release: &SoftwareUrl) -> Utf8PathBuf {
        let name = HEXLOWER.encode(&Md5::digest(release.as_str()));
        self.var_root.join(format!("log/software-{name}.log"))
    }

    /// Where the profile of a release is read: `software/NAME` comes with the program, anything
    /// else is a URL or a path.
    pub fn profile_location(&self, release: &SoftwareUrl) -> String {
        match release.as_str().strip_prefix("software/") {
            Some(name) => self.shipped_root.join(name).join("software.cfg").into_string(),
            None => release.to_string(),
        }
    }

    /// The user and group number that a partition runs as; `None`: the invoking user.
    pub fn partition_user(&self, partition: &PartitionId) -> Option<u32> {
        let users = self.users?;
        let place = self.partitions.iter().position(|known| known.name == *partition)?;
        Some(users.first_partition + u32::try_from(place).ok()?)
    }
}

#[cfg(test)]
impl Settings {
    /// Those of a computer with one partition, everything below `base`, and no master.
    pub(crate) fn below(base: &camino::Utf8Path) -> Self {
        Self {
            computer: "COMP-1".try_into().unwrap(),
            master_url: String::new(),
            software_root: base.join("software"),
            instance_root: base.join("instance"),
            var_root: base.join("var"),
            cache_root: base.join("cache"),
            shipped_root: base.join("shipped"),
            partitions: vec![PartitionSettings {
                name: "slappart0".try_into().unwrap(),
                addresses: vec!["127.1.2.3".parse().unwrap()],
                capabilities: vec![],
            }],
            users: None,
            installations_max: 1,
            evaluations_max: 1,
            python: None,
            mirror: None,
            keyring: None,
            mirror_timeout_s: None,
            proxies: Proxies::default(),
            program: "slapos".into(),
        }
    }
}
