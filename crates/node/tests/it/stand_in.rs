//! A stand-in for the master: says what the test wishes for one partition, and keeps what the node
//! reports. As much of HTTP as the node's client speaks.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use slapos_core::names::{
    ComputerId, Generation, Revision, SoftwareUrl, SupplyState, SupplyWish, Timestamp,
};
use slapos_wire::v1::{
    Accepted, AllocationScope, Computer, InstanceReport, InstanceWish, PartitionWish, Supply,
    SupplyReport, Watch,
};

use crate::bench::GROUP;

pub(crate) const COMPUTER: &str = "COMP-1";
/// Against hanging for ever, not a measure of anything.
const HANGS: Duration = Duration::from_secs(60);

/// The master of one computer with one partition and one release.
#[derive(Clone)]
pub(crate) struct StandIn {
    pub(crate) url: String,
    release: SoftwareUrl,
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    revision: u64,
    wish: Option<InstanceWish>,
    deaf: bool,
    heard: Vec<InstanceReport>,
    lost: Vec<InstanceReport>,
    /// Nobody has asked for everything since it went away.
    away: bool,
    supplies: Vec<SupplyReport>,
}

impl StandIn {
    pub(crate) fn start(release: SoftwareUrl) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State { revision: 1, ..State::default() };
        let master = Self { url, release, shared: Arc::new((Mutex::new(state), Condvar::new())) };
        let answering = master.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let answering = answering.clone();
                thread::spawn(move || answering.answer(&stream));
            }
        });
        master
    }

    /// Wishes something of the partition.
    pub(crate) fn wish(&self, wish: &InstanceWish) {
        let mut state = self.state();
        state.revision += 1;
        state.wish = Some(wish.clone());
        self.shared.1.notify_all();
    }

    /// From now on reports get no answer, or get one again.
    pub(crate) fn deaf(&self, deaf: bool) {
        self.state().deaf = deaf;
    }

    /// Goes away and comes back at once: whoever waits for what changes gets no answer.
    pub(crate) fn come_back(&self) {
        self.state().away = true;
        self.shared.1.notify_all();
    }

    /// Waits for a report about the release that `pick` takes.
    pub(crate) async fn supply_report(
        &self,
        pick: impl Fn(&SupplyReport) -> bool + Send + 'static,
    ) -> SupplyReport {
        let master = self.clone();
        let waiting = tokio::task::spawn_blocking(move || {
            let end = Instant::now() + HANGS;
            let mut state = master.state();
            loop {
                if let Some(found) = state.supplies.iter().find(|report| pick(report)) {
                    return found.clone();
                }
                let left = end.saturating_duration_since(Instant::now());
                assert!(!left.is_zero(), "never; heard {:#?}", state.supplies);
                state = master.shared.1.wait_timeout(state, left).unwrap().0;
            }
        });
        waiting.await.unwrap()
    }

    /// Forgets earlier reports.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.supplies.clear();
        state.heard.clear();
        state.lost.clear();
    }

    /// Waits for a report that `pick` takes; of those that were lost if `lost`.
    pub(crate) async fn report(
        &self,
        lost: bool,
        pick: impl Fn(&InstanceReport) -> bool + Send + 'static,
    ) -> InstanceReport {
        let master = self.clone();
        let waiting = tokio::task::spawn_blocking(move || {
            let end = Instant::now() + HANGS;
            let mut state = master.state();
            loop {
                let reports = if lost { &state.lost } else { &state.heard };
                if let Some(found) = reports.iter().find(|report| pick(report)) {
                    return found.clone();
                }
                let left = end.saturating_duration_since(Instant::now());
                assert!(!left.is_zero(), "never; heard {:#?} {:#?}", state.heard, state.lost);
                state = master.shared.1.wait_timeout(state, left).unwrap().0;
            }
        });
        waiting.await.unwrap()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap()
    }

    /// One call a connection; an answer that is not given is a connection that ends.
    fn answer(&self, stream: &TcpStream) {
        let (line, body) = read(stream);
        let path = line.split(' ').nth(1).unwrap_or_default();
        if path.ends_with("/format") {
            say(stream, &self.computer());
        } else if let Some((_, query)) = path.split_once("/watch?") {
            let since = query.split('&').find_map(|pair| pair.strip_prefix("since="));
            if let Some(watch) = self.watch(since.unwrap().parse().unwrap()) {
                say(stream, &watch);
            }
        } else if path.ends_with("/supplies/report") {
            self.state().supplies.push(serde_json::from_slice(&body).unwrap());
            self.shared.1.notify_all();
            say(stream, &self.accepted());
        } else if path.ends_with("/report") {
            let report = serde_json::from_slice(&body).unwrap();
            let mut state = self.state();
            let deaf = state.deaf;
            if deaf { &mut state.lost } else { &mut state.heard }.push(report);
            drop(state);
            self.shared.1.notify_all();
            if !deaf {
                say(stream, &self.accepted());
            }
        }
    }

    /// What has changed; `None` if the master went away meanwhile.
    fn watch(&self, since: u64) -> Option<Watch> {
        let mut state = self.state();
        if since == 0 {
            state.away = false;
        }
        while state.revision <= since && !state.away {
            state = self.shared.1.wait(state).unwrap();
        }
        if state.away {
            return None;
        }
        let partition = GROUP.try_into().unwrap();
        Some(Watch {
            revision: Revision(state.revision),
            complete: since == 0,
            observed: false,
            partitions: vec![PartitionWish { partition, instance: state.wish.clone() }],
            supplies: vec![Supply {
                software_release: self.release.clone(),
                wished: SupplyWish::Available,
                state: SupplyState::Building,
                generation: Generation(1),
                text: None,
                percent: None,
                changed_at: Timestamp(0),
                again: Generation(0),
            }],
        })
    }

    fn accepted(&self) -> Accepted {
        Accepted { revision: Revision(self.state().revision), current: true, overtaken: false }
    }

    fn computer(&self) -> Computer {
        Computer {
            title: None,
            computer: ComputerId::try_from(COMPUTER).unwrap(),
            allocation: AllocationScope::Open,
            capacity: None,
            traits: [].into(),
            seen_at: None,
            partitions: Vec::new(),
            supplies: Vec::new(),
        }
    }
}

/// The first line of a call, and its body.
fn read(stream: &TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        let _length = reader.read_line(&mut line);
        line.trim_end().to_owned()
    };
    let first = line();
    let mut length = 0;
    loop {
        let header = line().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(text) = header.strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    let _complete = reader.read_exact(&mut body);
    (first, body)
}

fn say(mut stream: &TcpStream, answer: &impl Serialize) {
    let text = serde_json::to_string(answer).unwrap();
    let length = text.len();
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    // A node that is gone does not listen any more.
    let _sent = stream.write_all(format!("{head}{text}").as_bytes());
}
