//! Checks everything that a database holds, and changes nothing: the file as `SQLite` sees it, the
//! chain of the journal, the rows against the fold of the journal, the indexes against a rebuild.

use std::{collections::BTreeMap, path::Path};

use rusqlite::{Connection, Transaction};
use serde::Serialize;
use slapos_core::{names::Revision, world::World};

use super::{
    StoreError, fold,
    journal::{self, number},
    sqlite::{self, SCHEMA},
    tail,
};

/// So many findings of one kind are told.
const FINDINGS_MAX: usize = 20;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// How often the store was taken over.
    pub epoch: u64,
    /// The last entry, as the head says.
    pub revision: u64,
    /// The entry up to which the rows are.
    pub folded: u64,
    /// Whole entries of the journal, from the first.
    pub entries: u64,
    /// How many rows each table has.
    pub rows: BTreeMap<&'static str, u64>,
    /// What is damaged, a sentence each; empty when all is well.
    pub damage: Vec<String>,
}

/// Checks a database, also one that a master works with. An error means that it could not be
/// checked.
pub(crate) fn check(database: &Path) -> Result<Checked, StoreError> {
    let failed = StoreError::at("check the database");
    let mut connection = sqlite::open_to_read(database)?;
    // one transaction, so that all is seen at one moment
    let transaction = connection.transaction().map_err(&failed)?;
    let mut found = Checked::default();
    let outcome = look(&transaction, &mut found);
    match outcome {
        Err(error) if error.is_damage() => {
            let cause = std::error::Error::source(&error).map(|it| format!(": {it}"));
            found.damage.push(format!("{error}{}", cause.unwrap_or_default()));
        }
        other => other?,
    }
    Ok(found)
}

fn look(connection: &Transaction<'_>, found: &mut Checked) -> Result<(), StoreError> {
    let failed = StoreError::at("check the database");
    sqlite::check_format(connection)?;
    let said = strings(connection, &format!("PRAGMA integrity_check({FINDINGS_MAX})"))?;
    found.damage.extend(said.into_iter().filter(|said| said != "ok"));
    let head = "SELECT epoch, revision, folded FROM head";
    (found.epoch, found.revision, found.folded) = connection
        .query_one(head, [], |row| Ok((number(row, 0)?, number(row, 1)?, number(row, 2)?)))
        .map_err(&failed)?;
    for table in fold::TABLES {
        let sql = format!("SELECT count(*) FROM {table}");
        let count = connection.query_one(&sql, [], |row| number(row, 0)).map_err(&failed)?;
        found.rows.insert(table, count);
    }
    let loose = fold::rows(connection).err(); // each row against its own digest
    found.damage.extend(loose.map(|error| error.to_string()));

    let mut world = World::default();
    let whole = replay(connection, &mut world, found.folded);
    found.entries = entries(connection, Revision(0), world.revision())?;
    whole?;
    compare(connection, &world, found)?;
    let whole = replay(connection, &mut world, found.revision);
    found.entries = entries(connection, Revision(0), world.revision())?;
    whole?;
    let beyond = "SELECT count(*) FROM journal WHERE revision > (SELECT revision FROM head)";
    let beyond = connection.query_one(beyond, [], |row| number(row, 0)).map_err(&failed)?;
    if beyond > 0 {
        let head = Revision(found.revision);
        return Err(StoreError::Incomplete { head, found: Revision(head.0 + beyond) });
    }
    if World::from_rows(world.revision(), world.rows())? != world {
        found.damage.push("the indexes are not what a rebuild from the rows gives".into());
    }
    Ok(())
}

/// Brings a world up to a revision of the journal.
fn replay(connection: &Connection, world: &mut World, until: u64) -> Result<(), StoreError> {
    let since = world.revision();
    let limit = entries(connection, since, Revision(until))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let visited = journal::visit(connection, since, limit, |entry| Ok(world.commit(&entry)?));
    let whole = visited.and_then(|(last, _)| {
        let missing = StoreError::Broken { entry: Revision(last.0 + 1), later: 0 };
        if last.0 < until { Err(missing) } else { Ok(()) }
    });
    match whole {
        Err(StoreError::Broken { entry, .. }) => {
            let later = tail::whole_after(connection, world.revision())?;
            Err(StoreError::Broken { entry, later })
        }
        other => other,
    }
}

/// How many entries the journal has beyond a revision, up to another one.
fn entries(connection: &Connection, since: Revision, until: Revision) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM journal WHERE revision > ?1 AND revision <= ?2";
    let span = [journal::as_i64(since.0), journal::as_i64(until.0)];
    connection
        .query_one(sql, span, |row| number(row, 0))
        .map_err(StoreError::at("check the database"))
}

/// Compares the tables of rows with those that the journal gives.
fn compare(kept: &Connection, world: &World, found: &mut Checked) -> Result<(), StoreError> {
    let failed = StoreError::at("fold the journal anew");
    let anew = Connection::open_in_memory().map_err(&failed)?;
    anew.execute_batch(SCHEMA).map_err(&failed)?;
    world.rows().try_for_each(|row| fold::put(&anew, &row))?;
    for table in fold::TABLES {
        let sql = format!("SELECT key, row FROM {table} ORDER BY key");
        let (kept, anew) = (pairs(kept, &sql)?, pairs(&anew, &sql)?);
        let strange = kept.iter().filter(|it| anew.binary_search(it).is_err());
        let missing = anew.iter().filter(|it| kept.binary_search_by(|at| at.0.cmp(&it.0)).is_err());
        let strange =
            strange.map(|(key, _)| format!("row {key} of {table} is not what the journal says"));
        let missing = missing.map(|(key, _)| format!("row {key} of {table} is missing"));
        found.damage.extend(strange.chain(missing).take(FINDINGS_MAX));
    }
    Ok(())
}

fn strings(connection: &Connection, sql: &str) -> Result<Vec<String>, StoreError> {
    let failed = StoreError::at("check the database");
    let mut statement = connection.prepare(sql).map_err(&failed)?;
    let rows = statement.query_map([], |row| row.get(0)).map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(failed)
}

fn pairs(connection: &Connection, sql: &str) -> Result<Vec<(String, String)>, StoreError> {
    let failed = StoreError::at("check the database");
    let mut statement = connection.prepare(sql).map_err(&failed)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(failed)
}
