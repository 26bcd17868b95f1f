//! Repeats existing requests unchanged: nothing may move.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    engine::{Plan, Scenario, Session, measure},
    fleet::{Fleet, mix},
    options::{Common, Span},
};

/// Repeat existing requests unchanged
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    span: Span,
    /// Instances that exist [default: all partitions]
    #[arg(long)]
    instances: Option<u64>,
    /// Do not check that instances stay where they are
    #[arg(long)]
    no_verify: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (fleet, load) = (args.common.fleet(), args.common.load()?);
    let instances = args.instances.unwrap_or(fleet.capacity()).max(1);
    let checked = if args.no_verify { 0 } else { instances };
    let plan = Plan::again("reask", "requests", args.span.limit());
    let seen = (0..checked).map(|_| AtomicU64::new(0)).collect();
    let report = measure(&plan, &load, &Arc::new(Reask { fleet, instances, seen }))?;
    args.common.emit(report, json!({ "nothing_moved": (!args.no_verify).then_some(true) }))
}

struct Reask {
    fleet: Fleet,
    instances: u64,
    /// Digest of the place where each instance was last, 0: not yet seen. Empty: not checked.
    seen: Vec<AtomicU64>,
}

impl Scenario for Reask {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        let instance = mix(self.fleet.seed ^ 0x5eed, index) % self.instances;
        let body = self.fleet.root_body(instance, "started");
        let place = session.request("request", &body, None).await?.place;
        let Some(last) = usize::try_from(instance).ok().and_then(|at| self.seen.get(at)) else {
            return Ok(());
        };
        let before = last.swap(place.digest(), Relaxed);
        ensure!(
            before == 0 || before == place.digest(),
            "instance {instance} moved to {}/{}",
            place.computer,
            place.partition
        );
        Ok(())
    }
}
