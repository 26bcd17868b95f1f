//! The networkcache: what is taken, what is refused, and what is left on the disk.

use axum::{body::Body, http::Request};
use slapos_core::policy::Policy;
use slapos_master::FaceSettings;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{http::Master, serving::start_with};

const HELLO: &str = "9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043";

async fn call(master: &Master, method: &str, path: &str, body: &str) -> (u16, String) {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/json");
    let (status, body) = master.raw(request.body(Body::from(body.to_owned())).unwrap()).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn calls_are_answered_as_clients_need_it() {
    let master = Master::new();
    let hello = format!("/shacache/cache/{HELLO}");
    let entry = format!(r#"["{{\"sha512\": \"{HELLO}\"}}", ""]"#);
    let list = format!("[{entry}]").replace(", \"\"", ",\"\"");
    let huge = format!(r#"["{}", ""]"#, "x".repeat(70 << 10));
    let table: [(&str, &str, &str, u16, &str); 13] = [
        ("GET", &hello, "", 404, "not found"),
        ("PUT", &hello, "other", 400, "another SHA-512"),
        ("GET", &hello, "", 404, "not found"),
        ("POST", "/shacache/cache", "hello", 201, HELLO),
        ("POST", "/shacache/cache", "hello", 201, HELLO),
        ("PUT", &hello, "hello", 201, HELLO),
        ("GET", &hello, "", 200, "hello"),
        ("GET", "/shacache/cache/..%2F..%2Fmaster.sqlite", "", 400, "is not a SHA-512"),
        ("GET", "/shacache/dir/key", "", 404, "not found"),
        ("PUT", "/shacache/dir/key", "[1]", 400, "an entry is a pair"),
        ("PUT", "/shacache/dir/key", &huge, 413, ""),
        ("PUT", "/shacache/dir/key", &entry, 201, ""),
        ("GET", "/shacache/dir/key", "", 200, &list),
    ];
    for (method, path, body, status, part) in table {
        let (found, answer) = call(&master, method, path, body).await;
        assert_eq!(found, status, "{method} {path}: {answer}");
        assert!(answer.contains(part), "{method} {path}: {answer}, not {part}");
    }
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off() {
    let master = Master::new();
    call(&master, "POST", "/shacache/cache", "hello").await;
    for (range, status, part) in [
        ("bytes=2-", 206, "llo"),
        ("bytes=1-2", 206, "el"),
        ("bytes=5-", 416, ""),
        ("x", 200, "hello"),
    ] {
        let request = Request::get(format!("/shacache/cache/{HELLO}")).header("range", range);
        let (found, body) = master.raw(request.body(Body::empty()).unwrap()).await;
        assert_eq!((found.as_u16(), body.as_str()), (status, part), "{range}");
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let master = Master::new();
    let pieces = futures_util::stream::iter([Ok("hel"), Err(std::io::Error::other("gone"))]);
    let request = Request::post("/shacache/cache").body(Body::from_stream(pieces)).unwrap();
    let (status, body) = master.raw(request).await;
    assert_eq!(status.as_u16(), 400, "{body}");
    let left = std::fs::read_dir(master.data().join("networkcache/cache")).unwrap();
    assert_eq!(left.count(), 0);
}

/// The client lets its connection go before it reads, and what is not said to be the last answer is
/// then read as empty.
#[tokio::test(flavor = "multi_thread")]
async fn who_wants_one_answer_is_told_that_it_is_the_last() {
    let data = tempfile::TempDir::new().unwrap();
    let running = start_with(data.path(), Policy::default(), FaceSettings::default()).await;
    let get = format!("GET /shacache/cache/{HELLO}");
    let calls = [("POST /shacache/cache", "hello", HELLO), (&get, "", "hello")];
    for (call, body, expected) in calls {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let length = body.len();
        let call = format!(
            "{call} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(call.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap(); // to the end: it is closed
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.to_lowercase().contains("\r\nconnection: close"), "{head}");
        assert_eq!(body, expected, "{head}");
    }
}
