//! `slapos profile plan FILE --directory DIR`

use similar::TextDiff;
use slapos_profile::{FileChange, Intent, Plan, Step};

use super::{LocalHost, faulty, job};
use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

/// Show what a run would install, update and remove, and why, with the differences of files
///
/// Nothing is written or run. Files are shown of the parts that do nothing but write them. Ends with 1 if the run
/// would be refused.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    given: job::Given,
}

pub(super) fn run(args: &Args, ui: Ui) -> Outcome {
    let job = args.given.job()?;
    let plan =
        slapos_profile::plan(&job, &mut LocalHost::default()).map_err(|error| faulty(&error))?;
    if ui.json {
        ui.json(&plan);
        return Ok(exit(&plan));
    }
    let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.intent != Intent::Keep).collect();
    for step in &steps {
        let Step { part, recipe, reasons, .. } = step;
        match (step.intent, reasons.split_first()) {
            (Intent::Refused, Some((why, hints))) => {
                ui.data(format_args!("refused {part}: {why}"));
                hints.iter().for_each(|hint| ui.data(format_args!("  {hint}")));
            }
            (intent, _) => {
                ui.data(format_args!("{} {part} ({recipe})", verb(intent)));
                reasons.iter().for_each(|reason| ui.data(format_args!("  {reason}")));
            }
        }
        for change in &step.files {
            ui.data(difference(change).trim_end());
        }
        ui.data("");
    }
    let kept = plan.steps.len() - steps.len();
    let refused = steps.iter().filter(|step| step.intent == Intent::Refused).count();
    let change = steps.len() - refused;
    if refused > 0 {
        ui.data(format_args!(
            "a run is refused: nothing is installed while {refused} of the parts are"
        ));
    }
    ui.data(format_args!(
        "parts that would change or wait: {change}; that stay as they are: {kept}"
    ));
    Ok(exit(&plan))
}

fn exit(plan: &Plan) -> Exit {
    if plan.is_refused() { Exit::Failed } else { Exit::Done }
}

fn verb(intent: Intent) -> &'static str {
    match intent {
        Intent::Install => "install",
        Intent::Update => "update",
        Intent::Remove => "remove",
        Intent::Wait => "wait",
        Intent::Refused => "refused",
        Intent::Keep => "keep",
    }
}

/// The difference of a file, as `diff -u` writes it.
fn difference(change: &FileChange) -> String {
    let path = &change.path;
    match (&change.before, &change.after) {
        (None, None) => format!("  {path}"),
        (before, after) if before == after => {
            format!("  {path}: its permissions, or what is hidden")
        }
        (before, after) => {
            let (old, new) = (before.as_deref().unwrap_or(""), after.as_deref().unwrap_or(""));
            let name = |there: bool| if there { path.as_str() } else { "/dev/null" };
            let diff = TextDiff::from_lines(old, new);
            let mut unified = diff.unified_diff();
            unified.header(name(before.is_some()), name(after.is_some())).to_string()
        }
    }
}
