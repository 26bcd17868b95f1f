//! `slapos profile plan FILE --directory DIR`

use similar::TextDiff;
use slapos_profile::{FileChange, Intent, Step};

use super::{LocalHost, faulty, job};
use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

/// Show what a run would install, update and remove, and why, with the differences of files
///
/// Nothing is written or run. Files are shown of the parts that do nothing but write them.
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
        return Ok(Exit::Done);
    }
    let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.intent != Intent::Keep).collect();
    for step in &steps {
        ui.data(format_args!("{} {} ({})", verb(step.intent), step.part, step.recipe));
        for reason in &step.reasons {
            ui.data(format_args!("  {reason}"));
        }
        for change in &step.files {
            ui.data(difference(change).trim_end());
        }
        ui.data("");
    }
    let kept = plan.steps.len() - steps.len();
    ui.data(format_args!("{} parts would change or wait, {kept} stay as they are", steps.len()));
    Ok(Exit::Done)
}

fn verb(intent: Intent) -> &'static str {
    match intent {
        Intent::Install => "install",
        Intent::Update => "update",
        Intent::Remove => "remove",
        Intent::Wait => "wait",
        Intent::Keep => "keep",
    }
}

/// The difference of a file, as `diff -u` writes it.
fn difference(change: &FileChange) -> String {
    let path = &change.path;
    match (&change.before, &change.after) {
        (None, None) => format!("  {path}"),
        (before, after) if before == after => format!("  {path}: its permissions"),
        (before, after) => {
            let (old, new) = (before.as_deref().unwrap_or(""), after.as_deref().unwrap_or(""));
            let name = |there: bool| if there { path.as_str() } else { "/dev/null" };
            let diff = TextDiff::from_lines(old, new);
            let mut unified = diff.unified_diff();
            unified.header(name(before.is_some()), name(after.is_some())).to_string()
        }
    }
}
