//! The fold: brings the tables of current rows up to the journal, in batches, behind the answers.
//!
//! One table for each kind of row, JSON inside, each row with its own digest. What the tables
//! hold is exactly the state after the entry that `head.folded` names.

use rusqlite::{Connection, OptionalExtension, Transaction};
use sha2::{Digest, Sha256};
use slapos_core::{
    names::{ComputerId, Revision, SoftwareUrl, Title},
    world::{Outcome, Place},
    write::Write,
};

use super::{
    StoreError,
    journal::{as_i64, visit},
};

/// The tables of rows, in the order in which a world takes them.
pub(super) const TABLES: [&str; 5] = ["computers", "partitions", "supplies", "instances", "tokens"];

/// Folds up to `limit` entries beyond `folded` in one transaction; returns where it is then.
///
/// # Errors
/// Among others [`StoreError::Deposed`], when another writer took over since the epoch began.
pub(super) fn fold(
    transaction: &Transaction<'_>,
    epoch: u64,
    folded: Revision,
    limit: usize,
) -> Result<Revision, StoreError> {
    let (last, _) = visit(transaction, folded, limit, |entry| {
        if let Some((_, title)) = &entry.note.instance {
            note_title(transaction, title, entry.revision)?;
        }
        entry.writes.iter().try_for_each(|write| put(transaction, write))
    })?;
    let moved = transaction
        .execute(
            "UPDATE head SET folded = ?1 WHERE epoch = ?2 AND folded = ?3",
            (as_i64(last.0), as_i64(epoch), as_i64(folded.0)),
        )
        .map_err(StoreError::at("fold the journal"))?;
    if moved == 1 { Ok(last) } else { Err(StoreError::Deposed) }
}

/// All rows of the tables, in the order in which a world takes them.
pub(super) fn rows(connection: &Connection) -> Result<Vec<Write>, StoreError> {
    let failed = StoreError::at("read the rows");
    let mut writes = Vec::new();
    for table in TABLES {
        let sql = format!("SELECT key, row, digest FROM {table} ORDER BY key");
        let mut statement = connection.prepare(&sql).map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let key: String = row.get(0).map_err(&failed)?;
            let text: String = row.get(1).map_err(&failed)?;
            let kept: Vec<u8> = row.get(2).map_err(&failed)?;
            let what = || format!("row {key} of {table}");
            if kept != digest(&key, &text) {
                return Err(StoreError::Damaged { what: what() });
            }
            let unreadable = |source| StoreError::Unreadable { what: what(), source };
            writes.push(serde_json::from_str(&text).map_err(unreadable)?);
        }
    }
    Ok(writes)
}

fn note_title(
    connection: &Connection,
    title: &Title,
    revision: Revision,
) -> Result<(), StoreError> {
    let failed = StoreError::at("fold the journal");
    let sql = "INSERT OR IGNORE INTO titles (title, revision) VALUES (?1, ?2)";
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    statement.execute((title.as_str(), as_i64(revision.0))).map_err(&failed)?;
    Ok(())
}

/// Puts or removes one row.
pub(super) fn put(connection: &Connection, write: &Write) -> Result<(), StoreError> {
    match write {
        Write::PutComputer(row) => store(connection, 0, row.id.as_str(), write),
        Write::PutPartition(row) => store(connection, 1, &partition_key(&row.place), write),
        Write::RemovePartition(place) => remove(connection, 1, &partition_key(place)),
        Write::PutSupply(row) => {
            store(connection, 2, &supply_key(&row.computer, &row.release), write)
        }
        Write::RemoveSupply { computer, release } => {
            remove(connection, 2, &supply_key(computer, release))
        }
        Write::PutInstance(row) => store(connection, 3, &row.id.to_string(), write),
        Write::PutOutcome(outcome) => put_outcome(connection, outcome),
        Write::RemoveInstance(id) => remove(connection, 3, &id.to_string()),
        Write::PutToken(token) => store(connection, 4, &token.digest.0, write),
        Write::RemoveToken(digest) => remove(connection, 4, &digest.0),
        Write::SkipRevisions { .. } => Ok(()),
    }
}

/// Puts an outcome into the row of its instance, which the tables hold whole.
fn put_outcome(connection: &Connection, outcome: &Outcome) -> Result<(), StoreError> {
    let failed = StoreError::at("fold the journal");
    let key = outcome.id.to_string();
    let what = || format!("row {key} of instances");
    let text: Option<String> = connection
        .prepare_cached("SELECT row FROM instances WHERE key = ?1")
        .and_then(|mut select| select.query_one([&key], |row| row.get(0)).optional())
        .map_err(failed)?;
    let text = text.ok_or_else(|| StoreError::Damaged { what: what() })?;
    let unreadable = |source| StoreError::Unreadable { what: what(), source };
    let mut row = serde_json::from_str(&text).map_err(unreadable)?;
    let Write::PutInstance(instance) = &mut row else {
        return Err(StoreError::Damaged { what: what() });
    };
    instance.take(outcome.clone());
    store(connection, 3, &key, &row)
}

fn partition_key(place: &Place) -> String {
    format!("{} {}", place.computer, place.partition)
}

fn supply_key(computer: &ComputerId, release: &SoftwareUrl) -> String {
    format!("{computer} {release}")
}

fn store(connection: &Connection, table: usize, key: &str, row: &Write) -> Result<(), StoreError> {
    let unreadable = |source| StoreError::Unreadable { what: format!("row {key}"), source };
    let text = serde_json::to_string(row).map_err(unreadable)?;
    let sql =
        format!("INSERT OR REPLACE INTO {} (key, row, digest) VALUES (?1, ?2, ?3)", TABLES[table]);
    let failed = StoreError::at("fold the journal");
    let mut statement = connection.prepare_cached(&sql).map_err(&failed)?;
    statement.execute((key, &text, digest(key, &text))).map_err(&failed)?;
    Ok(())
}

fn remove(connection: &Connection, table: usize, key: &str) -> Result<(), StoreError> {
    let failed = StoreError::at("fold the journal");
    let sql = format!("DELETE FROM {} WHERE key = ?1", TABLES[table]);
    let mut statement = connection.prepare_cached(&sql).map_err(&failed)?;
    statement.execute([key]).map_err(&failed)?;
    Ok(())
}

fn digest(key: &str, text: &str) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(key);
    digest.update([0]);
    digest.update(text);
    digest.finalize()[..16].to_vec()
}
