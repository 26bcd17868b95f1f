//! What a node tells of its partitions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use slapos_core::names::{Generation, InstanceId, PartitionId, ReportedState, Revision, Title};

use super::Dictionary;

/// A node says what became of a wish. One call, one commit: state, promises and connection
/// arrive together, so nobody is handed values of a service that is not up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceReport {
    /// The instance that it is about.
    pub id: InstanceId,
    /// The generation of the wish that it is about.
    pub generation: Generation,
    /// The revision that its sender had heard when it sent this: that of the answer to its last
    /// report about the same, or of a watch. A report that comes too late is found by it.
    #[serde(default)]
    pub follows: Option<Revision>,
    /// What it is now.
    pub state: ReportedState,
    /// One sentence: what it waits for, or the error (whole; the master keeps the last 64 KiB).
    #[serde(default)]
    pub text: Option<String>,
    /// The values that the instance published, whole; `None`: as before.
    #[serde(default)]
    pub connection: Option<Dictionary>,
    /// The values that it published for the shared instances that it serves, whole each.
    #[serde(default)]
    pub shared: BTreeMap<InstanceId, Dictionary>,
    /// Titles of the instances that it requested in a complete pass; children that are not
    /// named are destroyed. `None` when the pass was not complete.
    #[serde(default)]
    pub requested: Option<Vec<Title>>,
    /// Its promises, all of them.
    #[serde(default)]
    pub promises: Vec<Promise>,
}

/// A check of an instance and its last result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Its name.
    pub name: String,
    /// True when green.
    pub ok: bool,
    /// What the check said.
    pub message: String,
}

/// "Process this instance again", by its node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BangAsk {
    /// Why.
    pub message: String,
}

/// What runs on a computer right now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Every supervised process and its descendants.
    pub processes: Vec<Process>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// The partition that it serves.
    pub partition: PartitionId,
    /// The service that it belongs to.
    pub service: String,
    /// Its number.
    pub pid: u32,
    /// Its short name, as the kernel has it.
    pub name: String,
    /// Share of one core since the sample before, in percent.
    pub cpu_percent: f64,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
}
