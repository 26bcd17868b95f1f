//! Carries out native checks.
//!
//! We may be root, and the descriptions are the partition's: commands run as its user in its
//! sandbox; files and sockets are looked at below the partition only, and no link is followed. TCP
//! ports and addresses are reached as anybody reaches them.
//!
//! The messages are those of SlapOS's promise plugins: people know them, and programs look for them.

mod certificate;
mod url;

use std::{
    io::ErrorKind,
    os::{fd::AsRawFd, unix::fs::FileTypeExt},
    time::Duration,
};

use camino::Utf8Path;
use tokio::{
    net::{TcpStream, UnixStream},
    sync::Semaphore,
    task::spawn_blocking,
    time::timeout,
};

use super::{
    Outcome, PromiseContext,
    description::{Check, FileState},
    executable,
};
use crate::{
    agent::BLOCKING_THREADS,
    files::{look_below, open_place},
};

/// Everybody may read the arguments of a process, and a command may hold secrets; the environment
/// is for its user only. The variable is gone before the command's first word.
const COMMAND: &str = "SLAPOS_PROMISE_COMMAND";
const RUN_COMMAND: &str = "eval \"unset SLAPOS_PROMISE_COMMAND\n$SLAPOS_PROMISE_COMMAND\"";

/// Limits the URLs of all partitions that are asked at the same time: each takes a thread, perhaps
/// until its timeout, and the calls of the master shall always find one.
static ASKING: Semaphore = Semaphore::const_new(BLOCKING_THREADS / 2);

pub(super) async fn run(context: &PromiseContext, check: Check) -> Outcome {
    match check {
        Check::Listening { host, port, timeout } => listening(&host, port, timeout).await,
        Check::ListeningAt { path } => listening_at(&context.directory, &path).await,
        Check::ListeningAs { name } => listening_as(&name).await,
        Check::Command { command } => {
            let mut context = context.clone();
            context.environment.set(COMMAND, command);
            executable::run(&context, ["/bin/sh", "-c", RUN_COMMAND].map(Into::into).into()).await
        }
        check => {
            // These wait for the disk, or have a deadline of their own.
            let directory = context.directory.clone();
            let asks = matches!(check, Check::Url(_));
            let turn = if asks { ASKING.acquire().await.ok() } else { None };
            let looked = spawn_blocking(move || {
                let _until_answered = turn; // the thread goes on when nobody waits for it any more
                blocking(&directory, check)
            });
            looked.await.unwrap_or_else(|error| Err(format!("the check broke: {error}")))
        }
    }
}

fn blocking(directory: &Utf8Path, check: Check) -> Outcome {
    match check {
        Check::Url(asked) => url::available(directory, &asked),
        Check::File { path, state, url } => file_state(directory, &path, state, url.as_deref()),
        Check::Disk { ratio } => free_space(directory, ratio),
        Check::Certificate { certificate, key, days } => {
            certificate::is_good(directory, &certificate, key.as_deref(), days)
        }
        Check::Listening { .. }
        | Check::ListeningAt { .. }
        | Check::ListeningAs { .. }
        | Check::Command { .. } => Err("the check waits for others, not for the disk".into()),
    }
}

/// A text as Python shows it.
fn shown(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    match text.contains('\'') && !text.contains('"') {
        true => format!("\"{text}\""),
        false => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
    }
}

/// An error as Python names it.
fn named(error: &std::io::Error) -> String {
    let name = match error.kind() {
        ErrorKind::ConnectionRefused => "ConnectionRefusedError",
        ErrorKind::ConnectionReset => "ConnectionResetError",
        ErrorKind::NotFound => "FileNotFoundError",
        ErrorKind::PermissionDenied => "PermissionError",
        ErrorKind::WouldBlock => "BlockingIOError",
        ErrorKind::TimedOut => "TimeoutError",
        _ => "OSError",
    };
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => {
            let text = text.split(" (os error").next().unwrap_or_default();
            format!("{name}: [Errno {code}] {text}")
        }
        None => format!("{name}: {text}"),
    }
}

/// The way from the partition to a path, which must lie below it.
fn below<'p>(partition: &Utf8Path, path: &'p Utf8Path) -> Result<&'p Utf8Path, String> {
    if path.is_relative() {
        return Ok(path);
    }
    let outside =
        |_| format!("{path} lies outside of the partition: use a promise that is a command");
    path.strip_prefix(partition).map_err(outside)
}

async fn listening(host: &str, port: u16, limit: Duration) -> Outcome {
    match timeout(limit, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => {
            let more = match stream.peer_addr() {
                Ok(address) if address.is_ipv6() => ", 0, 0",
                _ => "",
            };
            Ok(format!("socket connection OK ({}, {port}{more})", shown(host)))
        }
        Ok(Err(error)) => Err(named(&error)),
        Err(_late) => Err(format!("TimeoutError: no answer from {host} port {port} in {limit:?}")),
    }
}

/// Never waits: a server that does not take its connections, so that no more find room, is red.
async fn listening_as(name: &str) -> Outcome {
    match UnixStream::connect(format!("\0{name}")).await {
        Ok(_stream) => Ok(format!("socket connection OK '\\x00{name}'")),
        Err(error) => Err(named(&error)),
    }
}

async fn listening_at(partition: &Utf8Path, path: &Utf8Path) -> Outcome {
    let failed = |error: std::io::Error| named(&error);
    let socket = open_place(partition, below(partition, path)?).map_err(failed)?;
    if !socket.metadata().map_err(failed)?.file_type().is_socket() {
        return Err(format!("{path} is no socket"));
    }
    // By its descriptor: whatever is put in its place meanwhile is not reached.
    match UnixStream::connect(format!("/proc/self/fd/{}", socket.as_raw_fd())).await {
        Ok(_stream) => Ok(format!("socket connection OK {}", shown(path))),
        Err(error) => Err(failed(error)),
    }
}

fn file_state(
    partition: &Utf8Path,
    path: &Utf8Path,
    wanted: FileState,
    url: Option<&str>,
) -> Outcome {
    let seen = look_below(partition, below(partition, path)?);
    let seen = seen.map_err(|error| format!("look at {path}: {error}"))?;
    if seen.as_ref().is_some_and(|seen| seen.is_symlink()) {
        return Err(format!("{path} is a link, which is not followed"));
    }
    let file = shown(path);
    let good = |state: &str| Ok(format!("OK {file} state '{state}'"));
    match (wanted, seen.map(|seen| seen.len())) {
        (FileState::Absent, None) => good("absent"),
        (_, None) => Err(format!("ERROR {file} not present")),
        (FileState::Absent, Some(_)) => Err(format!("ERROR {file} not absent")),
        (FileState::Exists, Some(_)) => good("exists"),
        (FileState::Empty, Some(0)) => good("empty"),
        (FileState::Empty, Some(_)) => {
            let more = url.map(|url| format!(", content available at {url}")).unwrap_or_default();
            Err(format!("ERROR {file} not empty{more}"))
        }
        (FileState::NotEmpty, Some(0)) => Err(format!("ERROR {file} empty")),
        (FileState::NotEmpty, Some(_)) => good("not-empty"),
    }
}

/// Whether so much of the disk of the partition is free, of its size and of its inodes.
fn free_space(partition: &Utf8Path, ratio: f64) -> Outcome {
    const GIB: f64 = (1_u64 << 30) as f64;
    let seen = rustix::fs::statvfs(partition.as_std_path())
        .map_err(|error| format!("look at the disk of {partition}: {error}"))?;
    let block = seen.f_frsize as f64;
    let free = seen.f_bavail as f64 * block;
    let size = free + (seen.f_blocks - seen.f_bfree) as f64 * block;
    if seen.f_files > 0 {
        let used = 100.0 * (seen.f_files - seen.f_ffree) as f64 / seen.f_files as f64;
        if used >= 98.0 {
            return Err(format!("Disk Inodes usage is really high: {used:.4}%"));
        }
    }
    if free > size * ratio {
        return Ok("Current disk usage: OK".into());
    }
    Err(format!(
        "Free disk space low: remaining {:.2} G (disk size: {:.0} G, threshold: {:.0} G).",
        free / GIB,
        size / GIB,
        size * ratio / GIB
    ))
}

#[cfg(test)]
mod tests {
    use std::os::{
        linux::net::SocketAddrExt,
        unix::{fs::symlink, net::SocketAddr},
    };

    use super::*;

    #[test]
    fn the_state_of_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        slapos_atomic::write(directory.join("full"), b"x", 0o600).unwrap();
        slapos_atomic::write(directory.join("empty"), b"", 0o600).unwrap();
        use FileState::{Absent, Empty, Exists, NotEmpty};
        let table = [
            ("full", NotEmpty, true),
            ("full", Empty, false),
            ("full", Exists, true),
            ("full", Absent, false),
            ("empty", NotEmpty, false),
            ("empty", Empty, true),
            ("missing", Absent, true),
            ("missing", Empty, false),
            ("missing", Exists, false),
        ];
        for (name, state, green) in table {
            for path in [directory.join(name), name.into()] {
                let outcome = file_state(directory, &path, state, None);
                assert_eq!(outcome.is_ok(), green, "{path} {state:?}: {outcome:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_lies_elsewhere_is_not_looked_at() {
        let partition = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let partition = Utf8Path::from_path(partition.path()).unwrap();
        let elsewhere = Utf8Path::from_path(elsewhere.path()).unwrap();
        slapos_atomic::write(elsewhere.join("file"), b"x", 0o600).unwrap();
        let _server = tokio::net::UnixListener::bind(elsewhere.join("s")).unwrap();
        symlink(elsewhere, partition.join("way")).unwrap();
        symlink(elsewhere.join("file"), partition.join("file")).unwrap();
        symlink(elsewhere.join("s"), partition.join("s")).unwrap();
        let (absolute, socket) = (elsewhere.join("file"), elsewhere.join("s"));
        for path in [absolute.as_str(), "way/file", "file", "../file"] {
            for state in [FileState::Exists, FileState::NotEmpty] {
                let outcome = file_state(partition, path.into(), state, None);
                assert!(outcome.is_err(), "{path}: {outcome:?}");
            }
        }
        for path in [socket.as_str(), "way/s", "s"] {
            let outcome = listening_at(partition, path.into()).await;
            assert!(outcome.is_err(), "{path}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn sockets_are_seen() {
        let directory = tempfile::tempdir().unwrap();
        let limit = Duration::from_secs(20);
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        assert_eq!(
            listening("127.0.0.1", port, limit).await,
            Ok(format!("socket connection OK ('127.0.0.1', {port})"))
        );
        drop(server);
        let red = listening("127.0.0.1", port, limit).await.unwrap_err();
        assert_eq!(red, "ConnectionRefusedError: [Errno 111] Connection refused");

        let partition = Utf8Path::from_path(directory.path()).unwrap();
        let path = partition.join("s");
        assert!(listening_at(partition, &path).await.is_err());
        let _server = tokio::net::UnixListener::bind(&path).unwrap();
        for path in [path.as_path(), "s".into()] {
            assert_eq!(
                listening_at(partition, path).await,
                Ok(format!("socket connection OK '{path}'"))
            );
        }
    }

    #[tokio::test]
    async fn a_name_outside_of_the_file_system_is_seen() {
        let name = format!("slapos-check-{}", std::process::id());
        assert!(listening_as(&name).await.is_err());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _server = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
        assert_eq!(listening_as(&name).await, Ok(format!("socket connection OK '\\x00{name}'")));
    }

    #[tokio::test]
    async fn a_server_that_takes_no_connection_makes_nobody_wait() {
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, listen, socket};
        let directory = tempfile::tempdir().unwrap();
        let partition = Utf8Path::from_path(directory.path()).unwrap();
        let name = format!("slapos-full-{}", std::process::id());
        let addresses = [
            SocketAddrUnix::new_abstract_name(name.as_bytes()).unwrap(),
            SocketAddrUnix::new(partition.join("s").as_std_path()).unwrap(),
        ];
        let _servers = addresses.map(|address| {
            let server = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
            bind(&server, &address).unwrap();
            listen(&server, 1).unwrap();
            server
        });
        let full = Err("BlockingIOError: [Errno 11] Resource temporarily unavailable".to_owned());
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push([listening_as(&name).await, listening_at(partition, "s".into()).await]);
        }
        assert!(seen[0].iter().all(Result::is_ok), "{seen:?}");
        assert!(seen[3].iter().all(|outcome| *outcome == full), "{seen:?}");
    }

    #[test]
    fn a_disk_has_room_or_has_not() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        let low = free_space(directory, 1.0).unwrap_err();
        assert!(low.starts_with("Free disk space low: remaining "), "{low}");
        assert!(free_space(directory, 0.0).is_ok());
    }
}
