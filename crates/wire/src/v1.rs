//! The documents of the `v1` face, the one that our nodes, command line and page speak.
//!
//! The same for programs: `crates/master/src/http/v1/openapi.json`, which tests hold to these types.
//!
//! JSON over HTTP; errors are `application/problem+json` ([`Problem`]). Pure types: nothing here
//! reads or writes a socket (see `client`). What a master adds later, an older reader ignores;
//! what a client sends is checked strictly (`deny_unknown_fields`).
//!
//! | method and path | body → answer |
//! | --- | --- |
//! | `GET /v1/health` | → [`Health`] |
//! | `GET /v1/openapi.json` | → this table and these documents as OpenAPI |
//! | `GET /v1/computers[?at=AT]` | → `[Computer]` |
//! | `GET /v1/computers/{computer}[?at=AT]` | → [`Computer`] |
//! | `PUT /v1/computers/{computer}` | [`ComputerAsk`] → [`Computer`] |
//! | `POST /v1/computers` | [`RegisterAsk`] → [`Registered`]: a new computer, by right of a token |
//! | `POST /v1/computers/{computer}/certificate` | → [`Registered`]: a certificate for a computer that has none |
//! | `DELETE /v1/computers/{computer}/certificate` | → [`Computer`]: its certificate counts no more |
//! | `POST /v1/tokens` | → [`IssuedToken`] |
//! | `PUT /v1/computers/{computer}/format` | [`Format`] → [`Computer`] |
//! | `PUT /v1/computers/{computer}/supplies` | [`SupplyAsk`] → [`Supply`] |
//! | `POST /v1/computers/{computer}/supplies/report` | [`SupplyReport`] → [`Accepted`] |
//! | `GET /v1/computers/{computer}/watch?since=N&wait=SECONDS` | → [`Watch`] |
//! | `POST /v1/computers/{computer}/partitions/{partition}/report` | [`InstanceReport`] → [`Accepted`] |
//! | `POST /v1/computers/{computer}/partitions/{partition}/request` | [`RequestAsk`] → [`Instance`] (asked by the instance that lives there) |
//! | `POST /v1/computers/{computer}/partitions/{partition}/bang` | [`BangAsk`] → [`Accepted`] |
//! | `PUT /v1/computers/{computer}/usage` | [`Usage`] → [`Accepted`] (kept in memory only) |
//! | `POST /v1/instances` | [`RequestAsk`] → [`Instance`] (asked by a person: a root); `destroyed` for what does not exist (any more): 404, code `absent`, as in `request` above |
//! | `POST /v1/instances/state` | [`StateAsk`] → [`Instance`] (by the person whose tree it is: root or child) |
//! | `POST /v1/instances/bang` | [`InstanceBangAsk`] → [`Instance`] |
//! | `POST /v1/instances/rename` | [`RenameAsk`] → [`Instance`] |
//! | `POST /v1/instances/upgrade` | [`UpgradeAsk`] → [`Instance`] (a root) |
//! | `GET /v1/instances[?title=T][&id=SOFTINST-N][&at=AT]` | → `[Instance]` |
//! | `GET /v1/instances/tree?title=ROOT[&at=AT]` | → [`Tree`] |
//! | `GET /v1/instances/wait?id=SOFTINST-N&since=REVISION&wait=SECONDS` | → [`Instance`] as soon as its revision is beyond `since` |
//! | `GET /v1/events` | server-sent events: one `change` per durable revision that changed something, data is [`Change`]; one `usage` per sample of a computer, data is `{"computer": NAME}` |
//! | `GET /v1/history[?title=T][&computer=C][&errors=true][&limit=N][&before=REVISION]` | → `[HistoryEntry]`, oldest first: a page ([`HistoryAsk`]) |
//!
//! `AT` is [`At`]: the state as it was then. It has no processes and no `seen_at`, which no
//! journal keeps.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use serde::{Deserialize, Deserializer, Serialize};
use slapos_core::names::{
    ComputerId, Generation, InstanceId, PartitionId, PersonId, ReportedState, Revision,
    SoftwareType, SoftwareUrl, SupplyState, SupplyWish, Timestamp, Title, WishedState,
};
pub use slapos_core::world::AllocationScope;

/// Parameters that go in, or connection values that come out: text by text, in order of name.
pub type Dictionary = BTreeMap<String, String>;

/// The master is up and this is how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Version of the program.
    pub version: String,
    /// The newest durable revision.
    pub revision: Revision,
}

/// The answer to a report: it is durable from this revision on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The revision at which it is durable.
    pub revision: Revision,
    /// False when the report was about an older wish and therefore changed nothing.
    pub current: bool,
}

/// An error, as RFC 9457 has it, with a stable `code`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable machine-readable name, e.g. `unknown-computer`.
    pub code: String,
    /// One sentence: what and where.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// What the asker can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What a node says of itself: these are my partitions, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// Every partition of the computer; one that is missing here is retired, unless busy.
    pub partitions: Vec<FormatPartition>,
}

/// One partition as its node formatted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatPartition {
    /// Its name, e.g. `slappart0`.
    pub name: PartitionId,
    /// Addresses that its services may bind.
    pub addresses: Vec<IpAddr>,
    /// Capabilities: a partition that has any serves only requests that name one of them.
    #[serde(default)]
    pub capabilities: Vec<String>,
}

/// One computer as the master knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computer {
    /// Its name.
    pub computer: ComputerId,
    /// What people call it, if it was registered.
    #[serde(default)]
    pub title: Option<Title>,
    /// Whether it takes new instances: `open`, `closed` or `draining`.
    pub allocation: AllocationScope,
    /// At most so many instances; `None`: as many as it has partitions.
    pub capacity: Option<u32>,
    /// What requests can choose it by.
    pub traits: Dictionary,
    /// When its node last called, if it ever did; kept in memory only.
    pub seen_at: Option<Timestamp>,
    /// Its partitions, in order of name.
    pub partitions: Vec<ComputerPartition>,
    /// Its releases, in order of URL.
    pub supplies: Vec<Supply>,
}

/// A right to let one computer join. The secret is told here once, and kept nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// The secret.
    pub token: String,
    /// It cannot be used any more from then on.
    pub expires_at: Timestamp,
}

/// A computer wants to join.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterAsk {
    /// The secret of a token, which is used up.
    pub token: String,
    /// What people shall call the computer.
    pub title: Title,
}

/// A computer with its new certificate. The key is told here once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Its name.
    pub computer: ComputerId,
    /// The certificate: a text, then PEM.
    pub certificate: String,
    /// Its private key, as PEM: a secret.
    pub key: String,
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl fmt::Debug for RegisterAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterAsk").field("title", &self.title).finish_non_exhaustive()
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered").field("computer", &self.computer).finish_non_exhaustive()
    }
}

/// What a computer is for. A field that is missing stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComputerAsk {
    /// Whether it takes new instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<AllocationScope>,
    /// At most so many instances; `null`: as many as it has partitions.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    pub capacity: Option<Option<u32>>,
    /// Its traits, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traits: Option<Dictionary>,
}

/// Tells a field that is `null` from one that is missing.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// One partition of a [`Computer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComputerPartition {
    /// Its name.
    pub name: PartitionId,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its capabilities.
    pub capabilities: Vec<String>,
    /// The instance that lives there; `None` when free.
    pub instance: Option<InstanceName>,
}

/// Names an instance to a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceName {
    /// Its identity.
    pub id: InstanceId,
    /// Its title.
    pub title: Title,
}

/// "This release shall be available on this computer", or shall be removed from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupplyAsk {
    /// The release.
    pub software_release: SoftwareUrl,
    /// What is wished.
    pub state: SupplyWish,
    /// Install it again, even where it is available: its sources have changed.
    #[serde(default)]
    pub again: bool,
}

/// A release on a computer: the wish and what the node said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supply {
    /// The release.
    pub software_release: SoftwareUrl,
    /// What is wished.
    pub wished: SupplyWish,
    /// What the node last said.
    pub state: SupplyState,
    /// Counts the wishes.
    pub generation: Generation,
    /// The end of the error or of the log; what was last done while building.
    pub text: Option<String>,
    /// How much of the step that runs is done, 0 to 100, when that is known.
    #[serde(default)]
    pub percent: Option<u8>,
    /// When the state last changed.
    pub changed_at: Timestamp,
    /// What was installed for an older wish than this does not count.
    #[serde(default)]
    pub again: Generation,
}

/// A node says how far a release is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupplyReport {
    /// The release.
    pub software_release: SoftwareUrl,
    /// The generation of the wish that it is about.
    pub generation: Generation,
    /// How far it is.
    pub state: SupplyState,
    /// The error's text or the step that runs; cut to its last 64 KiB by the master.
    pub text: Option<String>,
    /// How much of that step is done, 0 to 100, when that is known.
    #[serde(default)]
    pub percent: Option<u8>,
}

/// What a node has to know: everything, or what changed since a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Ask again with this as `since`.
    pub revision: Revision,
    /// True when this is the whole state and not a difference; then what is missing is gone.
    pub complete: bool,
    /// True while somebody looks at this computer's processes: send [`Usage`] every second.
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

/// A node says what became of a wish. One call, one commit: state, promises and connection
/// arrive together, so nobody is handed values of a service that is not up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceReport {
    /// The instance that it is about.
    pub id: InstanceId,
    /// The generation of the wish that it is about.
    pub generation: Generation,
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

/// Something changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The revision that changed it.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// Verb, e.g. `request`, `publish`, `supply-report`.
    pub verb: String,
    /// One sentence for a person.
    pub what: String,
    /// The instance, when it is about one.
    pub instance: Option<InstanceName>,
    /// The computer, when it is about one.
    pub computer: Option<ComputerId>,
}

/// A moment of the past: microseconds since 1970 in UTC, or `rev:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum At {
    /// Before the first entry that is later than this.
    Time(Timestamp),
    /// After this entry.
    Revision(Revision),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "{}", time.0),
            Self::Revision(revision) => write!(f, "rev:{}", revision.0),
        }
    }
}

impl From<At> for String {
    fn from(at: At) -> Self {
        at.to_string()
    }
}

impl TryFrom<String> for At {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let at = match text.strip_prefix("rev:") {
            Some(revision) => revision.parse().map(|number| Self::Revision(Revision(number))),
            None => text.parse().map(|number| Self::Time(Timestamp(number))),
        };
        at.map_err(|_| "`at` is microseconds since 1970, or rev: and a revision")
    }
}

/// Which entries of the history. An answer can hold fewer than `limit`, for it is bounded in
/// bytes too: the entries before it follow with its first revision as `before`, until there are
/// none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryAsk {
    /// About instances that had this title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// About this computer: itself, its releases, what its node said of its instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer: Option<ComputerId>,
    /// Only those that told an error.
    #[serde(default)]
    pub errors: bool,
    /// At most so many, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Older than this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Revision>,
}

/// One entry of the journal, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// What changed.
    pub change: Change,
    /// Who did it, e.g. `person admin`, `computer COMP-1`, `instance SOFTINST-2`.
    pub who: String,
    /// From where the call came.
    pub origin: String,
    /// The text of the error that it told, whole (the master keeps the last 64 KiB).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
