//! The store in one `SQLite` file: write-ahead log, every commit synced, one writer.

use std::{
    cmp::Ordering,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use slapos_core::{names::Revision, world::World, write::Entry};

use super::{
    Cut, LogCut, StoreError, fold,
    journal::{self, Chain, Journal, as_i64, number},
    log, tail,
};

/// The format of the file; kept in `user_version`.
const FORMAT: i64 = 4;
/// A format that is read too, and becomes the present one: its journal has no outcomes apart.
const FORMER: i64 = 3;

/// An empty database.
pub(super) const SCHEMA: &str = "
    CREATE TABLE head (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        epoch INTEGER NOT NULL, -- raised by each master that takes the store
        revision INTEGER NOT NULL, -- of the last entry
        folded INTEGER NOT NULL -- the entry up to which the tables of rows are
    ) STRICT;
    INSERT INTO head VALUES (1, 0, 0, 0);
    CREATE TABLE journal (
        revision INTEGER PRIMARY KEY,
        epoch INTEGER NOT NULL,
        title TEXT, -- of the instance that it is about
        body BLOB NOT NULL,
        chain BLOB NOT NULL -- digest of everything up to and including this
    ) STRICT;
    CREATE TABLE titles ( -- of the folded entries; an index would cost each commit random pages
        title TEXT NOT NULL,
        revision INTEGER NOT NULL,
        PRIMARY KEY (title, revision)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE computers (key TEXT PRIMARY KEY, row TEXT NOT NULL, digest BLOB NOT NULL) STRICT;
    CREATE TABLE partitions (key TEXT PRIMARY KEY, row TEXT NOT NULL, digest BLOB NOT NULL) STRICT;
    CREATE TABLE supplies (key TEXT PRIMARY KEY, row TEXT NOT NULL, digest BLOB NOT NULL) STRICT;
    CREATE TABLE instances (key TEXT PRIMARY KEY, row TEXT NOT NULL, digest BLOB NOT NULL) STRICT;
    CREATE TABLE tokens (key TEXT PRIMARY KEY, row TEXT NOT NULL, digest BLOB NOT NULL) STRICT;
    PRAGMA user_version = 4;
";

/// The one writer of a database file.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    epoch: u64,
    revision: Revision,
    folded: Revision,
    chain: Chain,
}

/// What a store holds when it is opened.
#[derive(Debug)]
pub struct Loaded {
    /// The state after the last entry.
    pub world: World,
    /// How many entries were read on top of the folded rows.
    pub replayed: u64,
    /// What was cut off the journal, whose end was torn.
    pub cut: Option<Cut>,
    /// What was cut off the write-ahead log, whose end was torn.
    pub log_cut: Option<LogCut>,
}

impl Store {
    /// Opens the store in a file, or makes a new one, and takes it over: whoever held it before
    /// can commit nothing more. Reads and checks all of it. A torn end is cut off and kept beside
    /// the file; other damage is refused.
    pub fn open(path: &Path) -> Result<(Self, Loaded), StoreError> {
        if unfinished_restore(path).exists() {
            return Err(StoreError::HalfRestored);
        }
        if !path.exists() {
            create(path)?;
        }
        let log_cut = log::secure(path)?;
        let failed = StoreError::at("open the database");
        let mut connection = Connection::open(path).map_err(&failed)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = FULL;
                 PRAGMA wal_autocheckpoint = 16000;
                 PRAGMA cache_size = -65536;
                 PRAGMA busy_timeout = 2000;",
            )
            .map_err(&failed)?;
        check_format(&connection)?;
        let (epoch, head, folded) = take_over(&mut connection).map_err(&failed)?;
        let mut world = World::from_rows(folded, fold::rows(&connection)?)?;
        let (chain, cut) = match replay(&connection, &mut world, head) {
            Ok(chain) => (chain, None),
            // the entry at the fold is in the rows: that cannot be undone by a cut
            Err(StoreError::Broken { entry, .. }) if entry > folded => {
                let later = tail::whole_after(&connection, world.revision())?;
                if later > 0 {
                    return Err(StoreError::Broken { entry, later });
                }
                let cut = tail::cut(&mut connection, path, world.revision(), head)?;
                (replay(&connection, &mut world, cut.kept)?, Some(cut))
            }
            Err(error) => return Err(error),
        };
        checkpoint(&connection)?;
        let (path, revision) = (path.to_owned(), world.revision());
        let store = Self { connection, path, epoch, revision, folded, chain };
        let replayed = store.unfolded();
        Ok((store, Loaded { world, replayed, cut, log_cut }))
    }

    /// The state after the last entry, read anew.
    pub(crate) fn load(&self) -> Result<World, StoreError> {
        let mut world = World::from_rows(self.folded, fold::rows(&self.connection)?)?;
        replay(&self.connection, &mut world, self.revision)?;
        Ok(world)
    }

    /// Empties the write-ahead log into the database; false when there is no room for that.
    pub(crate) fn make_room(&self) -> Result<bool, StoreError> {
        match checkpoint(&self.connection) {
            Err(error) if error.is_disk_full() => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Appends entries, which must follow the last one; durable when it returns. After an error
    /// the store must be opened again, for whether the entries are in it is unknown; except when
    /// the disk was full ([`StoreError::is_disk_full`]): then they are not.
    pub fn commit(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let failed = StoreError::at("commit to the database");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let (mut revision, mut chain) = (self.revision, self.chain);
        let next = Revision(self.revision.0 + entries.len() as u64);
        let moved = transaction
            .prepare_cached("UPDATE head SET revision = ?1 WHERE epoch = ?2 AND revision = ?3")
            .and_then(|mut update| {
                update.execute((as_i64(next.0), as_i64(self.epoch), as_i64(self.revision.0)))
            })
            .map_err(&failed)?;
        if moved != 1 {
            return Err(StoreError::Deposed);
        }
        for entry in entries {
            revision = Revision(revision.0 + 1);
            if entry.revision != revision {
                return Err(StoreError::Incomplete { head: entry.revision, found: revision });
            }
            chain = journal::append(&transaction, self.epoch, entry, &chain)?;
        }
        transaction.commit().map_err(&failed)?;
        (self.revision, self.chain) = (revision, chain);
        Ok(())
    }

    /// Folds up to `limit` entries into the tables of rows; returns how many are left to fold.
    pub fn fold(&mut self, limit: usize) -> Result<u64, StoreError> {
        let failed = StoreError::at("fold the journal");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let folded = fold::fold(&transaction, self.epoch, self.folded, limit)?;
        transaction.commit().map_err(&failed)?;
        self.folded = folded;
        Ok(self.unfolded())
    }

    /// How many entries are not in the tables of rows yet.
    pub fn unfolded(&self) -> u64 {
        self.revision.0 - self.folded.0
    }

    /// The revision of the last entry.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The directory of the database.
    pub(crate) fn directory(&self) -> PathBuf {
        self.path.parent().unwrap_or(Path::new(".")).to_owned()
    }

    /// Reads the journal beside this writer.
    pub fn journal(&self) -> Journal {
        Journal::new(&self.path)
    }
}

/// Opens a database beside whoever writes it.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(StoreError::at("open the database"))
}

/// A backup that is being put in place of a database, complete. While it is there, the place is
/// not to be used.
pub(crate) fn unfinished_restore(database: &Path) -> PathBuf {
    database.with_extension("restoring")
}

/// Empties the write-ahead log, so that nothing of what was never committed stays in it: `log`
/// takes frames for what they say. With readers about, as much as they let.
fn checkpoint(connection: &Connection) -> Result<(), StoreError> {
    connection
        .query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(StoreError::at("empty the write-ahead log"))
}

/// Refuses a file of another format.
pub(super) fn check_format(connection: &Connection) -> Result<(), StoreError> {
    let found = connection
        .query_one("PRAGMA user_version", [], |row| row.get(0))
        .map_err(StoreError::at("open the database"))?;
    if found == FORMAT || found == FORMER {
        Ok(())
    } else {
        Err(StoreError::Format { found, known: FORMAT })
    }
}

/// Brings a world up to the last entry, which must be that of `head`; returns the digest of all.
fn replay(connection: &Connection, world: &mut World, head: Revision) -> Result<Chain, StoreError> {
    let (last, chain) =
        journal::visit(
            connection,
            world.revision(),
            usize::MAX,
            |entry| Ok(world.commit(&entry)?),
        )?;
    match last.cmp(&head) {
        Ordering::Less => Err(StoreError::Broken { entry: Revision(last.0 + 1), later: 0 }),
        Ordering::Equal => Ok(chain),
        Ordering::Greater => Err(StoreError::Incomplete { head, found: last }),
    }
}

/// The epoch, the revision of the last entry, and that up to which the rows are.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<(u64, Revision, Revision)> {
    connection.query_one("SELECT epoch, revision, folded FROM head", [], |row| {
        Ok((number(row, 0)?, Revision(number(row, 1)?), Revision(number(row, 2)?)))
    })
}

/// Raises the epoch; returns it with the revisions of the head and of the fold.
fn take_over(connection: &mut Connection) -> rusqlite::Result<(u64, Revision, Revision)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let head = transaction.query_one(
        "UPDATE head SET epoch = epoch + 1 RETURNING epoch, revision, folded",
        [],
        |row| Ok((number(row, 0)?, Revision(number(row, 1)?), Revision(number(row, 2)?))),
    )?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()?;
    Ok(head)
}

/// Makes an empty database under a temporary name, then gives it its own.
fn create(path: &Path) -> Result<(), StoreError> {
    let unfinished = path.with_extension("new");
    let failed = |source: io::Error| StoreError::Create { path: path.to_owned(), source };
    for leftover in ["new", "new-wal", "new-shm", "new-journal"] {
        match fs::remove_file(path.with_extension(leftover)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    let step = StoreError::at("create the database");
    let connection = Connection::open(&unfinished).map_err(&step)?;
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        .map_err(&step)?;
    connection.execute_batch(&format!("BEGIN; {SCHEMA} COMMIT;")).map_err(&step)?;
    connection.close().map_err(|(_, source)| step(source))?;
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(&unfinished, path).map_err(failed)?;
    slapos_atomic::sync_directory(path).map_err(failed)
}
