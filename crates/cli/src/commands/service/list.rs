//! `slapos service list`

use slapos_wire::client::Client;

use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

pub(super) fn run(client: &Client, ui: Ui) -> Outcome {
    let instances = client.instances(None)?;
    ui.list(&instances, &["title", "state", "release", "where", "requested by"], |instance| {
        let place = match (&instance.computer, &instance.partition) {
            (Some(computer), Some(partition)) => format!("{computer} {partition}"),
            _ => "-".into(),
        };
        let requester = match &instance.requested_by {
            Some(requester) => requester.title.to_string(),
            None => format!("person {}", instance.person),
        };
        vec![
            instance.title.to_string(),
            instance.state.clone(),
            instance.software_release.to_string(),
            place,
            requester,
        ]
    });
    Ok(Exit::Done)
}
