//! A certificate with its private key.

use std::fmt;

use crate::classic::marshal::{Unwritable, document};

/// The answer to `getComputerPartitionCertificate` and `generateComputerCertificate`.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate, as PEM.
    pub certificate: String,
    /// Its private key, as PEM: a secret.
    pub key: String,
}

impl Certificate {
    /// Its document.
    ///
    /// # Errors
    /// When a text has a character that XML cannot hold.
    pub fn encode(&self) -> Result<String, Unwritable> {
        document(|writer| {
            writer.dictionary(|members| {
                members.key("certificate").text(&self.certificate);
                members.key("key").text(&self.key);
            });
        })
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}
