//! What an operator does with the state of a master beside serving it: back it up, put a backup in
//! its place, check it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    clock::now,
    data_dir::{DataDir, DataDirError},
    store::{self, Checked, Head, StoreError},
};

/// Why the state could not be looked after.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// There is no state.
    #[error("{} holds no state of a master", .0.display())]
    NoState(PathBuf),
    /// There is something already.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The data directory cannot be used.
    #[error("cannot use the data directory")]
    DataDir(#[from] DataDirError),
    /// The database cannot be read or written.
    #[error("cannot {step} {}", path.display())]
    Store {
        /// What was being done.
        step: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// A file cannot be put where it belongs.
    #[error("cannot put {} in its place", path.display())]
    Place {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The backup is damaged.
    #[error("the backup {} is damaged: {}", path.display(), damage.join("; "))]
    BadBackup {
        /// The file.
        path: PathBuf,
        /// How.
        damage: Vec<String>,
    },
}

impl UpkeepError {
    /// What the operator can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoState(_) => {
                Some("name the directory that `slapos master serve --data` has".into())
            }
            Self::Exists(_) => Some("choose another name, or say --replace".into()),
            Self::DataDir(error) => error.hint(),
            Self::Store { source, .. } if source.is_disk_full() => {
                Some("make room where the copy goes".into())
            }
            Self::Store { source, .. } => source.hint(),
            Self::Place { .. } => None,
            Self::BadBackup { .. } => Some("use another backup".into()),
        }
    }

    fn store(step: &'static str, path: &Path) -> impl FnOnce(StoreError) -> Self {
        let path = path.to_owned();
        move |source| Self::Store { step, path, source }
    }

    fn place(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Place { path: path.clone(), source }
    }
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The state in it is that after this revision.
    pub revision: u64,
}

/// A backup that was put in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The state is that after this revision.
    pub revision: u64,
    /// Higher than that of any master that worked with the state before.
    pub epoch: u64,
    /// Where the files are that were there before.
    pub before: Option<PathBuf>,
}

/// Copies the state in a data directory to a file, which is whole when it gets its name. A master
/// may run.
pub fn backup(data: &Path, to: &Path, replace: bool) -> Result<Backup, UpkeepError> {
    let database = state(data)?;
    if to.exists() && !replace {
        return Err(UpkeepError::Exists(to.to_owned()));
    }
    check_log(data, &database, "back up")?;
    let place = UpkeepError::place(to);
    let unfinished = beside(to, &format!("unfinished-{}", std::process::id()));
    let revision =
        store::copy(&database, &unfinished).map_err(UpkeepError::store("back up", &database))?;
    let bytes = fs::metadata(&unfinished).map_err(&place)?.len();
    let named = if replace {
        fs::rename(&unfinished, to)
    } else {
        // a link does not replace what somebody else put there meanwhile
        fs::hard_link(&unfinished, to).and_then(|()| fs::remove_file(&unfinished))
    };
    if let Err(error) = named.and_then(|()| slapos_atomic::sync_directory(to)) {
        let _half = fs::remove_file(&unfinished); // what went wrong before is what matters
        return Err(place(error));
    }
    Ok(Backup { file: to.to_owned(), bytes, revision: revision.0 })
}

/// Puts a backup in place of the state in a data directory, where no master may run. What was
/// there is kept beside. Broken off, it can be done again; until then no master starts there.
pub fn restore(backup: &Path, data: &Path, replace: bool) -> Result<Restored, UpkeepError> {
    if !backup.is_file() {
        return Err(UpkeepError::NoState(backup.to_owned()));
    }
    put(backup, &DataDir::take(data)?, replace)
}

/// Puts the state in a file in place of that in a directory, as [`restore`] does.
pub(crate) fn put(
    backup: &Path,
    directory: &DataDir,
    replace: bool,
) -> Result<Restored, UpkeepError> {
    let database = directory.database();
    if database.exists() && !replace {
        return Err(UpkeepError::Exists(database));
    }
    let checked = store::check(backup).map_err(UpkeepError::store("check", backup))?;
    if !checked.damage.is_empty() {
        let (path, damage) = (backup.to_owned(), checked.damage);
        return Err(UpkeepError::BadBackup { path, damage });
    }
    let copying = beside(&database, "restoring");
    for end in ["", "-journal", "-wal", "-shm"] {
        let old = with_end(&copying, end); // of one that was broken off
        slapos_atomic::remove(&old).map_err(UpkeepError::place(&old))?;
    }
    let revision = store::copy(backup, &copying).map_err(UpkeepError::store("restore", backup))?;
    // A damaged database may have no epoch to raise. Nobody works with it: the directory is ours.
    let deposed = if database.exists() { store::depose(&database) } else { Ok(Head::default()) };
    // What was broken off may have put the old one away: it knows how far that was.
    let unfinished = store::unfinished_restore(&database);
    let broken_off = unfinished.exists();
    let before = if broken_off { store::head(&unfinished) } else { Ok(Head::default()) };
    let before = before.unwrap_or_default().or_later(deposed.unwrap_or_default());
    let head =
        store::succeed(&copying, before, now()).map_err(UpkeepError::store("restore", &copying))?;
    let place = UpkeepError::place(&database);
    let sync = || slapos_atomic::sync_directory(&database).map_err(&place);
    fs::File::open(&copying).and_then(|file| file.sync_all()).map_err(&place)?;
    fs::rename(&copying, &unfinished).map_err(&place)?;
    sync()?;
    // From here on a master would refuse to start until the last step: see `Store::open`.
    let before = keep_old(&database, broken_off).map_err(&place)?;
    sync()?;
    fs::rename(&unfinished, &database).map_err(&place)?;
    sync()?;
    Ok(Restored { revision: revision.0, epoch: head.epoch, before })
}

/// Checks the state in a data directory, or a backup. A master may run.
pub fn check(path: &Path) -> Result<Checked, UpkeepError> {
    if path.is_file() {
        return store::check(path).map_err(UpkeepError::store("check", path));
    }
    let database = state(path)?;
    let log = check_log(path, &database, "check");
    let mut checked = store::check(&database).map_err(UpkeepError::store("check", &database))?;
    match log {
        Err(UpkeepError::Store { source, .. }) if source.is_damage() => {
            checked.damage.push(source.to_string());
        }
        other => other?,
    }
    Ok(checked)
}

/// The database in a data directory.
fn state(data: &Path) -> Result<PathBuf, UpkeepError> {
    let database = DataDir::database_in(data);
    if database.is_file() { Ok(database) } else { Err(UpkeepError::NoState(data.to_owned())) }
}

/// Refuses a write-ahead log that is damaged. That of a running master is not looked at: it
/// changes meanwhile, and the master has looked when it started.
fn check_log(data: &Path, database: &Path, step: &'static str) -> Result<(), UpkeepError> {
    match DataDir::take(data) {
        Ok(_ours) => store::check_log(database).map_err(UpkeepError::store(step, database)),
        Err(DataDirError::InUse { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Moves the files of a database into a directory of their own; `None` when there are none. What
/// is left by a move that was broken off goes where the database, which is moved first, is.
fn keep_old(database: &Path, broken_off: bool) -> io::Result<Option<PathBuf>> {
    let files: Vec<_> = ["", "-wal", "-shm"]
        .iter()
        .map(|end| with_end(database, end))
        .filter(|file| file.exists())
        .collect();
    let before = |number: u32| database.with_file_name(format!("before-restore-{number}"));
    let next = (1..).find(|number| !before(*number).exists()).unwrap_or(u32::MAX);
    let is_moved = broken_off && next > 1 && !database.exists();
    if files.is_empty() && !is_moved {
        return Ok(None);
    }
    let before = if is_moved { before(next - 1) } else { before(next) };
    if !is_moved {
        fs::create_dir(&before)?;
    }
    for file in files {
        fs::rename(&file, before.join(file.file_name().unwrap_or_default()))?;
    }
    fs::File::open(&before)?.sync_all()?;
    Ok(Some(before))
}

/// A file of a database: its name with an end.
fn with_end(database: &Path, end: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// A hidden name in the same directory.
fn beside(path: &Path, end: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{end}"))
}
