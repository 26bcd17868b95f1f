//! Takes over what a Python slapproxy knew: its computers with their partitions and releases, and
//! all instances where they live, with parameters, connections and trees.
//!
//! Everything is decided as any ask is, one after the other, in a state beside the one that it
//! becomes at the end: broken off, nothing is there.

mod plan;
mod slapproxy;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;
use slapos_core::{
    actor::Actor,
    decide::{Answer, Ask},
    names::PersonId,
    policy::Policy,
};

use crate::{
    data_dir::{DataDir, DataDirError},
    release_root,
    service::{Origin, Service, ServiceError},
    store::StoreError,
    upkeep::{UpkeepError, put},
};

/// The directory, in that of the new state, in which it is made.
const WORK: &str = "importing";

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database cannot be read.
    #[error("cannot read the database {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// It is a database of something else.
    #[error("{} is no database of a slapproxy", .0.display())]
    NoSlapproxy(PathBuf),
    /// It is of another version.
    #[error("the slapproxy database {} has schema {found}, and only {known} can be imported", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The schema that can be read.
        known: u32,
    },
    /// Something in it cannot be here.
    #[error("{what}: {why}")]
    Content {
        /// What it is, by its name.
        what: String,
        /// Why it cannot be here.
        why: String,
    },
    /// There is a state already.
    #[error("{} holds the state of a master already", .0.display())]
    Exists(PathBuf),
    /// The data directory cannot be used.
    #[error("cannot use the data directory")]
    DataDir(#[from] DataDirError),
    /// The new state cannot be opened.
    #[error("cannot make the new state")]
    Store(#[from] StoreError),
    /// The new state does not take it.
    #[error("cannot fill the new state")]
    Service(#[source] ServiceError),
    /// The new state cannot be put in its place.
    #[error("cannot put the new state in its place")]
    Place(#[from] UpkeepError),
    /// A file cannot be written.
    #[error("cannot write in {}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl ImportError {
    /// What the operator can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Schema { found, known, .. } if found < known => Some(
                "start the slapproxy of slapos.core 1.26 on it and call it once: it brings its \
                 database up to date"
                    .into(),
            ),
            Self::Schema { .. } => Some("it is newer than this program".into()),
            Self::NoSlapproxy(_) => Some("name the file of `database_uri` in [slapproxy]".into()),
            Self::Exists(_) => Some("choose another directory".into()),
            Self::Place(error) => error.hint(),
            Self::DataDir(error) => error.hint(),
            _ => None,
        }
    }
}

/// What was imported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Computers.
    pub computers: usize,
    /// Partitions.
    pub partitions: usize,
    /// Releases on computers.
    pub releases: usize,
    /// Instances with a partition of their own.
    pub instances: usize,
    /// Shared instances.
    pub shared: usize,
    /// What was left out or changed, a sentence each.
    pub notes: Vec<String>,
}

/// Whether a directory holds the state of a master.
pub fn is_state(data: &Path) -> bool {
    DataDir::database_in(data).is_file()
}

/// Makes the state of a master from the database of a slapproxy. All instances belong to a person.
pub async fn import(
    database: &Path,
    data: &Path,
    person: PersonId,
) -> Result<Imported, ImportError> {
    if is_state(data) {
        return Err(ImportError::Exists(data.to_owned()));
    }
    let known = slapproxy::read(database)?;
    let directory = DataDir::take(data)?;
    if is_state(data) {
        return Err(ImportError::Exists(data.to_owned()));
    }
    let work = directory.path().join(WORK);
    let imported = become_state(&known, &directory, &work, person).await;
    // a failure of before is what matters, and a leftover is removed the next time
    let removed = fs::remove_dir_all(&work);
    if imported.is_err() {
        directory.give_back();
        return imported;
    }
    removed.map_err(|source| ImportError::Write { path: work, source })?;
    imported
}

/// Fills a state in `work`, and makes it that of the directory.
async fn become_state(
    known: &slapproxy::Database,
    directory: &DataDir,
    work: &Path,
    person: PersonId,
) -> Result<Imported, ImportError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| ImportError::Write { path, source }
    };
    if work.exists() {
        fs::remove_dir_all(work).map_err(write(work))?; // of one that was broken off
    }
    let unfinished = DataDir::take(work)?;
    let service = Service::open(&unfinished.database(), Policy::default())?;
    let filled = fill(&service, known, person).await;
    let closing = service.clone();
    drop(tokio::task::spawn_blocking(move || closing.close()).await);
    drop(service);
    let imported = filled?;
    // before the state has its name: with that, nothing is imported any more
    if let Some(root) = &known.release_root {
        directory.keep(release_root::FILE, root).map_err(write(directory.path()))?;
    }
    put(&unfinished.database(), directory, false)?;
    Ok(imported)
}

async fn fill(
    service: &Service,
    known: &slapproxy::Database,
    person: PersonId,
) -> Result<Imported, ImportError> {
    let mut plan = plan::Plan::new(known, person)?;
    let operator = Actor::Operator(plan.person().clone());
    while let Some(step) = plan.next()? {
        let actor = match &step.ask {
            Ask::Format(format) => Actor::Computer(format.computer.clone()),
            _ => operator.clone(),
        };
        let ask = (step.ask, actor);
        let done = service.act(Origin::Inside, |_| Ok(ask), |_, answer| answer.clone()).await;
        let answer = done.map_err(|error| match error {
            ServiceError::Refused(refusal) => {
                ImportError::Content { what: step.what, why: refusal.to_string() }
            }
            error => ImportError::Service(error),
        })?;
        if let Answer::Instance(id) = answer {
            plan.lives(id);
        }
    }
    Ok(plan.imported())
}
