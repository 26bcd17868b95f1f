//! `slapos service destroy TITLE`

use slapos_core::names::{InstanceId, WishedState};
use slapos_wire::{
    client::{Client, ClientError},
    v1::{Instance, InstanceName, StateAsk},
};

use super::One;
use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

pub(super) fn run(one: &One, client: &Client, ui: Ui) -> Outcome {
    let instance = one.find(client)?;
    let tree = client.tree(&instance.root.title)?.instances;
    let ask = StateAsk { id: instance.id, state: WishedState::Destroyed };
    let answer = match client.wish_state(&ask) {
        // It was nowhere yet, so there was nothing to wait for.
        Err(ClientError::Refused(problem)) if problem.code == "unknown-instance" => {
            ui.say(format_args!("{} is gone", instance.title));
            return Ok(Exit::Done);
        }
        answer => answer?,
    };
    if ui.json {
        ui.json(&answer);
    } else {
        ui.say(format_args!("{} is being destroyed", instance.title));
        if let Some(titles) = titles(&below(&tree, instance.id)) {
            ui.say(format_args!("with it goes what it requested: {titles}"));
        }
        if let Some(titles) = titles(&instance.serves) {
            ui.say(format_args!("it served {titles}, which wait for another host now"));
        }
    }
    Ok(Exit::Done)
}

/// What an instance requested, and what that requested.
fn below(tree: &[Instance], top: InstanceId) -> Vec<InstanceName> {
    let mut found: Vec<InstanceName> = Vec::new();
    // Requesters come before what they requested.
    for it in tree {
        let Some(requester) = &it.requested_by else { continue };
        if requester.id == top || found.iter().any(|above| above.id == requester.id) {
            found.push(InstanceName { id: it.id, title: it.title.clone() });
        }
    }
    found
}

fn titles(names: &[InstanceName]) -> Option<String> {
    let titles: Vec<_> = names.iter().map(|name| name.title.as_str()).collect();
    (!titles.is_empty()).then(|| titles.join(", "))
}
