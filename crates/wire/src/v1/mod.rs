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
//! | `GET /v1/computers[?at=AT][&limit=N][&after=COMPUTER]` | → `[Computer]`, in order of name: a piece |
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
//! | `GET /v1/instances[?title=T][&id=SOFTINST-N][&at=AT][&limit=N][&after=SOFTINST-N]` | → `[Instance]`, oldest first: a piece |
//! | `GET /v1/instances/tree?title=ROOT[&at=AT]` | → [`Tree`] |
//! | `GET /v1/instances/wait?id=SOFTINST-N&since=REVISION&wait=SECONDS` | → [`Instance`] as soon as its revision is beyond `since` |
//! | `GET /v1/events[?since=REVISION]` | server-sent events: one `change` per durable revision that changed something, data is [`Change`]; one `usage` per sample of a computer, data is `{"computer": NAME}`. With `since`, or the header `Last-Event-ID` of who comes again, first the changes beyond that |
//! | `GET /v1/history[?title=T][&computer=C][&errors=true][&limit=N][&before=REVISION]` | → `[HistoryEntry]`, oldest first: a page ([`HistoryAsk`]) |
//!
//! A piece of a list has `limit` items at most, 1000 if that is not said, and never more. When there are
//! more, the header `Link` has the query of the next piece: `<?after=LAST>; rel="next"`.
//!
//! `AT` is [`At`]: the state as it was then. It has no processes and no `seen_at`, which no
//! journal keeps.

mod computers;
mod history;
mod instances;
mod reports;
mod supplies;
mod watch;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use slapos_core::names::Revision;

pub use self::{
    computers::{
        Computer, ComputerAsk, ComputerPartition, Format, FormatPartition, IssuedToken,
        RegisterAsk, Registered,
    },
    history::{At, Change, HistoryAsk, HistoryEntry},
    instances::{
        Instance, InstanceBangAsk, InstanceName, RenameAsk, RequestAsk, StateAsk, Tree, UpgradeAsk,
    },
    reports::{BangAsk, InstanceReport, Process, Promise, Usage},
    supplies::{Supply, SupplyAsk, SupplyReport},
    watch::{InstanceWish, PartitionWish, SharedWish, Watch},
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
    /// True when another report came after the one that this one follows: it changed nothing, and
    /// whoever still means it sends it again.
    #[serde(default)]
    pub overtaken: bool,
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
