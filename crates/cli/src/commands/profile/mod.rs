//! `slapos profile ...`: profiles on this machine, without a node or a master.

mod annotate;
mod check;
mod host;
mod job;
mod plan;
mod run;

use camino::{Utf8Path, Utf8PathBuf};
use slapos_profile::Error;

use self::host::LocalHost;
use crate::{
    error::{Exit, Failure, Outcome},
    ui::Ui,
};

/// What to do with a profile.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Annotate(annotate::Args),
    Check(check::Args),
    Plan(plan::Args),
    Run(run::Args),
}

pub(crate) fn run(verb: &Verb, ui: Ui) -> Outcome {
    match verb {
        Verb::Annotate(args) => annotate::run(args, ui),
        Verb::Check(args) => check::run(args, ui),
        Verb::Plan(args) => plan::run(args, ui),
        Verb::Run(args) => run::run(args, ui),
    }
}

/// A profile as the engine takes it, a URL or an absolute path, and the directory that it lies in.
fn locate(profile: &str) -> Result<(String, Utf8PathBuf), Failure> {
    if profile.contains("://") {
        return Ok((profile.to_owned(), camino::absolute_utf8(".")?));
    }
    let path = camino::absolute_utf8(profile)?;
    let directory = path.parent().unwrap_or(Utf8Path::new("/")).to_owned();
    Ok((path.into_string(), directory))
}

/// All faults of a profile, each with place, chain and hint.
fn faulty(error: &Error) -> Failure {
    Failure::new(Exit::Failed, error.report())
}
