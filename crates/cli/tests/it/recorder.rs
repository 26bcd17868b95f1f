//! Stands between a node and its master: passes everything on and keeps what the node asked for.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

pub(crate) struct Recorder {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    /// In front of the master at `url`.
    pub(crate) fn of(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (master, kept) = (url.trim_start_matches("http://").to_owned(), Arc::clone(&calls));
        thread::spawn(move || {
            for node in listener.incoming().map_while(Result::ok) {
                let Ok(master) = TcpStream::connect(&master) else { continue };
                let kept = Arc::clone(&kept);
                let (back, answers) = (node.try_clone().unwrap(), master.try_clone().unwrap());
                thread::spawn(move || pass(&node, &master, |part| keep(&kept, part)));
                thread::spawn(move || pass(&answers, &back, |_| ()));
            }
        });
        Self { url: own, calls }
    }

    /// Method, path and query of each call so far, e.g. `GET /v1/computers/COMP-1/watch?since=7&wait=55`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

/// A node sends the head of a call in one piece, and waits for the answer before the next.
fn keep(calls: &Mutex<Vec<String>>, part: &[u8]) {
    let text = String::from_utf8_lossy(part);
    let line = text.lines().next().unwrap_or_default();
    if let Some(call) = line.strip_suffix(" HTTP/1.1") {
        calls.lock().unwrap().push(call.to_owned());
    }
}

fn pass(mut from: &TcpStream, mut to: &TcpStream, see: impl Fn(&[u8])) {
    let mut part = [0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut part) {
        see(&part[..length]);
        if to.write_all(&part[..length]).is_err() {
            break;
        }
    }
    let _gone = to.shutdown(Shutdown::Write);
    let _gone = from.shutdown(Shutdown::Read);
}
