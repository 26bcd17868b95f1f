//! `slapos master import`

use camino::Utf8PathBuf;
use slapos_core::names::PersonId;
use slapos_master::import::{ImportError, Imported, import};

use crate::{
    error::{Exit, Failure, Outcome},
    ui::Ui,
};

/// Take over what a Python slapproxy knew: make the state of a master from its database.
///
/// Computers, partitions, releases and instances stay as they are, with their parameters,
/// connections and trees; nodes go on with the partitions that they have. The database (schema 18,
/// that of slapos.core 1.26) is only read. `slapos proxy start` does this by itself the first time.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The database: `database_uri` in the slapos.cfg of the slapproxy
    file: Utf8PathBuf,
    /// The directory of the new state: for `slapos master serve --data`
    data: Utf8PathBuf,
    /// To whom the instances shall belong
    #[arg(long, value_name = "NAME", default_value_t = PersonId::admin())]
    person: PersonId,
}

pub(super) fn run(args: &Args, ui: Ui) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (file, data) = (args.file.as_std_path(), args.data.as_std_path());
    let done = runtime.block_on(import(file, data, args.person.clone()))?;
    if ui.json {
        ui.json(&done);
    } else {
        for note in &done.notes {
            ui.say(note);
        }
        ui.say(summary(&done));
    }
    Ok(Exit::Done)
}

/// What was imported, in one line.
pub(crate) fn summary(it: &Imported) -> String {
    format!(
        "imported {} computers with {} partitions and {} releases, {} instances, {} shared instances",
        it.computers, it.partitions, it.releases, it.instances, it.shared
    )
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        Self::hinted(Exit::Failed, &error, error.hint())
    }
}
