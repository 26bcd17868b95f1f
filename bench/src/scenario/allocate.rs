//! Requests new instances: each on the computer that it asks for, no partition twice.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use anyhow::{Result, bail};
use serde_json::json;

use super::{given_twice, insist_on_one_each, verify};
use crate::{
    engine::{Limit, Plan, Scenario, Session, measure},
    fleet::Fleet,
    options::{Common, Located},
};

/// Request new instances
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Instances to request in each phase [default: all partitions]
    #[arg(long, short = 'n')]
    count: Option<u64>,
    /// End each phase after this many seconds, whatever is missing
    #[arg(long, short = 's', default_value_t = f64::INFINITY)]
    seconds: f64,
    /// Number of the first instance
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Report partitions given twice instead of failing
    #[arg(long)]
    allow_duplicates: bool,
    /// Write every acknowledged allocation to this file (for `verify`), also when the run fails
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (fleet, load) = (args.common.fleet(), args.common.load()?);
    let count = args.count.unwrap_or(fleet.capacity());
    let plan =
        Plan::fresh("allocate", "allocations", Limit { count, seconds: args.seconds }, args.first);
    let scenario = Arc::new(Allocate { fleet, acknowledged: Mutex::default() });
    let outcome = measure(&plan, &load, &scenario);
    let acknowledged = scenario.acknowledged.lock().expect("no worker is left");
    if let Some(path) = &args.record {
        verify::write_record(path, &scenario.fleet, &acknowledged)?;
    }
    let report = outcome?;
    let twice = given_twice(acknowledged.iter().map(|(_, place)| place));
    args.common.emit(report, json!({ "partitions_given_twice": twice.len() }))?;
    insist_on_one_each(&twice, args.allow_duplicates)
}

struct Allocate {
    fleet: Fleet,
    acknowledged: Mutex<Vec<Located>>,
}

impl Scenario for Allocate {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        let body = self.fleet.root_body(index, "started");
        let place = session.request("request", &body, None).await?.place;
        let asked = self.fleet.computer_for(index).filter(|asked| *asked != place.computer);
        let elsewhere = asked.map(|asked| (asked, place.computer.clone()));
        // recorded even if it is wrong: the master has acknowledged it
        self.acknowledged.lock().expect("pushing does not panic").push((index, place));
        match elsewhere {
            None => Ok(()),
            Some((asked, found)) => bail!("instance {index} asked for {asked}, got {found}"),
        }
    }
}
