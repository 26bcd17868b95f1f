//! Supplies: releases on computers.

use serde::{Deserialize, Serialize};
use slapos_core::names::{Generation, Revision, SoftwareUrl, SupplyState, SupplyWish, Timestamp};

/// "This release shall be available on this computer", or shall be removed from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupplyAsk {
    /// The release.
    pub software_release: SoftwareUrl,
    /// What is wished.
    pub state: SupplyWish,
    /// Install it again, even where it is available: its sources have changed.
    #[serde(default)]
    pub again: bool,
}

/// A release on a computer: the wish and what the node said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supply {
    /// The release.
    pub software_release: SoftwareUrl,
    /// What is wished.
    pub wished: SupplyWish,
    /// What the node last said.
    pub state: SupplyState,
    /// Counts the wishes.
    pub generation: Generation,
    /// The end of the error or of the log; what was last done while building.
    pub text: Option<String>,
    /// How much of the step that runs is done, 0 to 100, when that is known.
    #[serde(default)]
    pub percent: Option<u8>,
    /// When the state last changed.
    pub changed_at: Timestamp,
    /// What was installed for an older wish than this does not count.
    #[serde(default)]
    pub again: Generation,
}

/// A node says how far a release is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupplyReport {
    /// The release.
    pub software_release: SoftwareUrl,
    /// The generation of the wish that it is about.
    pub generation: Generation,
    /// As in [`InstanceReport`](super::InstanceReport).
    #[serde(default)]
    pub follows: Option<Revision>,
    /// How far it is.
    pub state: SupplyState,
    /// The error's text or the step that runs; cut to its last 64 KiB by the master.
    pub text: Option<String>,
    /// How much of that step is done, 0 to 100, when that is known.
    #[serde(default)]
    pub percent: Option<u8>,
}
