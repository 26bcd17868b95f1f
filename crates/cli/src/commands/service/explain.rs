//! `slapos service explain TITLE`

use slapos_wire::client::Client;

use super::Seen;
use crate::{
    commands::request::exit_of,
    error::Outcome,
    ui::{Ui, show_time},
};

pub(super) fn run(seen: &Seen, client: &Client, ui: Ui) -> Outcome {
    let instance = seen.find(client)?;
    if ui.json {
        ui.json(&serde_json::json!({
            "title": instance.title,
            "state": instance.state,
            "waiting_for": instance.waiting_for,
            "waiting_code": instance.waiting_code,
            "hint": instance.hint,
            "error": instance.error,
            "changed_at": instance.changed_at,
        }));
        return Ok(exit_of(&instance));
    }
    match &instance.waiting_for {
        None => ui.data(format_args!("{} is {}", instance.title, instance.state)),
        Some(reason) => {
            ui.data(format_args!("{} is {}: {reason}", instance.title, instance.state));
            ui.data(format_args!("since {}", show_time(instance.changed_at)));
        }
    }
    if let Some(hint) = &instance.hint {
        ui.data(format_args!("hint: {hint}"));
    }
    Ok(exit_of(&instance))
}
