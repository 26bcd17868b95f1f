//! The open internet, as far as releases name a place of it that is not to be had: an HTTP proxy that answers for it,
//! and passes everything else on.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

use crate::cloud::release;

/// The release that SlapOS's profiles ask for frontends, by its old address.
pub(super) const FRONTEND: &str =
    "http://git.erp5.org/gitweb/slapos.git/blob_plain/HEAD:/software/apache-frontend/software.cfg";

/// Starts the proxy; its address. It lives as long as this process.
pub(super) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || answer(client));
        }
    });
    own
}

/// Makes one connection; a client that goes away is no fault.
fn answer(mut client: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (method, target, rest) = head(&mut reader)?;
    if method != "CONNECT" {
        let place = target.strip_prefix("http://").unwrap_or_default();
        let (host, path) = place.split_once('/').unwrap_or((place, ""));
        let mut server = TcpStream::connect(format!("{host}:80"))?;
        write!(server, "{method} /{path} HTTP/1.1\r\nConnection: close\r\n{rest}\r\n")?;
        return io::copy(&mut server, &mut client).map(drop);
    }
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    if target.starts_with("git.erp5.org:") {
        return stand_in(&mut reader, client);
    }
    let (mut server, mut back) = (TcpStream::connect(target)?, client.try_clone()?);
    let mut from_server = server.try_clone()?;
    thread::spawn(move || {
        let _gone = io::copy(&mut from_server, &mut back);
        back.shutdown(Shutdown::Write)
    });
    io::copy(&mut reader, &mut server)?;
    server.shutdown(Shutdown::Write)
}

/// The head of a call: method, what is asked for, and the other lines but those about the connection.
fn head(reader: &mut impl BufRead) -> io::Result<(String, String, String)> {
    let (mut first, mut rest) = (String::new(), String::new());
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        if !line.to_lowercase().contains("connection:") {
            rest.push_str(&line);
        }
    }
    let mut words = first.split(' ').map(ToOwned::to_owned);
    Ok((words.next().unwrap_or_default(), words.next().unwrap_or_default(), rest))
}

/// A file of our release in the place of theirs.
fn stand_in(reader: &mut impl BufRead, mut client: TcpStream) -> io::Result<()> {
    let (_, path, _) = head(reader)?;
    let file = path.rsplit_once("/software/apache-frontend/").map_or("", |(_, file)| file);
    let profile = release("frontend");
    let ours = match file {
        "software.cfg" => profile,
        other => profile.replace("frontend.cfg", other),
    };
    let content = std::fs::read(ours)?;
    let length = content.len();
    write!(client, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    client.write_all(&content)
}
