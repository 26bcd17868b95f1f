//! Reads random computers, as nodes do.

use std::sync::{
    Arc, RwLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    answers::check_computer,
    engine::{Plan, Scenario, Session, computer_path, measure},
    fleet::{Fleet, mix},
    http::Request,
    options::{Common, Span},
};

/// Read random computers with all their partitions
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    span: Span,
    /// Send If-None-Match with the tag seen last; then 304 is expected too
    #[arg(long)]
    etag: bool,
    /// Read one answer in this many completely (0: none)
    #[arg(long, default_value_t = 64)]
    check_every: u64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (fleet, load) = (args.common.fleet(), args.common.load()?);
    let plan = Plan::again("poll", "polls", args.span.limit());
    let scenario = Arc::new(Poll {
        tags: args.etag.then(|| (0..fleet.computers).map(|_| RwLock::default()).collect()),
        fleet,
        not_modified: AtomicU64::new(0),
        check_every: args.check_every,
    });
    let report = measure(&plan, &load, &scenario)?;
    let not_modified = scenario.not_modified.load(Relaxed);
    args.common.emit(report, json!({ "not_modified": not_modified }))?;
    ensure!(!args.etag || not_modified > 0, "--etag: the master never answered 304 (not modified)");
    Ok(())
}

struct Poll {
    fleet: Fleet,
    /// The tag seen last, by computer; `None`: polls are not conditional.
    tags: Option<Vec<RwLock<Option<String>>>>,
    not_modified: AtomicU64,
    check_every: u64,
}

impl Scenario for Poll {
    async fn operate(&self, session: &mut Session, index: u64) -> Result<()> {
        let number = mix(self.fleet.seed ^ 0x9011, index) % self.fleet.computers;
        let name = self.fleet.computer(number);
        let path = computer_path(&name);
        let slot = self.tags.as_ref().zip(usize::try_from(number).ok()).map(|(tags, at)| &tags[at]);
        let known = slot.and_then(|slot| slot.read().expect("cloning does not panic").clone());
        let request = Request { if_none_match: known.as_deref(), ..Request::default() };
        let expected: &[u16] = if known.is_some() { &[200, 304] } else { &[200] };
        let answer = session.call("poll", &path, &request, expected).await?;
        if answer.status == 304 {
            self.not_modified.fetch_add(1, Relaxed);
            return Ok(());
        }
        if let (Some(slot), Some(tag)) = (slot, answer.etag) {
            *slot.write().expect("assigning does not panic") = Some(tag.to_owned());
        }
        let whole = self.check_every > 0 && index.is_multiple_of(self.check_every);
        check_computer(answer.body, &name, self.fleet.partitions, whole)
    }
}
