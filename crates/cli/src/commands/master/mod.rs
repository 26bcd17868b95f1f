//! `slapos master ...`: serving, and what an operator does beside.

mod backup;
mod check;
mod import;
mod restore;
mod serve;

pub(crate) use self::{import::summary, serve::serve};
use slapos_master::upkeep::UpkeepError;

use crate::{
    error::{Exit, Failure, Outcome},
    ui::Ui,
};

/// What to do with the master.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Serve(serve::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Check(check::Args),
    Import(import::Args),
}

pub(crate) fn run(verb: &Verb, ui: Ui) -> Outcome {
    match verb {
        Verb::Serve(args) => serve::run(args),
        Verb::Backup(args) => backup::run(args, ui),
        Verb::Restore(args) => restore::run(args, ui),
        Verb::Check(args) => check::run(args, ui),
        Verb::Import(args) => import::run(args, ui),
    }
}

impl From<UpkeepError> for Failure {
    fn from(error: UpkeepError) -> Self {
        let exit = match &error {
            UpkeepError::BadBackup { .. } => Exit::Damaged,
            UpkeepError::Store { source, .. } if source.is_damage() => Exit::Damaged,
            _ => Exit::Failed,
        };
        Self::hinted(exit, &error, error.hint())
    }
}
