//! `slapos profile check FILE`

use slapos_profile::{Checked, CheckedPart, Means, OtherVersion};

use super::{LocalHost, job, locate};
use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

/// Tell all faults of a profile at once, and who can install its parts
///
/// Nothing is written, run or requested. What only running parts would tell is taken as unknown. Ends with 1 if there
/// is a fault, with 6 if there is none but nobody supplies some of the software.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The profile: a path or URL
    #[arg(value_name = "FILE")]
    profile: String,
    /// The profile is a release, whatever its name
    #[arg(long)]
    release: bool,
}

pub(super) fn run(args: &Args, ui: Ui) -> Outcome {
    let (profile, directory) = locate(&args.profile)?;
    let job = job::checked(&profile, args.release, &directory);
    let checked = slapos_profile::check(&job, &mut LocalHost::default());
    if ui.json {
        ui.json(&checked);
    } else {
        tell(&checked, ui);
    }
    Ok(match (checked.faults.is_empty(), checked.lacking().next()) {
        (false, _) => Exit::Failed,
        (true, Some(_)) => Exit::NotSupplied,
        (true, None) => Exit::Done,
    })
}

fn tell(checked: &Checked, ui: Ui) {
    for fault in &checked.faults {
        ui.data(format_args!("{}\n", fault.report()));
    }
    for means in Means::ALL {
        let parts = checked.parts.iter().filter(|part| part.means == means);
        let lines: Vec<String> = parts.map(line).collect();
        if !lines.is_empty() {
            let (count, lines) = (counted(lines.len(), "part"), lines.join("\n"));
            ui.data(format_args!("{}: {count}; {}\n{lines}\n", means.name(), explained(means)));
        }
    }
    if !checked.eggs.is_empty() {
        let lines: Vec<String> = checked.eggs.iter().map(other_version).collect();
        let (count, lines) = (counted(lines.len(), "egg"), lines.join("\n"));
        ui.data(format_args!("{count} at other versions than it pins:\n{lines}\n"));
    }
    let faults = counted(checked.faults.len(), "fault");
    let parts = counted(checked.parts.len(), "part");
    let verdict = match checked.lacking().count() {
        0 => String::new(),
        lacking => format!("; it cannot be installed here: nobody supplies {lacking} of them"),
    };
    ui.data(format_args!("{faults}, {parts}{verdict}"));
}

fn explained(means: Means) -> &'static str {
    match means {
        Means::Native => "this program installs them",
        Means::Host => "they need the recipe host, which runs Python",
        Means::Supplied => "ready-made software takes their place",
        Means::Built => "cargo, the client of crates.io, builds what takes their place",
        Means::Nobody => "they would be built from source, and nothing takes their place",
    }
}

fn line(part: &CheckedPart) -> String {
    let origin = part.origin.map(|origin| format!("  {}", origin.name())).unwrap_or_default();
    format!("  {}  {}{origin}  {}", part.name, part.recipe, part.place)
}

fn other_version(other: &OtherVersion) -> String {
    format!("  {} {} in place of {}", other.egg, other.supplied, other.pinned)
}

/// A number with its noun, such as `1 part`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
