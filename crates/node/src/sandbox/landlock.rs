//! The sandbox as Landlock rules.
//!
//! Best effort by what the kernel knows: an older one enforces less, never something else.
//! Signals and abstract sockets are not restricted, for the programs of one partition are
//! launched one by one and talk to each other by both.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, path_beneath_rules,
};

use super::Sandbox;

/// The rights that we know the meaning of; a newer kernel restricts no more than these.
const KNOWN: ABI = ABI::V7;

/// Shared files that ordinary programs read. Nothing here is secret: `/etc` is named file by file.
const SYSTEM_READ: &[&str] = &[
    "/bin",
    "/sbin",
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/sys/kernel/mm/transparent_hugepage",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/debian_version",
    "/etc/fonts",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/locale.alias",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/networks",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
    "/dev/random",
    "/dev/urandom",
];

/// Devices that are written too.
const SYSTEM_WRITE: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/tty"];

/// Granted only when asked: everyone on the machine shares them.
const SHARED_TMP: &[&str] = &["/tmp", "/var/tmp", "/dev/shm"];

/// Why the sandbox could not be put in force.
#[derive(Debug, thiserror::Error)]
pub enum RestrictError {
    /// A directory that the program shall write is missing.
    #[error("open {path}, which the program may write")]
    Missing {
        /// The path.
        path: camino::Utf8PathBuf,
        /// What the system said.
        #[source]
        source: landlock::PathFdError,
    },
    /// The kernel refused a rule.
    #[error("restrict the program by Landlock")]
    Kernel(#[from] RulesetError),
}

/// Restricts the calling thread, and all that it executes, for ever. Without Landlock in the
/// kernel nothing happens; [`super::report`] tells which it is.
pub(super) fn restrict(sandbox: &Sandbox) -> Result<(), RestrictError> {
    let all = AccessFs::from_all(KNOWN);
    let read = AccessFs::from_read(KNOWN);
    let device = AccessFs::from_file(KNOWN) & !BitFlags::from(AccessFs::Execute);

    let mut rules = Ruleset::default().handle_access(all)?;
    if sandbox.bind_ports.is_some() {
        rules = rules.handle_access(AccessNet::BindTcp)?;
    }
    let mut rules = rules.create()?;
    for path in &sandbox.write {
        let opened = PathFd::new(path.as_std_path())
            .map_err(|source| RestrictError::Missing { path: path.clone(), source })?;
        let granted = if path.is_dir() { all } else { AccessFs::from_file(KNOWN) };
        rules = rules.add_rule(PathBeneath::new(opened, granted))?;
    }
    rules = rules
        .add_rules(path_beneath_rules(&sandbox.read, read))?
        .add_rules(path_beneath_rules(SYSTEM_READ, read))?
        .add_rules(path_beneath_rules(SYSTEM_WRITE, device))?;
    if sandbox.shared_tmp {
        rules = rules.add_rules(path_beneath_rules(SHARED_TMP, all))?;
    }
    for port in sandbox.bind_ports.iter().flatten() {
        rules = rules.add_rule(NetPort::new(*port, AccessNet::BindTcp))?;
    }
    rules.restrict_self()?;
    Ok(())
}
