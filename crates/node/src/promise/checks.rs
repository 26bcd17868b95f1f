//! Carries out native checks.

use std::{fs, io, time::Duration};

use camino::Utf8Path;
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};

use super::{
    Outcome, PromiseContext,
    description::{Check, FileState},
    executable,
};

pub(super) async fn run(context: &PromiseContext, check: Check) -> Outcome {
    match check {
        Check::Listening { host, port, timeout } => listening(&host, port, timeout).await,
        Check::ListeningAt { path } => listening_at(&path).await,
        Check::Command { command } => {
            executable::run(context, vec!["/bin/sh".into(), "-c".into(), command]).await
        }
        Check::Url { url, code, timeout, verify } => available(url, code, timeout, verify).await,
        Check::File { path, state } => file_state(&context.directory.join(path), state),
    }
}

async fn listening(host: &str, port: u16, limit: Duration) -> Outcome {
    match timeout(limit, TcpStream::connect((host, port))).await {
        Ok(Ok(_stream)) => Ok(format!("{host} port {port} is listening")),
        Ok(Err(error)) => Err(format!("connect to {host} port {port}: {error}")),
        Err(_late) => Err(format!("connect to {host} port {port}: no answer in {limit:?}")),
    }
}

async fn listening_at(path: &Utf8Path) -> Outcome {
    match UnixStream::connect(path).await {
        Ok(_stream) => Ok(format!("{path} is listening")),
        Err(error) => Err(format!("connect to {path}: {error}")),
    }
}

async fn available(url: String, code: Option<u16>, limit: Duration, verify: bool) -> Outcome {
    // The client blocks; its own deadline ends it.
    let asked = tokio::task::spawn_blocking(move || status_of(&url, limit, verify, code));
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

fn file_state(path: &Utf8Path, wanted: FileState) -> Outcome {
    let length = match fs::metadata(path) {
        Ok(seen) => Some(seen.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(format!("look at {path}: {error}")),
    };
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
    use std::io::{Read, Write};

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
            let outcome = file_state(&directory.join(name), state);
            assert_eq!(outcome.is_ok(), green, "{name} {state:?}: {outcome:?}");
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

        let path = Utf8Path::from_path(directory.path()).unwrap().join("s");
        assert!(listening_at(&path).await.is_err());
        let _server = tokio::net::UnixListener::bind(&path).unwrap();
        assert!(listening_at(&path).await.is_ok());
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
