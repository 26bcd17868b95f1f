//! Nodes that wait for news: what each costs while idle, how soon a change reaches it.
//!
//! A long poll is not part of the classic protocol; this one is that of `/v1`. One connection
//! watches each computer. First all are idle for a while. Then requests with other parameters
//! change one instance after the other, and each change must reach the watcher of its computer;
//! the latency counts from the answer to that request, when the change is durable.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use hdrhistogram::Histogram;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use tokio::{
    sync::{Semaphore, oneshot},
    task::{JoinSet, LocalSet},
};

use crate::{
    clock,
    engine::{Load, Plan, Scenario, Session, alone, histogram, latency, measure},
    fleet::Fleet,
    http::Request,
    machine::{Snapshot, used},
    options::{Common, Span, block},
};

/// So many watchers begin at once.
const BEGINNING_MAX: usize = 64;
/// What the master still does for what came before (a fold of its journal, say) is over when it has
/// used less than so much of a processor for a while, or after some patience.
const SETTLED_PERCENT: f64 = 1.0;
const SETTLING: Duration = Duration::from_secs(2);
const SETTLING_MAX: Duration = Duration::from_secs(60);
/// How long a watcher asks the master to wait.
const WAIT_S: u64 = 300;

/// Watch every computer, be idle, then be woken (long poll of /v1; changes over the classic face)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    span: Span,
    /// Seconds of waiting for nothing first
    #[arg(long, default_value_t = 10.0)]
    idle: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (fleet, load) = (args.common.fleet(), args.common.load()?);
    let idle = Duration::try_from_secs_f64(args.idle).context("--idle")?;
    let plan = Plan::fresh("watch", "changes", args.span.limit(), 0);
    let news = Arc::new(News::new(fleet.computers));
    let before = Snapshot::take(&load.pids);
    let nodes = Nodes::start(&fleet, &load, &news);
    let measured = (|| -> Result<_> {
        news.until_all_wait(load.timeout)?;
        let settled = settle(&load.pids);
        thread::sleep(idle);
        let after = Snapshot::take(&load.pids);
        let changes = Changes { fleet, news: news.clone(), epoch: clock::epoch_us() };
        let report = measure(&plan, &load, &Arc::new(changes))?;
        news.until_all_arrived(load.timeout)?;
        Ok((report, settled, after))
    })();
    nodes.end()?; // why a watcher failed says more than that a change did not arrive
    let (report, settled, after) = measured?;
    let watchers = news.places.len();
    let (grown, _, _) = used(&before, &after, 1.0, 0);
    let grown_kb = grown.map(|it| it.rss_after_kb.saturating_sub(it.rss_before_kb));
    let (idle_use, _, _) = used(&settled, &after, idle.as_secs_f64(), 0);
    let latencies = news.latencies.lock().expect("recording does not panic");
    let checks = json!({
        "watchers": watchers,
        "idle_kib_each": grown_kb.map(|kb| (kb as f64 / watchers as f64 * 10.0).round() / 10.0),
        "idle_cpu_percent": idle_use.map(|it| it.cpu_percent),
        "woken": latencies.len(),
        "woken_after_us": latency(&latencies),
    });
    args.common.emit(report, checks)
}

/// Waits until the master has nothing left to do.
fn settle(pids: &[u32]) -> Snapshot {
    let start = Instant::now();
    let mut before = Snapshot::take(pids);
    loop {
        thread::sleep(SETTLING);
        let after = Snapshot::take(pids);
        let (meanwhile, _, _) = used(&before, &after, SETTLING.as_secs_f64(), 0);
        let busy = meanwhile.is_some_and(|it| it.cpu_percent > SETTLED_PERCENT);
        if !busy || start.elapsed() > SETTLING_MAX {
            return after;
        }
        before = after;
    }
}

struct Changes {
    fleet: Fleet,
    news: Arc<News>,
    /// Makes the parameters of separate runs differ.
    epoch: u64,
}

impl Scenario for Changes {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        // with `spread`, so many instances in a row are on as many computers
        let instance = index % self.fleet.computers;
        let body = self.fleet.changed_body(instance, self.epoch.wrapping_add(index));
        let place = self.news.place(instance)?;
        *place.lock().expect("assigning does not panic") = Change::Asked;
        session.request("change", &body, None).await?;
        self.news.answered(place);
        Ok(())
    }
}

/// What became of the last change on a computer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    /// Its watcher has it, or there was none.
    Arrived,
    Asked,
    /// The watcher was sooner than the answer.
    ArrivedFirst,
    /// Answered, hence durable, since then.
    Durable(Instant),
}

/// What watchers and changes tell each other.
struct News {
    /// By computer.
    places: Vec<Mutex<Change>>,
    /// Watchers that wait.
    waiting: AtomicU64,
    /// From the answer to the arrival, in nanoseconds.
    latencies: Mutex<Histogram<u64>>,
}

impl News {
    fn new(computers: u64) -> Self {
        Self {
            places: (0..computers).map(|_| Mutex::new(Change::Arrived)).collect(),
            waiting: AtomicU64::new(0),
            latencies: Mutex::new(histogram()),
        }
    }

    fn place(&self, computer: u64) -> Result<&Mutex<Change>> {
        let at = usize::try_from(computer).ok();
        at.and_then(|at| self.places.get(at)).context("no such computer")
    }

    fn answered(&self, place: &Mutex<Change>) {
        let mut change = place.lock().expect("assigning does not panic");
        *change = match *change {
            Change::ArrivedFirst => {
                self.record(Duration::ZERO);
                Change::Arrived
            }
            _ => Change::Durable(Instant::now()),
        };
    }

    fn arrived(&self, place: &Mutex<Change>) {
        let mut change = place.lock().expect("assigning does not panic");
        *change = match *change {
            Change::Durable(since) => {
                self.record(since.elapsed());
                Change::Arrived
            }
            Change::Asked => Change::ArrivedFirst,
            other => other,
        };
    }

    fn record(&self, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let mut latencies = self.latencies.lock().expect("recording does not panic");
        latencies.saturating_record(nanoseconds);
    }

    fn until_all_wait(&self, within: Duration) -> Result<()> {
        let wanted = self.places.len() as u64;
        until(within, || self.waiting.load(Relaxed) == wanted).with_context(|| {
            format!("only {} of {wanted} watchers wait", self.waiting.load(Relaxed))
        })
    }

    fn until_all_arrived(&self, within: Duration) -> Result<()> {
        let missing = || {
            let arrived = |place: &&Mutex<Change>| {
                *place.lock().expect("assigning does not panic") != Change::Arrived
            };
            self.places.iter().filter(arrived).count()
        };
        until(within, || missing() == 0)
            .with_context(|| format!("{} changes woke nobody", missing()))
    }
}

fn until(within: Duration, done: impl Fn() -> bool) -> Result<()> {
    let start = Instant::now();
    while !done() {
        ensure!(start.elapsed() < within, "not within {within:?}");
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// A thread that watches all computers until it is told to end.
struct Nodes {
    thread: thread::JoinHandle<Result<()>>,
    end: oneshot::Sender<()>,
}

impl Nodes {
    fn start(fleet: &Fleet, load: &Load, news: &Arc<News>) -> Self {
        let (end, mut ended) = oneshot::channel();
        let (fleet, load, news) = (fleet.clone(), load.clone(), news.clone());
        let thread = thread::spawn(move || {
            block(LocalSet::new().run_until(async {
                let beginning = Arc::new(Semaphore::new(BEGINNING_MAX));
                let mut watching = JoinSet::new();
                let first = alone(&load);
                for computer in 0..fleet.computers {
                    let path = format!("/v1/computers/{}/watch", fleet.computer(computer));
                    let (session, news) = (first.another(&load), news.clone());
                    watching.spawn_local(watch(session, path, computer, news, beginning.clone()));
                }
                tokio::select! {
                    _ = &mut ended => Ok(()),
                    Some(failed) = watching.join_next() => failed?,
                }
            }))
        });
        Self { thread, end }
    }

    fn end(self) -> Result<()> {
        let _ = self.end.send(());
        self.thread.join().map_err(|_| anyhow!("a watcher panicked"))?
    }
}

#[derive(Deserialize)]
struct Answer {
    revision: u64,
    partitions: Vec<IgnoredAny>,
}

async fn watch(
    mut session: Session,
    path: String,
    computer: u64,
    news: Arc<News>,
    beginning: Arc<Semaphore>,
) -> Result<()> {
    let place = news.place(computer)?;
    let turn = beginning.acquire().await?;
    let mut since = ask(&mut session, &path, 0, 0).await?.revision;
    drop(turn);
    news.waiting.fetch_add(1, Relaxed);
    loop {
        let answer = ask(&mut session, &path, since, WAIT_S).await?;
        since = answer.revision;
        if !answer.partitions.is_empty() {
            news.arrived(place);
        }
    }
}

async fn ask(session: &mut Session, path: &str, since: u64, wait_s: u64) -> Result<Answer> {
    let path = format!("{path}?since={since}&wait={wait_s}");
    let answer = session.call("watch", &path, &Request::default(), &[200]).await?;
    serde_json::from_slice(answer.body).with_context(|| format!("answer: {}", answer.excerpt()))
}
