//! Copies a database whole, also one that a master works with: `SQLite` reads it as it is at one
//! moment, and the one who writes does not wait.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rusqlite::Connection;
use slapos_core::names::Revision;

use super::{
    StoreError,
    journal::{self, number},
    sqlite,
};

/// Copies the database into a new file, readable by its owner only, checks the chain of the copy's
/// journal and syncs it. Returns its last revision. After an error there is no file.
pub(crate) fn copy(database: &Path, to: &Path) -> Result<Revision, StoreError> {
    let create = |source| StoreError::Create { path: to.to_owned(), source };
    File::options().write(true).create_new(true).mode(0o600).open(to).map_err(create)?;
    let copied = fill(database, to).and_then(|()| verify(to)).and_then(|revision| {
        File::open(to).and_then(|file| file.sync_all()).map_err(create)?;
        Ok(revision)
    });
    if copied.is_err() {
        let _half = fs::remove_file(to); // what went wrong before is what matters
    }
    copied
}

fn fill(database: &Path, to: &Path) -> Result<(), StoreError> {
    let to = to.to_string_lossy();
    sqlite::open_to_read(database)?
        .execute("VACUUM INTO ?1", [to])
        .map(|_| ())
        .map_err(StoreError::at("copy the database"))
}

/// The last revision, when every entry up to there is whole.
fn verify(copy: &Path) -> Result<Revision, StoreError> {
    let connection = sqlite::open_to_read(copy)?;
    sqlite::check_format(&connection)?;
    let head = connection
        .query_one("SELECT revision FROM head", [], |row| number(row, 0))
        .map_err(StoreError::at("read the copy"))?;
    let (last, _) = journal::visit(&connection, Revision(0), usize::MAX, |_| Ok(()))?;
    match last.0 == head {
        true => Ok(last),
        false => Err(StoreError::Incomplete { head: Revision(head), found: last }),
    }
}

/// Raises the epoch of a database, so that whoever works with it can commit nothing more, and to
/// at least `least`. Returns it.
pub(crate) fn raise_epoch(database: &Path, least: u64) -> Result<u64, StoreError> {
    let failed = StoreError::at("raise the epoch");
    let connection = Connection::open(database).map_err(&failed)?;
    let sql = "UPDATE head SET epoch = max(epoch + 1, ?1) RETURNING epoch";
    let epoch = connection.query_one(sql, [journal::as_i64(least)], |row| number(row, 0));
    let epoch = epoch.map_err(&failed)?;
    connection.close().map_err(|(_, source)| failed(source))?;
    Ok(epoch)
}

/// Makes names in a directory durable.
pub(crate) fn sync_directory(of: &Path) -> io::Result<()> {
    let directory = of.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new("."))).and_then(|file| file.sync_all())
}
