//! The directory of a master: readable by its owner only, used by one master at a time.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::store::{MAKE_ROOM, is_lacking};

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be created, protected or locked.
    #[error("prepare the data directory {}", path.display())]
    Prepare {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another master works in it.
    #[error("another master already uses {}", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
}

impl DataDirError {
    /// What the operator can do.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Prepare { source, .. } if is_lacking(source) => MAKE_ROOM.into(),
            Self::Prepare { .. } => "choose a directory that you may write, with --data".into(),
            Self::InUse { .. } => "stop it, or choose another directory with --data".into(),
        })
    }
}

/// A data directory that is ours as long as this value lives, even if the process is killed.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// It was not there before.
    made: bool,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if it is missing (mode 0700; what is missing above it, as usual) and
    /// takes it.
    pub(crate) fn take(path: &Path) -> Result<Self, DataDirError> {
        let prepare = |source| DataDirError::Prepare { path: path.to_owned(), source };
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(prepare)?;
        }
        let made = match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => false,
            created => created.map(|()| true).map_err(prepare)?,
        };
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(prepare)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(prepare)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), made, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(prepare(source)),
        }
    }

    /// Leaves no trace of a directory that was made for nothing.
    pub(crate) fn give_back(self) {
        if self.made {
            // What is not empty is somebody's.
            let _kept =
                fs::remove_file(self.path.join("lock")).and_then(|()| fs::remove_dir(&self.path));
        }
    }

    /// What is kept under a name beside the database.
    pub(crate) fn kept(&self, name: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.path.join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps a text under a name beside the database, whole or not at all.
    pub(crate) fn keep(&self, name: &str, text: &str) -> io::Result<()> {
        keep(&self.path.join(name), text)
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the database is.
    pub(crate) fn database(&self) -> PathBuf {
        Self::database_in(&self.path)
    }

    /// Where the database is in a directory that may be another's.
    pub(crate) fn database_in(path: &Path) -> PathBuf {
        path.join("master.sqlite")
    }
}

/// Keeps a text in a file that only its owner may read, whole or not at all.
pub(crate) fn keep(path: &Path, text: &str) -> io::Result<()> {
    slapos_atomic::write(path, text.as_bytes(), 0o600)
}
