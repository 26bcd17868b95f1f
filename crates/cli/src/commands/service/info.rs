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
    lines.extend(why_not(instance));
    if let Some(hint) = &instance.hint {
        lines.push(("hint", hint.clone()));
    }
    for (name, value) in lines {
        ui.data(format_args!("{name:12} {value}"));
    }
    if hidden {
        let title = &instance.title;
        ui.say(format_args!("secrets are hidden: slapos service info {title} --show-secrets"));
    }
}

/// Why an instance is not as wished: what it waits for, or its error, which its node tells whole.
fn why_not(instance: &Instance) -> Vec<(&'static str, String)> {
    let reason = instance.waiting_for.clone();
    if instance.state != "error" {
        return reason.map(|reason| ("please wait", reason)).into_iter().collect();
    }
    let whole = instance.error.as_deref();
    let repeated = |reason: &String| whole.is_some_and(|whole| whole.contains(reason));
    let reason = reason.filter(|reason| !repeated(reason));
    let whole = whole.map(|whole| whole.replace('\n', &format!("\n{:12} ", "")));
    reason.into_iter().chain(whole).map(|text| ("error", text)).collect()
}

/// A promise in a line; many say nothing when they are green.
fn line_of(promise: &Promise) -> String {
    let colour = if promise.ok { "green" } else { "red" };
    match promise.message.trim() {
        "" => format!("{} {colour}", promise.name),
        message => format!("{} {colour}: {message}", promise.name),
    }
}
