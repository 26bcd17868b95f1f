//! The effects of a profile on the world outside of its directory.

use serde::{Deserialize, Serialize};

use crate::eggs::Eggs;
use crate::job::Options;

/// Whoever runs a profile: the node's child over its pipe, the command line, a test.
pub trait Host {
    /// The content of a URL. Paths of this machine are read without asking.
    fn fetch(&mut self, url: &str) -> Result<Vec<u8>, HostError>;

    /// Asks the master for an instance. Answers at once; what is not ready says so in the answer.
    fn request(&mut self, ask: &RequestAsk) -> Result<RequestAnswer, HostError>;

    /// Makes the Python environment of the release that is being installed, in its folder `eggs`, unless it is there
    /// with these very eggs. Asked at most once, before any part is installed.
    fn environment(&mut self, eggs: &Eggs) -> Result<(), HostError>;

    /// Takes notice of the progress of a release; called often.
    fn progress(&mut self, progress: &Progress);
}

/// A request of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestAsk {
    /// Title of the wished instance, unique in the tree.
    pub title: String,
    /// URL of its release.
    pub software_release: String,
    /// Entry of the release.
    pub software_type: String,
    /// What goes in.
    pub parameters: Options,
    /// Conditions on where.
    pub placement: Options,
    /// `started`, `stopped` or `destroyed`.
    pub state: String,
    /// Wants a place in another's instance, not a partition.
    pub shared: bool,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestAnswer {
    /// What the instance publishes; `None` before it has.
    pub connection: Option<Options>,
    /// Identity of the instance; empty before it has one.
    pub id: String,
    /// Its state in a word.
    pub state: String,
    /// Why it is not ready, a sentence.
    pub waiting: Option<String>,
}

/// How far the installation of a release is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The parts that are being installed, at least one.
    pub running: Vec<PartProgress>,
    /// How many parts are done.
    pub finished: u64,
    /// How many parts it has.
    pub total: u64,
}

/// How far a part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartProgress {
    /// Section name.
    pub part: String,
    /// What it does right now.
    pub text: String,
    /// How much of `total` is done.
    pub done: u64,
    /// Zero when not known.
    pub total: u64,
}

/// A refusal or failure outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct HostError {
    /// One sentence.
    pub message: String,
    /// What a person can do.
    pub hint: Option<String>,
}
