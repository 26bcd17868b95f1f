//! `slapos service list`

use slapos_wire::client::Client;

use super::{place_of, state_of};
use crate::{
    commands::at::When,
    error::{Exit, Outcome},
    ui::Ui,
};

pub(super) fn run(when: When, client: &Client, ui: Ui) -> Outcome {
    let instances = client.instances_at(None, when.at)?;
    ui.list(&instances, &["title", "state", "release", "where", "requested by"], |instance| {
        let nowhere = if instance.shared { "- (shared)" } else { "-" };
        let requester = match &instance.requested_by {
            Some(requester) => requester.title.to_string(),
            None => format!("person {}", instance.person),
        };
        vec![
            instance.title.to_string(),
            state_of(instance),
            instance.software_release.to_string(),
            place_of(instance).unwrap_or_else(|| nowhere.into()),
            requester,
        ]
    });
    Ok(Exit::Done)
}
