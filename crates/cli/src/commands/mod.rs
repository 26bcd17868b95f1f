//! The command line: `slapos <noun> <verb>`, one file each.

pub(crate) mod at;
pub(crate) mod computer;
pub(crate) mod history;
pub(crate) mod master;
pub(crate) mod node;
pub(crate) mod profile;
pub(crate) mod proxy;
pub(crate) mod remove;
pub(crate) mod request;
pub(crate) mod service;
pub(crate) mod supply;

use camino::Utf8Path;
use slapos_wire::client::Client;

use crate::{error::Failure, settings, ui::Ui};

/// A client of the master that the configuration file names.
pub(crate) fn connect(cfg: Option<&Utf8Path>, ui: Ui) -> Result<Client, Failure> {
    let (settings, unknown) = settings::client(cfg)?;
    warn_unknown(ui, &unknown);
    Ok(Client::new(&settings.master_url))
}

/// Names the settings that nobody knows.
pub(crate) fn warn_unknown(ui: Ui, unknown: &[String]) {
    for name in unknown {
        ui.say(format_args!("warning: unknown setting {name}"));
    }
}
