//! `slapos profile annotate FILE`

use super::{LocalHost, faulty, locate};
use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

/// Show every section after `extends` and macros, before substitution, with the origin of each option
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The profile: a path or URL
    #[arg(value_name = "FILE")]
    profile: String,
}

pub(super) fn run(args: &Args, ui: Ui) -> Outcome {
    let (profile, directory) = locate(&args.profile)?;
    let annotated = slapos_profile::annotate(&profile, &directory, &mut LocalHost::default())
        .map_err(|error| faulty(&error))?;
    if ui.json {
        ui.json(&annotated);
        return Ok(Exit::Done);
    }
    for (section, options) in &annotated.sections {
        ui.data(format_args!("[{section}]"));
        for (option, text) in options {
            ui.data(format_args!("{option} = {}", text.value.replace('\n', "\n    ")));
            ui.data(format_args!("    # {}", text.origin.join(", ")));
        }
        ui.data("");
    }
    Ok(Exit::Done)
}
