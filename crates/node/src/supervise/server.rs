//! The supervisor's process: lock, socket, requests, and the end of it all.
//!
//! One thread. A request is carried out in a task of its own, so a client that goes away changes
//! nothing of what it asked for.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::{fs::DirBuilderExt, fs::OpenOptionsExt, net},
    sync::Arc,
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    signal::unix::{SignalKind, signal},
    sync::{Notify, Semaphore, broadcast::error::RecvError},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    Event, Request, Response,
    board::Board,
    client::log_path,
    groups::{Groups, Refusal},
    protocol::LINE_BYTES_MAX,
    record::Records,
};
use crate::log::Log;

/// A client has so long to send its request.
const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// Clients at the same time; more are refused.
const CLIENTS_MAX: usize = 256;
/// Those of them that may wait for a change of a group, which takes as long as its programs; so
/// that there is always room to ask how things are, and to end it all.
const CHANGES_MAX: usize = 192;
/// Those that may listen to events.
const SUBSCRIBERS_MAX: usize = 16;
/// A client that is refused has so long to take notice.
const REFUSAL_DEADLINE: Duration = Duration::from_secs(1);
/// How often the length of logs is looked at.
const ROTATION: Duration = Duration::from_secs(10);
/// What is written to standard output when the socket can be used.
pub(super) const READY: &str = "ready\n";

/// What the supervisor is told when it starts.
#[derive(Debug, Clone)]
pub struct SupervisorSettings {
    /// Its socket, lock and records are below this directory.
    pub base: Utf8PathBuf,
    /// This very program, which is started for `node launch`.
    pub program: Utf8PathBuf,
}

/// Why the supervisor could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another one runs for this base directory.
    #[error("another supervisor runs for {base}")]
    Runs {
        /// The base directory.
        base: Utf8PathBuf,
    },
    /// A file or directory cannot be used.
    #[error("use {path}")]
    File {
        /// The file.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system refuses something that every supervisor needs.
    #[error("prepare the supervisor's process")]
    System(#[from] io::Error),
}

impl Error {
    /// What the operator can do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Runs { .. } => Some("`node status` shows what it runs"),
            Self::File { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
                Some("the file is damaged: move it away, then let the node process all partitions")
            }
            Self::File { .. } | Self::System(_) => None,
        }
    }
}

/// The directory of socket and lock.
pub(super) fn run_directory(base: &Utf8Path) -> Utf8PathBuf {
    base.join("run")
}

pub(super) const SOCKET: &str = "supervisor.sock";

/// Runs the supervisor until it is asked to shut down, or is sent `SIGTERM` or `SIGINT`. Call it
/// on the main thread, outside of any async runtime. Writes one line to standard output when
/// clients can connect.
pub fn run(settings: SupervisorSettings) -> Result<(), Error> {
    // Fails for one that leads a group, as from an interactive shell: then the terminal is wanted.
    let _kept = crate::sys::leave_session();
    let place = run_directory(&settings.base);
    make_directory(&place)?;
    let _lock = lock(&settings.base, &place)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(settings, &place))
}

async fn serve(settings: SupervisorSettings, place: &Utf8Path) -> Result<(), Error> {
    let records = Records::open(&settings.base)
        .map_err(|source| Error::File { path: settings.base.join("lib/supervisor"), source })?;
    let wished = records
        .load_wished()
        .map_err(|source| Error::File { path: records.wished_path(), source })?;
    let boot = crate::sys::boot_id()?;
    let state = records.load_state(&boot);
    let listener = listen(place)?;
    let board = Arc::new(Board::new(records, boot));
    let groups = Arc::new(Groups::begin(Arc::clone(&board), settings.program, wished, state));
    let face = Arc::new(Face {
        base: settings.base,
        board,
        groups,
        changes: Semaphore::new(CHANGES_MAX),
        subscribers: Semaphore::new(SUBSCRIBERS_MAX),
        ended: Notify::new(),
    });
    tell_ready()?;
    accept(face, listener).await?;
    // A left-over socket is removed by the next start anyway.
    let _removed = std::fs::remove_file(place.join(SOCKET));
    Ok(())
}

async fn accept(face: Arc<Face>, listener: UnixListener) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut rotation = interval(ROTATION);
    rotation.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let clients = Arc::new(Semaphore::new(CLIENTS_MAX));
    loop {
        tokio::select! {
            stream = accept_one(&listener) => {
                let face = Arc::clone(&face);
                match Arc::clone(&clients).try_acquire_owned() {
                    Ok(place) => tokio::spawn(async move {
                        face.answer(stream).await;
                        drop(place);
                    }),
                    Err(_) => tokio::spawn(refuse(stream)),
                };
            }
            _ = rotation.tick() => face.rotate_logs(),
            _ = hang_up.recv() => {} // of a terminal that we do not belong to any more
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = face.ended.notified() => return Ok(()),
        }
    }
    face.groups.end().await;
    Ok(())
}

async fn accept_one(listener: &UnixListener) -> UnixStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "a client could not be accepted"); // e.g. too many files
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Says so before the client has said anything, and hears it out, that it can listen.
async fn refuse(stream: UnixStream) {
    let (mut reader, mut writer) = stream.into_split();
    say(&mut writer, &too_many(CLIENTS_MAX, "clients")).await;
    drop(writer);
    let mut nowhere = tokio::io::sink();
    // Whether it has taken notice or not, there is no more to do for it.
    let _over = timeout(REFUSAL_DEADLINE, tokio::io::copy(&mut reader, &mut nowhere)).await;
}

fn too_many(max: usize, what: &str) -> Response {
    let message = format!("the supervisor serves {max} {what} already; ask again in a second");
    Response::Failed { message }
}

/// What answers clients.
struct Face {
    base: Utf8PathBuf,
    board: Arc<Board>,
    groups: Arc<Groups>,
    changes: Semaphore,
    subscribers: Semaphore,
    ended: Notify,
}

impl Face {
    async fn answer(&self, stream: UnixStream) {
        let (reader, mut writer) = stream.into_split();
        let request = match timeout(REQUEST_DEADLINE, read_request(reader)).await {
            Ok(Ok(request)) => request,
            Ok(Err(error)) => {
                let message = format!("the request cannot be read: {error}");
                return say(&mut writer, &Response::Failed { message }).await;
            }
            Err(_too_late) => return,
        };
        let (request, reader) = request;
        match request {
            Request::Status => {
                let supervisor = std::process::id();
                let programs = self.board.status();
                say(&mut writer, &Response::Status { programs, supervisor }).await;
            }
            Request::Apply { group, programs } => {
                let change = self.groups.apply(&group, programs);
                say(&mut writer, &self.change(change).await).await;
            }
            Request::Stop { group } => {
                let change = self.groups.apply(&group, Vec::new());
                say(&mut writer, &self.change(change).await).await;
            }
            Request::Subscribe => match self.subscribers.try_acquire() {
                Ok(_place) => self.tell_events(reader, writer).await,
                Err(_) => say(&mut writer, &too_many(SUBSCRIBERS_MAX, "subscribers")).await,
            },
            Request::Shutdown => {
                self.groups.end().await;
                say(&mut writer, &Response::Done).await;
                self.ended.notify_one();
            }
        }
    }

    /// Carries out a change, unless too many are under way.
    async fn change(&self, change: impl Future<Output = Result<(), Refusal>>) -> Response {
        let Ok(_place) = self.changes.try_acquire() else {
            return too_many(CHANGES_MAX, "changes");
        };
        match change.await {
            Ok(()) => Response::Done,
            Err(refusal) => Response::Failed { message: refusal.to_string() },
        }
    }

    async fn tell_events(&self, mut reader: BufReader<OwnedReadHalf>, mut writer: OwnedWriteHalf) {
        let mut events = self.board.subscribe();
        say(&mut writer, &Response::Subscribed).await;
        let mut nothing = [0; 1];
        loop {
            let event = tokio::select! {
                event = events.recv() => match event {
                    Ok(event) => event,
                    Err(RecvError::Lagged(count)) => Event::Missed { count },
                    Err(RecvError::Closed) => return,
                },
                _gone = reader.read(&mut nothing) => return,
            };
            if write_line(&mut writer, &event).await.is_err() {
                return;
            }
        }
    }

    fn rotate_logs(&self) {
        let programs = self.board.programs().into_iter().map(|program| program.log_file());
        for log in programs.chain([Log::of_node(&log_path(&self.base))]) {
            if let Err(error) = log.rotate() {
                tracing::warn!(%error, "a log could not be rotated");
            }
        }
    }
}

async fn read_request(reader: OwnedReadHalf) -> io::Result<(Request, BufReader<OwnedReadHalf>)> {
    let mut line = Vec::new();
    let mut limited = BufReader::new(reader.take(LINE_BYTES_MAX));
    limited.read_until(b'\n', &mut line).await?;
    if line.last() != Some(&b'\n') {
        let text = "it is too long or has no end";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok((serde_json::from_slice(&line)?, BufReader::new(limited.into_inner().into_inner())))
}

/// That the client has gone is its own business: what it asked for has been done.
async fn say(writer: &mut OwnedWriteHalf, response: &Response) {
    if let Err(error) = write_line(writer, response).await {
        tracing::debug!(%error, "a client went away before its answer");
    }
}

async fn write_line(writer: &mut OwnedWriteHalf, what: &impl serde::Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    writer.write_all(&line).await
}

fn make_directory(place: &Utf8Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(place)
        .map_err(|source| Error::File { path: place.to_owned(), source })
}

/// Held as long as the process lives; the kernel lets go of it however it ends.
fn lock(base: &Utf8Path, place: &Utf8Path) -> Result<File, Error> {
    let path = place.join("supervisor.lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|source| Error::File { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Runs { base: base.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(Error::File { path, source }),
    }
}

/// Only the own user may connect: the mask is in force while the socket is made.
fn listen(place: &Utf8Path) -> Result<UnixListener, Error> {
    let path = place.join(SOCKET);
    let failed = |source| Error::File { path: path.clone(), source };
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let directory = File::open(place).map_err(failed)?;
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let bound = net::UnixListener::bind(crate::sys::short_path(&directory, SOCKET));
    rustix::process::umask(before);
    let listener = bound.map_err(failed)?;
    listener.set_nonblocking(true)?;
    Ok(UnixListener::from_std(listener)?)
}

/// Then lets go of standard output, for it may be a pipe of an agent that ends before us.
fn tell_ready() -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(READY.as_bytes())?;
    stdout.flush()?;
    let null = OpenOptions::new().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncBufReadExt;

    use super::*;
    use crate::supervise::board::EVENTS_MAX;

    #[tokio::test]
    async fn who_listens_too_slowly_is_told_how_much_was_missed() {
        let base = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(base.path()).unwrap();
        let board = Arc::new(Board::new(Records::open(base).unwrap(), "boot".into()));
        let state = board.records().load_state("boot");
        let groups = Groups::begin(Arc::clone(&board), "slapos".into(), Default::default(), state);
        let face = Face {
            base: base.to_owned(),
            board: Arc::clone(&board),
            groups: Arc::new(groups),
            changes: Semaphore::new(1),
            subscribers: Semaphore::new(1),
            ended: Notify::new(),
        };
        let (here, there) = UnixStream::pair().unwrap();
        let (reader, writer) = there.into_split();
        tokio::spawn(async move { face.tell_events(BufReader::new(reader), writer).await });
        let mut lines = BufReader::new(here).lines();
        let subscribed = lines.next_line().await.unwrap().unwrap();
        assert_eq!(subscribed, r#"{"answer":"subscribed"}"#);
        // One thread: nothing is sent before the next line is waited for.
        for pid in 0..u32::try_from(EVENTS_MAX).unwrap() + 7 {
            board.tell(Event::Started { group: "g".into(), program: "p".into(), pid });
        }
        let mut next = async || -> Event {
            serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap()
        };
        assert_eq!(next().await, Event::Missed { count: 7 });
        assert!(matches!(next().await, Event::Started { pid: 7, .. }), "and then goes on");
    }
}
