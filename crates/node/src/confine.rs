//! Who runs what, and what it may touch: users and sandboxes of everything that a node starts.
//!
//! Decides only; `sandbox` puts it in force.

use camino::{Utf8Path, Utf8PathBuf};
use slapos_core::names::{PartitionId, SoftwareUrl};

use crate::{
    sandbox::{LaunchSpec, Sandbox, User},
    settings::{Proxies, Settings},
    software::environments,
    supervise::Environment,
};

/// How to execute this very program as another user: the path itself may lie where that user
/// cannot go (a checkout in root's home), the link of the kernel may always be followed.
const MYSELF: &str = "/proc/self/exe";

/// What confines a partition's programs, its promises and the evaluation of its profile: its own
/// directory to write, its release with its Python environment to read. Any port may be bound: the kernel knows ports without
/// their addresses, and profiles choose theirs on the partition's own address.
pub(crate) fn partition_sandbox(
    settings: &Settings,
    partition: &PartitionId,
    release: &SoftwareUrl,
) -> Sandbox {
    let release = settings.release_directory(release);
    let environment = environments::used_by(settings, &release);
    Sandbox {
        write: vec![settings.partition_directory(partition)],
        read: [release].into_iter().chain(environment).collect(),
        shared_tmp: false,
        bind_ports: None,
    }
}

/// The user of a partition's programs.
pub(crate) fn partition_user(settings: &Settings, partition: &PartitionId) -> Option<User> {
    settings.partition_user(partition).map(same_group)
}

/// The environment of a partition's programs: nothing of the node's own.
pub(crate) fn environment(home: &Utf8Path) -> Environment {
    [("HOME", home.as_str()), ("LANG", "C.UTF-8"), ("PATH", "/usr/bin:/bin")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect()
}

/// The evaluation of an instance profile.
pub(crate) fn instance_evaluation(
    settings: &Settings,
    partition: &PartitionId,
    release: &SoftwareUrl,
) -> LaunchSpec {
    let directory = settings.partition_directory(partition);
    let mut sandbox = partition_sandbox(settings, partition, release);
    sandbox.read.push(settings.program.clone());
    sandbox.read.extend(python_files(settings));
    evaluation(directory, partition_user(settings, partition), sandbox)
}

/// The installation of a release: writes its directory and the download cache, reads profiles
/// and the host's apt configuration. A profile that is a local file is read where it is.
pub(crate) fn release_evaluation(
    settings: &Settings,
    directory: &Utf8Path,
    profile: &str,
) -> LaunchSpec {
    let mut read = vec![
        settings.program.clone(),
        settings.shipped_root.clone(),
        settings.environments_root(),
        "/etc/apt".into(),
        "/etc/debian_version".into(),
    ];
    read.extend(python_files(settings));
    read.extend(settings.keyring.clone());
    read.extend(settings.mirror.as_deref().and_then(mirror_directory));
    read.extend(profile_files(Utf8Path::new(profile)));
    let sandbox = Sandbox {
        write: vec![directory.to_owned(), settings.cache_root.clone()],
        read,
        shared_tmp: true, // installation scripts expect it
        bind_ports: Some(Vec::new()),
    };
    let mut spec = evaluation(directory.to_owned(), software_user(settings), sandbox);
    add_proxies(settings, &mut spec.environment); // profiles are fetched too
    spec
}

/// A step of making a Python environment, in the directory that it is: writes there and the download cache.
pub(crate) fn environment_making(
    settings: &Settings,
    directory: &Utf8Path,
    command: Vec<String>,
) -> LaunchSpec {
    let mut environment = environment(directory);
    add_proxies(settings, &mut environment);
    let sandbox = Sandbox {
        write: vec![directory.to_owned(), settings.cache_root.clone()],
        // where the operator wants eggs to come from
        read: python_files(settings).into_iter().chain(["/etc/pip.conf".into()]).collect(),
        shared_tmp: true, // eggs are unpacked there
        bind_ports: Some(Vec::new()),
    };
    LaunchSpec {
        command,
        environment,
        directory: directory.to_owned(),
        user: software_user(settings),
        sandbox: Some(sandbox),
        keep_stdin: false,
        guarded: true,
    }
}

/// The user that installs.
fn software_user(settings: &Settings) -> Option<User> {
    settings.users.map(|users| same_group(users.software))
}

fn add_proxies(settings: &Settings, environment: &mut Environment) {
    let Proxies { http, https, none } = &settings.proxies;
    for (name, proxy) in [("http_proxy", http), ("https_proxy", https), ("no_proxy", none)] {
        if let Some(proxy) = proxy {
            environment.set(name, proxy);
        }
    }
}

/// Where the files of a profile are that is a local file: its folder, and for one in a checkout of SlapOS's profiles,
/// `software/NAME/software.cfg`, the whole checkout, which it extends by `../../stack` and `../../component`.
fn profile_files(profile: &Utf8Path) -> Option<Utf8PathBuf> {
    let folder = profile.parent().filter(|folder| folder.is_absolute())?;
    let checkout = folder.parent().filter(|above| above.file_name() == Some("software"));
    let checkout = checkout.and_then(Utf8Path::parent).filter(|path| path.parent().is_some());
    Some(checkout.unwrap_or(folder).to_owned())
}

/// Where a mirror on this disk is: the path of `file:PATH [SUITE [COMPONENT ...]]`.
fn mirror_directory(mirror: &str) -> Option<Utf8PathBuf> {
    let path = mirror.split_whitespace().next()?.strip_prefix("file:")?;
    Some(format!("/{}", path.trim_start_matches('/')).into())
}

/// Where the interpreter for recipes and its packages are: `PREFIX` of `PREFIX/bin/python3`.
fn python_files(settings: &Settings) -> Option<Utf8PathBuf> {
    let bin = settings.python.as_ref()?.parent()?;
    bin.parent().filter(|prefix| prefix.as_str() != "/").map(ToOwned::to_owned)
}

fn evaluation(directory: Utf8PathBuf, user: Option<User>, sandbox: Sandbox) -> LaunchSpec {
    LaunchSpec {
        command: [MYSELF, "node", "evaluate"].map(Into::into).into(),
        environment: environment(&directory),
        directory,
        user,
        sandbox: Some(sandbox),
        keep_stdin: true,
        guarded: false,
    }
}

fn same_group(number: u32) -> User {
    User { uid: number, gid: number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_may_extend_what_is_in_its_checkout() {
        let table = [
            ("/srv/slapos/software/ssh/software.cfg", Some("/srv/slapos")),
            ("/srv/own/software.cfg", Some("/srv/own")),
            ("/software/x/software.cfg", Some("/software/x")),
            ("https://example.org/software/x/software.cfg", None),
        ];
        for (profile, files) in table {
            let seen = profile_files(Utf8Path::new(profile));
            assert_eq!(seen.as_deref().map(Utf8Path::as_str), files, "{profile}");
        }
    }
}
