//! `slapos proxy ...`: the master of a single node.

mod start;

use camino::Utf8Path;

use crate::{error::Outcome, ui::Ui};

/// What to do with the proxy.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Start(start::Args),
}

pub(crate) fn run(verb: &Verb, cfg: Option<&Utf8Path>, ui: Ui) -> Outcome {
    match verb {
        Verb::Start(args) => start::run(args, cfg, ui),
    }
}
