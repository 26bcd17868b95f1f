//! `slapos master backup`

use camino::Utf8PathBuf;
use slapos_master::upkeep;

use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

/// Copy the state to a file, also while the master runs.
///
/// The file holds the state as it was at one moment, with the whole journal, and is checked and
/// synced before it gets its name. Only its owner may read it: it holds parameters and connections,
/// passwords among them. It is an ordinary database of the master: `slapos master check FILE` checks
/// it, `slapos master restore FILE DATA` puts it in place.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory of the state: that of `slapos master serve --data`
    data: Utf8PathBuf,
    /// The file to make, or a directory, in which it is named after the time
    #[arg(value_name = "FILE|DIR")]
    to: Utf8PathBuf,
    /// Replace the file when it is there already
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(args: &Args, ui: Ui) -> Outcome {
    let to = if args.to.is_dir() { args.to.join(name()) } else { args.to.clone() };
    let made = upkeep::backup(args.data.as_std_path(), to.as_std_path(), args.replace)?;
    if ui.json {
        ui.json(&made);
    } else {
        ui.data(&to);
        ui.say(format_args!("backed up revision {}, {} bytes", made.revision, made.bytes));
    }
    Ok(Exit::Done)
}

/// A name that sorts by time.
fn name() -> String {
    jiff::Timestamp::now().strftime("master-%Y-%m-%dT%H%M%SZ.sqlite").to_string()
}
