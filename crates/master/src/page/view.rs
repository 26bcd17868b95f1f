//! What the page shows, made from the documents of the `v1` face. Pure.

use std::collections::BTreeMap;

use askama::Template;
use slapos_core::names::{InstanceId, SupplyState};
use slapos_wire::v1::{Change, Computer, Instance, Process, Promise, Tree};

use crate::service::Picture;

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "page.html")]
pub(super) struct Page {
    pub(super) live: Live,
}

/// Nothing is at a path.
#[derive(Debug, Template)]
#[template(path = "not_found.html")]
pub(super) struct NotFound {
    pub(super) path: String,
}

/// The part of the page that changes.
#[derive(Debug, Template)]
#[template(path = "live.html")]
pub(super) struct Live {
    revision: u64,
    trees: Vec<Box>,
    computers: Vec<Machine>,
    changes: Vec<Line>,
}

/// One instance: a box, with the boxes of what it requested.
#[derive(Debug, Template)]
#[template(path = "instance.html")]
struct Box {
    title: String,
    id: String,
    state: String,
    release: String,
    place: String,
    /// The keys that it publishes: the label of the arrow towards it.
    keys: String,
    /// An address to click, when it publishes one.
    url: Option<String>,
    waiting_for: Option<String>,
    hint: Option<String>,
    processes: Vec<Row>,
    promises: Vec<Promise>,
    children: Vec<Self>,
}

/// One process.
#[derive(Debug)]
struct Row {
    name: String,
    pid: u32,
    cpu: String,
    memory: String,
}

/// One computer.
#[derive(Debug)]
struct Machine {
    name: String,
    cells: Vec<Cell>,
    releases: Vec<Release>,
}

/// One partition.
#[derive(Debug)]
struct Cell {
    name: String,
    instance: Option<String>,
}

/// One release on a computer.
#[derive(Debug)]
struct Release {
    url: String,
    state: &'static str,
    text: Option<String>,
}

/// One thing that happened.
#[derive(Debug)]
struct Line {
    time: String,
    what: String,
}

impl Live {
    /// Draws the cloud.
    pub(super) fn new(seen: &Picture) -> Self {
        Self {
            revision: seen.revision.0,
            trees: seen.trees.iter().flat_map(trees).collect(),
            computers: seen.computers.iter().map(Machine::new).collect(),
            changes: seen.changes.iter().map(|change| Line::new(change)).collect(),
        }
    }
}

/// A tree from its roots.
fn trees(tree: &Tree) -> impl Iterator<Item = Box> {
    let roots = tree.instances.iter().filter(|instance| instance.requested_by.is_none());
    roots.map(|root| Box::new(root, &tree.instances, &tree.processes))
}

impl Box {
    fn new(
        instance: &Instance,
        all: &[Instance],
        processes: &BTreeMap<InstanceId, Vec<Process>>,
    ) -> Self {
        let requested = |child: &&Instance| {
            child.requested_by.as_ref().is_some_and(|requester| requester.id == instance.id)
        };
        let keys: Vec<_> = instance.connection.keys().map(String::as_str).collect();
        let place = match (&instance.computer, &instance.partition) {
            (Some(computer), Some(partition)) => format!("{computer} {partition}"),
            _ => "no partition yet".into(),
        };
        Self {
            title: instance.title.to_string(),
            id: instance.id.to_string(),
            state: instance.state.clone(),
            release: instance.software_release.to_string(),
            place,
            keys: keys.join(", "),
            url: instance.connection.get("url").filter(|url| is_web_address(url)).cloned(),
            waiting_for: instance.waiting_for.clone(),
            hint: instance.hint.clone(),
            processes: processes.get(&instance.id).into_iter().flatten().map(Row::new).collect(),
            promises: instance.promises.clone(),
            children: all
                .iter()
                .filter(requested)
                .map(|child| Self::new(child, all, processes))
                .collect(),
        }
    }
}

/// Whether a published text may become a link: an instance must not put a script there.
fn is_web_address(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

impl Row {
    fn new(process: &Process) -> Self {
        Self {
            name: process.name.clone(),
            pid: process.pid,
            cpu: format!("{:.1} %", process.cpu_percent),
            memory: format!("{} MiB", process.memory_bytes >> 20),
        }
    }
}

impl Machine {
    fn new(computer: &Computer) -> Self {
        let cells = computer.partitions.iter().map(|partition| Cell {
            name: partition.name.to_string(),
            instance: partition.instance.as_ref().map(|instance| instance.title.to_string()),
        });
        let releases = computer.supplies.iter().map(|supply| {
            let done = supply.percent.map(|percent| format!("{percent}% ")).unwrap_or_default();
            Release {
                url: supply.software_release.to_string(),
                state: match supply.state {
                    SupplyState::Requested => "requested",
                    SupplyState::Building => "building",
                    SupplyState::Available => "available",
                    SupplyState::Error => "error",
                    SupplyState::Destroyed => "destroyed",
                },
                text: supply.text.as_ref().map(|text| format!("{done}{text}")),
            }
        });
        Self {
            name: computer.computer.to_string(),
            cells: cells.collect(),
            releases: releases.collect(),
        }
    }
}

impl Line {
    fn new(change: &Change) -> Self {
        Self { time: time_of_day(change.at.0), what: change.what.clone() }
    }
}

/// Time of day in UTC, to the millisecond.
fn time_of_day(microseconds: u64) -> String {
    let milliseconds = microseconds / 1000 % 86_400_000;
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    format!("{:02}:{:02}:{:02}.{rest:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_exact_to_the_millisecond() {
        assert_eq!(time_of_day(86_400_000_000 + 3_723_004_999), "01:02:03.004");
    }

    #[test]
    fn only_a_web_address_becomes_a_link() {
        assert!(is_web_address("http://127.0.0.1:8080/"));
        assert!(!is_web_address("javascript:alert(1)"));
    }
}
