//! `slapos master restore`

use camino::Utf8PathBuf;
use slapos_master::upkeep;

use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

/// Put a backup in the place of the state. The master must not run.
///
/// The backup is checked first. What was there before is kept in `DATA/before-restore-N`. The epoch
/// is higher than before, so that a master that still holds the old state can commit nothing more.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The backup
    file: Utf8PathBuf,
    /// The directory of the state: that of `slapos master serve --data`
    data: Utf8PathBuf,
    /// Put it in place of a state that is there already
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(args: &Args, ui: Ui) -> Outcome {
    let done = upkeep::restore(args.file.as_std_path(), args.data.as_std_path(), args.replace)?;
    if ui.json {
        ui.json(&done);
        return Ok(Exit::Done);
    }
    ui.say(format_args!("{} holds revision {} now", args.data, done.revision));
    if let Some(before) = &done.before {
        ui.say(format_args!("what was there before is in {}", before.display()));
    }
    Ok(Exit::Done)
}
