//! The calls of the kill test over the `v1` face: each says what came of it, as the history wants
//! it, and for what is about one instance, how that is now.

use std::collections::BTreeMap;

use serde_json::json;
use slapos_core::names::WishedState;
use slapos_wire::{
    client::{Client, ClientError},
    v1::Instance,
};

use super::history::{Outcome, Shown};

/// The level of an instance that is destroyed: above all others.
pub(super) const GONE: u64 = u64::MAX;

/// One connection to the master.
pub(super) struct Face {
    client: Client,
}

type Seen = (Outcome, Option<Box<Instance>>);

impl Face {
    pub(super) fn new(url: &str) -> Self {
        Self { client: Client::new(url) }
    }

    /// A computer with free partitions, on which the release is available.
    pub(super) fn add_computer(&self, name: &str, partitions: usize) {
        let computer = name.try_into().unwrap();
        let partition = |number| json!({"name": format!("slappart{number}"), "addresses": []});
        let partitions: Vec<_> = (0..partitions).map(partition).collect();
        let format = serde_json::from_value(json!({"partitions": partitions})).unwrap();
        self.client.format(&computer, &format).unwrap();
        let ask = json!({"software_release": RELEASE, "state": "available"});
        let supply = self.client.supply(&computer, &serde_json::from_value(ask).unwrap()).unwrap();
        let report = json!({
            "software_release": RELEASE,
            "generation": supply.generation,
            "state": "available",
            "text": null,
        });
        self.client.report_supply(&computer, &serde_json::from_value(report).unwrap()).unwrap();
    }

    /// Requests an instance with its level as a parameter.
    pub(super) fn request(&self, title: &str, level: u64) -> Seen {
        let ask = json!({
            "title": title,
            "software_release": RELEASE,
            "parameters": {"level": level.to_string()},
        });
        one(title, self.client.request(&serde_json::from_value(ask).unwrap()))
    }

    pub(super) fn destroy(&self, title: &str) -> Seen {
        let ask = json!({"title": title, "software_release": RELEASE, "state": "destroyed"});
        one(title, self.client.request(&serde_json::from_value(ask).unwrap()))
    }

    /// Says as its node that an instance is as it shall be, and what it published.
    pub(super) fn report(&self, instance: &Instance, connection: u64) -> Outcome {
        let (Some(computer), Some(partition)) = (&instance.computer, &instance.partition) else {
            return Outcome::Refused;
        };
        let report = json!({
            "id": instance.id,
            "generation": instance.generation,
            "state": instance.wished,
            "connection": {"level": connection.to_string()},
        });
        let report = serde_json::from_value(report).unwrap();
        match self.client.report_instance(computer, partition, &report) {
            Ok(accepted) if accepted.current => Outcome::Answered(Shown::default()),
            Ok(_) => Outcome::Refused,
            Err(error) => failed(&error),
        }
    }

    pub(super) fn read(&self, title: &str) -> Seen {
        let found = self.client.instances(Some(&title.try_into().unwrap()));
        match found {
            Ok(found) if found.is_empty() => (absent(title), None),
            Ok(found) => {
                let first = found.first().cloned().map(Box::new);
                (Outcome::Answered(show(&found)), first)
            }
            Err(error) => (failed(&error), None),
        }
    }

    /// All instances; registers of which nothing is there are shown as absent.
    pub(super) fn list(&self, registers: &[String]) -> Outcome {
        match self.client.instances(None) {
            Ok(found) => {
                let mut shown = show(&found);
                let there: BTreeMap<_, _> = shown.levels.iter().cloned().collect();
                let absent = registers.iter().filter(|register| !there.contains_key(*register));
                shown.levels.extend(absent.map(|register| (register.clone(), None)));
                Outcome::Answered(shown)
            }
            Err(error) => failed(&error),
        }
    }

    pub(super) fn health(&self) -> Outcome {
        match self.client.health() {
            Ok(health) => {
                let revision = Some(health.revision.0);
                Outcome::Answered(Shown { revision, ..Shown::default() })
            }
            Err(error) => failed(&error),
        }
    }
}

const RELEASE: &str = "software/hello";

/// The register of what an instance publishes.
pub(super) fn connection_of(title: &str) -> String {
    format!("connection of {title}")
}

fn one(title: &str, answer: Result<Instance, ClientError>) -> Seen {
    match answer {
        Ok(instance) => {
            let shown = show(std::slice::from_ref(&instance));
            (Outcome::Answered(shown), Some(Box::new(instance)))
        }
        Err(ClientError::Refused(problem)) if problem.code == "absent" => (absent(title), None),
        Err(error) => (failed(&error), None),
    }
}

fn absent(title: &str) -> Outcome {
    Outcome::Answered(Shown { levels: vec![(title.into(), None)], ..Shown::default() })
}

fn show(instances: &[Instance]) -> Shown {
    let mut shown = Shown::default();
    for it in instances {
        let title = it.title.to_string();
        let level = |texts: &BTreeMap<String, String>| texts.get("level")?.parse().ok();
        let destroyed = it.wished == WishedState::Destroyed;
        let wished = if destroyed { Some(GONE) } else { level(&it.parameters) };
        shown.levels.push((title.clone(), wished));
        if !destroyed {
            shown.levels.push((connection_of(&title), level(&it.connection)));
        }
        shown.identities.push((title, it.id.to_string()));
        if let (Some(computer), Some(partition)) = (&it.computer, &it.partition) {
            shown.places.push(format!("{computer} {partition}"));
        }
    }
    shown
}

/// A master that is killed answers nothing, or that it ends; all else is a defect.
fn failed(error: &ClientError) -> Outcome {
    match error {
        ClientError::NoAnswer { .. } => Outcome::Unknown,
        ClientError::Refused(problem) if problem.code == "busy" => Outcome::Refused,
        ClientError::Refused(_) | ClientError::Strange { .. } => panic!("{error:?}"),
    }
}
