//! `slapos profile check FILE`

use slapos_profile::{CheckedPart, Means, OtherVersion};

use super::{LocalHost, job, locate};
use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

/// Tell all faults of a profile at once, and who can install its parts
///
/// Nothing is written, run or requested. What only running parts would tell is taken as unknown.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The profile: a path or URL
    #[arg(value_name = "FILE")]
    profile: String,
}

pub(super) fn run(args: &Args, ui: Ui) -> Outcome {
    let (profile, directory) = locate(&args.profile)?;
    let job = job::checked(&profile, &directory);
    let checked = slapos_profile::check(&job, &mut LocalHost::default());
    if ui.json {
        ui.json(&checked);
    } else {
        for fault in &checked.faults {
            ui.data(format_args!("{}\n", fault.report()));
        }
        let kinds = [
            (Means::Native, "native"),
            (Means::Host, "need the recipe host, which runs Python"),
            (Means::Supplied, "come from packages"),
            (Means::Built, "are built by cargo, the client of crates.io"),
            (Means::Nobody, "build software from source and cannot be supplied"),
        ];
        for (means, title) in kinds {
            list(ui, title, checked.parts.iter().filter(|part| part.means == means));
        }
        let counted = |count, noun| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        let others: Vec<String> = checked.eggs.iter().map(other_version).collect();
        if !others.is_empty() {
            let (eggs, lines) = (counted(others.len(), "egg"), others.join("\n"));
            ui.data(format_args!("{eggs} at other versions than it pins:\n{lines}\n"));
        }
        let faults = counted(checked.faults.len(), "fault");
        ui.data(format_args!("{faults}, {}", counted(checked.parts.len(), "part")));
    }
    Ok(if checked.faults.is_empty() { Exit::Done } else { Exit::Failed })
}

fn other_version(other: &OtherVersion) -> String {
    format!("  {} {} in place of {}", other.egg, other.supplied, other.pinned)
}

fn list<'a>(ui: Ui, title: &str, parts: impl Iterator<Item = &'a CheckedPart>) {
    let lines: Vec<String> =
        parts.map(|part| format!("  {}  {}  {}", part.name, part.recipe, part.place)).collect();
    if !lines.is_empty() {
        ui.data(format_args!("{} parts {title}:\n{}\n", lines.len(), lines.join("\n")));
    }
}
