//! Tokens: a right to join the cloud once, held by whoever knows a secret. Only the digest of the
//! secret is kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::{PersonId, Timestamp};

/// The SHA-256 of a secret, as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenDigest(pub String);

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token {}", self.0.get(..8).unwrap_or_default())
    }
}

/// One token: the row. It goes when it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The digest of its secret.
    pub digest: TokenDigest,
    /// Who made it.
    pub person: PersonId,
    /// It cannot be used any more from then on.
    pub expires_at: Timestamp,
}
