//! Pages of other sites that call a master through a browser on its machine.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use camino::Utf8Path;

use crate::{
    cloud::slapos,
    master::{Master, serve},
};

/// Status and text of a call, with headers that a browser would send.
fn call(master: &Master, call: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(master.url.trim_start_matches("http://")).unwrap();
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    write!(
        stream,
        "{call} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

#[test]
fn a_page_of_another_site_can_neither_change_nor_read_anything() {
    let directory = tempfile::TempDir::new().unwrap();
    let data = Utf8Path::from_path(directory.path()).unwrap();
    let mut command = serve(slapos(), &data.join("master"));
    command.args(["--host", "master.example.com"]);
    let master = Master::start(command, &data.join("log"));
    let format = "computer_id=COMP-1&xml=";
    let supply = "computer_id=COMP-1&url=https%3A%2F%2Fevil.example%2Fs.cfg&state=available";
    let table = [
        // who calls, with which host, from which page; the status
        ("POST /supplySupply", "localhost", Some("cross-site"), supply, 403),
        ("POST /v1/instances", "localhost", Some("same-site"), "{}", 403),
        ("POST /supplySupply", "evil.example", None, supply, 421),
        ("GET /v1/instances", "evil.example", None, "", 421),
        ("GET /", "evil.example", Some("same-origin"), "", 421),
        ("GET /", "localhost", Some("none"), "", 200),
        ("GET /v1/instances", "127.0.0.1", Some("same-origin"), "", 200),
        ("GET /v1/instances", "master.example.com", None, "", 200),
        ("POST /loadComputerConfigurationFromXML", "localhost", None, format, 400),
    ];
    for (what, host, page, body, expected) in table {
        let mut headers =
            vec![("Host", host), ("Content-Type", "application/x-www-form-urlencoded")];
        headers.extend(page.map(|page| ("Sec-Fetch-Site", page)));
        let (status, answer) = call(&master, what, &headers, body);
        assert_eq!(status, expected, "{what} {host} {page:?}: {answer}");
    }
    let origin = [("Host", "localhost"), ("Origin", "https://evil.example")];
    let (status, answer) = call(&master, "POST /supplySupply", &origin, supply);
    assert_eq!(status, 403, "{answer}");
    assert!(answer.contains("foreign-page"), "{answer}");
    let (_, health) = call(&master, "GET /v1/health", &[("Host", "localhost")], "");
    assert!(health.contains("\"revision\":0"), "nothing was changed: {health}");
}
