//! Makes templates and values from a seed: the same seed gives the same case.
//!
//! Expressions are made for a wanted kind of value, so that most of them succeed; now and then the kind is wrong
//! on purpose.

mod expressions;
mod statements;
mod values;

use std::collections::BTreeMap;

use crate::reference::Case;
use values::{literals, names};

/// The case of a seed: of four, three are one expression and one is statements.
pub(crate) fn case(seed: u64) -> Case {
    let mut maker = Maker { dice: Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d)), fresh: 0 };
    let mut context = BTreeMap::new();
    for kind in KINDS {
        for name in names(kind).iter().filter(|name| **name != "none") {
            let literal = maker.dice.pick(literals(kind));
            context.insert((*name).to_string(), literal.to_string());
        }
    }
    if maker.dice.roll(4) > 0 {
        let kind = maker.kind();
        let template = format!("{{{{ {} }}}}", maker.value(kind, 3));
        return Case { template, context, ..Case::default() };
    }
    let mut template = String::new();
    for _ in 0..=maker.dice.roll(4) {
        template.push_str(&maker.statement(3));
    }
    let library = "{% macro wrap(x, left='<', right='>') %}{{ left }}{{ x }}{{ right }}{% endmacro %}\
                   {% macro list_of() %}{{ varargs }}{{ kwargs }}{% endmacro %}{% set constant = [1, 2] %}";
    let mut files = BTreeMap::new();
    files.insert("library".to_string(), library.to_string());
    files.insert("part".to_string(), "[{{ n1 }}|{% set s1 = 'changed' %}{{ s1 }}]\n".to_string());
    Case { template, context, files, parse: false }
}

/// A small random generator (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % sides
    }

    fn pick<'t>(&mut self, items: &[&'t str]) -> &'t str {
        items[self.roll(items.len())]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    List,
    Dict,
    Truth,
}

const KINDS: [Kind; 5] = [Kind::Number, Kind::Text, Kind::List, Kind::Dict, Kind::Truth];

struct Maker {
    dice: Dice,
    fresh: usize,
}

impl Maker {
    fn name(&mut self) -> String {
        self.fresh += 1;
        format!("v{}", self.fresh)
    }

    fn kind(&mut self) -> Kind {
        KINDS[self.dice.roll(KINDS.len())]
    }
}
