//! Compares answers as clients do: by what they make of them.

use std::collections::BTreeMap;

use slapos_core::{names::Timestamp, world::Place};
use slapos_wire::classic::{
    call::{Endpoint, Method},
    document::{Answer, Computer, Instance, Partition},
    marshal::{Class, Value, decode},
};

use super::exchange::{Exchange, Response};

/// What was seen before: which recorded timestamps and which of ours belong together.
#[derive(Debug, Default)]
pub(super) struct Memory {
    timestamps: BTreeMap<Place, (Option<Timestamp>, Option<Timestamp>)>,
}

/// What a client would see otherwise, as far as documents need not be understood for it.
pub(super) fn differences(exchange: &Exchange, ours: &Response) -> Vec<String> {
    let recorded = &exchange.response;
    if ours.status != recorded.status {
        return vec![format!(
            "status {}, recorded {}: {}",
            ours.status, recorded.status, ours.body
        )];
    }
    if !is_read(exchange) {
        return vec![];
    }
    if recorded.body.starts_with("<marshal>") {
        return marshalled(ours);
    }
    let same = match exchange.request.path.as_str() {
        "/getRunId" => ours.body.len() == recorded.body.len() && ours.body != recorded.body,
        _ => ours.body == recorded.body,
    };
    if same { vec![] } else { vec![format!("{}\nrecorded {}", ours.body, recorded.body)] }
}

/// Whether the client reads the body of the answer (protocol, section 8.1); else it looks at the
/// status alone.
pub(super) fn is_read(exchange: &Exchange) -> bool {
    let endpoint = exchange.request.path.rsplit('/').next().and_then(Endpoint::of_name);
    let read = [Endpoint::Request, Endpoint::IssueComputerCertificate, Endpoint::RequestComputer];
    let is_read = |it: Endpoint| it.method() == Method::Get || read.contains(&it);
    exchange.response.status < 400 && endpoint.is_none_or(is_read)
}

/// What is wrong with a marshalled document of ours, whatever it says.
fn marshalled(ours: &Response) -> Vec<String> {
    let kind = ours.headers.get("content-type").map(String::as_str);
    if !kind.is_some_and(|kind| kind.ends_with("; charset=utf-8")) {
        return vec![format!("{kind:?} without a character set is read as Latin-1")];
    }
    match decode(&ours.body) {
        Ok(value) if value.encode().as_deref() == Ok(&ours.body) => vec![],
        Ok(_) => vec![format!("not as the Python marshaller writes it: {}", ours.body)],
        Err(error) => vec![format!("{error}: {}", ours.body)],
    }
}

/// What a client would see otherwise in a document. A slapproxy does not tell all that ours tells.
pub(super) fn documents(
    _number: u16,
    recorded: &Response,
    ours: &Response,
    memory: &mut Memory,
) -> Vec<String> {
    let (recorded, ours) = (recorded.body.as_str(), ours.body.as_str());
    let value = decode(ours).unwrap();
    let class = match &value {
        Value::Object(object) => Some(object.class),
        _ => None,
    };
    let mut comparison = Comparison { memory, found: Vec::new() };
    match class {
        Some(Class::Computer) => {
            comparison
                .computers(&decoded(recorded, Computer::decode), &decoded(ours, Computer::decode));
        }
        Some(Class::Partition) => {
            comparison.partitions(
                &decoded(recorded, Partition::decode),
                &decoded(ours, Partition::decode),
            );
        }
        Some(Class::Instance) => {
            let (recorded, ours) =
                (decoded(recorded, Answer::decode), decoded(ours, Answer::decode));
            comparison.same("place", &recorded.place, &ours.place);
            comparison.instances(&ours.place, &recorded.instance, &ours.instance);
        }
        _ => comparison.same("value", &decode(recorded).unwrap(), &value),
    }
    comparison.found
}

fn decoded<T, E: std::fmt::Debug>(text: &str, decode: impl Fn(&str) -> Result<T, E>) -> T {
    decode(text).unwrap_or_else(|error| panic!("{error:?}: {text}"))
}

struct Comparison<'m> {
    memory: &'m mut Memory,
    found: Vec<String>,
}

impl Comparison<'_> {
    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, recorded: &T, ours: &T) {
        if recorded != ours {
            self.found.push(format!("{what}: {ours:?}, recorded {recorded:?}"));
        }
    }

    /// What a slapproxy does not tell may be told.
    fn told<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        recorded: Option<&T>,
        ours: Option<&T>,
    ) {
        if recorded.is_some() {
            self.same(what, &recorded, &ours);
        } else if ours.is_none() {
            self.found.push(format!("{what} is not told"));
        }
    }

    fn computers(&mut self, recorded: &Computer, ours: &Computer) {
        self.same("computer", &recorded.computer, &ours.computer);
        let supplies = |it: &Computer| {
            let supplies = it.supplies.iter();
            let mut supplies: Vec<_> =
                supplies.map(|it| (it.software_release.clone(), it.wished)).collect();
            supplies.sort(); // the order says nothing
            supplies
        };
        self.same("supplies", &supplies(recorded), &supplies(ours));
        self.same("partitions", &recorded.partitions.len(), &ours.partitions.len());
        for (recorded, ours) in recorded.partitions.iter().zip(&ours.partitions) {
            self.partitions(recorded, ours);
        }
    }

    fn partitions(&mut self, recorded: &Partition, ours: &Partition) {
        self.same("place", &recorded.place, &ours.place);
        match (&recorded.instance, &ours.instance) {
            (Some(recorded), Some(theirs)) => self.instances(&ours.place, recorded, theirs),
            (recorded, theirs) => {
                let what = format!("somebody in {}", ours.place);
                self.same(&what, &recorded.is_some(), &theirs.is_some());
            }
        }
    }

    fn instances(&mut self, place: &Place, recorded: &Instance, ours: &Instance) {
        let before = self.found.len();
        self.told("identity", recorded.id.as_ref(), ours.id.as_ref());
        self.told("state", recorded.wished.as_ref(), ours.wished.as_ref());
        self.same("release", &recorded.software_release, &ours.software_release);
        self.same("type", &recorded.software_type, &ours.software_type);
        self.told("title", recorded.title.as_ref(), ours.title.as_ref());
        self.told("title of the root", recorded.root_title.as_ref(), ours.root_title.as_ref());
        self.same("parameters", &recorded.parameters, &ours.parameters);
        self.same("connection", &recorded.connection, &ours.connection);
        self.same("addresses", &recorded.addresses, &ours.addresses);
        let names = |it: &Instance| {
            let names = it
                .shared
                .iter()
                .map(|it| (it.id.clone(), it.title.clone(), it.software_type.clone()));
            names.collect::<Vec<_>>()
        };
        self.same("shared instances", &names(recorded), &names(ours));
        for (recorded, ours) in recorded.shared.iter().zip(&ours.shared) {
            // ours tells the connection too, as the production master does
            let missing: Vec<_> = recorded
                .values
                .iter()
                .filter(|(key, text)| ours.values.get(*key) != Some(text))
                .collect();
            self.same("parameters of a shared instance", &vec![], &missing);
        }
        self.timestamps(place, recorded.timestamp, ours.timestamp);
        for found in &mut self.found[before..] {
            *found = format!("{place}: {found}");
        }
    }

    /// A timestamp changes when the recorded one does, and not otherwise: nodes go by it.
    fn timestamps(&mut self, place: &Place, recorded: Option<Timestamp>, ours: Option<Timestamp>) {
        if recorded.is_none() {
            return; // a shared instance, of which a slapproxy tells none
        }
        let before = self.memory.timestamps.insert(place.clone(), (recorded, ours));
        if let Some((recorded_before, ours_before)) = before {
            let what = "whether its node must hear of it";
            self.same(what, &(recorded != recorded_before), &(ours != ours_before));
        }
    }
}
