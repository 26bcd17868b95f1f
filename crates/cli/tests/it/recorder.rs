//! Stands between a node and its master: passes everything on, keeps what the node asked for, and loses a wake-up
//! when it is told to.

use std::{
    borrow::Cow,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use slapos_core::names::Revision;
use slapos_wire::v1::Watch;

/// How a wake-up is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The connection is lost with it, so that the node gets an error.
    Cut,
    /// The poll ends as one whose time is over: nothing new since what the node knew. So ends the poll of a master
    /// that was not woken itself.
    Silent,
}

pub(crate) struct Recorder {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<String>>>,
    loss: Arc<Mutex<Option<Loss>>>,
}

impl Recorder {
    /// In front of the master at `url`.
    pub(crate) fn of(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let recorder = Self { url: own, calls: Arc::default(), loss: Arc::default() };
        let (master, calls) =
            (url.trim_start_matches("http://").to_owned(), recorder.calls.clone());
        let loss = Arc::clone(&recorder.loss);
        thread::spawn(move || {
            for node in listener.incoming().map_while(Result::ok) {
                let Ok(master) = TcpStream::connect(&master) else { continue };
                let (calls, loss) = (Arc::clone(&calls), Arc::clone(&loss));
                let last: Arc<Mutex<String>> = Arc::default();
                let asked = Arc::clone(&last);
                let (back, answers) = (node.try_clone().unwrap(), master.try_clone().unwrap());
                thread::spawn(move || pass(&node, &master, |part| keep(&calls, &last, part)));
                thread::spawn(move || {
                    pass(&answers, &back, |part| lose(&loss, &asked.lock().unwrap(), part));
                });
            }
        });
        recorder
    }

    /// Method, path and query of each call so far, e.g. `GET /v1/computers/COMP-1/watch?since=7&wait=55`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// The next answer to a watch that brings news of a partition is lost.
    pub(crate) fn lose_next_wake_up(&self, how: Loss) {
        *self.loss.lock().unwrap() = Some(how);
    }

    /// Whether a wake-up shall still be lost.
    pub(crate) fn still_loses(&self) -> bool {
        self.loss.lock().unwrap().is_some()
    }
}

/// The revision since which a call asks for changes, if it is one that waits for them.
pub(crate) fn since(call: &str) -> Option<u64> {
    call.split_once("/watch?since=")?.1.split('&').next()?.parse().ok()
}

/// What the node gets of an answer to `asked`; none: the connection ends. The master sends small answers in one piece.
fn lose<'a>(loss: &Mutex<Option<Loss>>, asked: &str, answer: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let mut loss = loss.lock().unwrap();
    let text = String::from_utf8_lossy(answer);
    let told = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
    let news = told.filter(|told: &Watch| !told.partitions.is_empty());
    let (Some(known), Some(news)) = (since(asked), news) else { return Some(answer.into()) };
    match loss.take() {
        None => Some(answer.into()),
        Some(Loss::Cut) => None,
        Some(Loss::Silent) => {
            let (revision, observed) = (Revision(known), news.observed);
            let (partitions, supplies) = (Vec::new(), Vec::new());
            let nothing = Watch { revision, complete: false, observed, partitions, supplies };
            let body = serde_json::to_string(&nothing).unwrap();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
            Some(format!("{head}: {}\r\n\r\n{body}", body.len()).into_bytes().into())
        }
    }
}

/// A node sends the head of a call in one piece, and waits for the answer before the next.
fn keep<'a>(
    calls: &Mutex<Vec<String>>,
    last: &Mutex<String>,
    part: &'a [u8],
) -> Option<Cow<'a, [u8]>> {
    let text = String::from_utf8_lossy(part);
    let line = text.lines().next().unwrap_or_default();
    if let Some(call) = line.strip_suffix(" HTTP/1.1") {
        call.clone_into(&mut last.lock().unwrap());
        calls.lock().unwrap().push(call.to_owned());
    }
    Some(part.into())
}

/// Hands on what `see` makes of what comes, as long as it makes something of it.
fn pass(
    mut from: &TcpStream,
    mut to: &TcpStream,
    see: impl for<'a> Fn(&'a [u8]) -> Option<Cow<'a, [u8]>>,
) {
    let mut part = [0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut part) {
        if see(&part[..length]).is_none_or(|handed_on| to.write_all(&handed_on).is_err()) {
            break;
        }
    }
    let _gone = to.shutdown(Shutdown::Both);
    let _gone = from.shutdown(Shutdown::Both);
}
