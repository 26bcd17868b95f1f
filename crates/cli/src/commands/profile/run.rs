//! `slapos profile run FILE --directory DIR`

use serde::Serialize;
use serde_json::json;
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
    let steps: Vec<Done<'_>> = outcome.parts.iter().map(done).collect();
    if ui.json {
        let (published, changed) = (&outcome.connection, &outcome.changed);
        ui.json(&json!({"steps": steps, "connection": published, "changed": changed}));
    } else {
        ui.table(&["part", "recipe", "action"], &steps.iter().map(row).collect::<Vec<_>>());
        for (name, value) in outcome.connection.iter().flatten() {
            ui.data(format_args!("published {name} = {value}"));
        }
    }
    Ok(if outcome.waiting.is_empty() { Exit::Done } else { Exit::NotReady })
}

/// What was done with a part, in the words of a plan.
#[derive(Serialize)]
struct Done<'o> {
    part: &'o str,
    recipe: &'o str,
    intent: &'static str,
    reasons: Vec<String>,
}

fn done(report: &PartReport) -> Done<'_> {
    let (intent, reason) = match &report.action {
        Action::Installed => ("install", None),
        Action::Updated => ("update", None),
        Action::Unchanged => ("keep", None),
        Action::Removed => ("remove", None),
        Action::Waiting(waiting) => ("wait", Some(waiting)),
    };
    let reasons = reason.map(|waiting| format!("for {}: {}", waiting.title, waiting.reason));
    let reasons = reasons.into_iter().collect();
    Done { part: &report.name, recipe: &report.recipe, intent, reasons }
}

fn row(done: &Done<'_>) -> Vec<String> {
    let words = std::iter::once(done.intent).chain(done.reasons.iter().map(String::as_str));
    let action = words.collect::<Vec<_>>().join(" ");
    vec![done.part.to_owned(), done.recipe.to_owned(), action]
}
