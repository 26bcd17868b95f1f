//! Instances: what is asked for, and what is known of them.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};
use slapos_core::names::{
    ComputerId, Generation, InstanceId, PartitionId, PersonId, ReportedState, Revision,
    SoftwareType, SoftwareUrl, Timestamp, Title, WishedState,
};

use super::{Dictionary, Process, Promise};

/// Names an instance to a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceName {
    /// Its identity.
    pub id: InstanceId,
    /// Its title.
    pub title: Title,
}

/// "Process this instance again", by the person whose tree it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceBangAsk {
    /// The instance.
    pub id: InstanceId,
    /// Why.
    pub message: String,
    /// Its whole tree as well.
    #[serde(default)]
    pub tree: bool,
}

/// Another title for an instance, by the person whose tree it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenameAsk {
    /// The instance.
    pub id: InstanceId,
    /// Its new title.
    pub title: Title,
}

/// Another release for a root, by the person whose tree it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpgradeAsk {
    /// The instance.
    pub id: InstanceId,
    /// The release.
    pub software_release: SoftwareUrl,
    /// The entry of the release; `None`: as before.
    #[serde(default)]
    pub software_type: Option<SoftwareType>,
}

/// A request: find or create the instance (tree, title) and bring it to the wished state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestAsk {
    /// The title.
    pub title: Title,
    /// The release.
    pub software_release: SoftwareUrl,
    /// The entry of the release.
    #[serde(default = "SoftwareType::default_type")]
    pub software_type: SoftwareType,
    /// What goes in. `None`: as before, empty for a new instance.
    #[serde(default)]
    pub parameters: Option<Dictionary>,
    /// Conditions on where, e.g. `computer_guid`.
    #[serde(default)]
    pub placement: Dictionary,
    /// A shared instance: served by another one instead of having its own partition.
    #[serde(default)]
    pub shared: bool,
    /// What is wished. `None`: as before, started for a new instance.
    #[serde(default)]
    pub state: Option<WishedState>,
}

/// Another state for an existing instance, root or child, wished by the person whose tree it is.
/// A destroyed child that its requester still asks for comes back as a new instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateAsk {
    /// The instance.
    pub id: InstanceId,
    /// What is wished.
    pub state: WishedState,
}

/// One instance as its requester sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its identity.
    pub id: InstanceId,
    /// Its title.
    pub title: Title,
    /// The root of its tree; itself for a root.
    pub root: InstanceName,
    /// Who asked: the instance, or `None` for a root.
    pub requested_by: Option<InstanceName>,
    /// The person whose tree it is.
    pub person: PersonId,
    /// What is wished.
    pub wished: WishedState,
    /// What is: the node's last word; `None` before it said anything about this wish.
    pub reported: Option<ReportedState>,
    /// One word for a person: `waiting`, `starting`, `started`, `stopping`, `stopped`, `error`,
    /// `destroying`.
    pub state: String,
    /// The release.
    pub software_release: SoftwareUrl,
    /// The entry of the release.
    pub software_type: SoftwareType,
    /// True when it is served by another instance instead of having its own partition.
    pub shared: bool,
    /// The instance that serves it, if it is shared and has one.
    pub host: Option<InstanceName>,
    /// The shared instances that it serves.
    pub serves: Vec<InstanceName>,
    /// Its requester did not ask for it in its last complete pass.
    pub unrequested: bool,
    /// Where it lives; a shared one, where its host does.
    pub computer: Option<ComputerId>,
    /// Where it lives.
    pub partition: Option<PartitionId>,
    /// The addresses of the partition where it lives.
    pub addresses: Vec<IpAddr>,
    /// What went in.
    pub parameters: Dictionary,
    /// Conditions on where.
    pub placement: Dictionary,
    /// What came out; empty until it was published.
    pub connection: Dictionary,
    /// When the connection last changed; `None` when nothing came out yet.
    #[serde(default)]
    pub published_at: Option<Timestamp>,
    /// Why it is not ready: the one cause, as a sentence; `None` when it is.
    pub waiting_for: Option<String>,
    /// Stable name of that cause, e.g. `no-free-partition`.
    pub waiting_code: Option<String>,
    /// What its requester can do about it.
    pub hint: Option<String>,
    /// Its promises as last reported.
    pub promises: Vec<Promise>,
    /// The last error's text, whole.
    pub error: Option<String>,
    /// Counts the wishes.
    pub generation: Generation,
    /// The revision of the last change.
    pub revision: Revision,
    /// When it was first requested.
    pub created_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// A tree: its instances, the root first, and its processes as last heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// Instances, requesters before what they requested.
    pub instances: Vec<Instance>,
    /// Processes by instance.
    pub processes: BTreeMap<InstanceId, Vec<Process>>,
}
