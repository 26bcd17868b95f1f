//! Rendered documents of computers, kept until something changes there: nodes of the classic
//! protocol ask for all of it again and again, and it is large.

use std::collections::BTreeMap;

use axum::body::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use slapos_core::names::ComputerId;

/// So many bytes of texts are kept: a thousand computers with a hundred partitions each. Beyond
/// that, keeping begins anew. Tags are small, and kept all the same.
const BYTES_MAX: usize = if cfg!(test) { 1 << 20 } else { 256 << 20 };

/// One document, for a caller who may know it.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    /// Tells it from every other one, in quotes: an `ETag`.
    pub(crate) tag: String,
    /// `None`: it is the one that the caller knows.
    pub(crate) text: Option<Bytes>,
}

impl Rendered {
    /// What was just rendered.
    pub(crate) fn new(text: String) -> Self {
        let digest = Sha256::digest(&text);
        Self { tag: format!("\"{}\"", HEXLOWER.encode(&digest[..16])), text: Some(text.into()) }
    }

    /// The same for a caller who has the one with the tag `known`.
    pub(crate) fn unless_known(self, known: Option<&str>) -> Self {
        let text = self.text.filter(|_| known != Some(self.tag.as_str()));
        Self { text, ..self }
    }
}

/// The documents that are as they would be rendered now.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    tags: BTreeMap<ComputerId, String>,
    texts: BTreeMap<ComputerId, Bytes>,
    bytes: usize,
}

impl Kept {
    /// The document for a caller who has the one with the tag `known`; `None` when it has to be
    /// rendered for that.
    pub(crate) fn get(&self, computer: &ComputerId, known: Option<&str>) -> Option<Rendered> {
        let tag = self.tags.get(computer)?.clone();
        let text = self.texts.get(computer).cloned();
        let found = Rendered { tag, text };
        (found.text.is_some() || known == Some(found.tag.as_str()))
            .then(|| found.unless_known(known))
    }

    /// Keeps what was just rendered.
    pub(crate) fn put(&mut self, computer: &ComputerId, Rendered { tag, text }: Rendered) {
        let text = text.unwrap_or_default();
        if self.bytes + text.len() > BYTES_MAX {
            self.texts.clear();
            self.bytes = 0;
        }
        self.forget(computer);
        self.bytes += text.len();
        self.tags.insert(computer.clone(), tag);
        self.texts.insert(computer.clone(), text);
    }

    pub(crate) fn forget(&mut self, computer: &ComputerId) {
        self.tags.remove(computer);
        if let Some(old) = self.texts.remove(computer) {
            self.bytes -= old.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_knows_a_document_needs_no_text_of_it_until_something_changes() {
        let computer = |number: usize| ComputerId::try_from(format!("COMP-{number}")).unwrap();
        let mut kept = Kept::default();
        let first = Rendered::new("x".repeat(BYTES_MAX / 2));
        let other = Rendered::new("y".repeat(BYTES_MAX / 2 + 1));
        kept.put(&computer(0), first.clone());
        kept.put(&computer(1), other.clone());
        let again = first.clone().unless_known(Some(&first.tag));
        assert_eq!(again.text, None, "rendered anew, and known all the same");
        assert_ne!(first.tag, other.tag);
        assert!(kept.bytes <= BYTES_MAX && kept.texts.len() == 1, "texts have a bound");
        let found = |kept: &Kept, number, known: Option<&str>| {
            kept.get(&computer(number), known).map(|it| it.text.is_some())
        };
        let table = [
            (0, Some(first.tag.as_str()), Some(false)),
            (0, Some("\"older\""), None),
            (0, None, None),
            (1, Some(other.tag.as_str()), Some(false)),
            (1, Some(first.tag.as_str()), Some(true)),
            (1, None, Some(true)),
            (2, None, None),
        ];
        for (number, known, expected) in table {
            assert_eq!(found(&kept, number, known), expected, "{number} {known:?}");
        }
        kept.forget(&computer(0));
        assert_eq!(found(&kept, 0, Some(&first.tag)), None);
    }
}
