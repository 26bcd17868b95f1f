//! Copies a database whole, also one that a master works with: `SQLite` reads it as it is at one
//! moment, and the one who writes does not wait.

use std::{
    fs::{self, File},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rusqlite::{Connection, TransactionBehavior};
use slapos_core::{
    names::{Revision, Timestamp},
    write::Entry,
};

use super::{
    StoreError, fold,
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

/// How far a database is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Head {
    /// How often it was taken over.
    pub(crate) epoch: u64,
    /// Of the last entry.
    pub(crate) revision: Revision,
}

impl Head {
    /// Beyond both.
    pub(crate) fn or_later(self, other: Self) -> Self {
        Self { epoch: self.epoch.max(other.epoch), revision: self.revision.max(other.revision) }
    }
}

/// How far a database is that nobody works with.
pub(crate) fn head(database: &Path) -> Result<Head, StoreError> {
    let connection = sqlite::open_to_read(database)?;
    let (epoch, revision, _) =
        sqlite::head(&connection).map_err(StoreError::at("read the head"))?;
    Ok(Head { epoch, revision })
}

/// Raises the epoch of a database, so that whoever works with it can commit nothing more.
pub(crate) fn depose(database: &Path) -> Result<Head, StoreError> {
    let failed = StoreError::at("raise the epoch");
    let connection = Connection::open(database).map_err(&failed)?;
    let sql = "UPDATE head SET epoch = epoch + 1 RETURNING epoch, revision";
    let head = connection
        .query_one(sql, [], |row| {
            Ok(Head { epoch: number(row, 0)?, revision: Revision(number(row, 1)?) })
        })
        .map_err(&failed)?;
    connection.close().map_err(|(_, source)| failed(source))?;
    Ok(head)
}

/// Makes a backup the state that follows another one, of which only its head may be known: no
/// epoch and no revision of that is given again. Returns its head.
pub(crate) fn succeed(backup: &Path, other: Head, now: Timestamp) -> Result<Head, StoreError> {
    let failed = StoreError::at("begin anew after the backup");
    let mut connection = Connection::open(backup).map_err(&failed)?;
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let (epoch, last, folded) = sqlite::head(&transaction).map_err(&failed)?;
    // so that the rows are never a gap behind the journal
    let folded = fold::fold(&transaction, epoch, folded, usize::MAX)?;
    let entry = Entry::of_restore(last, other.revision, now);
    let head = Head { epoch: epoch.max(other.epoch) + 1, revision: entry.revision };
    journal::append(&transaction, head.epoch, &entry, &journal::chain_at(&transaction, folded)?)?;
    let at = journal::as_i64(head.revision.0);
    transaction
        .execute(
            "UPDATE head SET epoch = ?1, revision = ?2, folded = ?2",
            [journal::as_i64(head.epoch), at],
        )
        .map_err(&failed)?;
    transaction.commit().map_err(&failed)?;
    connection.close().map_err(|(_, source)| failed(source))?;
    Ok(head)
}
