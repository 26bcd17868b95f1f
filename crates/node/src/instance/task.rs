//! The task of one partition: the only one that touches it.
//!
//! ```text
//!         ┌──────────────────────────────────────────────┐
//!         ▼                                              │
//!      observe ──▶ plan ──▶ execute ──▶ wait for: a wish, a nudge (the release is ready, a
//!                                       process ended), the retry after a failure, the clock
//! ```
//!
//! A wish that changes while a pass runs interrupts it at the next step that waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use slapos_core::names::{Generation, PartitionId, Revision};
use slapos_wire::{
    client::Client,
    v1::{InstanceReport, InstanceWish},
};
use tokio::sync::{Notify, watch};
use tracing::{Instrument, Span};

use super::{Memory, recall};
use crate::{
    agent::Node,
    calls, clock, execute,
    observe::observe,
    plan::{Inputs, plan},
    report::Reporter,
};

/// How often promises are checked while nothing happens; as SlapOS has it.
const CHECK_EVERY: Duration = Duration::from_secs(120);
/// The pause after the first failed pass; doubled each time.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// The longest such pause.
const RETRY_MAX: Duration = Duration::from_secs(300);

/// Wakes a partition's task.
#[derive(Debug, Default)]
pub(crate) struct Nudge {
    notify: Notify,
    unsettled: AtomicBool,
}

impl Nudge {
    /// Something outside of the partition changed: look again.
    pub(crate) fn look_again(&self) {
        self.notify.notify_one();
    }

    /// Something may have happened to its programs, or to what the master was told: check programs
    /// and promises, and report.
    pub(crate) fn check(&self) {
        self.unsettled.store(true, Ordering::Release);
        self.notify.notify_one();
    }
}

/// One partition of this computer.
pub(crate) struct Partition {
    pub(crate) node: Arc<Node>,
    pub(crate) name: PartitionId,
    pub(crate) memory: Option<Memory>,
    /// The programs were handed to the supervisor and none has ended since.
    pub(crate) programs_run: bool,
    /// What the programs were evaluated from that were handed to the supervisor last.
    pub(crate) handed: Option<Inputs>,
    /// The wish whose last pass failed, which was told: that it is tried again is no news.
    pub(crate) failed: Option<Generation>,
    /// The way to the master.
    pub(crate) reports: Reporter<InstanceReport>,
    wishes: watch::Receiver<Option<InstanceWish>>,
    nudge: Arc<Nudge>,
}

impl Partition {
    /// The partition `name`, whose wishes come through `wishes`; the first came with the revision
    /// `heard`. Reads what the node remembers of it.
    pub(crate) fn new(
        node: Arc<Node>,
        name: PartitionId,
        wishes: watch::Receiver<Option<InstanceWish>>,
        nudge: Arc<Nudge>,
        heard: Revision,
    ) -> Self {
        let memory = recall(&node.settings, &name);
        let (client, computer) = (node.client.clone(), node.settings.computer.clone());
        let place = name.clone();
        let reports = Reporter::start(heard, move |report: InstanceReport, follows| {
            let (client, computer, place) = (client.clone(), computer.clone(), place.clone());
            let report = InstanceReport { follows: Some(follows), ..report };
            async move {
                let call =
                    move |client: &Client| client.report_instance(&computer, &place, &report);
                calls::once(&client, call).await
            }
        });
        let (programs_run, handed, failed) = (false, None, None);
        Self { node, name, memory, programs_run, handed, failed, reports, wishes, nudge }
    }

    /// How long the last evaluation holds from now on; `None` without one, or if one is due that waits for its release.
    fn holds_for(&self) -> Option<Duration> {
        let evaluated = self.memory.as_ref()?.evaluated.as_ref()?;
        Some(evaluated.holds_for(clock::now_unix_seconds())).filter(|holds| !holds.is_zero())
    }
}

/// Runs the task until the node ends.
pub(crate) async fn run(mut partition: Partition) {
    let mut pause = RETRY_FIRST;
    loop {
        if partition.nudge.unsettled.swap(false, Ordering::AcqRel) {
            partition.programs_run = false;
        }
        let wish = partition.wishes.borrow_and_update().clone();
        let mut interrupt = partition.wishes.clone();
        let span = span(wish.as_ref());
        let pass = pass(&mut partition, wish).instrument(span);
        let wait = match calls::unless(interrupt.changed(), pass).await {
            Err(Err(_)) => return, // the node is ending
            Err(Ok(())) => {
                pause = RETRY_FIRST; // another wish has not failed yet
                continue;
            }
            Ok(Ok(())) => {
                pause = RETRY_FIRST;
                partition.holds_for().map_or(CHECK_EVERY, |holds| holds.min(CHECK_EVERY))
            }
            Ok(Err(())) => {
                let after = pause;
                pause = (pause * 2).min(RETRY_MAX);
                after
            }
        };
        let nudge = Arc::clone(&partition.nudge);
        tokio::select! {
            changed = partition.wishes.changed() => match changed {
                Ok(()) => pause = RETRY_FIRST,
                Err(_) => return,
            },
            () = nudge.notify.notified() => {}
            () = tokio::time::sleep(wait) => partition.programs_run = false, // look at everything
        }
    }
}

/// Says in the log whom a pass is about.
fn span(wish: Option<&InstanceWish>) -> Span {
    let Some(wish) = wish else { return Span::none() };
    tracing::info_span!("pass", instance = %wish.id, title = %wish.title)
}

/// One pass. The error, already reported, means: try again after a pause.
async fn pass(partition: &mut Partition, wish: Option<InstanceWish>) -> Result<(), ()> {
    let settings = &partition.node.settings;
    let (seen, inputs) =
        observe(settings, wish.as_ref(), partition.memory.as_ref(), partition.programs_run);
    let steps = plan(wish.as_ref(), &seen, &inputs);
    if steps.is_empty() {
        return Ok(());
    }
    tracing::debug!(?steps, "pass");
    execute::execute(partition, wish.as_ref(), &steps, inputs).await
}
