//! What the node remembers of the instance in a partition, on disk.
//!
//! Kept outside of the partition, so that the instance cannot change it. Holds what the instance
//! publishes, secrets too, hence mode 0600 below a directory of mode 0700.

use std::{collections::BTreeMap, fs, io, time::Duration};

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use slapos_core::names::{Generation, InstanceId, PartitionId, Title, WishedState};
use slapos_wire::v1::Dictionary;

use crate::{
    plan::{Inputs, Occupant},
    settings::Settings,
};

/// The memory of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The instance whose files are there; `None` when that cannot be known.
    pub(crate) id: Option<InstanceId>,
    /// What its last complete evaluation was made from.
    pub(crate) evaluated: Option<Evaluated>,
    /// What was last reported to the master, and accepted.
    pub(crate) reported: Option<(Generation, WishedState)>,
}

/// How long an evaluation holds although nothing that it depends on has changed, as SlapOS has it: some recipes do
/// something each time, and what a command or Python looks at nobody knows.
const HOLDS: Duration = Duration::from_secs(24 * 3600);

/// What an evaluation left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Evaluated {
    /// What it was made from.
    pub(crate) inputs: Inputs,
    /// When, in seconds since 1970; zero in files of old.
    #[serde(default)]
    pub(crate) at_unix_s: u64,
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

impl Evaluated {
    /// How long it holds from now on. A clock that was set back makes none overdue.
    pub(crate) fn holds_for(&self, now_unix_s: u64) -> Duration {
        HOLDS.saturating_sub(Duration::from_secs(now_unix_s.saturating_sub(self.at_unix_s)))
    }
}

impl Memory {
    /// An instance that nothing was done for yet.
    pub(crate) fn of(id: InstanceId) -> Self {
        Self { id: Some(id), evaluated: None, reported: None }
    }

    /// Takes what can be understood of a file. That of another version may tell no more than whose
    /// the partition is, or not even that; never that the partition is empty.
    fn understood(bytes: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Whose {
            id: Option<InstanceId>,
        }
        serde_json::from_slice(bytes).unwrap_or_else(|_| {
            let whose = serde_json::from_slice::<Whose>(bytes);
            let id = whose.ok().and_then(|whose| whose.id);
            Self { id, evaluated: None, reported: None }
        })
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
pub(crate) fn path(settings: &Settings, partition: &PartitionId) -> Utf8PathBuf {
    settings.var_root.join("lib/partition").join(format!("{partition}.json"))
}

/// Reads the memory of a partition; `None` when the partition is empty. A file that cannot be read
/// or understood is an occupant of unknown work, perhaps of unknown name.
pub(crate) fn recall(settings: &Settings, partition: &PartitionId) -> Option<Memory> {
    let path = path(settings, partition);
    match fs::read(&path) {
        Ok(bytes) => Some(Memory::understood(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::error!(%path, %error, "what is remembered cannot be read");
            Some(Memory { id: None, evaluated: None, reported: None })
        }
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
    slapos_atomic::write(path, &serde_json::to_vec(memory)?, 0o600)
}

/// Forgets, for ever: the partition is empty.
pub(crate) fn forget(settings: &Settings, partition: &PartitionId) -> io::Result<()> {
    slapos_atomic::remove(path(settings, partition))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traced;

    #[test]
    fn a_partition_is_forgotten() {
        let base = tempfile::tempdir().unwrap();
        let settings = Settings::below(camino::Utf8Path::from_path(base.path()).unwrap());
        let name = &settings.partitions[0].name;
        let memory = Memory::of(InstanceId(7));
        remember(&settings, name, &memory).unwrap();
        assert_eq!(recall(&settings, name), Some(memory));
        for _ in 0..2 {
            forget(&settings, name).unwrap();
            assert_eq!(recall(&settings, name), None);
        }
    }

    #[test]
    fn what_was_forgotten_is_not_remembered_after_a_power_failure() {
        let test = "instance::memory::tests::a_partition_is_forgotten";
        let Some(calls) = traced::calls(test) else { return };
        assert!(traced::followed(&calls, ["unlink", "slappart0.json"], "fsync("), "{calls:#?}");
    }

    #[test]
    fn an_evaluation_holds_for_a_day() {
        let inputs = Inputs { generation: Generation(1), news: 0, release: String::new() };
        let evaluated = serde_json::json!({
            "inputs": inputs, "at_unix_s": 100_000, "read": [], "connection": null, "requested": [], "waiting": [],
        });
        let evaluated: Evaluated = serde_json::from_value(evaluated).unwrap();
        let day = 24 * 3600;
        for (now, left) in
            [(100_000, day), (100_001, day - 1), (100_000 + day, 0), (900_000, 0), (1, day)]
        {
            assert_eq!(evaluated.holds_for(now).as_secs(), left, "{now}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_still_an_occupant() {
        let whole = Memory {
            id: Some(InstanceId(7)),
            evaluated: None,
            reported: Some((Generation(3), WishedState::Started)),
        };
        let whole_text = serde_json::to_string(&whole).unwrap();
        let seven = Memory::of(InstanceId(7));
        let unknown = Memory { id: None, evaluated: None, reported: None };
        let seven_text = serde_json::to_string(&InstanceId(7)).unwrap();
        let table = [
            (whole_text.as_str(), &whole),
            (&format!(r#"{{"id":{seven_text},"evaluated":"of another version"}}"#), &seven),
            (r#"{"id":{"odd":1},"evaluated":null}"#, &unknown),
            ("{}", &unknown),
            ("", &unknown),
            ("\0\0\0", &unknown),
        ];
        for (text, wanted) in table {
            assert_eq!(Memory::understood(text.as_bytes()), *wanted, "{text:?}");
        }
    }
}
