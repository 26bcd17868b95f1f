//! A small, cheap HTTP/1.1 client: one connection, one request at a time.
//!
//! The generator shares the machine with the server that it measures, so its own cost counts:
//! this stays within a few microseconds a request.

use std::{
    io::{self, Write as _},
    net::{SocketAddr, ToSocketAddrs},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The largest answer that is read, in bytes.
const ANSWER_MAX: usize = 256 << 20;

/// Where a master answers.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    addresses: Vec<SocketAddr>,
    host: String,
    /// Of the path, without a slash at its end.
    prefix: String,
}

impl Target {
    /// # Errors
    /// When the URL is not one of plain HTTP, or its host has no address.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else {
            bail!("{url}: only http:// is spoken; measure behind whatever speaks TLS");
        };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let has_port = host.rsplit(']').next().is_some_and(|tail| tail.contains(':'));
        let with_port = if has_port { host.to_owned() } else { format!("{host}:80") };
        let addresses: Vec<_> =
            with_port.to_socket_addrs().with_context(|| format!("resolve {host}"))?.collect();
        if addresses.is_empty() {
            bail!("{host} has no address");
        }
        let prefix = path.trim_end_matches('/').to_owned();
        Ok(Self { addresses, host: host.to_owned(), prefix })
    }

    async fn connect(&self) -> Result<TcpStream> {
        let mut last = io::Error::other("no address");
        for address in &self.addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last).with_context(|| format!("connect to {}", self.host))
    }
}

/// What went over a connection.
#[derive(Default, Clone, Copy, Debug)]
pub(crate) struct Traffic {
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) requests: u64,
    pub(crate) connects: u64,
    /// Requests sent again, for the server had closed the idle connection.
    pub(crate) stale_retries: u64,
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.requests += other.requests;
        self.connects += other.connects;
        self.stale_retries += other.stale_retries;
    }
}

/// A request; without a body it is a GET.
#[derive(Default, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) body: Option<&'a str>,
    pub(crate) authorization: Option<&'a str>,
    pub(crate) if_none_match: Option<&'a str>,
}

/// An answer, complete.
#[derive(Debug)]
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) etag: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

impl Response<'_> {
    /// The beginning of the body, on one line.
    pub(crate) fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(self.body);
        let mut short: String = text.chars().take(400).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        short.replace('\n', " ")
    }
}

/// One connection, opened when needed.
#[derive(Debug)]
pub(crate) struct Client {
    target: Target,
    keepalive: bool,
    stream: Option<TcpStream>,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
    /// The body of a chunked answer, put together.
    joined: Vec<u8>,
    head: Head,
    pub(crate) traffic: Traffic,
}

impl Client {
    pub(crate) fn new(target: Target, keepalive: bool) -> Self {
        Self {
            target,
            keepalive,
            stream: None,
            outgoing: Vec::new(),
            incoming: Vec::new(),
            joined: Vec::new(),
            head: Head::default(),
            traffic: Traffic::default(),
        }
    }

    /// Gives the connection up; the next request opens another.
    pub(crate) fn disconnect(&mut self) {
        self.stream = None;
    }

    /// Sends a request and reads all of its answer.
    ///
    /// # Errors
    /// When there is no connection, or the answer is malformed or cut off.
    pub(crate) async fn send(&mut self, path: &str, request: &Request<'_>) -> Result<Response<'_>> {
        self.compose(path, request)?;
        self.head = loop {
            let reused = self.stream.is_some();
            if !reused {
                self.stream = Some(self.target.connect().await?);
                self.traffic.connects += 1;
            }
            self.traffic.bytes_sent += self.outgoing.len() as u64;
            match self.exchange().await {
                Ok(head) => break head,
                // the server closed an idle connection under us, which it may
                Err(_) if reused && self.incoming.is_empty() => {
                    self.stream = None;
                    self.traffic.stale_retries += 1;
                }
                Err(error) => {
                    self.stream = None;
                    return Err(error);
                }
            }
        };
        self.traffic.requests += 1;
        self.traffic.bytes_received += self.incoming.len() as u64;
        if self.head.close || !self.keepalive {
            self.stream = None;
        }
        Ok(self.response())
    }

    /// The answer that was read last.
    pub(crate) fn response(&self) -> Response<'_> {
        let Head { status, etag, length, chunked, .. } = &self.head;
        let body = if *chunked { &self.joined[..] } else { &self.incoming[*length..] };
        Response { status: *status, etag: etag.as_deref(), body }
    }

    fn compose(&mut self, path: &str, request: &Request<'_>) -> io::Result<()> {
        let out = &mut self.outgoing;
        out.clear();
        let method = if request.body.is_some() { "POST" } else { "GET" };
        write!(out, "{method} {}{path} HTTP/1.1\r\n", self.target.prefix)?;
        write!(out, "Host: {}\r\nUser-Agent: slapload\r\nAccept: */*\r\n", self.target.host)?;
        if !self.keepalive {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        if let Some(authorization) = request.authorization {
            write!(out, "Authorization: {authorization}\r\n")?;
        }
        if let Some(etag) = request.if_none_match {
            write!(out, "If-None-Match: {etag}\r\n")?;
        }
        match request.body {
            Some(body) => {
                out.extend_from_slice(b"Content-Type: application/x-www-form-urlencoded\r\n");
                write!(out, "Content-Length: {}\r\n\r\n{body}", body.len())
            }
            None => write!(out, "\r\n"),
        }
    }

    async fn exchange(&mut self) -> Result<Head> {
        self.incoming.clear();
        let stream = self.stream.as_mut().context("no connection")?;
        stream.write_all(&self.outgoing).await.context("send the request")?;
        let mut known: Option<Head> = None;
        loop {
            let count = stream.read_buf(&mut self.incoming).await.context("read the answer")?;
            if self.incoming.len() > ANSWER_MAX {
                bail!("answer longer than {ANSWER_MAX} bytes");
            }
            while known.is_none() {
                match Head::parse(&self.incoming)? {
                    None => break,
                    Some(head) if (100..200).contains(&head.status) => {
                        self.incoming.drain(..head.length);
                    }
                    Some(head) => known = Some(head),
                }
            }
            let ended = count == 0;
            if let Some(mut head) = known.take() {
                let body = &self.incoming[head.length..];
                if is_complete(&mut head, body, ended, &mut self.joined)? {
                    return Ok(head);
                }
                if let Some(length) = head.content_length.filter(|length| *length < ANSWER_MAX) {
                    self.incoming.reserve(length.saturating_sub(body.len()));
                }
                known = Some(head);
            }
            if ended {
                bail!("connection closed in the middle of an answer");
            }
        }
    }
}

fn is_complete(head: &mut Head, body: &[u8], ended: bool, joined: &mut Vec<u8>) -> Result<bool> {
    if matches!(head.status, 204 | 304) {
        return Ok(true);
    }
    if head.chunked {
        return dechunk(body, joined);
    }
    match head.content_length {
        Some(length) if body.len() > length => bail!("answer longer than its content-length"),
        Some(length) => Ok(body.len() == length),
        None => {
            head.close = true; // the end of the connection ends the body
            Ok(ended)
        }
    }
}

#[derive(Default, Debug)]
struct Head {
    status: u16,
    /// Of the head itself, in bytes.
    length: usize,
    content_length: Option<usize>,
    chunked: bool,
    close: bool,
    etag: Option<String>,
}

impl Head {
    /// `None`: more bytes are needed.
    fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) =
            parsed.parse(bytes).context("malformed head of an answer")?
        else {
            return Ok(None);
        };
        let status = parsed.code.unwrap_or(0);
        let mut head = Self { status, length, close: parsed.version == Some(0), ..Self::default() };
        for header in parsed.headers.iter() {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("content-length") {
                let text = std::str::from_utf8(header.value)?.trim();
                head.content_length = Some(text.parse().context("bad content-length")?);
            } else if is("transfer-encoding") {
                head.chunked = header.value.to_ascii_lowercase().ends_with(b"chunked");
            } else if is("connection") && header.value.eq_ignore_ascii_case(b"close") {
                head.close = true;
            } else if is("connection") && header.value.eq_ignore_ascii_case(b"keep-alive") {
                head.close = false;
            } else if is("etag") {
                head.etag = Some(String::from_utf8_lossy(header.value).into_owned());
            }
        }
        Ok(Some(head))
    }
}

/// Puts a complete chunked body together; false: more bytes are needed.
fn dechunk(bytes: &[u8], out: &mut Vec<u8>) -> Result<bool> {
    out.clear();
    let mut rest = bytes;
    loop {
        let parsed = httparse::parse_chunk_size(rest);
        let Ok(parsed) = parsed else { bail!("bad size of a chunk") };
        let httparse::Status::Complete((start, size)) = parsed else { return Ok(false) };
        let body = &rest[start..];
        if size == 0 {
            // an empty line ends the trailer
            return Ok(body.starts_with(b"\r\n") || body.windows(4).any(|end| end == b"\r\n\r\n"));
        }
        let size = usize::try_from(size).ok().filter(|size| *size <= ANSWER_MAX);
        let size = size.context("chunk too large")?;
        if body.len() < size + 2 {
            return Ok(false);
        }
        out.extend_from_slice(&body[..size]);
        rest = &body[size + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_host_port_and_prefix() {
        for (url, host, prefix, port) in [
            ("http://127.0.0.1:5000/", "127.0.0.1:5000", "", 5000),
            ("http://[::1]:81/a/b/", "[::1]:81", "/a/b", 81),
            ("http://[::1]", "[::1]", "", 80),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.host.as_str(), target.prefix.as_str()), (host, prefix), "{url}");
            assert_eq!(target.addresses[0].port(), port, "{url}");
        }
        assert!(Target::parse("https://x/").is_err());
    }

    #[test]
    fn chunks_are_joined_when_the_last_one_is_there() {
        let mut out = vec![];
        let whole = b"4\r\nabcd\r\n3;x=1\r\nefg\r\n0\r\n\r\n";
        for cut in 0..whole.len() {
            assert!(!dechunk(&whole[..cut], &mut out).unwrap_or(false), "{cut}");
        }
        assert!(dechunk(whole, &mut out).unwrap());
        assert_eq!(out, b"abcdefg");
    }

    #[test]
    fn a_head_is_read_when_it_is_complete_and_refused_when_it_is_none() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone";
        let head = Head::parse(bytes).unwrap().unwrap();
        assert!(head.close && head.content_length == Some(4) && head.status == 200);
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\nConte").unwrap().is_none());
        assert!(Head::parse(b"SPDY/9\r\n\r\n").is_err());
    }
}
