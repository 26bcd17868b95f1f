//! How a command ends: exit codes, and errors that a person can act on.

use slapos_wire::client::ClientError;

/// Exit codes, documented in `docs/operating/exit-codes.md`. Those of the Python command line
/// where it has them (0, 1, 2), ours beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Asked for, and not ready yet.
    NotReady = 2,
    /// The master refused.
    Refused = 3,
    /// The state of a master, or a backup, is damaged.
    Damaged = 4,
    /// No answer from the master.
    NoAnswer = 5,
    /// A release without faults that cannot be installed here: nobody supplies some of its software.
    NotSupplied = 6,
    /// Wrong usage or a faulty configuration file.
    Usage = 64,
}

/// A command that could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the process ends.
    pub(crate) exit: Exit,
    /// What happened, then its causes, outermost first.
    pub(crate) chain: Vec<String>,
    /// What the person can do next.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// An error without a cause of its own.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, chain: vec![message.into()], hint: None }
    }

    /// An error with its causes.
    pub(crate) fn from_error(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut chain = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            chain.push(cause.to_string());
            source = cause.source();
        }
        chain.dedup();
        Self { exit, chain, hint: None }
    }

    /// An error with its causes, and the hint that it gives itself.
    pub(crate) fn hinted(exit: Exit, error: &dyn std::error::Error, hint: Option<String>) -> Self {
        Self { hint, ..Self::from_error(exit, error) }
    }

    /// The same with a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Refused(_) => Exit::Refused,
            ClientError::NoAnswer { .. } | ClientError::Strange { .. } => Exit::NoAnswer,
        };
        Self::hinted(exit, &error, error.hint())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::from_error(Exit::Failed, &error)
    }
}

/// Names the step at which an input or output error happened.
pub(crate) trait Step<T> {
    /// Puts a sentence before the cause.
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T> Step<T> for std::io::Result<T> {
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure {
            exit: Exit::Failed,
            chain: vec![what(), error.to_string()],
            hint: None,
        })
    }
}

/// What every command returns.
pub(crate) type Outcome = Result<Exit, Failure>;
