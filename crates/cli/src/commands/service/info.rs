//! `slapos service info TITLE`

use serde::Serialize;
use slapos_core::names::{ComputerId, PartitionId, SoftwareType, SoftwareUrl, Title};
use slapos_wire::{
    client::Client,
    v1::{Dictionary, Instance, Promise},
};

use super::{Seen, place_of, serves, state_of};
use crate::{
    commands::show_time,
    error::{Exit, Outcome},
    ui::Ui,
};

/// What programs read: stable names.
#[derive(Serialize)]
struct Info<'a> {
    id: String,
    title: &'a Title,
    root: &'a Title,
    requested_by: Option<&'a Title>,
    state: &'a str,
    software_release: &'a SoftwareUrl,
    software_type: &'a SoftwareType,
    shared: bool,
    host: Option<&'a Title>,
    serves: Vec<&'a Title>,
    unrequested: bool,
    computer: &'a Option<ComputerId>,
    partition: &'a Option<PartitionId>,
    addresses: &'a [std::net::IpAddr],
    parameters: &'a Dictionary,
    connection: &'a Dictionary,
    waiting_for: &'a Option<String>,
    waiting_code: &'a Option<String>,
    hint: &'a Option<String>,
    promises: &'a [Promise],
    error: &'a Option<String>,
}

pub(super) fn run(seen: &Seen, client: &Client, ui: Ui) -> Outcome {
    show(ui, &seen.find(client)?);
    Ok(Exit::Done)
}

/// Prints an instance: all of it as JSON, or what a person wants to see first.
pub(crate) fn show(ui: Ui, instance: &Instance) {
    if ui.json {
        return ui.json(&Info {
            id: instance.id.to_string(),
            title: &instance.title,
            root: &instance.root.title,
            requested_by: instance.requested_by.as_ref().map(|requester| &requester.title),
            state: &instance.state,
            software_release: &instance.software_release,
            software_type: &instance.software_type,
            shared: instance.shared,
            host: instance.host.as_ref().map(|host| &host.title),
            serves: instance.serves.iter().map(|guest| &guest.title).collect(),
            unrequested: instance.unrequested,
            computer: &instance.computer,
            partition: &instance.partition,
            addresses: &instance.addresses,
            parameters: &instance.parameters,
            connection: &instance.connection,
            waiting_for: &instance.waiting_for,
            waiting_code: &instance.waiting_code,
            hint: &instance.hint,
            promises: &instance.promises,
            error: &instance.error,
        });
    }
    let mut lines = vec![
        ("title", instance.title.to_string()),
        ("state", state_of(instance)),
        ("release", format!("{} ({})", instance.software_release, instance.software_type)),
        ("since", show_time(instance.changed_at)),
    ];
    if instance.shared {
        lines.push(("shared", "yes: another instance serves it".into()));
    }
    lines.extend(place_of(instance).map(|place| ("where", place)));
    lines.extend(serves(instance).map(|guests| ("serves", guests)));
    for (key, value) in &instance.parameters {
        lines.push(("parameter", format!("{key} = {value}")));
    }
    for (key, value) in &instance.connection {
        lines.push(("connection", format!("{key} = {value}")));
    }
    for promise in &instance.promises {
        let colour = if promise.ok { "green" } else { "red" };
        lines.push(("promise", format!("{} {colour}: {}", promise.name, promise.message)));
    }
    if let Some(reason) = &instance.waiting_for {
        lines.push(("please wait", reason.clone()));
    }
    if let Some(hint) = &instance.hint {
        lines.push(("hint", hint.clone()));
    }
    for (name, value) in lines {
        ui.data(format_args!("{name:12} {value}"));
    }
}
