//! Many shared instances on one host, as behind a web frontend: the node is told of all.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{
    answers::SharedSeen,
    engine::{Limit, Load, Plan, Scenario, Session, alone, measure},
    fleet::{Ask, Fleet, Place, publish_body, supply_body},
    options::{Common, block},
};

/// So many values are read back after publishing.
const READ_BACK: usize = 32;

/// Request many shared (slave) instances on one partition
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Shared instances in each phase
    #[arg(long, short = 'n', default_value_t = 1000)]
    count: u64,
    /// Number of the first one
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Publish the connection of those that exist instead of requesting new ones
    #[arg(long)]
    publish: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let load = args.common.load()?;
    // a release of its own, so that no other instance can be taken for the host
    let fleet = args.common.fleet();
    let release = fleet.exact_release.clone();
    let release = release.unwrap_or_else(|| format!("{}/software-frontend.cfg", fleet.release));
    let fleet = Fleet { exact_release: Some(release), ..fleet };
    let host = block(host(&fleet, &load))?;
    if args.publish { publish(args, &load, fleet, host) } else { request(args, &load, fleet, host) }
}

fn request(args: &Args, load: &Load, fleet: Fleet, host: Place) -> Result<()> {
    let plan = Plan::fresh("shared", "shared instances", Limit::count(args.count), args.first);
    let before = block(listed(load, &host))?.len();
    let scenario = Arc::new(Requests { fleet, host });
    let report = measure(&plan, load, &scenario)?;
    let after = block(listed(load, &scenario.host))?.len();
    let wanted = before as u64 + report.operations;
    args.common.emit(report, json!({ "listed_before": before, "listed_after": after }))?;
    ensure!(
        after as u64 == wanted,
        "the node should be told of {wanted} shared instances, not of {after}"
    );
    Ok(())
}

fn publish(args: &Args, load: &Load, fleet: Fleet, host: Place) -> Result<()> {
    let plan = Plan::again("shared-publish", "publications", Limit::count(args.count));
    let numbers: HashMap<String, u64> = (args.first..args.first + args.count)
        .map(|number| (shared_title(&fleet, number), number))
        .collect();
    let title = fleet.title(0);
    let beginning = title.trim_end_matches('0');
    let mut known: Vec<(String, u64)> = vec![];
    for shared in block(listed(load, &host))? {
        // a master may put something of its own before the title
        let from = shared.title.find(beginning);
        let number = from.and_then(|from| numbers.get(&shared.title[from..]));
        let number = number.with_context(|| format!("unexpected title {:?}", shared.title))?;
        known.push((shared.reference, *number));
    }
    ensure!(!known.is_empty(), "no shared instance exists yet: run without --publish first");
    let scenario = Arc::new(Publications { fleet, host, known });
    let report = measure(&plan, load, &scenario)?;
    // only when each was published at least once
    let complete = args.count >= scenario.known.len() as u64;
    let checked = if complete { block(scenario.read_back(load))? } else { 0 };
    args.common.emit(report, json!({ "published_and_read_back": checked }))
}

struct Requests {
    fleet: Fleet,
    host: Place,
}

impl Scenario for Requests {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        let body = shared_body(&self.fleet, index);
        let place = session.request("request-shared", &body, None).await?.place;
        ensure!(place == self.host, "shared instance {index} is served by {place:?}");
        Ok(())
    }
}

struct Publications {
    fleet: Fleet,
    host: Place,
    /// Reference and number of each shared instance.
    known: Vec<(String, u64)>,
}

impl Scenario for Publications {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        let count = self.known.len() as u64;
        let at = usize::try_from(index % count).context("index")?;
        let (reference, number) = &self.known[at];
        let connection = self.fleet.connection(*number, 0);
        let body = publish_body(&self.host, &connection, Some(reference));
        session.publish("publish-shared", &self.host, &body).await
    }
}

impl Publications {
    async fn read_back(&self, load: &Load) -> Result<usize> {
        let mut session = alone(load);
        let step = (self.known.len() / READ_BACK).max(1);
        let mut checked = 0;
        for (_, number) in self.known.iter().step_by(step) {
            let body = shared_body(&self.fleet, *number);
            let found = session.request("check", &body, None).await?.connection;
            ensure!(
                found.as_ref() == Some(&self.fleet.connection(*number, 0)),
                "what shared instance {number} got is not what was published: {found:?}"
            );
            checked += 1;
        }
        Ok(checked)
    }
}

/// Requests the instance that serves the shared ones, on the first computer.
async fn host(fleet: &Fleet, load: &Load) -> Result<Place> {
    let mut session = alone(load);
    let supply = supply_body(&fleet.release_for(0), &fleet.computer(0));
    session.post("supply", "/supplySupply", &supply, None).await?;
    let ask = Ask {
        title: &format!("{}-host-of-shared", fleet.title(0)),
        parameters: "{}",
        computer: Some(&fleet.computer(0)),
        state: "started",
        shared: false,
        requester: None,
    };
    let body = fleet.request_body(0, &ask);
    Ok(session.request("host", &body, None).await?.place)
}

/// The shared instances that the node of the host is told of.
async fn listed(load: &Load, host: &Place) -> Result<Vec<SharedSeen>> {
    let partitions = alone(load).computer("listed", &host.computer).await?;
    let found = partitions.into_iter().find(|seen| seen.partition == host.partition);
    Ok(found.context("the host's partition is gone")?.shared)
}

fn shared_title(fleet: &Fleet, number: u64) -> String {
    format!("{}-shared", fleet.title(number))
}

fn shared_body(fleet: &Fleet, number: u64) -> String {
    let ask = Ask {
        title: &shared_title(fleet, number),
        parameters: &fleet.parameters(number),
        computer: Some(&fleet.computer(0)),
        state: "started",
        shared: true,
        requester: None,
    };
    fleet.request_body(0, &ask)
}
