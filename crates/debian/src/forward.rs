//! GET through a forwarding proxy, for plain http.
//!
//! Caches for packages want the absolute form (`GET http://host/path`) and often refuse `CONNECT`,
//! which is all that `ureq` speaks to a proxy. HTTP/1.0 with one connection per request keeps
//! this small: the body is whatever follows the head.

use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use base64::Engine as _;

/// Bytes of a response's head, at most.
const HEAD_BYTES: u64 = 64 << 10;

/// What a server answered.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Box<dyn Read>,
}

/// Asks `proxy` (`http://[user:password@]host[:port]`) for `url`, whose authority is `host`.
pub(crate) fn get(
    proxy: &str,
    url: &str,
    host: &str,
    connect_within: Duration,
    read_within: Duration,
) -> std::io::Result<Response> {
    let bad_proxy = || Error::new(ErrorKind::InvalidInput, "the proxy is not `http://host:port`");
    let authority =
        proxy.strip_prefix("http://").ok_or_else(bad_proxy)?.split('/').next().unwrap_or_default();
    let (user, address) = match authority.rsplit_once('@') {
        Some((user, address)) => (Some(user), address),
        None => (None, authority),
    };
    let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port { address.to_owned() } else { format!("{address}:80") };
    let mut stream = connect(&address, connect_within)?;
    stream.set_read_timeout(Some(read_within))?;
    stream.set_write_timeout(Some(read_within))?;
    let authorization = user.map_or(String::new(), |user| {
        format!(
            "Proxy-Authorization: Basic {}\r\n",
            base64::engine::general_purpose::STANDARD.encode(user)
        )
    });
    // One write: some proxies are slow to put heads together from pieces.
    let head = format!(
        "GET {url} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: slapos-debian\r\n{authorization}\r\n"
    );
    stream.write_all(head.as_bytes())?;
    read_head(stream)
}

fn connect(address: &str, within: Duration) -> std::io::Result<TcpStream> {
    let mut last = Error::new(ErrorKind::NotFound, "the proxy's name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, within) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn read_head(stream: impl Read + 'static) -> std::io::Result<Response> {
    let mut reader = BufReader::new(stream).take(HEAD_BYTES);
    let mut line = String::new();
    let mut next_line = |line: &mut String| {
        line.clear();
        reader.read_line(line)?;
        if line.ends_with('\n') {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::UnexpectedEof, "the answer has no end of head"))
        }
    };
    next_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|word| word.trim().parse().ok());
    let status = status.filter(|_| line.starts_with("HTTP/"));
    let status =
        status.ok_or_else(|| Error::new(ErrorKind::InvalidData, "the answer is not HTTP"))?;
    let mut location = None;
    loop {
        next_line(&mut line)?;
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("location") => {
                location = Some(value.trim().to_owned());
            }
            Some(_) => (),
            None => break,
        }
    }
    Ok(Response { status, location, body: Box::new(reader.into_inner()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_and_nonsense_is_refused() {
        let head = |text: &'static str| read_head(text.as_bytes());
        let mut seen = head("HTTP/1.1 302 Found\r\nX: y\r\nlocation: /there\r\n\r\nbody").unwrap();
        let mut body = String::new();
        seen.body.read_to_string(&mut body).unwrap();
        assert_eq!(
            (seen.status, seen.location.as_deref(), body.as_str()),
            (302, Some("/there"), "body")
        );
        for nonsense in ["", "HTTP/1.1 200 OK\r\n", "SSH-2.0\r\n\r\n", "HTTP/1.1 ok\r\n\r\n"] {
            assert!(head(nonsense).is_err(), "{nonsense:?}");
        }
    }
}
