//! Stops a whole node: its agent, then its services, then their supervisor.
//!
//! Who runs is found by locks and sockets below the node's own directory, never by names of
//! processes. What was stopped starts again with the next `node run`.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};
use tokio::time::{sleep, timeout};

use crate::{
    settings::Settings,
    supervise,
    sys::{self, ProcessHandle, StopSignal},
};

/// How long an agent may take to end when asked politely.
const AGENT_LIMIT: Duration = Duration::from_secs(30);
/// An agent that has just got its lock writes its name at once.
const NAME_LIMIT: Duration = Duration::from_secs(5);

/// Why a node could not be stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The lock of the agent cannot be looked at.
    #[error("look for the agent by {path}")]
    Lock {
        /// The lock.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An agent runs and does not say which process it is.
    #[error("an agent holds {path} and does not say who it is")]
    Nameless {
        /// The lock.
        path: Utf8PathBuf,
    },
    /// The agent could not be asked to end.
    #[error("end the agent, process {pid}")]
    Signal {
        /// Its process.
        pid: u32,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The agent did not end.
    #[error("the agent, process {pid}, has not ended within {} s", AGENT_LIMIT.as_secs())]
    Late {
        /// Its process.
        pid: u32,
    },
    /// The supervisor did not end its services.
    #[error("stop the services")]
    Supervisor(#[from] supervise::ClientError),
}

impl StopError {
    /// What the operator can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Nameless { .. } => Some("it is of an older version: end it by hand".into()),
            Self::Late { pid } => Some(format!("kill -9 {pid}, then stop the node again")),
            Self::Supervisor(error) => error.hint(),
            Self::Lock { .. } | Self::Signal { .. } => None,
        }
    }
}

/// What ran and was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Process of the agent, if it ran.
    pub agent: Option<u32>,
    /// Process of the supervisor, if it ran.
    pub supervisor: Option<u32>,
}

/// Stops the node: first the agent, so that nothing is started again; then every service and the
/// supervisor. Returns when all of them are gone. That nothing runs is fine.
pub async fn stop(settings: &Settings) -> Result<Stopped, StopError> {
    let agent = stop_agent(settings).await?;
    let client = supervise::Client::new(&settings.var_root);
    let supervisor = match client.supervisor_pid().await {
        Ok(pid) => Some(pid),
        Err(supervise::ClientError::Absent { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    client.shutdown().await?;
    Ok(Stopped { agent, supervisor })
}

/// What an agent locks as long as it runs.
pub(crate) fn lock_path(settings: &Settings) -> Utf8PathBuf {
    settings.var_root.join("lock/agent")
}

/// Writes into the lock, which this process holds, who holds it.
pub(crate) fn leave_name(mut lock: &File) -> io::Result<()> {
    let pid = std::process::id();
    lock.set_len(0)?;
    lock.write_all(format!("{pid} {}\n", sys::start_time(pid)?).as_bytes())
}

async fn stop_agent(settings: &Settings) -> Result<Option<u32>, StopError> {
    let path = lock_path(settings);
    let named = timeout(NAME_LIMIT, async {
        loop {
            match holder(&path) {
                Ok(Holder::Starting) => sleep(Duration::from_millis(10)).await,
                other => return other,
            }
        }
    });
    let Ok(holder) = named.await else {
        return Err(StopError::Nameless { path });
    };
    let agent = match holder.map_err(|source| StopError::Lock { path, source })? {
        Holder::Agent(agent) => agent,
        Holder::Nobody | Holder::Starting => return Ok(None),
    };
    let pid = agent.pid;
    agent.signal(StopSignal::Term).map_err(|source| StopError::Signal { pid, source })?;
    timeout(AGENT_LIMIT, agent.ended()).await.map_err(|_| StopError::Late { pid })?;
    Ok(Some(pid))
}

enum Holder {
    Nobody,
    /// It has the lock and has not yet said who it is.
    Starting,
    Agent(ProcessHandle),
}

fn holder(path: &Utf8Path) -> io::Result<Holder> {
    let lock = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Holder::Nobody),
        other => other?,
    };
    match lock.try_lock_shared() {
        Ok(()) => return Ok(Holder::Nobody),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let name = fs::read_to_string(path)?;
    let mut numbers = name.split_whitespace().map(str::parse::<u64>);
    let (Some(Ok(pid)), Some(Ok(started))) = (numbers.next(), numbers.next()) else {
        return Ok(Holder::Starting);
    };
    let process = u32::try_from(pid).map(|pid| ProcessHandle::open(pid, Some(started)));
    Ok(match process {
        Ok(Ok(agent)) => Holder::Agent(agent),
        _ => Holder::Starting, // the name of an earlier one
    })
}
