//! Publishes connections, a new value each time, and reads a few back as their requester.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::json;

use super::info::pick;
use crate::{
    clock,
    engine::{Load, Plan, Scenario, Session, alone, measure},
    fleet::{Fleet, publish_body},
    options::{Common, Located, Sample, Span, block},
};

/// Publish connections, a new value each time
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    sample: Sample,
    /// Publish the value that is already there
    #[arg(long)]
    unchanged: bool,
    /// Values to publish and read back, one by one, after the measurement
    #[arg(long, default_value_t = 32)]
    check: usize,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (fleet, load) = (args.common.fleet(), args.common.load()?);
    let located = args.sample.locate(&load, &fleet)?;
    let plan = Plan::again("publish", "publications", args.span.limit());
    let epoch = (!args.unchanged).then(clock::epoch_us);
    let scenario = Arc::new(Publish { fleet, located, epoch });
    let report = measure(&plan, &load, &scenario)?;
    let checked = block(scenario.read_back(&load, args.check))?;
    args.common.emit(report, json!({ "published_and_read_back": checked }))
}

struct Publish {
    fleet: Fleet,
    located: Vec<Located>,
    /// Makes the values of separate runs differ; `None`: always the same value.
    epoch: Option<u64>,
}

impl Scenario for Publish {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        // neighbouring operations are about different partitions
        let (instance, place) = pick(&self.located, index)?;
        let revision = self.epoch.map_or(0, |epoch| revision(epoch, index));
        let connection = self.fleet.connection(*instance, revision);
        session.publish("publish", place, &publish_body(place, &connection, None)).await
    }
}

/// A number that no other publication has.
pub(super) fn revision(epoch: u64, index: u64) -> u64 {
    epoch.wrapping_mul(1_000_003).wrapping_add(index)
}

impl Publish {
    /// What was acknowledged must be what the requester reads.
    async fn read_back(&self, load: &Load, count: usize) -> Result<usize> {
        let mut session = alone(load);
        let chosen = self.located.iter().take(count);
        for (number, (instance, place)) in (0..).zip(chosen) {
            let wanted = self.fleet.connection(*instance, !number);
            session.publish("check", place, &publish_body(place, &wanted, None)).await?;
            let body = self.fleet.root_body(*instance, "started");
            let found = session.request("check", &body, None).await?.connection;
            ensure!(
                found.as_ref() == Some(&wanted),
                "what instance {instance} published is not what its requester reads: {found:?}"
            );
        }
        Ok(count.min(self.located.len()))
    }
}
