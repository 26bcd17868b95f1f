//! Talks to the supervisor, and starts it when there is none.
//!
//! Each request has its own connection, so a client never has to notice that the supervisor was
//! started anew.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    process::Stdio,
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use super::{
    Event, Program, ProgramStatus, Request, Response,
    protocol::LINE_BYTES_MAX,
    server::{READY, SOCKET, run_directory},
};
use crate::sys::ProcessHandle;

/// For what is answered at once.
const QUICK: Duration = Duration::from_secs(10);
/// For what waits for programs to end, whose grace only the supervisor knows, and perhaps for
/// another change of the same group. Only there so that a hung supervisor is noticed.
const CHANGE: Duration = Duration::from_secs(600);
/// For a supervisor to start.
const START: Duration = Duration::from_secs(20);

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no supervisor runs for {base}")]
    Absent {
        /// The base directory.
        base: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The connection broke, or the answer makes no sense.
    #[error("talk to the supervisor of {base}")]
    Broken {
        /// The base directory.
        base: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No answer in time. What was asked may still be done.
    #[error("the supervisor of {base} has not answered within {seconds} s")]
    Late {
        /// The base directory.
        base: Utf8PathBuf,
        /// The time that it had.
        seconds: u64,
    },
    /// It refused; nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// It could not be started.
    #[error("the supervisor of {base} did not start: {reason}")]
    NotStarted {
        /// The base directory.
        base: Utf8PathBuf,
        /// Its own last words, or what the system said.
        reason: String,
    },
}

impl ClientError {
    /// What the operator can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Absent { .. } => Some("`node run` starts it".into()),
            Self::NotStarted { base, .. } | Self::Late { base, .. } => {
                Some(format!("see {}", log_path(base)))
            }
            Self::Broken { .. } | Self::Refused(_) => None,
        }
    }
}

/// A way to one supervisor. Holds no connection; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    base: Utf8PathBuf,
}

impl Client {
    /// A client of the supervisor of a base directory, whether it runs or not.
    pub fn new(base: impl Into<Utf8PathBuf>) -> Self {
        Self { base: base.into() }
    }

    /// Makes these and only these programs run in the group. Returns when what vanished or changed
    /// has ended and what is new has been started. Asking again changes nothing.
    pub async fn apply(&self, group: &str, programs: Vec<Program>) -> Result<(), ClientError> {
        let grace = programs.iter().map(|program| program.grace_ms).max().unwrap_or_default();
        let request = Request::Apply { group: group.to_owned(), programs };
        self.ask_for_done(&request, CHANGE + Duration::from_millis(grace)).await
    }

    /// Ends all programs of the group and forgets them. Returns when every process is gone.
    pub async fn stop(&self, group: &str) -> Result<(), ClientError> {
        let request = Request::Stop { group: group.to_owned() };
        self.ask_for_done(&request, CHANGE).await
    }

    /// All programs that the supervisor knows, by group and name.
    pub async fn status(&self) -> Result<Vec<ProgramStatus>, ClientError> {
        Ok(self.look().await?.1)
    }

    /// The number of the supervisor's own process.
    pub async fn supervisor_pid(&self) -> Result<u32, ClientError> {
        Ok(self.look().await?.0)
    }

    /// Ends every process and then the supervisor; the next one starts the same programs. Returns
    /// when all of them, the supervisor too, are gone. That no supervisor runs is fine.
    pub async fn shutdown(&self) -> Result<(), ClientError> {
        let supervisor = match self.supervisor_pid().await {
            Err(ClientError::Absent { .. }) => return Ok(()),
            other => other?,
        };
        let Ok(handle) = ProcessHandle::open(supervisor, None) else {
            return Ok(());
        };
        self.ask_for_done(&Request::Shutdown, CHANGE).await?;
        timeout(QUICK, handle.ended()).await.map_err(|_| self.late(QUICK))
    }

    /// Events from now on. Ask for the status after this, and nothing is missed.
    pub async fn subscribe(&self) -> Result<Events, ClientError> {
        let within = async {
            let mut events =
                Events { base: self.base.clone(), lines: self.send(&Request::Subscribe).await? };
            match events.lines.next::<Response>().await.map_err(|error| self.broken(error))? {
                Some(Response::Subscribed) => Ok(events),
                Some(Response::Failed { message }) => Err(ClientError::Refused(message)),
                other => Err(self.broken(nonsense(&other))),
            }
        };
        timeout(QUICK, within).await.map_err(|_| self.late(QUICK))?
    }

    async fn look(&self) -> Result<(u32, Vec<ProgramStatus>), ClientError> {
        match self.ask(&Request::Status, QUICK).await? {
            Response::Status { supervisor, programs } => Ok((supervisor, programs)),
            other => Err(self.broken(nonsense(&other))),
        }
    }

    async fn ask_for_done(&self, request: &Request, limit: Duration) -> Result<(), ClientError> {
        match self.ask(request, limit).await? {
            Response::Done => Ok(()),
            other => Err(self.broken(nonsense(&other))),
        }
    }

    async fn ask(&self, request: &Request, limit: Duration) -> Result<Response, ClientError> {
        let within = async {
            let mut lines = self.send(request).await?;
            match lines.next().await.map_err(|error| self.broken(error))? {
                Some(Response::Failed { message }) => Err(ClientError::Refused(message)),
                Some(response) => Ok(response),
                None => Err(self.broken(io::ErrorKind::UnexpectedEof.into())),
            }
        };
        timeout(limit, within).await.map_err(|_| self.late(limit))?
    }

    async fn send(&self, request: &Request) -> Result<Lines, ClientError> {
        let stream = self
            .connect()
            .await
            .map_err(|source| ClientError::Absent { base: self.base.clone(), source })?;
        Lines::open(stream, request).await.map_err(|error| self.broken(error))
    }

    async fn connect(&self) -> io::Result<UnixStream> {
        let directory = File::open(run_directory(&self.base))?;
        UnixStream::connect(crate::sys::short_path(&directory, SOCKET)).await
    }

    fn broken(&self, source: io::Error) -> ClientError {
        ClientError::Broken { base: self.base.clone(), source }
    }

    fn late(&self, limit: Duration) -> ClientError {
        ClientError::Late { base: self.base.clone(), seconds: limit.as_secs() }
    }
}

fn nonsense(answer: &impl std::fmt::Debug) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("unexpected answer {answer:?}"))
}

/// Events as they happen.
#[derive(Debug)]
pub struct Events {
    base: Utf8PathBuf,
    lines: Lines,
}

impl Events {
    /// The next event; `None` when the supervisor has ended. May be dropped and called again.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        let base = &self.base;
        self.lines.next().await.map_err(|source| ClientError::Broken { base: base.clone(), source })
    }
}

#[derive(Debug)]
struct Lines {
    reader: Take<BufReader<OwnedReadHalf>>,
    /// The part of a line that has arrived so far.
    begun: Vec<u8>,
    /// Held open: the supervisor takes its end for ours.
    _writer: OwnedWriteHalf,
}

impl Lines {
    async fn open(stream: UnixStream, request: &impl Serialize) -> io::Result<Self> {
        let (reader, mut writer) = stream.into_split();
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        writer.write_all(&line).await?;
        let reader = BufReader::new(reader).take(LINE_BYTES_MAX);
        Ok(Self { reader, begun: Vec::new(), _writer: writer })
    }

    async fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        self.reader.read_until(b'\n', &mut self.begun).await?;
        let line = std::mem::take(&mut self.begun);
        self.reader.set_limit(LINE_BYTES_MAX);
        match line.last() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(serde_json::from_slice(&line)?)),
            Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "an answer was cut off")),
        }
    }
}

/// Starts `<program> node supervisor --base <base>` unless a supervisor answers already, and
/// returns when it does. `program` is this very program. Callers at the same time start one.
pub async fn ensure_running(program: &Utf8Path, base: &Utf8Path) -> Result<Client, ClientError> {
    let client = Client::new(base);
    if client.connect().await.is_ok() {
        return Ok(client);
    }
    let not_started = |reason: String| ClientError::NotStarted { base: base.to_owned(), reason };
    let told = |error: io::Error| not_started(error.to_string());
    let place = run_directory(base);
    let turn = tokio::task::spawn_blocking(move || wait_for_turn(&place));
    let _turn = turn.await.map_err(|error| not_started(error.to_string()))?.map_err(told)?;
    if client.connect().await.is_ok() {
        return Ok(client); // started by whoever had the turn before us
    }
    let started = timeout(START, start(program, base)).await;
    match started.map_err(|_| client.late(START))?.map_err(told)? {
        Readiness::Ready => Ok(client),
        Readiness::Ended { reason } => Err(not_started(reason)),
    }
}

enum Readiness {
    Ready,
    Ended { reason: String },
}

async fn start(program: &Utf8Path, base: &Utf8Path) -> io::Result<Readiness> {
    let path = log_path(base);
    make_directory(path.parent().unwrap_or(base))?;
    let log = OpenOptions::new().append(true).create(true).mode(0o640).open(&path)?;
    let before = log.metadata()?.len();
    let mut child = tokio::process::Command::new(program)
        .args(["node", "supervisor", "--base", base.as_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .current_dir("/")
        .spawn()?;
    let mut word = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let limit = u64::try_from(READY.len()).unwrap_or(u64::MAX);
        stdout.take(limit).read_to_end(&mut word).await?;
    }
    if word == READY.as_bytes() {
        return Ok(Readiness::Ready);
    }
    let status = child.wait().await?;
    let said = said_since(&path, before).unwrap_or_default();
    let said = said.trim();
    let reason = if said.is_empty() { status.to_string() } else { said.to_owned() };
    Ok(Readiness::Ended { reason })
}

/// The supervisor's own log.
pub fn log_path(base: &Utf8Path) -> Utf8PathBuf {
    base.join("log/supervisor.log")
}

fn said_since(path: &Utf8Path, place: u64) -> io::Result<String> {
    let mut log = File::open(path)?;
    log.seek(SeekFrom::Start(place))?;
    let mut bytes = Vec::new();
    log.take(4096).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn make_directory(path: &Utf8Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// One starter after the other. Blocks.
fn wait_for_turn(place: &Utf8Path) -> io::Result<File> {
    make_directory(place)?;
    let path = place.join("supervisor.start.lock");
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.lock()?;
    Ok(file)
}
