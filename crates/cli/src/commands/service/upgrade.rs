//! `slapos service upgrade TITLE URL`

use slapos_core::names::{SoftwareType, SoftwareUrl};
use slapos_wire::{
    client::{Client, ClientError},
    v1::{Instance, UpgradeAsk},
};

use super::{One, changed};
use crate::{error::Outcome, ui::Ui};

/// Let an instance that you requested run another release, in place and with its data.
///
/// Its computer must have been asked to have the release: `slapos supply URL COMPUTER` first. What
/// other instances requested is upgraded by their own release; what this release requests no more is destroyed
/// after its first complete pass, with its data (`service destroy` names what that can be).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    one: One,
    /// The release
    #[arg(value_name = "URL")]
    software_release: SoftwareUrl,
    /// The entry of the release; as before by default
    #[arg(long = "type", value_name = "TYPE")]
    software_type: Option<SoftwareType>,
}

pub(super) fn run(args: &Args, client: &Client, ui: Ui) -> Outcome {
    let ask = UpgradeAsk {
        id: args.one.find(client)?.id,
        software_release: args.software_release.clone(),
        software_type: args.software_type.clone(),
    };
    let instance = client.upgrade(&ask)?;
    let requested = if ui.json { vec![] } else { requested_by(client, &instance)? };
    if !requested.is_empty() {
        let titles = requested.join(", ");
        ui.say(format_args!(
            "what it does not request any more is destroyed, with its data; it requested: {titles}"
        ));
    }
    let (title, release) = (&instance.title, &instance.software_release);
    let entry = &instance.software_type;
    changed(ui, &instance, format_args!("{title} shall run {release} ({entry})"))
}

/// The titles of what an instance requested for itself.
fn requested_by(client: &Client, instance: &Instance) -> Result<Vec<String>, ClientError> {
    let tree = client.tree(&instance.title)?;
    let its = |it: &&Instance| it.requested_by.as_ref().is_some_and(|by| by.id == instance.id);
    Ok(tree.instances.iter().filter(its).map(|it| it.title.to_string()).collect())
}
