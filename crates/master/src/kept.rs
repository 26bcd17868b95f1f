//! Rendered documents of computers, kept until something changes there: nodes of the classic
//! protocol ask for all of it again and again, and it is large.

use std::collections::BTreeMap;

use axum::body::Bytes;
use sha2::{Digest, Sha256};
use slapos_core::names::ComputerId;

/// So much is kept, some hundred computers with a hundred partitions each. Beyond that, keeping
/// begins anew.
const BYTES_MAX: usize = 64 << 20;

/// One document.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    pub(crate) text: Bytes,
    /// Tells it from every other one, in quotes: an `ETag`.
    pub(crate) tag: String,
}

impl Rendered {
    pub(crate) fn new(text: String) -> Self {
        let digest = Sha256::digest(&text);
        let tag = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Self { text: text.into(), tag: format!("\"{tag}\"") }
    }
}

/// The documents that are as they would be rendered now.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    documents: BTreeMap<ComputerId, Rendered>,
    bytes: usize,
}

impl Kept {
    pub(crate) fn get(&self, computer: &ComputerId) -> Option<Rendered> {
        self.documents.get(computer).cloned()
    }

    pub(crate) fn put(&mut self, computer: &ComputerId, document: Rendered) {
        if self.bytes + document.text.len() > BYTES_MAX {
            *self = Self::default();
        }
        self.forget(computer);
        self.bytes += document.text.len();
        self.documents.insert(computer.clone(), document);
    }

    pub(crate) fn forget(&mut self, computer: &ComputerId) {
        if let Some(old) = self.documents.remove(computer) {
            self.bytes -= old.text.len();
        }
    }
}
