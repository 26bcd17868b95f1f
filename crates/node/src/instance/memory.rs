//! What the node remembers of the instance in a partition, on disk.
//!
//! Kept outside of the partition, so that the instance cannot change it. Holds what the instance
//! publishes, secrets too, hence mode 0600 below a directory of mode 0700.

use std::{collections::BTreeMap, fs, io};

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use slapos_core::names::{Generation, InstanceId, PartitionId, Title, WishedState};
use slapos_wire::v1::Dictionary;

use crate::{
    files::write_atomically,
    plan::{Inputs, Occupant},
    settings::Settings,
};

/// The memory of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The instance whose files are there.
    pub(crate) id: InstanceId,
    /// What its last complete evaluation was made from.
    pub(crate) evaluated: Option<Evaluated>,
    /// What was last reported to the master, and accepted.
    pub(crate) reported: Option<(Generation, WishedState)>,
}

/// What an evaluation left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Evaluated {
    /// What it was made from.
    pub(crate) inputs: Inputs,
    /// The files that it depends on, and how they looked.
    pub(crate) read: Vec<slapos_profile::Input>,
    /// What it publishes; `None` while its `publish` waits.
    pub(crate) connection: Option<Dictionary>,
    /// What it publishes for the shared instances that it serves.
    #[serde(default)]
    pub(crate) shared: BTreeMap<InstanceId, Dictionary>,
    /// The titles that it requested.
    pub(crate) requested: Vec<Title>,
    /// One sentence for each part that waits.
    pub(crate) waiting: Vec<String>,
}

impl Memory {
    /// An instance that nothing was done for yet.
    pub(crate) fn of(id: InstanceId) -> Self {
        Self { id, evaluated: None, reported: None }
    }

    /// What the plan looks at.
    pub(crate) fn occupant(&self) -> Occupant {
        Occupant {
            id: self.id,
            evaluated: self.evaluated.as_ref().map(|evaluated| evaluated.inputs.clone()),
            reported: self.reported,
        }
    }
}

/// Where the memory of a partition is.
fn path(settings: &Settings, partition: &PartitionId) -> Utf8PathBuf {
    settings.var_root.join("lib/partition").join(format!("{partition}.json"))
}

/// Reads the memory of a partition; `None` when the partition is empty. A file that cannot be
/// understood (of another version, say) counts as an occupant of unknown work: everything is done
/// again, nothing is wiped.
pub(crate) fn recall(settings: &Settings, partition: &PartitionId) -> io::Result<Option<Memory>> {
    match fs::read(path(settings, partition)) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the memory of a partition.
pub(crate) fn remember(
    settings: &Settings,
    partition: &PartitionId,
    memory: &Memory,
) -> io::Result<()> {
    let path = path(settings, partition);
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    write_atomically(&path, &serde_json::to_vec(memory)?, 0o600)
}

/// Forgets: the partition is empty.
pub(crate) fn forget(settings: &Settings, partition: &PartitionId) -> io::Result<()> {
    match fs::remove_file(path(settings, partition)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
