//! The signature of a part: a hash of its recipe, its options, what its constructor read, and of the parts that it
//! refers to, directly or through sections without recipe. A change below reinstalls what is above.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::Engine;
use crate::error::Result;
use crate::value::{Cell, Datum, dumps};

/// The text of a secret begins so where it is recorded; its digest follows.
pub(super) const SECRET: &str = "sha256:";

/// Hexadecimal SHA-256.
pub(super) fn digest(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// What the signature of a part is made of.
#[derive(Debug, Clone)]
pub(super) struct Basis {
    /// As the profile names it.
    pub(super) recipe: String,
    version: u32,
    /// After substitution and construction; secrets as digests.
    pub(super) options: BTreeMap<String, String>,
    /// What the constructor read elsewhere: name to digest.
    pub(super) reads: BTreeMap<String, String>,
    /// Signatures of the parts that it refers to, by name.
    pub(super) below: BTreeMap<String, String>,
    /// Digest of all that the part itself is made of, without the parts that it refers to.
    pub(super) own: String,
    pub(super) signature: String,
}

impl Basis {
    fn sign(&mut self) {
        let mut lines = vec![format!("{} {}", self.recipe, self.version)];
        lines.extend(self.options.iter().map(|(option, text)| format!("{option}={text}")));
        lines.extend(self.reads.iter().map(|(what, digest)| format!("{what} {digest}")));
        self.own = digest(lines.join("\0").as_bytes());
        lines.extend(self.below.iter().map(|(part, signature)| format!("{part} {signature}")));
        self.signature = digest(lines.join("\0").as_bytes());
    }
}

impl Engine<'_> {
    /// What each part that does not wait is made of, by name.
    pub(super) fn bases(&mut self) -> Result<HashMap<Rc<str>, Basis>> {
        let (mut bases, mut known) = (HashMap::new(), HashMap::new());
        for name in self.order.clone() {
            if let Some(basis) = self.basis(&name, &known)? {
                known.insert(Rc::clone(&name), basis.signature.clone());
                bases.insert(name, basis);
            }
        }
        Ok(bases)
    }

    fn basis(&mut self, name: &str, known: &HashMap<Rc<str>, String>) -> Result<Option<Basis>> {
        let Some(part) = self.slots[name].part.as_ref().filter(|part| part.waiting.is_none())
        else {
            return Ok(None);
        };
        let (recipe, version) = (part.recipe.clone(), part.kind.version);
        let options = self.recorded_options(name)?;
        // Order is post-order: whatever is not known yet is part of a circle of sections.
        let below = self.parts_below(name);
        let below =
            below.iter().filter_map(|part| Some((part.to_string(), known.get(part)?.clone())));
        let (below, reads) = (below.collect(), self.slots[name].reads.clone());
        let mut basis = Basis {
            recipe,
            version,
            options,
            reads,
            below,
            own: String::new(),
            signature: String::new(),
        };
        basis.sign();
        Ok(Some(basis))
    }

    /// Parts that a section refers to, looking through sections without recipe.
    pub(super) fn parts_below(&self, name: &str) -> BTreeSet<Rc<str>> {
        let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open: Vec<&Rc<str>> = self.slots[name].needs.iter().collect();
        while let Some(next) = open.pop() {
            if !seen.insert(next) {
                continue;
            }
            let slot = &self.slots[next];
            if slot.part.is_some() {
                found.insert(Rc::clone(next));
            } else {
                open.extend(&slot.needs);
            }
        }
        found
    }

    /// All options as the state file keeps them: secrets only as digests.
    fn recorded_options(&mut self, name: &str) -> Result<BTreeMap<String, String>> {
        let raw: Vec<Rc<str>> = self.slots[name].raw.keys().cloned().collect();
        for option in raw {
            self.cell(name, &option)?;
        }
        let cells = &self.slots[name].cells;
        cells.iter().map(|(option, cell)| Ok((option.to_string(), recorded(cell)?))).collect()
    }
}

/// The text of a value, or the digest of a secret one.
pub(super) fn recorded(cell: &Cell) -> Result<String> {
    let text = match &cell.datum {
        Datum::Text(text) => text.replace("$$", "$"),
        Datum::Typed(value) => dumps(value)?,
        Datum::Waiting(waiting) => format!("waiting for {}", waiting.title),
    };
    Ok(if cell.secret { format!("{SECRET}{}", digest(text.as_bytes())) } else { text })
}
