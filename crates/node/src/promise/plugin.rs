//! Promises that only exist in Python: classes of `slapos.toolbox` and of releases.
//!
//! Each runs in a process of its own, as the partition's user and in its sandbox, under the Python of the release,
//! which has the eggs that it imports.

use camino::Utf8Path;

use super::{Outcome, PromiseContext, executable};

const PROGRAM: &str = include_str!("plugin.py");

pub(super) async fn run(context: &PromiseContext, path: &Utf8Path) -> Outcome {
    let Some(python) = &context.python else {
        return Err(format!(
            "{path} is Python, and neither the release nor this node has one: install python3"
        ));
    };
    let config = serde_json::json!(context.facts).to_string();
    let command = [python.as_str(), "-I", "-c", PROGRAM, path.as_str(), &config];
    executable::run(context, command.map(ToOwned::to_owned).to_vec()).await
}
