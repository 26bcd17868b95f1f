//! Stands between a node and its master: passes everything on, keeps what the node asked for, and loses an answer
//! when it is told to.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

pub(crate) struct Recorder {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<String>>>,
    loses: Arc<AtomicBool>,
}

impl Recorder {
    /// In front of the master at `url`.
    pub(crate) fn of(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let (calls, loses) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let recorder = Self { url: own, calls, loses };
        let (master, calls) =
            (url.trim_start_matches("http://").to_owned(), recorder.calls.clone());
        let loses = Arc::clone(&recorder.loses);
        thread::spawn(move || {
            for node in listener.incoming().map_while(Result::ok) {
                let Ok(master) = TcpStream::connect(&master) else { continue };
                let (calls, loses) = (Arc::clone(&calls), Arc::clone(&loses));
                let last: Arc<Mutex<String>> = Arc::default();
                let asked = Arc::clone(&last);
                let (back, answers) = (node.try_clone().unwrap(), master.try_clone().unwrap());
                thread::spawn(move || pass(&node, &master, |part| keep(&calls, &last, part)));
                thread::spawn(move || {
                    pass(&answers, &back, |_| {
                        let watches = asked.lock().unwrap().contains("/watch?");
                        !(watches && loses.swap(false, Ordering::SeqCst))
                    });
                });
            }
        });
        recorder
    }

    /// Method, path and query of each call so far, e.g. `GET /v1/computers/COMP-1/watch?since=7&wait=55`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// The next answer to a watch is lost, and the connection with it.
    pub(crate) fn lose_next_wake_up(&self) {
        self.loses.store(true, Ordering::SeqCst);
    }

    /// Whether an answer shall still be lost.
    pub(crate) fn still_loses(&self) -> bool {
        self.loses.load(Ordering::SeqCst)
    }
}

/// A node sends the head of a call in one piece, and waits for the answer before the next.
fn keep(calls: &Mutex<Vec<String>>, last: &Mutex<String>, part: &[u8]) -> bool {
    let text = String::from_utf8_lossy(part);
    let line = text.lines().next().unwrap_or_default();
    if let Some(call) = line.strip_suffix(" HTTP/1.1") {
        call.clone_into(&mut last.lock().unwrap());
        calls.lock().unwrap().push(call.to_owned());
    }
    true
}

/// Hands on what comes, as long as `see` agrees.
fn pass(mut from: &TcpStream, mut to: &TcpStream, see: impl Fn(&[u8]) -> bool) {
    let mut part = [0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut part) {
        if !see(&part[..length]) || to.write_all(&part[..length]).is_err() {
            break;
        }
    }
    let _gone = to.shutdown(Shutdown::Both);
    let _gone = from.shutdown(Shutdown::Both);
}
