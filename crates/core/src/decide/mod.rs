//! Decisions: one verb, one file. Each is a pure function of the world, the ask, the actor and
//! the time to an answer and the rows that change, or to a refusal that changes nothing.
//!
//! [`decide`] is the one way in: it also draws the consequences ([`settle`](crate::settle)) and
//! brings the world to the next revision.

mod adopt;
mod bang;
mod certify;
mod format;
mod govern;
mod move_releases;
mod publish;
mod rename;
mod report;
mod request;
mod requested;
mod supply;
mod supply_report;
mod token;
mod upgrade;
mod wish;

use std::fmt::Display;

pub use self::{
    adopt::Adopt,
    bang::{Bang, Target},
    certify::{Certify, Revoke},
    format::{Format, FormatPartition},
    govern::Govern,
    move_releases::MoveReleases,
    publish::Publish,
    rename::Rename,
    report::InstanceReport,
    request::{Request, Requester},
    requested::Requested,
    supply::SupplyAsk,
    supply_report::SupplyReport,
    token::{AddComputer, Introduce, IssueToken, Register},
    upgrade::Upgrade,
    wish::Wish,
};
use crate::{
    actor::Actor,
    names::{ComputerId, InstanceId, PersonId, Timestamp},
    refusal::Refusal,
    settle::settle,
    world::{ApplyError, World},
    write::{Entry, Note, Write},
};

/// Everything that can be asked of the master that may change something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// These are the partitions of a computer.
    Format(Format),
    /// This is what a computer is for.
    Govern(Govern),
    /// A release shall be on a computer, or not.
    Supply(SupplyAsk),
    /// This became of a release.
    SupplyReport(SupplyReport),
    /// Releases are at other paths now.
    MoveReleases(MoveReleases),
    /// Find or create an instance and bring it to the wished state.
    Request(Request),
    /// An instance already lives somewhere, as another master knew it.
    Adopt(Adopt),
    /// This became of an instance.
    Report(InstanceReport),
    /// These values came out of an instance.
    Publish(Publish),
    /// These instances were requested in a complete pass.
    Requested(Requested),
    /// Another title for an instance.
    Rename(Rename),
    /// Another release for a root.
    Upgrade(Upgrade),
    /// Process instances again.
    Bang(Bang),
    /// Another state for an existing instance.
    Wish(Wish),
    /// A secret shall be good for one new computer.
    IssueToken(IssueToken),
    /// A new computer, by right of a token.
    Register(Register),
    /// A certificate for a person, by right of a token.
    Introduce(Introduce),
    /// A new computer, by a person.
    AddComputer(AddComputer),
    /// A certificate for a computer.
    Certify(Certify),
    /// The certificate of a computer shall not count any more.
    Revoke(Revoke),
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is so.
    Done,
    /// The report was about an older wish and changed nothing.
    Stale,
    /// Another report came after the one that this one follows: it was late, or its sender did not
    /// hear the answer. It changed nothing; who still means it sends it again.
    Overtaken,
    /// This instance is meant. It can be gone by the time the answer is read: then it is absent.
    Instance(InstanceId),
    /// This computer is meant.
    Computer(ComputerId),
    /// This person is meant.
    Person(PersonId),
    /// What shall be destroyed does not exist. Nothing was created.
    Absent,
}

/// An answer with what it changes; nothing when `writes` is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The answer.
    pub answer: Answer,
    /// Rows that change, before consequences.
    pub writes: Vec<Write>,
    /// The story.
    pub note: Note,
}

impl Decision {
    /// An answer for which nothing has to change.
    fn unchanged(answer: Answer) -> Self {
        let note =
            Note { verb: String::new(), what: String::new(), instance: None, computer: None };
        Self { answer, writes: vec![], note }
    }
}

/// Why there was no decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// Refused; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A defect: the writes do not fit the world, which must not be used any more.
    #[error("a decision contradicts the world")]
    Broken(#[from] ApplyError),
}

/// Decides one ask and applies it, with all that follows, to `world`. The entry, if there is one,
/// must become durable before the answer (or any reading of `world`) leaves.
pub fn decide(
    world: &mut World,
    ask: &Ask,
    actor: &Actor,
    origin: impl Display,
    now: Timestamp,
) -> Result<(Answer, Option<Entry>), DecideError> {
    let decision = match ask {
        Ask::Format(ask) => format::format(world, ask, actor, now),
        Ask::Govern(ask) => govern::govern(world, ask, actor),
        Ask::Supply(ask) => supply::supply(world, ask, actor, now),
        Ask::SupplyReport(ask) => supply_report::supply_report(world, ask, actor, now),
        Ask::MoveReleases(ask) => move_releases::move_releases(world, ask, actor, now),
        Ask::Request(ask) => request::request(world, ask, actor, now),
        Ask::Adopt(ask) => adopt::adopt(world, ask, actor, now),
        Ask::Report(ask) => report::report(world, ask, actor, now),
        Ask::Publish(ask) => publish::publish(world, ask, actor, now),
        Ask::Requested(ask) => requested::requested(world, ask, actor, now),
        Ask::Rename(ask) => rename::rename(world, ask, actor, now),
        Ask::Upgrade(ask) => upgrade::upgrade(world, ask, actor, now),
        Ask::Bang(ask) => bang::bang(world, ask, actor, now),
        Ask::Wish(ask) => wish::wish(world, ask, actor, now),
        Ask::IssueToken(ask) => token::issue_token(world, ask, actor, now),
        Ask::Register(ask) => token::register(world, ask, now),
        Ask::Introduce(ask) => token::introduce(world, ask, now),
        Ask::AddComputer(ask) => token::add_computer(world, ask, actor),
        Ask::Certify(ask) => certify::certify(world, ask, actor),
        Ask::Revoke(ask) => certify::revoke(world, ask, actor),
    }?;
    if decision.writes.is_empty() {
        return Ok((decision.answer, None));
    }
    let writes = settle(world, decision.writes, now)?;
    world.revision = world.next_revision();
    let entry = Entry {
        revision: world.revision,
        at: now,
        actor: actor.clone(),
        origin: origin.to_string(),
        note: decision.note,
        writes,
    };
    Ok((decision.answer, Some(entry)))
}
