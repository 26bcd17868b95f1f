//! The header with which a client says for which partition it speaks.

use slapos_core::{names::BadName, world::Place};

/// The scheme of the header; case does not matter.
const SCHEME: &str = "X-SlapPartition";

/// The header has our scheme, but names no partition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadClaim {
    /// A part is not there.
    #[error("the header `Authorization: X-SlapPartition` has no `{0}`")]
    Missing(&'static str),
    /// A part is not a name.
    #[error("the header `Authorization: X-SlapPartition` has a bad `{0}`")]
    Name(&'static str, #[source] BadName),
}

/// The partition that an `Authorization` header names, e.g.
/// `X-SlapPartition computer_id=COMP-1, computer_partition_id=slappart0`; `None` when the header
/// has another scheme. It is a claim, not a proof.
///
/// # Errors
/// When the header has the scheme, but not both names.
pub fn claimed_place(header: &str) -> Result<Option<Place>, BadClaim> {
    let header = header.trim();
    let (scheme, items) = header.split_once(char::is_whitespace).unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Ok(None);
    }
    Ok(Some(Place {
        computer: named(items, "computer_id")?,
        partition: named(items, "computer_partition_id")?,
    }))
}

fn named<T>(items: &str, key: &'static str) -> Result<T, BadClaim>
where
    T: for<'t> TryFrom<&'t str, Error = BadName>,
{
    let mut pairs = items.split(',').filter_map(|item| item.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim() == key).ok_or(BadClaim::Missing(key))?;
    T::try_from(value.trim()).map_err(|error| BadClaim::Name(key, error))
}
