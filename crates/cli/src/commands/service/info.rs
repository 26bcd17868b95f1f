//! `slapos service info TITLE`

use slapos_wire::{
    client::Client,
    v1::{Instance, Promise},
};

use super::{Seen, place_of, serves, state_of};
use crate::{
    error::{Exit, Outcome},
    ui::{Ui, conceal, show_time},
};

/// Show everything about an instance.
///
/// Values that look like secrets, such as passwords, are hidden unless they are asked for; `--json`
/// always has them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    seen: Seen,
    /// Show passwords and other secrets too
    #[arg(long)]
    show_secrets: bool,
}

pub(super) fn run(args: &Args, client: &Client, ui: Ui) -> Outcome {
    show(ui, &args.seen.find(client)?, args.show_secrets);
    Ok(Exit::Done)
}

/// Prints an instance: all of it as JSON, or what a person wants to see first, with or without
/// secrets.
pub(crate) fn show(ui: Ui, instance: &Instance, secrets: bool) {
    if ui.json {
        return ui.json(instance);
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
    let mut hidden = false;
    let mut pair = |key: &str, value: &str| {
        let shown = if secrets { value.to_owned() } else { conceal(key, value) };
        hidden |= shown != value;
        format!("{key} = {shown}")
    };
    lines.extend(instance.parameters.iter().map(|(key, value)| ("parameter", pair(key, value))));
    lines.extend(instance.connection.iter().map(|(key, value)| ("connection", pair(key, value))));
    if let Some(at) = instance.published_at {
        // Nobody else is handed it: the person whose tree it is, and who asked for it.
        let requester = instance.requested_by.as_ref().map(|it| format!(", {}", it.title));
        let readers = format!("{}{}", instance.person, requester.unwrap_or_default());
        lines.push(("published", format!("{}, to {readers}", show_time(at))));
    }
    lines.extend(instance.promises.iter().map(|promise| ("promise", line_of(promise))));
    if let Some(reason) = &instance.waiting_for {
        lines.push(("please wait", reason.clone()));
    }
    if let Some(hint) = &instance.hint {
        lines.push(("hint", hint.clone()));
    }
    if let Some(error) = instance.error.as_ref().filter(|_| instance.state == "error") {
        lines.push(("error", error.replace('\n', &format!("\n{:12} ", ""))));
    }
    for (name, value) in lines {
        ui.data(format_args!("{name:12} {value}"));
    }
    if hidden {
        let title = &instance.title;
        ui.say(format_args!("secrets are hidden: slapos service info {title} --show-secrets"));
    }
}

/// A promise in a line; many say nothing when they are green.
fn line_of(promise: &Promise) -> String {
    let colour = if promise.ok { "green" } else { "red" };
    match promise.message.trim() {
        "" => format!("{} {colour}", promise.name),
        message => format!("{} {colour}: {message}", promise.name),
    }
}
