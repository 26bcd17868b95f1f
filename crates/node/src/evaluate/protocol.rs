//! What agent and child say to each other: one JSON document per line.

use serde::{Deserialize, Serialize};
use slapos_profile::{Eggs, HostError, Job, Outcome, Progress, RequestAnswer, RequestAsk};

/// The longest line in bytes.
pub(super) const LINE_BYTES_MAX: u64 = 16 << 20;

/// What the agent says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToChild {
    /// First: what to evaluate.
    Job(Box<Job>),
    /// After each [`FromChild::Request`].
    Answer(Result<RequestAnswer, HostError>),
    /// After [`FromChild::Environment`].
    Made(Result<(), HostError>),
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromChild {
    /// The profile requests an instance.
    Request(RequestAsk),
    /// The release needs a Python with these eggs.
    Environment(Eggs),
    /// A long step goes on.
    Progress(Progress),
    /// Last: it went through.
    Done(Box<Outcome>),
    /// Last: it did not; place, cause, chain and way out for a person.
    Failed(String),
}
