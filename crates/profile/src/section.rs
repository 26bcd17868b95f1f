//! One section with its macros expanded.
//!
//! Works on raw text: `${:x}` in a macro means the *using* section's `x`.

use std::rc::Rc;

use indexmap::IndexMap;

use crate::error::{Code, Error, Result};
use crate::merge::{MACROS, applied};
use crate::read::{Layer, Raw};

/// The options of one section, macros expanded, references not.
pub(crate) type RawOptions = IndexMap<Rc<str>, Raw>;

/// Expands section `name`. Later macros override earlier ones, own options override all, then waiting `+=` and
/// `-=` apply.
pub(crate) fn expand(sections: &Layer, name: &str) -> Result<RawOptions> {
    expand_below(sections, name, &mut Vec::new())
}

fn expand_below(sections: &Layer, name: &str, open: &mut Vec<String>) -> Result<RawOptions> {
    if let Some(from) = open.iter().position(|section| section == name) {
        let circle =
            open[from..].iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("] → [");
        return Err(Error::new(
            Code::MacroCycle,
            format!("sections are each other's macros: [{circle}]"),
        ));
    }
    let Some(own) = sections.get(name) else {
        return Err(missing_section(sections, name));
    };
    open.push(name.to_owned());
    let mut options = RawOptions::new();
    for line in
        own.get(MACROS).and_then(|change| change.set.as_ref()).iter().flat_map(|raw| &raw.lines)
    {
        let used = line.text.trim();
        if used.is_empty() {
            continue;
        }
        let inherited = expand_below(sections, used, open).map_err(|error| {
            error.at(|| line.spot.place()).during(format!("while expanding the macros of [{name}]"))
        })?;
        options.extend(inherited);
    }
    for (option, change) in own.iter().filter(|(option, _)| &***option != MACROS) {
        let base = change.set.clone().or_else(|| options.get(option).cloned());
        if let Some(raw) = applied(base, change) {
            options.insert(Rc::clone(option), raw);
        }
    }
    open.pop();
    Ok(options)
}

/// The error for a section that is not there.
pub(crate) fn missing_section(sections: &Layer, name: &str) -> Error {
    Error::new(Code::MissingSection, format!("there is no section [{name}]"))
        .with_nearest(name, sections.keys().map(|known| &**known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Source, parse};

    fn option(text: &str, option: &str) -> Result<String> {
        let mut sections = Layer::new();
        crate::merge::merge(&mut sections, parse(&Source::new("t.cfg", text)).unwrap());
        Ok(expand(&sections, "s")?[option].text())
    }

    #[test]
    fn macros() {
        let table = [
            ("[s]\n<= a\n[a]\nx = 1\n", "1"),
            ("[s]\n<= a\nx = 2\n[a]\nx = 1\n", "2"),
            ("[s]\n<= a\n  b\n[a]\nx = 1\n[b]\nx = 3\n", "3"),
            ("[s]\n<=\n  a\nx += 2\n[a]\nx = 1\n", "1\n2"),
            ("[s]\n<= a\nx -= 1\n[a]\nx =\n  1\n  4\n", "4"),
            ("[s]\n<= a\n[a]\n<= b\nx += 2\n[b]\nx = 1\n", "1\n2"),
            ("[s]\n<= a\nx += 2\n[a]\ny = 1\n", "2"),
        ];
        for (text, expected) in table {
            assert_eq!(option(text, "x").unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn faults() {
        let table = [
            ("[s]\n<= t\n[t]\n<= s\n", Code::MacroCycle, None),
            (
                "[s]\n<= macor\n[macro]\nx = 1\n",
                Code::MissingSection,
                Some("did you mean `macro`?"),
            ),
        ];
        for (text, code, hint) in table {
            let error = option(text, "x").unwrap_err();
            assert_eq!((error.code(), error.hint()), (code, hint), "{text}");
            assert!(error.faults().next().unwrap().place.is_some(), "{text}");
        }
    }
}
