//! `slapos profile run FILE --directory DIR`

use slapos_profile::{Action, PartReport};

use super::{LocalHost, faulty, job};
use crate::{
    error::{Exit, Outcome, Step},
    ui::Ui,
};

/// Lay out a directory as a profile says, without a node
///
/// Requests have no master that could answer: parts that need an answer wait, with those that refer
/// to them, and the command ends with 2.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    given: job::Given,
}

pub(super) fn run(args: &Args, ui: Ui) -> Outcome {
    let job = args.given.job()?;
    std::fs::create_dir_all(&job.directory).step(|| format!("make {}", job.directory))?;
    let outcome = slapos_profile::run(&job, &mut LocalHost { job: Some(&job) });
    let outcome = outcome.map_err(|error| faulty(&error))?;
    if ui.json {
        ui.json(&outcome);
    } else {
        ui.table(&["part", "recipe", "action"], &outcome.parts.iter().map(row).collect::<Vec<_>>());
        for (name, value) in outcome.connection.iter().flatten() {
            ui.data(format_args!("published {name} = {value}"));
        }
    }
    Ok(if outcome.waiting.is_empty() { Exit::Done } else { Exit::NotReady })
}

fn row(part: &PartReport) -> Vec<String> {
    let action = match &part.action {
        Action::Installed => "installed".to_owned(),
        Action::Updated => "updated".to_owned(),
        Action::Unchanged => "unchanged".to_owned(),
        Action::Removed => "removed".to_owned(),
        Action::Waiting(waiting) => format!("waits for {}: {}", waiting.title, waiting.reason),
    };
    vec![part.name.clone(), part.recipe.clone(), action]
}
