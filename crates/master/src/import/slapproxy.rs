//! The database of the Python slapproxy, as it is.

use std::{collections::BTreeMap, path::Path};

use rusqlite::{Connection, OpenFlags, Row};

use super::ImportError;

/// The schema that is read: that of slapos.core 1.26.
const SCHEMA: u32 = 18;

/// Everything in such a database that matters.
#[derive(Debug, Default)]
pub(super) struct Database {
    /// Names of computers.
    pub(super) computers: Vec<String>,
    pub(super) releases: Vec<Release>,
    pub(super) partitions: Vec<Partition>,
    pub(super) shared: Vec<Shared>,
    /// The directory of local releases.
    pub(super) release_root: Option<String>,
}

/// A release on a computer.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) url: String,
    pub(super) computer: String,
    pub(super) state: String,
}

/// A partition, with the instance that lives there.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) computer: String,
    pub(super) name: String,
    /// Interface and address.
    pub(super) addresses: Vec<(String, String)>,
    pub(super) instance: Option<Instance>,
}

/// An instance.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) title: String,
    pub(super) release: String,
    pub(super) software_type: String,
    pub(super) state: String,
    /// Instance XML.
    pub(super) parameters: String,
    /// Instance XML.
    pub(super) connection: String,
    /// The shared instances that it serves, marshalled.
    pub(super) serves: String,
    /// The title of the root; empty for a root.
    pub(super) root: String,
    /// The partition of who asked; may be empty, or the word for a person.
    pub(super) requester: String,
}

/// A shared instance.
#[derive(Debug)]
pub(super) struct Shared {
    /// `ROOT_TITLE`; the root is empty for a root.
    pub(super) reference: String,
    pub(super) computer: String,
    /// The partition of its host.
    pub(super) host: String,
    /// Instance XML.
    pub(super) connection: String,
    pub(super) requester: String,
}

/// Reads all of it, as it is at one moment. Changes nothing; a slapproxy may run.
pub(super) fn read(path: &Path) -> Result<Database, ImportError> {
    let unreadable = |source| ImportError::Unreadable { path: path.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(unreadable)?;
    let reading = connection.unchecked_transaction().map_err(unreadable)?;
    match schema(&reading).map_err(unreadable)? {
        Some(SCHEMA) => tables(&reading).map_err(unreadable),
        Some(found) => Err(ImportError::Schema { path: path.to_owned(), found, known: SCHEMA }),
        None => Err(ImportError::NoSlapproxy(path.to_owned())),
    }
}

/// The number at the end of the name of its tables.
fn schema(connection: &Connection) -> rusqlite::Result<Option<u32>> {
    let query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'partition%'";
    let names = all(connection, query, |row| row.get::<_, String>(0))?;
    let numbers = names.iter().filter_map(|name| name.strip_prefix("partition")?.parse().ok());
    Ok(numbers.max())
}

fn tables(connection: &Connection) -> rusqlite::Result<Database> {
    let mut addresses: BTreeMap<(String, String), Vec<(String, String)>> = BTreeMap::new();
    let query = "SELECT computer_reference, partition_reference, reference, address
                 FROM partition_network18 ORDER BY rowid";
    for (key, address) in all(connection, query, |row| {
        Ok(((text(row, 0)?, text(row, 1)?), (text(row, 2)?, text(row, 3)?)))
    })? {
        addresses.entry(key).or_default().push(address);
    }
    let query = "SELECT computer_reference, reference, partition_reference, software_release,
                 software_type, requested_state, xml, connection_xml, slave_instance_list,
                 requested_by, requester_id FROM partition18 ORDER BY rowid";
    let partitions = all(connection, query, |row| {
        let (computer, name) = (text(row, 0)?, text(row, 1)?);
        let addresses = addresses.remove(&(computer.clone(), name.clone())).unwrap_or_default();
        let instance = Instance {
            title: text(row, 2)?,
            release: text(row, 3)?,
            software_type: text(row, 4)?,
            state: text(row, 5)?,
            parameters: text(row, 6)?,
            connection: text(row, 7)?,
            serves: text(row, 8)?,
            root: text(row, 9)?,
            requester: text(row, 10)?,
        };
        let instance = Some(instance).filter(|it| !it.release.is_empty());
        Ok(Partition { computer, name, addresses, instance })
    })?;
    let query = "SELECT url, computer_reference, requested_state FROM software18";
    let releases = all(connection, query, |row| {
        Ok(Release { url: text(row, 0)?, computer: text(row, 1)?, state: text(row, 2)? })
    })?;
    let query = "SELECT reference, computer_reference, hosted_by, connection_xml, requester_id
                 FROM slave18 ORDER BY rowid";
    let shared = all(connection, query, |row| {
        Ok(Shared {
            reference: text(row, 0)?,
            computer: text(row, 1)?,
            host: text(row, 2)?,
            connection: text(row, 3)?,
            requester: text(row, 4)?,
        })
    })?;
    let query = "SELECT value FROM config18 WHERE name = 'local_software_release_root'";
    let release_root = all(connection, query, |row| text(row, 0))?.pop();
    let computers = all(connection, "SELECT reference FROM computer18", |row| text(row, 0))?;
    Ok(Database { computers, releases, partitions, shared, release_root })
}

/// A text, which is empty where there is none.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    row.get::<_, Option<String>>(column).map(Option::unwrap_or_default)
}

fn all<T>(
    connection: &Connection,
    query: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(query)?.query_map([], read)?.collect()
}
