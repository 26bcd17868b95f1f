//! `slapos node launch`, hidden: confines itself, then becomes another program.

use slapos_node::sandbox;

use crate::{error::Outcome, ui::Ui};

pub(super) fn run() -> Outcome {
    let error = sandbox::launch_from_stdin();
    Ui { json: false }.say(error.line());
    #[expect(clippy::exit, reason = "the exit code of launchers, which is none of ours")]
    std::process::exit(sandbox::LAUNCH_FAILED)
}
