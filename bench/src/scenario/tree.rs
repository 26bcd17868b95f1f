//! Whole trees: a root, its children, their children; values travel from the leaves up.

use std::sync::{Arc, Mutex};

use anyhow::{Result, ensure};
use serde_json::json;

use super::{given_twice, insist_on_one_each};
use crate::{
    engine::{Limit, Plan, Scenario, Session, measure},
    fleet::{Ask, Fleet, Place, publish_body},
    options::Common,
};

/// Request whole trees: a root, which requests children, which request children
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Trees in each phase
    #[arg(long, short = 'n', default_value_t = 100)]
    count: u64,
    /// Number of the first tree
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Children of each instance, level by level
    #[arg(long, value_delimiter = ',', default_value = "3,2")]
    fanout: Vec<u64>,
    /// Then publish from the leaves up to the root; each requester must receive it
    #[arg(long)]
    connect: bool,
    /// Report partitions given twice instead of failing
    #[arg(long)]
    allow_duplicates: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (fleet, load) = (args.common.fleet(), args.common.load()?);
    let plan = Plan::fresh(
        if args.connect { "tree-connect" } else { "tree" },
        "trees",
        Limit::count(args.count),
        args.first,
    );
    let scenario = Arc::new(Trees {
        fleet,
        fanout: args.fanout.clone(),
        connect: args.connect,
        acknowledged: Mutex::default(),
    });
    let report = measure(&plan, &load, &scenario)?;
    let places = scenario.acknowledged.lock().expect("no worker is left");
    let twice = given_twice(places.iter());
    let size = tree_size(&args.fanout);
    let checks = json!({
        "partitions_given_twice": twice.len(),
        "instances_per_tree": size,
        "instances_per_s": (report.rate_per_s * size as f64).round(),
    });
    args.common.emit(report, checks)?;
    insist_on_one_each(&twice, args.allow_duplicates)
}

/// Instances of a tree: 3 children with 2 each make 1 + 3 + 6.
fn tree_size(fanout: &[u64]) -> u64 {
    let levels = fanout.iter().scan(1, |level, children| {
        *level *= children;
        Some(*level)
    });
    1 + levels.sum::<u64>()
}

struct Trees {
    fleet: Fleet,
    fanout: Vec<u64>,
    connect: bool,
    acknowledged: Mutex<Vec<Place>>,
}

/// An instance of a tree, as it was requested.
struct Branch {
    number: u64,
    body: String,
    requester: Option<Place>,
    place: Place,
}

impl Scenario for Trees {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        let first = index * tree_size(&self.fanout);
        let mut branches = vec![self.request(session, index, first, None).await?];
        let mut level = 0;
        for children in &self.fanout {
            let requesters = level..branches.len();
            level = branches.len();
            for requester in requesters {
                for _ in 0..*children {
                    let number = first + branches.len() as u64;
                    let place = branches[requester].place.clone();
                    branches.push(self.request(session, index, number, Some(place)).await?);
                }
            }
        }
        if self.connect {
            for branch in branches.iter().rev() {
                self.connect(session, branch).await?;
            }
        }
        let places = branches.into_iter().map(|branch| branch.place);
        self.acknowledged.lock().expect("extending does not panic").extend(places);
        Ok(())
    }
}

impl Trees {
    async fn request(
        &self,
        session: &mut Session,
        tree: u64,
        number: u64,
        requester: Option<Place>,
    ) -> Result<Branch> {
        let (kind, title) = match requester {
            None => ("request-root", format!("{}-tree", self.fleet.title(tree))),
            Some(_) => ("request-child", format!("child-{number}")),
        };
        let computer = self.fleet.computer_for(number);
        let ask = Ask {
            title: &title,
            parameters: &self.fleet.parameters(number),
            computer: computer.as_deref(),
            state: "started",
            shared: false,
            requester: requester.as_ref(),
        };
        let body = self.fleet.request_body(number, &ask);
        let place = session.request(kind, &body, requester.as_ref()).await?.place;
        Ok(Branch { number, body, requester, place })
    }

    /// Publishes as an instance and asks again as its requester.
    async fn connect(&self, session: &mut Session, branch: &Branch) -> Result<()> {
        let Branch { number, body, requester, place } = branch;
        let wanted = self.fleet.connection(*number, 1);
        session.publish("publish", place, &publish_body(place, &wanted, None)).await?;
        let answer = session.request("reask", body, requester.as_ref()).await?;
        ensure!(answer.place == *place, "instance {number} moved");
        ensure!(
            answer.connection.as_ref() == Some(&wanted),
            "what instance {number} published is not what its requester reads"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_tree_counts_all_levels() {
        for (fanout, size) in [(&[][..], 1), (&[3], 4), (&[3, 2], 10)] {
            assert_eq!(tree_size(fanout), size, "{fanout:?}");
        }
    }
}
