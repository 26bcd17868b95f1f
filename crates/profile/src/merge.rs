//! Merges the sections of one file into what is there: `=`, `+=`, `-=`.

use std::rc::Rc;

use indexmap::IndexMap;

use crate::read::{Change, Layer, Line, Raw};

/// The option that names the macros of a section.
pub(crate) const MACROS: &str = "<";

/// Merges one file into what is there.
pub(crate) fn merge(into: &mut Layer, layer: Layer) {
    for (name, new) in layer {
        let known = into.contains_key(&name);
        let old = into.entry(name).or_default();
        let waits = old.contains_key(MACROS) || new.contains_key(MACROS);
        for (option, change) in new {
            merge_option(old, option, change, waits, known);
        }
    }
}

/// With `waits`, additions to an option that has no value here wait until the macros are known. Else the first
/// addition is an assignment; in a section that is `known` from another file it extends the empty value.
fn merge_option(
    options: &mut IndexMap<Rc<str>, Change>,
    option: Rc<str>,
    change: Change,
    waits: bool,
    known: bool,
) {
    let old = options.entry(option).or_default();
    if change.set.is_some() {
        *old = change;
    } else {
        old.add.extend(change.add);
        old.remove.extend(change.remove);
    }
    if old.set.is_some() || !waits {
        let base = old.set.take().or_else(|| if known { empty(old) } else { None });
        *old = Change { set: applied(base, old), ..Change::default() };
    }
}

/// The value of an option that only has additions and removals, before they apply.
pub(crate) fn empty(change: &Change) -> Option<Raw> {
    let spot = change.add.first().or(change.remove.first())?.spot.clone();
    Some(Raw::at(spot, ""))
}

/// The value after the additions and removals of `change`; `None` if there is nothing at all.
pub(crate) fn applied(base: Option<Raw>, change: &Change) -> Option<Raw> {
    let mut raw = match base {
        Some(raw) => raw,
        None => Raw { lines: Vec::new(), ..empty(change)? },
    };
    raw.lines.extend(change.add.iter().cloned());
    raw.lines.retain(|line| !change.remove.iter().any(|gone| gone.text == line.text));
    if raw.lines.is_empty() {
        raw.lines.push(Line { text: "".into(), spot: raw.spot.clone() });
    }
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Source, parse};

    #[test]
    fn signs() {
        let first = "[s]\nx = 1\n  2\n  3\nempty =\n[m]\n<= n\n[t]\n[n]\n";
        let table = [
            ("[s]\nx = 9\nx += 4\n", "s:x", "9\n4"),
            ("[s]\nx += 4\n", "s:x", "1\n2\n3\n4"),
            ("[s]\nx -= 2\n", "s:x", "1\n3"),
            ("[s]\nx -=\n  1\n  4\nx +=\n  4\n  5\n", "s:x", "2\n3\n5"),
            ("[s]\nx -=\n  1\n  2\n  3\n", "s:x", ""),
            ("[u]\nnew += 4\n", "u:new", "4"),
            ("[u]\nnew -= 4\n", "u:new", ""),
            ("[t]\nnew += 4\n", "t:new", "\n4"),
            ("[t]\nnew -= 4\n", "t:new", ""),
            ("[s]\nempty += 4\n", "s:empty", "\n4"),
            ("[m]\nx += 4\n", "m:x", "pending"),
            ("[m]\nx = 3\nx += 4\n", "m:x", "3\n4"),
        ];
        for (text, option, expected) in table {
            let mut merged = Layer::new();
            for text in [first, text] {
                merge(&mut merged, parse(&Source::new("t.cfg", text), &mut Vec::new()));
            }
            let (section, option) = option.split_once(':').unwrap();
            let set = &merged[section][option].set;
            assert_eq!(set.as_ref().map_or("pending".into(), Raw::text), expected, "{text}");
        }
    }
}
