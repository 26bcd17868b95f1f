//! `slapos node supervisor`, hidden: what the agent starts.

use camino::Utf8PathBuf;
use slapos_node::supervise;

use super::log_to_stderr;
use crate::error::{Exit, Failure, Outcome};

/// Keep the services of one node running.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The node's directory for run-time files
    #[arg(long, value_name = "DIR")]
    base: Utf8PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    log_to_stderr();
    let program = Utf8PathBuf::try_from(std::env::current_exe()?)
        .map_err(|_| Failure::new(Exit::Failed, "the program's path is not UTF-8"))?;
    let settings = supervise::SupervisorSettings { base: args.base.clone(), program };
    supervise::run(settings).map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    tracing::info!("ended, after all services");
    Ok(Exit::Done)
}
