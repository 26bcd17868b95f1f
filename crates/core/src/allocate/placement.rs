//! Placement: the conditions of a request on where its instance may live.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    names::{ComputerId, InstanceId, SoftwareUrl},
    policy::Conditions,
    refusal::Refusal,
    world::{Dictionary, Site},
};

/// What computers can be chosen by besides their name: key of [`TRAITS`] and value.
pub type Traits = BTreeMap<String, String>;

/// The traits that a computer can have, under the names by which requests ask for them
/// (protocol, section 16.3).
pub const TRAITS: [&str; 13] = [
    "cpu_core",
    "cpu_frequency",
    "cpu_type",
    "group",
    "local_area_network_type",
    "memory_size",
    "memory_type",
    "network_guid",
    "project_guid",
    "region",
    "storage_capacity",
    "storage_interface",
    "storage_redundancy",
];

/// The trait that says in which network a computer is.
pub(crate) const NETWORK: &str = "network_guid";

/// Keys that do not say where: they are handed to the node as they are.
/// The last two come from a master that forwards a request: this master, as it knows it, and who
/// asked there.
const PASSED: [&str; 6] = [
    "fw_authorized_sources",
    "fw_rejected_sources",
    "fw_restricted_access",
    "retention_delay",
    "master_url",
    "source_instance_id",
];

/// The keys that name the one place that is meant.
const NAMED: [&str; 2] = ["computer_guid", "instance_guid"];

/// Conditions on where an instance may live. Empty: anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// On this computer only (`computer_guid`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer: Option<ComputerId>,
    /// A shared instance: on this host only (`instance_guid`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<InstanceId>,
    /// In a partition that has this capability (`capability`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// On a computer that has these traits.
    #[serde(default, skip_serializing_if = "Traits::is_empty")]
    pub traits: Traits,
    /// In a network where nothing else of the tree lives (`mode` = `unique_by_network`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique_by_network: bool,
    /// Further keys for the node, which do not say where.
    #[serde(default, skip_serializing_if = "Dictionary::is_empty")]
    pub passed: Dictionary,
}

/// Requests that can take exactly the same places.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class {
    pub(crate) release: SoftwareUrl,
    pub(crate) computer: Option<ComputerId>,
    pub(crate) capability: Option<String>,
    pub(crate) traits: Traits,
    /// Only in a network where nothing else of this tree lives.
    pub(crate) apart: Option<InstanceId>,
}

impl Class {
    /// The first class, in order, that waits for a release on a computer, or on any.
    pub(crate) fn first(release: SoftwareUrl, computer: Option<ComputerId>) -> Self {
        Self { release, computer, capability: None, traits: Traits::new(), apart: None }
    }
}

impl Placement {
    /// Reads the conditions of a request. Where all conditions count, a key that cannot be followed
    /// is refused.
    pub fn parse(asked: &Dictionary, conditions: Conditions) -> Result<Self, Refusal> {
        let mut placement = Self::default();
        for (key, value) in asked {
            let bad = |rule| bad(key, value, rule);
            if conditions == Conditions::Named && !NAMED.contains(&key.as_str()) {
                placement.passed.insert(key.clone(), value.clone());
                continue;
            }
            match key.as_str() {
                "computer_guid" => {
                    let computer = ComputerId::try_from(value.as_str());
                    placement.computer = Some(computer.map_err(|error| bad(error.rule))?);
                }
                "instance_guid" => {
                    let host = InstanceId::try_from(value.as_str());
                    placement.host = Some(host.map_err(|error| bad(error.rule))?);
                }
                "capability" => placement.capability = Some(value.clone()),
                "mode" if value == "unique_by_network" => placement.unique_by_network = true,
                "mode" => return Err(bad("the only mode is `unique_by_network`")),
                key if TRAITS.contains(&key) => {
                    placement.traits.insert(key.to_owned(), value.clone());
                }
                key if PASSED.contains(&key) => {
                    placement.passed.insert(key.to_owned(), value.clone());
                }
                key => {
                    let nearest = slapos_nearest::nearest(key, known_keys());
                    let key = key.chars().take(80).collect();
                    return Err(Refusal::UnknownPlacementKey { key, nearest });
                }
            }
        }
        Ok(placement)
    }

    /// The conditions as a request writes them.
    pub fn to_dictionary(&self) -> Dictionary {
        let text = |key: &str, value: Option<String>| Some((key.to_owned(), value?));
        let mode = self.unique_by_network.then(|| "unique_by_network".to_owned());
        let named = [
            text("computer_guid", self.computer.as_ref().map(ComputerId::to_string)),
            text("instance_guid", self.host.as_ref().map(InstanceId::to_string)),
            text("capability", self.capability.clone()),
            text("mode", mode),
        ];
        let rest = self.traits.iter().chain(&self.passed);
        named
            .into_iter()
            .flatten()
            .chain(rest.map(|(key, value)| (key.clone(), value.clone())))
            .collect()
    }

    /// True when a computer is one of those that were asked for.
    pub(crate) fn allows(&self, site: &Site) -> bool {
        self.computer.as_ref().is_none_or(|it| *it == site.computer.id)
            && has_all(&site.computer.traits, &self.traits)
    }
}

/// True when a computer with these traits has all that were asked for.
pub(crate) fn has_all(traits: &Traits, asked: &Traits) -> bool {
    asked.iter().all(|(key, value)| traits.get(key) == Some(value))
}

/// Every key that a placement can have.
pub fn known_keys() -> impl Iterator<Item = &'static str> {
    ["capability", "computer_guid", "instance_guid", "mode"].into_iter().chain(TRAITS).chain(PASSED)
}

fn bad(key: &str, value: &str, rule: &'static str) -> Refusal {
    let value = value.chars().take(80).collect();
    Refusal::BadPlacementValue { key: key.to_owned(), value, rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_only_names_count_other_keys_are_passed_on() {
        let asked = ["computer_guid", "capability", "colour", "mode"];
        let asked = asked.map(|key| (key.to_owned(), "COMP-1".to_owned()));
        let placement = Placement::parse(&asked.clone().into(), Conditions::Named).unwrap();
        assert_eq!(placement.computer.as_ref().map(ComputerId::as_str), Some("COMP-1"));
        assert_eq!((placement.capability.as_ref(), placement.unique_by_network), (None, false));
        assert_eq!(placement.to_dictionary(), asked.into());
    }

    #[test]
    fn a_key_is_followed_or_refused() {
        let table = [
            ("computer_guid", "COMP-1", "ok"),
            ("capability", "gpu", "ok"),
            ("instance_guid", "SOFTINST-7", "ok"),
            ("network_guid", "NET-1", "ok"),
            ("project_guid", "PROJ-1", "ok"),
            ("group", "research", "ok"),
            ("cpu_core", "8", "ok"),
            ("cpu_frequency", "2 GHz", "ok"),
            ("cpu_type", "x86", "ok"),
            ("local_area_network_type", "ethernet", "ok"),
            ("region", "europe", "ok"),
            ("memory_size", "16 GB", "ok"),
            ("memory_type", "DDR5", "ok"),
            ("storage_capacity", "1 TB", "ok"),
            ("storage_interface", "nvme", "ok"),
            ("storage_redundancy", "raid1", "ok"),
            ("mode", "unique_by_network", "ok"),
            ("retention_delay", "7.0", "ok"),
            ("fw_restricted_access", "on", "ok"),
            ("fw_rejected_sources", "10.0.0.0/8", "ok"),
            ("fw_authorized_sources", "10.0.0.1", "ok"),
            ("computer_guid", "no such name!", "bad-placement-value"),
            ("instance_guid", "seven", "bad-placement-value"),
            ("mode", "unique", "bad-placement-value"),
            ("compter_guid", "COMP-1", "unknown-placement-key"),
            ("colour", "red", "unknown-placement-key"),
        ];
        for (key, value, expected) in table {
            let asked = Dictionary::from([(key.to_owned(), value.to_owned())]);
            let found = Placement::parse(&asked, Conditions::All);
            assert_eq!(found.as_ref().map_or_else(Refusal::code, |_| "ok"), expected, "{key}");
            if let Ok(placement) = found {
                assert_eq!(placement.to_dictionary(), asked, "{key}: writes what it read");
            }
        }
        let asked = Dictionary::from([("compter_guid".to_owned(), "COMP-1".to_owned())]);
        let hint = Placement::parse(&asked, Conditions::All).unwrap_err().hint();
        assert_eq!(hint.as_deref(), Some("did you mean `computer_guid`?"));
    }
}
