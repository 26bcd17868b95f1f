//! From the request for a new instance to its connection in the requester's hands.

use std::{
    collections::HashSet,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use serde_json::json;
use tokio::{sync::oneshot, task::LocalSet, time};

use crate::{
    engine::{Limit, Load, Plan, Scenario, Session, alone, measure},
    fleet::{Fleet, Place, publish_body},
    options::{Common, block},
};

/// So many connections at most play the nodes.
const NODE_CONNECTIONS_MAX: u64 = 8;

/// Time from the request of a new instance to its connection
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    #[arg(long, short = 'n', default_value_t = 100)]
    count: u64,
    /// Number of the first instance
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Milliseconds between two asks of the same requester
    #[arg(long, default_value_t = 10)]
    interval: u64,
    /// Play the nodes of all computers, each looking every this many milliseconds; without it,
    /// real nodes must be running
    #[arg(long, value_name = "MS")]
    simulate_nodes: Option<u64>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (fleet, load) = (args.common.fleet(), args.common.load()?);
    let plan = Plan::fresh("converge", "instances connected", Limit::count(args.count), args.first);
    let nodes =
        args.simulate_nodes.map(|ms| Nodes::start(&fleet, &load, Duration::from_millis(ms)));
    let interval = Duration::from_millis(args.interval);
    let measured = measure(&plan, &load, &Arc::new(Converge { fleet, interval }));
    if let Some(nodes) = nodes {
        nodes.end()?; // why they failed says more than that nothing was published
    }
    args.common.emit(measured?, json!({ "simulated_node_interval_ms": args.simulate_nodes }))
}

struct Converge {
    fleet: Fleet,
    /// Between two asks of the same requester.
    interval: Duration,
}

impl Scenario for Converge {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        let body = self.fleet.root_body(index, "started");
        let mut answer = session.request("request", &body, None).await?;
        while !answer.connected {
            time::sleep(self.interval).await;
            answer = session.request("reask", &body, None).await?;
        }
        Ok(())
    }
}

/// A thread that plays the nodes of all computers until it is told to end.
struct Nodes {
    thread: thread::JoinHandle<Result<()>>,
    end: oneshot::Sender<()>,
}

impl Nodes {
    fn start(fleet: &Fleet, load: &Load, interval: Duration) -> Self {
        let (end, mut ended) = oneshot::channel();
        let (fleet, load) = (Arc::new(fleet.clone()), load.clone());
        let thread = thread::spawn(move || {
            block(LocalSet::new().run_until(async {
                let lanes = fleet.computers.min(NODE_CONNECTIONS_MAX);
                let mut playing = tokio::task::JoinSet::new();
                for lane in 0..lanes {
                    let computers = (lane..fleet.computers).step_by(lanes as usize).collect();
                    let session = alone(&load);
                    playing.spawn_local(play(fleet.clone(), session, computers, interval));
                }
                tokio::select! {
                    _ = &mut ended => Ok(()),
                    Some(failed) = playing.join_next() => failed?,
                }
            }))
        });
        Self { thread, end }
    }

    fn end(self) -> Result<()> {
        let _ = self.end.send(());
        self.thread.join().map_err(|_| anyhow!("a simulated node panicked"))?
    }
}

/// Looks at some computers in turn, and publishes at once for whatever has no connection yet.
async fn play(
    fleet: Arc<Fleet>,
    mut session: Session,
    computers: Vec<u64>,
    interval: Duration,
) -> Result<()> {
    let mut published: HashSet<(u64, String)> = HashSet::new();
    loop {
        let start = Instant::now();
        for number in &computers {
            let computer = fleet.computer(*number);
            for seen in session.computer("look", &computer).await? {
                let Some(title) = seen.title.filter(|_| !seen.connected) else { continue };
                if published.insert((*number, title)) {
                    let place = Place { computer: computer.clone(), partition: seen.partition };
                    let body = publish_body(&place, &fleet.connection(*number, 0), None);
                    session.publish("publish", &place, &body).await?;
                }
            }
        }
        time::sleep(interval.saturating_sub(start.elapsed())).await;
    }
}
