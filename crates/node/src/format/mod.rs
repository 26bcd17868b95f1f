//! Prepares the directories of a computer: software root, partitions, state.
//!
//! Idempotent: a second run finds everything as it should be and changes nothing. Never removes
//! a partition: that one has gone from the configuration is the master's business first.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, fchown},
};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_wire::v1::{Format, FormatPartition};

use crate::{files::make_below, settings::Settings};

/// The longest path of a Unix socket in bytes, without its final zero.
pub const SOCKET_PATH_MAX: usize = 107;
/// Room that a service's socket needs below its partition: `/var/run/` and a file name.
const SOCKET_NAME_ROOM: usize = "/var/run/php-fpm.sock".len();

/// Why a directory could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// A directory could not be made or changed.
    #[error("prepare directory {path}")]
    Directory {
        /// The directory.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Services in the partition could not open Unix sockets.
    #[error(
        "the path of partition {path} has {} bytes; with {SOCKET_NAME_ROOM} more for the sockets of its services \
         it is longer than the {SOCKET_PATH_MAX} bytes that a Unix socket may have",
        path.as_str().len()
    )]
    TooLong {
        /// The partition's directory.
        path: Utf8PathBuf,
    },
    /// The users of partitions could not reach their directories.
    #[error("user {user} of the partitions cannot enter {path}, which lies above {below}")]
    Closed {
        /// The directory that is closed.
        path: Utf8PathBuf,
        /// The directory that is wanted.
        below: Utf8PathBuf,
        /// The user's number.
        user: u32,
    },
}

impl FormatError {
    /// What the operator can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Directory { .. } => None,
            Self::TooLong { .. } => {
                Some("choose a shorter directory, e.g. below /srv or /tmp".into())
            }
            Self::Closed { path, .. } => Some(format!(
                "choose a directory that every user may enter, e.g. below /srv, or run `chmod o+x {path}`"
            )),
        }
    }
}

/// Checks that a directory can hold a partition whose programs run as `user`: short enough for
/// the sockets of its services, and not behind a closed door. Changes nothing.
pub fn check_partition(path: &Utf8Path, user: Option<u32>) -> Result<(), FormatError> {
    if path.as_str().len() + SOCKET_NAME_ROOM > SOCKET_PATH_MAX {
        return Err(FormatError::TooLong { path: path.to_owned() });
    }
    user.map_or(Ok(()), |user| reachable(path, user))
}

/// Prepares every directory of the node and returns what to declare to the master.
pub fn format(settings: &Settings) -> Result<Format, FormatError> {
    for partition in &settings.partitions {
        let user = settings.partition_user(&partition.name);
        check_partition(&settings.partition_directory(&partition.name), user)?;
    }
    if let Some(users) = settings.users {
        reachable(&settings.software_root, users.software)?;
        reachable(&settings.cache_root, users.software)?;
    }
    let software_user = settings.users.map(|users| users.software);
    directory(&settings.var_root, 0o700, None)?;
    directory(&settings.software_root, 0o755, software_user)?;
    directory(&settings.environments_root(), 0o755, None)?;
    directory(&settings.cache_root, 0o755, software_user)?;
    directory(&settings.instance_root, 0o755, None)?;
    for partition in &settings.partitions {
        let path = settings.partition_directory(&partition.name);
        directory(&path, 0o750, settings.partition_user(&partition.name))?;
    }
    let partitions = settings.partitions.iter().map(|partition| FormatPartition {
        name: partition.name.clone(),
        addresses: partition.addresses.clone(),
        capabilities: partition.capabilities.clone(),
    });
    Ok(Format { partitions: partitions.collect() })
}

/// Makes a directory, or mends mode and owner of one that is there.
pub(crate) fn directory(path: &Utf8Path, mode: u32, user: Option<u32>) -> Result<(), FormatError> {
    let failed = |source| FormatError::Directory { path: path.to_owned(), source };
    if let Err(error) = fs::DirBuilder::new().recursive(true).mode(mode).create(path) {
        return Err(failed(error));
    }
    let found = fs::metadata(path).map_err(failed)?;
    if let Some(user) = user
        && (found.uid(), found.gid()) != (user, user)
    {
        chown(path, Some(user), Some(user)).map_err(failed)?;
    }
    if found.mode() & 0o7777 != mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
    }
    Ok(())
}

/// [`directory`] for `root/name`, where `root` belongs to `user`: a link in its place, which would
/// hand something else over to that user, is refused.
pub(crate) fn directory_below(
    root: &Utf8Path,
    name: &str,
    mode: u32,
    user: Option<u32>,
) -> Result<(), FormatError> {
    let prepare = || {
        let made = make_below(root, name.into(), mode)?;
        let found = made.metadata()?;
        if let Some(user) = user
            && (found.uid(), found.gid()) != (user, user)
        {
            fchown(&made, Some(user), Some(user))?;
        }
        if found.mode() & 0o7777 != mode {
            made.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    };
    prepare().map_err(|source| FormatError::Directory { path: root.join(name), source })
}

/// Every directory above `path` that is there lets strangers pass.
fn reachable(path: &Utf8Path, user: u32) -> Result<(), FormatError> {
    for above in path.ancestors().skip(1).filter(|above| !above.as_str().is_empty()) {
        if fs::metadata(above).is_ok_and(|facts| facts.mode() & 0o001 == 0) {
            return Err(FormatError::Closed {
                path: above.to_owned(),
                below: path.to_owned(),
                user,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_get_the_modes_of_slapos_and_a_second_run_changes_nothing() {
        let base = tempfile::tempdir().unwrap();
        let settings = Settings::below(Utf8Path::from_path(base.path()).unwrap());
        let first = format(&settings).unwrap();
        let partition = settings.instance_root.join("slappart0");
        let before = fs::metadata(&partition).unwrap();
        assert_eq!(before.mode() & 0o7777, 0o750);
        assert_eq!(fs::metadata(&settings.var_root).unwrap().mode() & 0o7777, 0o700);
        assert_eq!(format(&settings).unwrap(), first);
        let after = fs::metadata(&partition).unwrap();
        assert_eq!((before.ctime(), before.ctime_nsec()), (after.ctime(), after.ctime_nsec()));
    }

    #[test]
    fn a_link_in_place_of_a_directory_is_refused_where_its_user_may_lay_one() {
        let root = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(root.path()).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::set_permissions(elsewhere.path(), fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.join("link")).unwrap();
        assert!(directory_below(root, "link", 0o755, None).is_err());
        assert_eq!(fs::metadata(elsewhere.path()).unwrap().mode() & 0o7777, 0o700);
        for _ in 0..2 {
            directory_below(root, "new", 0o755, None).unwrap();
            assert_eq!(fs::metadata(root.join("new")).unwrap().mode() & 0o7777, 0o755);
        }
    }

    #[test]
    fn a_partition_path_too_long_for_sockets_is_refused_before_anything_is_made() {
        let base = tempfile::tempdir().unwrap();
        let deep = Utf8Path::from_path(base.path()).unwrap().join("x".repeat(90));
        let error = format(&Settings::below(&deep)).unwrap_err();
        assert!(matches!(error, FormatError::TooLong { .. }), "{error}");
        assert!(error.to_string().contains("107 bytes"), "{error}");
        assert!(error.hint().unwrap().contains("shorter"));
        assert!(!deep.exists());
    }
}
