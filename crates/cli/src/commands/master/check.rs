//! `slapos master check`

use camino::Utf8PathBuf;
use slapos_master::upkeep;

use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

/// Check the state, also while the master runs, or a backup. Changes nothing.
///
/// The file as SQLite sees it, the chain of digests of the whole journal, the rows against the fold
/// of the journal, the indexes against a rebuild. Needs memory for two such states. Ends with 4 when
/// something is damaged.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory of the state, or a backup
    #[arg(value_name = "DATA|FILE")]
    data: Utf8PathBuf,
}

pub(super) fn run(args: &Args, ui: Ui) -> Outcome {
    let found = upkeep::check(args.data.as_std_path())?;
    if ui.json {
        ui.json(&found);
    } else {
        ui.data(format_args!("revision {}, epoch {}", found.revision, found.epoch));
        ui.data(format_args!(
            "journal: {} whole entries, folded up to {}",
            found.entries, found.folded
        ));
        for (table, count) in &found.rows {
            ui.data(format_args!("{table}: {count} rows"));
        }
        for damage in &found.damage {
            ui.data(format_args!("damaged: {damage}"));
        }
        if found.damage.is_empty() {
            ui.data("all is well");
        }
    }
    Ok(if found.damage.is_empty() { Exit::Done } else { Exit::Damaged })
}
