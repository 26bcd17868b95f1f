//! `slapos service tree TITLE`

use std::{
    thread,
    time::{Duration, Instant},
};

use slapos_core::names::{InstanceId, Title};
use slapos_wire::{
    client::{Client, ClientError},
    v1::{Instance, Process, Tree},
};

use super::{Seen, place_of, serves, state_of};
use crate::{
    error::{Exit, Outcome},
    ui::Ui,
};

/// How long to wait for the first samples.
const SAMPLE_PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn run(seen: &Seen, client: &Client, ui: Ui) -> Outcome {
    let root = seen.find(client)?.root.title;
    let tree = match seen.when.at {
        Some(at) => client.tree_at(&root, Some(at))?,
        None => with_processes(client, &root)?,
    };
    if ui.json {
        ui.json(&tree);
    } else {
        for line in draw(&tree) {
            ui.data(line);
        }
    }
    Ok(Exit::Done)
}

/// The tree with its processes: nodes send samples while somebody looks, so this looks for a
/// moment. Without an answer of the nodes the tree is shown without processes.
fn with_processes(client: &Client, root: &Title) -> Result<Tree, ClientError> {
    let _looking = client.events()?;
    let deadline = Instant::now() + SAMPLE_PATIENCE;
    loop {
        let tree = client.tree(root)?;
        let sampled = |instance: &Instance| {
            instance.shared
                || instance.state != "started"
                || tree.processes.contains_key(&instance.id)
        };
        if tree.instances.iter().all(sampled) || Instant::now() > deadline {
            return Ok(tree);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// One line an instance, its processes and then its children below it, indented.
fn draw(tree: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(root) = tree.instances.iter().find(|instance| instance.requested_by.is_none()) {
        draw_below(tree, root, "", &mut lines);
    }
    lines
}

fn draw_below(tree: &Tree, instance: &Instance, indent: &str, lines: &mut Vec<String>) {
    let shared = if instance.shared { " shared" } else { "" };
    let place = place_of(instance).map_or_else(String::new, |place| format!(" on {place}"));
    let reason =
        instance.waiting_for.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let state = state_of(instance);
    lines.push(format!("{indent}{} [{state}]{shared}{place}{reason}", instance.title));
    let deeper = format!("{indent}  ");
    if !instance.connection.is_empty() {
        let keys: Vec<_> = instance.connection.keys().map(String::as_str).collect();
        lines.push(format!("{deeper}publishes {}", keys.join(", ")));
    }
    if let Some(guests) = serves(instance) {
        lines.push(format!("{deeper}serves {guests}"));
    }
    for process in processes(tree, instance.id) {
        let megabytes = process.memory_bytes >> 20;
        let Process { pid, name, cpu_percent, .. } = process;
        lines.push(format!("{deeper}process {pid} {name} {cpu_percent:.1}% {megabytes} MiB"));
    }
    let requested = |child: &&Instance| {
        child.requested_by.as_ref().is_some_and(|requester| requester.id == instance.id)
    };
    for child in tree.instances.iter().filter(requested) {
        draw_below(tree, child, &deeper, lines);
    }
}

fn processes(tree: &Tree, id: InstanceId) -> &[Process] {
    tree.processes.get(&id).map_or(&[], Vec::as_slice)
}
