//! `slapos node run`

use slapos_node::{agent, settings::Settings};

use super::{log_to_stderr, until_told_to_end};
use crate::{
    error::{Exit, Failure, Outcome},
    shipped,
};

/// Run the agent of this computer until told to end (SIGTERM or Ctrl-C).
///
/// Services go on without it: they belong to a supervisor process, which the agent starts when it
/// is absent. `slapos node status` shows them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// End when standard input does: for whoever starts the node as a part of something
    #[arg(long, hide = true)]
    with_parent: bool,
}

pub(super) fn run(args: &Args, settings: &Settings) -> Outcome {
    log_to_stderr();
    shipped::lay_out(&settings.shipped_root)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(agent::BLOCKING_THREADS)
        .enable_all()
        .build()?;
    let end = until_told_to_end(args.with_parent);
    let ran = runtime.block_on(agent::run(settings.clone(), end));
    runtime.shutdown_background();
    ran.map_err(|error| Failure::hinted(Exit::Failed, &error, error.hint()))?;
    tracing::info!("ended; services go on");
    Ok(Exit::Done)
}
