//! One phase: some threads, some connections, one scenario, until the limit.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use tokio::{runtime, task::LocalSet, time};

use super::{Limit, Load, Scenario, recorder::Recorder, session::Session};
use crate::{http::Traffic, machine::Snapshot};

/// So many messages of failed operations are kept.
const MESSAGES_MAX: usize = 5;

/// What happened in a phase.
#[derive(Debug)]
pub(super) struct Phase {
    pub(super) elapsed_s: f64,
    /// How many indices were handed out, from the first on.
    pub(super) indices: u64,
    pub(super) errors: u64,
    pub(super) messages: Vec<String>,
    pub(super) recorder: Recorder,
    pub(super) traffic: Traffic,
    pub(super) before: Snapshot,
    pub(super) after: Snapshot,
}

impl Phase {
    pub(super) fn operations(&self) -> u64 {
        self.recorder.done.len() as u64
    }

    /// Operations a second.
    pub(super) fn rate(&self) -> f64 {
        self.operations() as f64 / self.elapsed_s.max(1e-9)
    }
}

/// What the workers of all threads share.
struct Common<S> {
    scenario: Arc<S>,
    load: Load,
    limit: Limit,
    first: u64,
    next: AtomicU64,
    stop: AtomicBool,
    errors: AtomicU64,
    messages: Mutex<Vec<String>>,
}

/// Runs one phase whose operations have the indices from `first` on.
///
/// # Errors
/// When a thread of the generator panicked; failed operations are counted in the [`Phase`].
pub(super) fn run<S: Scenario>(
    load: &Load,
    scenario: &Arc<S>,
    limit: Limit,
    first: u64,
) -> Result<Phase> {
    let common = Arc::new(Common {
        scenario: scenario.clone(),
        load: load.clone(),
        limit,
        first,
        next: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        errors: AtomicU64::new(0),
        messages: Mutex::new(vec![]),
    });
    let threads = load.threads.clamp(1, load.connections);
    let begin = Arc::new(Barrier::new(threads + 1));
    let generators: Vec<_> = (0..threads)
        .map(|number| {
            let connections =
                load.connections / threads + usize::from(number < load.connections % threads);
            let (common, begin) = (common.clone(), begin.clone());
            thread::spawn(move || generate(&common, connections, &begin))
        })
        .collect();
    let before = Snapshot::take(&load.pids);
    begin.wait();
    let start = Instant::now();
    let mut recorder = Recorder::new();
    let mut traffic = Traffic::default();
    for generator in generators {
        let joined = generator.join().map_err(|_| anyhow!("a thread of the generator panicked"))?;
        let (recorded, sent) = joined?;
        recorder.merge(recorded);
        traffic += sent;
    }
    let wall = start.elapsed();
    let after = Snapshot::take(&load.pids);
    recorder.done.sort_unstable();
    let last = recorder.done.last().map_or(wall, |last| Duration::from_nanos(*last));
    Ok(Phase {
        elapsed_s: last.as_secs_f64(),
        indices: common.next.load(Relaxed).min(limit.count),
        errors: common.errors.load(Relaxed),
        messages: common.messages.lock().map_or_else(|_| vec![], |messages| messages.clone()),
        recorder,
        traffic,
        before,
        after,
    })
}

/// One thread of the generator, with its share of the connections.
fn generate<S: Scenario>(
    common: &Arc<Common<S>>,
    connections: usize,
    begin: &Barrier,
) -> Result<(Recorder, Traffic)> {
    let built = runtime::Builder::new_current_thread().enable_all().build();
    begin.wait();
    let runtime = built.context("start a thread of the generator")?;
    let start = Instant::now();
    let recorder = Rc::new(RefCell::new(Recorder::new()));
    let traffic = LocalSet::new().block_on(&runtime, async {
        let workers: Vec<_> = (0..connections)
            .map(|_| {
                let session = Session::new(&common.load, recorder.clone());
                tokio::task::spawn_local(work(common.clone(), session, start))
            })
            .collect();
        let mut traffic = Traffic::default();
        for worker in workers {
            traffic += worker.await.context("a worker panicked")?;
        }
        anyhow::Ok(traffic)
    })?;
    let recorder = Rc::into_inner(recorder).context("a worker is left over")?;
    Ok((recorder.into_inner(), traffic))
}

/// One connection: one operation after the other.
async fn work<S: Scenario>(
    common: Arc<Common<S>>,
    mut session: Session,
    start: Instant,
) -> Traffic {
    while !common.stop.load(Relaxed) {
        let number = common.next.fetch_add(1, Relaxed);
        let over = start.elapsed().as_secs_f64() >= common.limit.seconds;
        if number >= common.limit.count || over {
            break;
        }
        let began = match common.load.rate {
            None => Instant::now(),
            Some(rate) => due(start + Duration::from_secs_f64(number as f64 / rate)).await,
        };
        let index = common.first + number;
        let operation = common.scenario.operate(&mut session, index);
        let outcome = match time::timeout(common.load.timeout, operation).await {
            Ok(outcome) => outcome,
            Err(_) => Err(anyhow!("took longer than {:?}", common.load.timeout)),
        };
        match outcome {
            Ok(()) => {
                session.recorder.borrow_mut().operation(began.elapsed(), start.elapsed());
            }
            Err(error) => {
                session.client.disconnect();
                common.failed(index, &error);
            }
        }
    }
    session.client.traffic
}

/// Waits until an operation is due. One that could not start then has been waiting since, whatever
/// the reason: its latency counts from when it was due.
async fn due(due: Instant) -> Instant {
    time::sleep_until(due.into()).await;
    due
}

impl<S> Common<S> {
    fn failed(&self, index: u64, error: &anyhow::Error) {
        if let Ok(mut messages) = self.messages.lock()
            && messages.len() < MESSAGES_MAX
        {
            messages.push(format!("operation {index}: {error:#}"));
        }
        if self.errors.fetch_add(1, Relaxed) + 1 > self.load.errors_max {
            self.stop.store(true, Relaxed);
        }
    }
}
