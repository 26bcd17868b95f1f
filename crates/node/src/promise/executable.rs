//! Runs a check that is a program, through the launcher.

use std::time::Duration;

use super::{Outcome, PromiseContext};
use crate::sandbox::{self, LaunchSpec};

/// What SlapOS gives a promise.
const LIMIT: Duration = Duration::from_secs(20);

pub(super) async fn run(context: &PromiseContext, command: Vec<String>) -> Outcome {
    let spec = LaunchSpec {
        command,
        directory: context.directory.clone(),
        environment: context.environment.clone(),
        user: context.user,
        sandbox: context.sandbox.clone(),
        keep_stdin: false,
        guarded: true,
    };
    sandbox::run(&context.program, &spec, LIMIT).await
}
