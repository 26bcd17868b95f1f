//! The policy by which computers are compared.

use crate::names::ComputerId;

/// How good a computer is for one more instance of a release. Smaller is better; fields compare
/// top to bottom, so their order *is* the policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Score {
    /// Available before building: the release is not installed yet.
    pub(crate) building: bool,
    /// Spread the load: busy partitions.
    pub(crate) busy_partitions: usize,
    /// Break ties by name: same world, same answer.
    pub(crate) computer: ComputerId,
}
