//! What a steady fleet sends, by weight.

use std::{str::FromStr, sync::Arc};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;

use super::{churn, info, publish};
use crate::{
    answers::check_computer,
    clock,
    engine::{Plan, Scenario, Session, computer_path, measure},
    fleet::{Fleet, mix, publish_body, report_body},
    http::Request,
    options::{Common, Located, Sample, Span},
};

/// Instances of churn have numbers from here on, above all others.
const FIRST_OF_CHURN: u64 = 1 << 41;

/// Send what a steady fleet sends
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    sample: Sample,
    /// Churn needs as many free partitions on each computer as there are connections
    #[arg(long, default_value = "poll=60,info=12,reask=16,publish=5,report=5,churn=2")]
    weights: Weights,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (fleet, load) = (args.common.fleet(), args.common.load()?);
    let epoch = clock::epoch_us();
    let scenario = Arc::new(Mixed {
        instances: args.sample.instances(&fleet),
        located: args.sample.locate(&load, &fleet)?,
        fleet,
        weights: args.weights.clone(),
        epoch,
    });
    let plan = Plan::again("mixed", "operations", args.span.limit()).from(epoch);
    let report = measure(&plan, &load, &scenario)?;
    args.common.emit(report, json!({}))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Poll,
    Info,
    Reask,
    Publish,
    Report,
    Churn,
}

const PARTS: [(&str, Part); 6] = [
    ("poll", Part::Poll),
    ("info", Part::Info),
    ("reask", Part::Reask),
    ("publish", Part::Publish),
    ("report", Part::Report),
    ("churn", Part::Churn),
];

/// How often each part comes, relative to the others.
#[derive(Clone, Debug)]
struct Weights(Vec<(Part, u64)>);

impl FromStr for Weights {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut weights = vec![];
        for entry in text.split(',') {
            let (name, weight) =
                entry.split_once('=').context("weights are like poll=60,info=12")?;
            let Some((_, part)) = PARTS.iter().find(|(known, _)| *known == name.trim()) else {
                bail!("{name}: unknown; known are {}", PARTS.map(|(name, _)| name).join(", "));
            };
            weights.push((*part, weight.trim().parse()?));
        }
        ensure!(weights.iter().any(|(_, weight)| *weight > 0), "all weights are zero");
        Ok(Self(weights))
    }
}

impl Weights {
    /// The part that belongs to a number.
    fn choose(&self, number: u64) -> Part {
        let total: u64 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut left = number % total.max(1);
        for (part, weight) in &self.0 {
            if left < *weight {
                return *part;
            }
            left -= weight;
        }
        Part::Poll
    }
}

struct Mixed {
    fleet: Fleet,
    instances: u64,
    located: Vec<Located>,
    weights: Weights,
    epoch: u64,
}

impl Scenario for Mixed {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        let fleet = &self.fleet;
        let dice = mix(fleet.seed ^ 0x3117, index);
        let choice = mix(dice, index);
        let (instance, place) = info::pick(&self.located, choice)?;
        match self.weights.choose(dice) {
            Part::Poll => {
                let name = fleet.computer(choice % fleet.computers);
                let (path, request) = (computer_path(&name), Request::default());
                let answer = session.call("poll", &path, &request, &[200]).await?;
                check_computer(answer.body, &name, fleet.partitions, index.is_multiple_of(64))
            }
            Part::Info => info::read(session, place, Some(&fleet.title(*instance))).await,
            Part::Reask => {
                let body = fleet.root_body(choice % self.instances, "started");
                session.request("reask", &body, None).await.map(drop)
            }
            Part::Publish => {
                let revision = publish::revision(self.epoch, index);
                let connection = fleet.connection(*instance, revision);
                session.publish("publish", place, &publish_body(place, &connection, None)).await
            }
            Part::Report => {
                let path = "/startedComputerPartition";
                session.post("report", path, &report_body(place), Some(place)).await
            }
            Part::Churn => churn::come_and_go(session, fleet, FIRST_OF_CHURN + index).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_choose_by_their_share() {
        let weights: Weights = "poll=2, churn=1".parse().unwrap();
        let chosen: Vec<Part> = (0..3).map(|number| weights.choose(number)).collect();
        assert_eq!(chosen, [Part::Poll, Part::Poll, Part::Churn]);
    }

    #[test]
    fn weights_that_mean_nothing_are_refused() {
        for text in ["", "poll", "poll=x", "sleep=1", "poll=0"] {
            assert!(text.parse::<Weights>().is_err(), "{text}");
        }
    }
}
