//! The torn tail of a journal: is the damage only at the end, and cutting it off there.
//!
//! The end is torn when nothing after the first broken entry is whole. Then the store goes on from
//! the entry before it, and what was cut is kept in a file beside. When anything whole follows,
//! what is broken had been durable: nothing is touched, and a person must decide.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, TransactionBehavior};
use slapos_core::names::Revision;

use super::{
    StoreError,
    journal::{as_i64, decode, link, number},
};

/// What was cut off the end of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The last entry that stays.
    pub kept: Revision,
    /// What the head said was the last entry.
    pub head: Revision,
    /// How many entries there were after the last that stays, all of them broken.
    pub entries: u64,
    /// Where these are kept; `None` when there were none.
    pub copy: Option<PathBuf>,
}

/// How many whole entries follow the broken or missing one after `last`. An entry is whole when
/// it fits the digest of the one before it, or can be read.
pub(super) fn whole_after(connection: &Connection, last: Revision) -> Result<u64, StoreError> {
    let failed = StoreError::at("read the journal");
    let sql = "SELECT revision, body, chain FROM journal WHERE revision > ?1 ORDER BY revision";
    let mut statement = connection.prepare(sql).map_err(&failed)?;
    let mut rows = statement.query([as_i64(last.0)]).map_err(&failed)?;
    let (mut whole, mut before) = (0, None);
    while let Some(row) = rows.next().map_err(&failed)? {
        let revision = Revision(number(row, 0).map_err(&failed)?);
        let body = row.get_ref(1).map_err(&failed)?.as_bytes().unwrap_or_default();
        let chain: Vec<u8> = row.get(2).map_err(&failed)?;
        let fits = before.is_some_and(|before| link(&before, revision, body)[..] == chain);
        // the first one is known to be broken, even if it can be read
        if revision.0 > last.0 + 1 && (fits || decode(revision, body).is_ok()) {
            whole += 1;
        }
        before = chain.try_into().ok();
    }
    Ok(whole)
}

/// Cuts everything after `kept` off the journal, once it is kept in a file beside `database`.
pub(super) fn cut(
    connection: &mut Connection,
    database: &Path,
    kept: Revision,
    head: Revision,
) -> Result<Cut, StoreError> {
    let failed = StoreError::at("cut the torn end of the journal");
    let count = "SELECT count(*) FROM journal WHERE revision > ?1";
    let entries =
        connection.query_one(count, [as_i64(kept.0)], |row| number(row, 0)).map_err(&failed)?;
    let copy = (entries > 0).then(|| keep(connection, database, kept)).transpose()?;
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let kept_sql = as_i64(kept.0);
    transaction
        .execute("DELETE FROM journal WHERE revision > ?1", [kept_sql])
        .and_then(|_| transaction.execute("UPDATE head SET revision = ?1", [kept_sql]))
        .map_err(&failed)?;
    transaction.commit().map_err(&failed)?;
    Ok(Cut { kept, head, entries, copy })
}

/// Copies the entries after `kept`, byte for byte, into a database of their own.
fn keep(connection: &Connection, database: &Path, kept: Revision) -> Result<PathBuf, StoreError> {
    let failed = StoreError::at("keep a copy of the torn end of the journal");
    let copy = new_beside(database, &format!("cut-after-{}", kept.0))?;
    connection.execute("ATTACH ?1 AS cut", [copy.to_string_lossy()]).map_err(&failed)?;
    let copied = connection.execute_batch(&format!(
        "CREATE TABLE cut.journal AS SELECT * FROM journal WHERE revision > {}",
        kept.0
    ));
    connection.execute_batch("DETACH cut").map_err(&failed)?;
    copied.map_err(&failed)?;
    let named = slapos_atomic::sync_directory(&copy);
    named.map_err(|source| StoreError::Create { path: copy.clone(), source })?;
    Ok(copy)
}

/// Makes an empty file beside the database that only its owner may read. Its name ends with
/// `what`, and a number when there is such a file.
fn new_beside(database: &Path, what: &str) -> Result<PathBuf, StoreError> {
    for attempt in 1.. {
        let number = if attempt == 1 { String::new() } else { format!("-{attempt}") };
        let path = database.with_extension(format!("{what}{number}"));
        let made = fs::File::options().write(true).create_new(true).mode(0o600).open(&path);
        match made {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(StoreError::Create { path, source }),
        }
    }
    unreachable!("there is always another number")
}
