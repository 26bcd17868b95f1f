//! Computers: what they offer, and how they join.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Deserializer, Serialize};
use slapos_core::names::{ComputerId, PartitionId, Timestamp, Title};
use slapos_core::world::AllocationScope;

use super::{Dictionary, InstanceName, Supply};

/// What a node says of itself: these are my partitions, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// Every partition of the computer; one that is missing here is retired, unless busy.
    pub partitions: Vec<FormatPartition>,
}

/// One partition as its node formatted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatPartition {
    /// Its name, e.g. `slappart0`.
    pub name: PartitionId,
    /// Addresses that its services may bind.
    pub addresses: Vec<IpAddr>,
    /// Capabilities: a partition that has any serves only requests that name one of them.
    #[serde(default)]
    pub capabilities: Vec<String>,
}

/// One computer as the master knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computer {
    /// Its name.
    pub computer: ComputerId,
    /// What people call it, if it was registered.
    #[serde(default)]
    pub title: Option<Title>,
    /// Whether it takes new instances: `open`, `closed` or `draining`.
    pub allocation: AllocationScope,
    /// At most so many instances; `None`: as many as it has partitions.
    pub capacity: Option<u32>,
    /// What requests can choose it by.
    pub traits: Dictionary,
    /// When its node last called, if it ever did; kept in memory only.
    pub seen_at: Option<Timestamp>,
    /// Its partitions, in order of name.
    pub partitions: Vec<ComputerPartition>,
    /// Its releases, in order of URL.
    pub supplies: Vec<Supply>,
}

/// A right to let one computer join. The secret is told here once, and kept nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// The secret.
    pub token: String,
    /// It cannot be used any more from then on.
    pub expires_at: Timestamp,
}

/// A computer wants to join.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterAsk {
    /// The secret of a token, which is used up.
    pub token: String,
    /// What people shall call the computer.
    pub title: Title,
}

/// A computer with its new certificate. The key is told here once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Its name.
    pub computer: ComputerId,
    /// The certificate: a text, then PEM.
    pub certificate: String,
    /// Its private key, as PEM: a secret.
    pub key: String,
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl fmt::Debug for RegisterAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterAsk").field("title", &self.title).finish_non_exhaustive()
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered").field("computer", &self.computer).finish_non_exhaustive()
    }
}

/// What a computer is for. A field that is missing stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComputerAsk {
    /// Whether it takes new instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<AllocationScope>,
    /// At most so many instances; `null`: as many as it has partitions.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    pub capacity: Option<Option<u32>>,
    /// Its traits, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traits: Option<Dictionary>,
}

/// Tells a field that is `null` from one that is missing.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// One partition of a [`Computer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComputerPartition {
    /// Its name.
    pub name: PartitionId,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its capabilities.
    pub capabilities: Vec<String>,
    /// The instance that lives there; `None` when free.
    pub instance: Option<InstanceName>,
}
