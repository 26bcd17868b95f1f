//! Carries out native checks.
//!
//! We may be root, and the descriptions are the partition's: commands run as its user in its
//! sandbox; files and sockets are looked at below the partition only, and no link is followed. TCP
//! ports and addresses are reached as anybody reaches them.

use std::{
    os::{fd::AsRawFd, unix::fs::FileTypeExt},
    time::Duration,
};

use camino::Utf8Path;
use tokio::{
    net::{TcpStream, UnixStream},
    task::spawn_blocking,
    time::timeout,
};

use super::{
    Outcome, PromiseContext,
    description::{Check, FileState},
    executable,
};
use crate::files::{look_below, open_place};

/// Everybody may read the arguments of a process, and a command may hold secrets; the environment
/// is for its user only. The variable is gone before the command's first word.
const COMMAND: &str = "SLAPOS_PROMISE_COMMAND";
const RUN_COMMAND: &str = "eval \"unset SLAPOS_PROMISE_COMMAND\n$SLAPOS_PROMISE_COMMAND\"";

pub(super) async fn run(context: &PromiseContext, check: Check) -> Outcome {
    match check {
        Check::Listening { host, port, timeout } => listening(&host, port, timeout).await,
        Check::ListeningAt { path } => listening_at(&context.directory, &path).await,
        Check::Command { command } => {
            let mut context = context.clone();
            context.environment.set(COMMAND, command);
            executable::run(&context, ["/bin/sh", "-c", RUN_COMMAND].map(Into::into).into()).await
        }
        Check::Url { url, code, timeout, verify } => available(url, code, timeout, verify).await,
        Check::File { path, state } => {
            let directory = context.directory.clone();
            let looked = spawn_blocking(move || file_state(&directory, &path, state));
            looked.await.unwrap_or_else(|error| Err(format!("the check broke: {error}")))
        }
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
        Ok(Ok(_stream)) => Ok(format!("{host} port {port} is listening")),
        Ok(Err(error)) => Err(format!("connect to {host} port {port}: {error}")),
        Err(_late) => Err(format!("connect to {host} port {port}: no answer in {limit:?}")),
    }
}

async fn listening_at(partition: &Utf8Path, path: &Utf8Path) -> Outcome {
    let failed = |error: std::io::Error| format!("connect to {path}: {error}");
    let socket = open_place(partition, below(partition, path)?).map_err(failed)?;
    if !socket.metadata().map_err(failed)?.file_type().is_socket() {
        return Err(format!("{path} is no socket"));
    }
    // By its descriptor: whatever is put in its place meanwhile is not reached.
    match UnixStream::connect(format!("/proc/self/fd/{}", socket.as_raw_fd())).await {
        Ok(_stream) => Ok(format!("{path} is listening")),
        Err(error) => Err(failed(error)),
    }
}

async fn available(url: String, code: Option<u16>, limit: Duration, verify: bool) -> Outcome {
    // The client blocks; its own deadline ends it.
    let asked = spawn_blocking(move || status_of(&url, limit, verify, code));
    asked.await.unwrap_or_else(|error| Err(format!("the check broke: {error}")))
}

fn status_of(url: &str, limit: Duration, verify: bool, wanted: Option<u16>) -> Outcome {
    let tls = ureq::tls::TlsConfig::builder().disable_verification(!verify).build();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(limit))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None) // the services of a partition are reached directly
        .tls_config(tls)
        .build()
        .into();
    let seen = match agent.get(url).call() {
        Ok(response) => response.status().as_u16(),
        Err(error) => return Err(format!("{url} is not available: {error}")),
    };
    match wanted {
        Some(code) if code != seen => Err(format!("{url} answers {seen}; expected {code}")),
        _ => Ok(format!("{url} is available")),
    }
}

fn file_state(partition: &Utf8Path, path: &Utf8Path, wanted: FileState) -> Outcome {
    let seen = look_below(partition, below(partition, path)?);
    let seen = seen.map_err(|error| format!("look at {path}: {error}"))?;
    if seen.as_ref().is_some_and(|seen| seen.is_symlink()) {
        return Err(format!("{path} is a link, which is not followed"));
    }
    let length = seen.map(|seen| seen.len());
    match (wanted, length) {
        (FileState::Absent, None) => Ok(format!("{path} is absent")),
        (_, None) => Err(format!("{path} is missing")),
        (FileState::Absent, Some(_)) => Err(format!("{path} is there; it should be absent")),
        (FileState::Exists, Some(_)) => Ok(format!("{path} is there")),
        (FileState::Empty, Some(0)) => Ok(format!("{path} is empty")),
        (FileState::Empty, Some(bytes)) => {
            Err(format!("{path} has {bytes} bytes; it should be empty"))
        }
        (FileState::NotEmpty, Some(0)) => Err(format!("{path} is empty; it should not be")),
        (FileState::NotEmpty, Some(_)) => Ok(format!("{path} is not empty")),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        os::unix::fs::symlink,
    };

    use super::*;

    #[test]
    fn the_state_of_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        crate::files::write_atomically(&directory.join("full"), b"x", 0o600).unwrap();
        crate::files::write_atomically(&directory.join("empty"), b"", 0o600).unwrap();
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
                let outcome = file_state(directory, &path, state);
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
        crate::files::write_atomically(&elsewhere.join("file"), b"x", 0o600).unwrap();
        let _server = tokio::net::UnixListener::bind(elsewhere.join("s")).unwrap();
        symlink(elsewhere, partition.join("way")).unwrap();
        symlink(elsewhere.join("file"), partition.join("file")).unwrap();
        symlink(elsewhere.join("s"), partition.join("s")).unwrap();
        let (absolute, socket) = (elsewhere.join("file"), elsewhere.join("s"));
        for path in [absolute.as_str(), "way/file", "file", "../file"] {
            for state in [FileState::Exists, FileState::NotEmpty] {
                let outcome = file_state(partition, path.into(), state);
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
        assert!(listening("127.0.0.1", port, limit).await.is_ok());
        drop(server);
        let red = listening("127.0.0.1", port, limit).await.unwrap_err();
        assert!(red.contains(&port.to_string()), "{red}");

        let partition = Utf8Path::from_path(directory.path()).unwrap();
        let path = partition.join("s");
        assert!(listening_at(partition, &path).await.is_err());
        let _server = tokio::net::UnixListener::bind(&path).unwrap();
        for path in [path.as_path(), "s".into()] {
            assert_eq!(listening_at(partition, path).await, Ok(format!("{path} is listening")));
        }
    }

    #[tokio::test]
    async fn a_url_answers_with_the_wished_code() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", server.local_addr().unwrap());
        let answers = ["200 OK", "302 Found", "404 Not Found", "500 Oops"];
        let serving = std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = server.accept().unwrap();
                let mut request = [0; 4096];
                assert!(stream.read(&mut request).unwrap() > 0);
                let text = format!(
                    "HTTP/1.1 {answer}\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                stream.write_all(text.as_bytes()).unwrap();
            }
        });
        let limit = Duration::from_secs(20);
        let table = [(Some(200), true), (Some(302), true), (Some(200), false), (None, true)];
        for (code, green) in table {
            let outcome = available(url.clone(), code, limit, true).await;
            assert_eq!(outcome.is_ok(), green, "{outcome:?}");
        }
        serving.join().unwrap();
        assert!(available(url, None, limit, true).await.is_err(), "nobody listens any more");
    }
}
