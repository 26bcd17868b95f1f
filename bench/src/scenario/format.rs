//! Registers computers with their partitions and supplies four releases to each.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    engine::{Limit, Plan, Scenario, Session, measure},
    fleet::{Fleet, format_body, supply_body},
    options::Common,
};

/// Register the computers with their partitions and supply 4 releases to each
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Only register the partitions
    #[arg(long)]
    no_supply: bool,
    /// First computer (to add computers to a fleet)
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// End after this many seconds, whatever is missing
    #[arg(long, short = 's', default_value_t = f64::INFINITY)]
    seconds: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (fleet, load) = (args.common.fleet(), args.common.load()?);
    let Some(count) = fleet.computers.checked_sub(args.first).filter(|count| *count > 0) else {
        anyhow::bail!("--first {}: there are {} computers", args.first, fleet.computers);
    };
    let limit = Limit { count, seconds: args.seconds };
    let plan = Plan::again("format", "computers", limit).from(args.first);
    ensure!(args.common.repeat == 1, "--repeat: a computer is registered once");
    let report = measure(&plan, &load, &Arc::new(Format { fleet, supply: !args.no_supply }))?;
    args.common.emit(report, json!({}))
}

struct Format {
    fleet: Fleet,
    supply: bool,
}

impl Scenario for Format {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        let body = format_body(&self.fleet.format_document(index));
        session.post("configure", "/loadComputerConfigurationFromXML", &body, None).await?;
        for number in 0..if self.supply { 4 } else { 0 } {
            let release = self.fleet.release_for(number);
            let body = supply_body(&release, &self.fleet.computer(index));
            session.post("supply", "/supplySupply", &body, None).await?;
        }
        Ok(())
    }
}
