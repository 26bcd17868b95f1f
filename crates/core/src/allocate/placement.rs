//! Placement: the conditions of a request on where its instance may live.

use serde::{Deserialize, Serialize};

use crate::{
    names::{ComputerId, SoftwareUrl},
    refusal::{Refusal, nearest},
    world::Dictionary,
};

/// Conditions on where an instance may live. Empty: anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// On this computer only (`computer_guid`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer: Option<ComputerId>,
    /// In a partition that has this capability (`capability`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
}

/// Requests that can take exactly the same places.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class {
    pub(crate) release: SoftwareUrl,
    pub(crate) computer: Option<ComputerId>,
    pub(crate) capability: Option<String>,
}

const UNSUPPORTED: [&str; 4] = ["instance_guid", "network_guid", "project_guid", "mode"];

impl Placement {
    /// Reads the conditions of a request. A key that cannot be followed is refused, never ignored.
    pub fn parse(asked: &Dictionary) -> Result<Self, Refusal> {
        let mut placement = Self::default();
        for (key, value) in asked {
            match key.as_str() {
                "computer_guid" => {
                    let bad = |rule| Refusal::BadPlacementValue {
                        key: "computer_guid",
                        value: value.chars().take(80).collect(),
                        rule,
                    };
                    let computer = ComputerId::try_from(value.as_str());
                    placement.computer = Some(computer.map_err(|error| bad(error.rule))?);
                }
                "capability" => placement.capability = Some(value.clone()),
                key if UNSUPPORTED.contains(&key) => {
                    return Err(Refusal::UnsupportedPlacementKey(key.to_owned()));
                }
                key => {
                    let known = ["computer_guid", "capability"].into_iter().chain(UNSUPPORTED);
                    let nearest = nearest(key, known);
                    let key = key.chars().take(80).collect();
                    return Err(Refusal::UnknownPlacementKey { key, nearest });
                }
            }
        }
        Ok(placement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_followed_or_refused() {
        let table = [
            ("computer_guid", "COMP-1", "ok"),
            ("capability", "gpu", "ok"),
            ("computer_guid", "no such name!", "bad-placement-value"),
            ("mode", "unique_by_network", "unsupported-placement-key"),
            ("network_guid", "NET-1", "unsupported-placement-key"),
            ("compter_guid", "COMP-1", "unknown-placement-key"),
            ("colour", "red", "unknown-placement-key"),
        ];
        for (key, value, expected) in table {
            let asked = Dictionary::from([(key.to_owned(), value.to_owned())]);
            let found = Placement::parse(&asked);
            assert_eq!(found.as_ref().map_or_else(Refusal::code, |_| "ok"), expected, "{key}");
        }
        let asked = Dictionary::from([("compter_guid".to_owned(), "COMP-1".to_owned())]);
        let hint = Placement::parse(&asked).unwrap_err().hint();
        assert_eq!(hint.as_deref(), Some("did you mean `computer_guid`?"));
    }
}
