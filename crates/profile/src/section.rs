//! One section with its macros expanded.
//!
//! Works on raw text: `${:x}` in a macro means the *using* section's `x`.

use std::collections::HashMap;
use std::rc::Rc;

use indexmap::IndexMap;

use crate::error::{Code, Error, Result};
use crate::merge::{MACROS, applied, empty};
use crate::read::{Change, Layer, Raw};

/// The options of one section, macros expanded, references not.
pub(crate) type RawOptions = IndexMap<Rc<str>, Raw>;

/// How deep macros may have macros.
const DEPTH_MAX: usize = 100;
/// How many options all expanded sections may have together; ERP5 has 10,000.
const OPTIONS_MAX: usize = 1_000_000;

/// Expands sections, each once.
#[derive(Debug, Default)]
pub(crate) struct Macros {
    expanded: HashMap<Rc<str>, Rc<RawOptions>>,
    options: usize,
    /// Sections that are being expanded, outermost first.
    open: Vec<Rc<str>>,
}

impl Macros {
    /// Expands section `name`. Later macros override earlier ones, own options override all, then waiting `+=` and
    /// `-=` apply.
    pub(crate) fn expand(&mut self, sections: &Layer, name: &str) -> Result<Rc<RawOptions>> {
        if let Some(expanded) = self.expanded.get(name) {
            return Ok(Rc::clone(expanded));
        }
        self.no_circle(name)?;
        let Some((name, own)) = sections.get_key_value(name) else {
            return Err(missing_section(sections, name));
        };
        self.open.push(Rc::clone(name));
        let options = self.combine(sections, name, own);
        self.open.pop();
        let options = Rc::new(options?);
        self.expanded.insert(Rc::clone(name), Rc::clone(&options));
        Ok(options)
    }

    fn combine(
        &mut self,
        sections: &Layer,
        name: &str,
        own: &IndexMap<Rc<str>, Change>,
    ) -> Result<RawOptions> {
        let mut options = RawOptions::new();
        let macros = own.get(MACROS).and_then(|change| change.set.as_ref());
        for line in macros.iter().flat_map(|raw| &raw.lines) {
            let used = line.text.trim();
            if used.is_empty() {
                continue;
            }
            let inherited = self.expand(sections, used).map_err(|error| {
                error
                    .at(|| line.spot.place())
                    .during(format!("while expanding the macros of [{name}]"))
            })?;
            options.extend(inherited.iter().map(|(option, raw)| (Rc::clone(option), raw.clone())));
        }
        for (option, change) in own.iter().filter(|(option, _)| &***option != MACROS) {
            let base = change.set.clone().or_else(|| options.get(option).cloned());
            if let Some(raw) = applied(base.or_else(|| empty(change)), change) {
                options.insert(Rc::clone(option), raw);
            }
        }
        self.options += options.len();
        if self.options > OPTIONS_MAX {
            let message = format!("the sections have more than {OPTIONS_MAX} options");
            return Err(Error::new(Code::TooLarge, message));
        }
        Ok(options)
    }

    fn no_circle(&self, name: &str) -> Result<()> {
        if self.open.len() > DEPTH_MAX {
            let message = format!("macros have macros more than {DEPTH_MAX} levels deep");
            return Err(Error::new(Code::TooLarge, message));
        }
        let Some(from) = self.open.iter().position(|section| &**section == name) else {
            return Ok(());
        };
        let circle = self.open[from..].iter().map(|section| &**section).chain([name]);
        let circle = circle.collect::<Vec<_>>().join("] → [");
        let message = format!("sections are each other's macros: [{circle}]");
        Err(Error::new(Code::MacroCycle, message))
    }
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
        crate::merge::merge(&mut sections, parse(&Source::new("t.cfg", text), &mut Vec::new()));
        Ok(Macros::default().expand(&sections, "s")?[option].text())
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
            ("[s]\n<= a\nx += 2\n[a]\ny = 1\n", "\n2"),
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
