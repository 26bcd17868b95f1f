//! Reads random partitions, as a program in one does: the right one, with the right instance.

use std::sync::Arc;

use anyhow::{Result, bail};
use serde_json::json;

use crate::{
    answers::check_partition,
    engine::{Plan, Scenario, Session, measure},
    fleet::{Fleet, Place, mix},
    http::Request,
    marshal::decode,
    options::{Common, Located, Sample, Span},
};

/// Read random partitions that hold an instance
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    sample: Sample,
    /// Do not check that it is the right partition with the right instance
    #[arg(long)]
    no_verify: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (fleet, load) = (args.common.fleet(), args.common.load()?);
    let located = args.sample.locate(&load, &fleet)?;
    let plan = Plan::again("info", "requests", args.span.limit());
    let scenario = Arc::new(Info { fleet, located, verify: !args.no_verify });
    let report = measure(&plan, &load, &scenario)?;
    args.common.emit(report, json!({ "titles_right": (!args.no_verify).then_some(true) }))
}

struct Info {
    fleet: Fleet,
    located: Vec<Located>,
    verify: bool,
}

impl Scenario for Info {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        let number = mix(self.fleet.seed ^ 0x1f0, index);
        let (instance, place) = pick(&self.located, number)?;
        let title = self.verify.then(|| self.fleet.title(*instance));
        read(session, place, title.as_deref()).await
    }
}

/// Reads a partition; `title`: insist on that instance.
///
/// # Errors
/// When the answer is no document, or not about this partition.
pub(super) async fn read(session: &mut Session, place: &Place, title: Option<&str>) -> Result<()> {
    let path = format!(
        "/registerComputerPartition?computer_reference={}&computer_partition_reference={}",
        place.computer, place.partition
    );
    let authorization = place.authorization();
    let request = Request { authorization: Some(&authorization), ..Request::default() };
    let answer = session.call("info", &path, &request, &[200]).await?;
    match title {
        Some(title) => check_partition(answer.body, place, title),
        None => decode(answer.body).map(drop).map_err(Into::into),
    }
}

/// The instance of a sample that belongs to a number.
///
/// # Errors
/// When the sample is empty.
pub(super) fn pick(located: &[Located], number: u64) -> Result<&Located> {
    let count = located.len().max(1) as u64;
    match usize::try_from(number % count).ok().and_then(|at| located.get(at)) {
        Some(found) => Ok(found),
        None => bail!("no instance to choose from"),
    }
}
