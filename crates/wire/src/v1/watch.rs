//! What a node has to know: the wishes for its partitions and releases.

use serde::{Deserialize, Serialize};
use slapos_core::names::{
    Generation, InstanceId, PartitionId, Revision, SoftwareType, SoftwareUrl, Title, WishedState,
};

use super::{Dictionary, Supply};

/// What a node has to know: everything, or what changed since a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Ask again with this as `since`.
    pub revision: Revision,
    /// True when this is the whole state and not a difference; then what is missing is gone.
    pub complete: bool,
    /// True while somebody looks at this computer's processes: send [`Usage`](super::Usage) every second.
    pub observed: bool,
    /// Changed partitions.
    pub partitions: Vec<PartitionWish>,
    /// Changed releases.
    pub supplies: Vec<Supply>,
}

/// What shall be in one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionWish {
    /// The partition.
    pub partition: PartitionId,
    /// The instance that shall be there; `None`: the partition is free.
    pub instance: Option<InstanceWish>,
}

/// What is wished for the instance of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceWish {
    /// Its identity.
    pub id: InstanceId,
    /// Its title.
    pub title: Title,
    /// The title of the root of its tree.
    pub root_title: Title,
    /// The identity of the root of its tree.
    pub root: InstanceId,
    /// The release to deploy.
    pub software_release: SoftwareUrl,
    /// The entry of the release.
    pub software_type: SoftwareType,
    /// What is wished.
    pub state: WishedState,
    /// Counts the wishes; comes back in the report.
    pub generation: Generation,
    /// What its requester gave.
    pub parameters: Dictionary,
    /// Grows with all that happens to the instances that it requested (published, destroyed): then
    /// ask for them again.
    pub news: u64,
    /// The shared instances that it serves: those that shall run.
    #[serde(default)]
    pub shared: Vec<SharedWish>,
    /// What it last published itself, as of this wish: whoever lost its files makes the same again.
    #[serde(default)]
    pub connection: Dictionary,
}

/// A shared instance, as its host sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedWish {
    /// Its identity.
    pub id: InstanceId,
    /// Its title.
    pub title: Title,
    /// The entry of the release.
    pub software_type: SoftwareType,
    /// What its requester gave.
    pub parameters: Dictionary,
}
