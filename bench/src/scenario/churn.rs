//! Instances that come and go: a freed partition is used again.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    engine::{Plan, Scenario, Session, measure},
    fleet::{Fleet, report_body},
    options::{Common, Span},
};

/// Request, destroy and free instances (three requests an operation)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    span: Span,
    /// Number of the first instance (above those that exist)
    #[arg(long, default_value_t = 1 << 40)]
    first: u64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (fleet, load) = (args.common.fleet(), args.common.load()?);
    let plan = Plan::fresh("churn", "cycles", args.span.limit(), args.first);
    let report = measure(&plan, &load, &Arc::new(Churn { fleet }))?;
    args.common.emit(report, json!({}))
}

struct Churn {
    fleet: Fleet,
}

impl Scenario for Churn {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        come_and_go(session, &self.fleet, index).await
    }
}

/// Requests an instance, wishes it destroyed, reports it destroyed, as its node does.
///
/// # Errors
/// When any of this fails, or it moved in between.
pub(super) async fn come_and_go(session: &mut Session, fleet: &Fleet, instance: u64) -> Result<()> {
    let came = session.request("request", &fleet.root_body(instance, "started"), None).await?.place;
    let body = fleet.root_body(instance, "destroyed");
    let went = session.request("request-destroyed", &body, None).await?.place;
    ensure!(came == went, "instance {instance} was at {came:?}, destroyed at {went:?}");
    let path = "/destroyedComputerPartition";
    session.post("report-destroyed", path, &report_body(&came), Some(&came)).await
}
