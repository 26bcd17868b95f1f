//! The signature of a part: a hash of its recipe, its options, what its constructor read, and of the parts that it
//! refers to, directly or through sections without recipe. A change below reinstalls what is above.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::Engine;
use crate::error::Result;
use crate::value::{Cell, Datum, dumps};

/// Hexadecimal SHA-256.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

impl Engine<'_> {
    /// The signature of each part that does not wait, by name.
    pub(super) fn signatures(&mut self) -> Result<BTreeMap<Rc<str>, String>> {
        let mut known = BTreeMap::new();
        for name in self.order.clone() {
            self.sign(&name, &mut known)?;
        }
        Ok(known)
    }

    fn sign(&mut self, name: &Rc<str>, known: &mut BTreeMap<Rc<str>, String>) -> Result<()> {
        let Some(part) = self.slots[name].part.as_ref().filter(|part| part.waiting.is_none())
        else {
            return Ok(());
        };
        let mut lines = vec![format!("{} {}", part.recipe, part.kind.version)];
        for (option, text) in self.recorded_options(name)? {
            lines.push(format!("{option}={text}"));
        }
        let slot = &self.slots[name];
        lines.extend(slot.reads.iter().map(|(what, digest)| format!("{what} {digest}")));
        for below in self.parts_below(name) {
            // Order is post-order: whatever is not known yet is part of a circle of sections.
            if let Some(signature) = known.get(&below) {
                lines.push(format!("{below} {signature}"));
            }
        }
        known.insert(Rc::clone(name), digest(lines.join("\0").as_bytes()));
        Ok(())
    }

    /// Parts that a section refers to, looking through sections without recipe.
    fn parts_below(&self, name: &str) -> BTreeSet<Rc<str>> {
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
    pub(super) fn recorded_options(&mut self, name: &str) -> Result<BTreeMap<String, String>> {
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
    Ok(if cell.secret { format!("sha256:{}", digest(text.as_bytes())) } else { text })
}

#[cfg(test)]
mod tests {
    #[test]
    fn hexadecimal() {
        assert_eq!(super::hex(&[0, 0x1f, 0xa0]), "001fa0");
    }
}
