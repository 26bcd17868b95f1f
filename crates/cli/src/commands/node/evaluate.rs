//! `slapos node evaluate`, hidden: evaluates one profile for the agent at the other end of its pipe.

use crate::error::{Exit, Outcome, Step};

pub(super) fn run() -> Outcome {
    slapos_node::evaluate::child_main().step(|| "the agent is gone".into())?;
    Ok(Exit::Done)
}
