//! The founding tutorial, sentence by sentence; the numbers are those of its sentences.

mod computers;
mod connection;
mod events;
mod page;
mod requests;

use slapos_core::names::WishedState;
use slapos_wire::v1::RequestAsk;

use crate::cloud::{Cloud, release};

fn ask(title: &str, name: &str) -> RequestAsk {
    RequestAsk {
        title: title.try_into().unwrap(),
        software_release: release(name).as_str().try_into().unwrap(),
        software_type: slapos_core::names::SoftwareType::default_type(),
        parameters: None,
        placement: [].into(),
        shared: false,
        state: Some(WishedState::Started),
    }
}

/// Processes that run the services of a computer's partition, by program name.
fn pids(cloud: &Cloud, computer: &str) -> Vec<(String, u64)> {
    let cfg = cloud.node_cfg(computer);
    let status = cloud.must(&["--cfg", cfg.as_str(), "node", "status", "--json"], 0).json();
    let processes = status["processes"].as_array().unwrap().iter();
    processes
        .filter_map(|process| {
            Some((process["service"].as_str()?.to_owned(), process["pid"].as_u64()?))
        })
        .collect()
}

fn pid_of(cloud: &Cloud, computer: &str, service: &str) -> Option<u64> {
    pids(cloud, computer).into_iter().find(|(name, _)| name == service).map(|(_, pid)| pid)
}

/// The order of what happened to the named instances, as the journal tells it.
fn verbs(cloud: &Cloud) -> Vec<String> {
    let history = cloud.client().history(None).unwrap();
    let told = history.into_iter().filter_map(|entry| {
        let title = entry.change.instance?.title;
        Some(format!("{} {title}", entry.change.verb))
    });
    told.collect()
}
