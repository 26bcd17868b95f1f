//! Supplies: "this release shall be available on this computer".

use serde::{Deserialize, Serialize};

use crate::names::{
    ComputerId, Generation, Revision, SoftwareUrl, SupplyState, SupplyWish, Timestamp,
};

/// A release on a computer: the wish and what the node said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supply {
    /// The computer.
    pub computer: ComputerId,
    /// The release.
    pub release: SoftwareUrl,
    /// What is wished.
    pub wished: SupplyWish,
    /// Grows with each wish about this release here, even across its removal: it is the revision
    /// of the wish.
    pub generation: Generation,
    /// What the node last said.
    pub state: SupplyState,
    /// The end of the error or of the log; what was last done while building.
    pub text: Option<String>,
    /// How much of the step that runs is done, 0 to 100, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// When the state last changed.
    pub changed_at: Timestamp,
    /// The revision of the last wish.
    pub wished_at: Revision,
    /// The last wish to install it again: what was installed for an older one does not count.
    /// 0 when there was none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub again: Generation,
    /// The revision that took in what its node last said.
    #[serde(default)]
    pub taken_in: Revision,
}

fn is_none(generation: &Generation) -> bool {
    *generation == Generation::default()
}

impl Supply {
    /// True when instances may be placed for it: it is wished, and did not fail.
    pub fn is_promising(&self) -> bool {
        self.wished == SupplyWish::Available && self.state != SupplyState::Error
    }

    /// True when instances can be deployed from it.
    pub fn is_ready(&self) -> bool {
        self.wished == SupplyWish::Available && self.state == SupplyState::Available
    }
}
