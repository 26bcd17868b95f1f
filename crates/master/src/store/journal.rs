//! The journal: entries as they lie in the store, and reading them back.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};
use slapos_core::{
    names::{Revision, Title},
    write::Entry,
};

use super::{StoreError, sqlite::open_to_read};

/// The digest of everything up to an entry.
pub(super) type Chain = [u8; 32];

/// The digest of everything up to and including an entry, given that of everything before it.
pub(super) fn link(before: &Chain, revision: Revision, body: &[u8]) -> Chain {
    let mut digest = Sha256::new();
    digest.update(before);
    digest.update(revision.0.to_le_bytes());
    digest.update(body);
    digest.finalize().into()
}

/// An entry as it is kept: JSON.
fn encode(entry: &Entry) -> Result<Vec<u8>, StoreError> {
    let what = || format!("entry {}", entry.revision.0);
    serde_json::to_vec(entry).map_err(|source| StoreError::Unreadable { what: what(), source })
}

/// Appends an entry to the journal; returns the digest of everything up to and including it.
pub(super) fn append(
    connection: &Connection,
    epoch: u64,
    entry: &Entry,
    before: &Chain,
) -> Result<Chain, StoreError> {
    let body = encode(entry)?;
    let chain = link(before, entry.revision, &body);
    let title = entry.note.instance.as_ref().map(|(_, title)| title.as_str());
    connection
        .prepare_cached(
            "INSERT INTO journal (revision, epoch, title, body, chain)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .and_then(|mut insert| {
            insert.execute((as_i64(entry.revision.0), as_i64(epoch), title, body, &chain[..]))
        })
        .map_err(StoreError::at("commit to the database"))?;
    Ok(chain)
}

/// Reads an entry, which must be that of `revision`.
pub(super) fn decode(revision: Revision, body: &[u8]) -> Result<Entry, StoreError> {
    let what = || format!("entry {}", revision.0);
    let entry: Entry = serde_json::from_slice(body)
        .map_err(|source| StoreError::Unreadable { what: what(), source })?;
    if entry.revision == revision { Ok(entry) } else { Err(StoreError::Damaged { what: what() }) }
}

/// Visits the entries beyond `since` in order, each checked against the digest of those before,
/// which no entry fits that follows a missing one. Returns the revision and the digest of the
/// last. The first that is missing or does not fit is [`StoreError::Broken`].
pub(super) fn visit(
    connection: &Connection,
    since: Revision,
    limit: usize,
    mut visitor: impl FnMut(Entry) -> Result<(), StoreError>,
) -> Result<(Revision, Chain), StoreError> {
    let failed = StoreError::at("read the journal");
    let (mut last, mut chain) = (since, chain_at(connection, since)?);
    let mut statement = connection
        .prepare_cached(
            "SELECT revision, body, chain FROM journal WHERE revision > ?1 ORDER BY revision LIMIT ?2",
        )
        .map_err(&failed)?;
    let mut rows = statement.query((as_i64(since.0), as_i64(limit as u64))).map_err(&failed)?;
    while let Some(row) = rows.next().map_err(&failed)? {
        let revision = Revision(number(row, 0).map_err(&failed)?);
        let body = row.get_ref(1).map_err(&failed)?.as_bytes().unwrap_or_default();
        let kept: Vec<u8> = row.get(2).map_err(&failed)?;
        chain = link(&chain, revision, body);
        if kept != chain {
            return Err(StoreError::Broken { entry: Revision(last.0 + 1), later: 0 });
        }
        visitor(decode(revision, body)?)?;
        last = revision;
    }
    Ok((last, chain))
}

/// The digest of everything up to a revision, whose entry must be whole.
pub(super) fn chain_at(connection: &Connection, revision: Revision) -> Result<Chain, StoreError> {
    if revision.0 == 0 {
        return Ok(Chain::default());
    }
    let broken = || StoreError::Broken { entry: revision, later: 0 };
    let sql = "SELECT body, chain, (
                   SELECT chain FROM journal WHERE revision < ?1 ORDER BY revision DESC LIMIT 1
               ) FROM journal WHERE revision = ?1";
    let (body, chain, before) = connection
        .query_one(sql, [as_i64(revision.0)], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?, row.get(2)?))
        })
        .optional()
        .map_err(StoreError::at("read the journal"))?
        .ok_or_else(broken)?;
    let before: Option<Vec<u8>> = before;
    let before = match before {
        None => Chain::default(), // the first, or one that does not fit that
        Some(chain) => chain.try_into().map_err(|_| broken())?,
    };
    let fits = link(&before, revision, &body);
    if chain == fits { Ok(fits) } else { Err(broken()) }
}

/// `SQLite` has signed numbers only; ours never come near the end of them.
pub(super) fn as_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of a row.
pub(super) fn number(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(|number| u64::try_from(number).unwrap_or_default())
}

/// Reads the journal beside the one writer, e.g. for history.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    /// The journal in a database file.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The newest entries (all, or those about instances of a title), oldest first, at most
    /// `limit`. Blocks on the disk.
    pub fn history(&self, title: Option<&Title>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let failed = StoreError::at("read the journal");
        let connection = open_to_read(&self.path)?;
        // what is folded is found by its title; what is not, by looking at each
        let about = "WHERE revision IN (
                SELECT revision FROM titles WHERE title = ?2
                UNION ALL
                SELECT revision FROM journal
                WHERE revision > (SELECT folded FROM head) AND title = ?2
            )";
        let about = title.map_or("WHERE ?2 IS NULL", |_| about);
        let sql =
            format!("SELECT revision, body FROM journal {about} ORDER BY revision DESC LIMIT ?1");
        let mut statement = connection.prepare(&sql).map_err(&failed)?;
        let title = title.map(Title::as_str);
        let mut rows = statement.query((as_i64(limit as u64), title)).map_err(&failed)?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let revision = Revision(number(row, 0).map_err(&failed)?);
            let body = row.get_ref(1).map_err(&failed)?.as_bytes().unwrap_or_default();
            entries.push(decode(revision, body)?);
        }
        entries.reverse();
        Ok(entries)
    }

    /// The revision that `count` entries up to this one follow. Blocks on the disk.
    pub fn before(&self, newest: Revision, count: usize) -> Result<Revision, StoreError> {
        let sql = "SELECT revision FROM journal WHERE revision <= ?1
                   ORDER BY revision DESC LIMIT 1 OFFSET ?2";
        let found = open_to_read(&self.path)?
            .query_one(sql, (as_i64(newest.0), as_i64(count as u64)), |row| number(row, 0))
            .optional()
            .map_err(StoreError::at("read the journal"))?;
        Ok(Revision(found.unwrap_or_default()))
    }

    /// Entries beyond a revision, oldest first, at most `limit`, each checked. Blocks on the disk.
    pub fn tail(&self, since: Revision, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let connection = open_to_read(&self.path)?;
        let mut entries = Vec::new();
        visit(&connection, since, limit, |entry| {
            entries.push(entry);
            Ok(())
        })?;
        Ok(entries)
    }
}
