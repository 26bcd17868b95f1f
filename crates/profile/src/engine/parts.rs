//! The list of parts: `parts` of `[buildout]`.
//!
//! A name in it that is no part is refused: what it was meant to lay out would silently be missing.

use super::order::find_word;
use super::{BUILDOUT, DEFAULTS, Engine};
use crate::error::{Code, Error, Result};
use crate::read::Raw;
use crate::value::Seen;

impl Engine<'_> {
    /// Uses every wanted part. Afterwards values, order and waiting are known.
    pub(super) fn evaluate(&mut self) -> Result<()> {
        self.initialise(BUILDOUT)?;
        let listed = self.is_listed();
        self.noted(listed)?;
        let parts = match self.cell(BUILDOUT, "parts")?.read()? {
            Seen::Value(value) => value.as_str().unwrap_or_default().to_owned(),
            Seen::Waiting(_) if self.findings.is_some() => return Ok(()),
            Seen::Waiting(waiting) => {
                let message =
                    format!("`parts` depends on `{}`, which has no answer yet", waiting.title);
                return Err(Error::new(Code::Unsupported, message)
                    .with_hint("let values of parts depend on requests, not the list of parts"));
            }
        };
        for name in parts.split_whitespace() {
            let used = self.initialise(name).and_then(|()| self.has_recipe(name));
            let used = used.map_err(|error| {
                let raw = self.slots.get(BUILDOUT).and_then(|slot| slot.raw.get("parts"));
                match raw.map(|raw| find_word(raw, name)) {
                    Some(spot) => error.at(|| spot.place()),
                    None => error,
                }
            });
            match used {
                Err(error) if self.planning => self.refuse(name, error),
                used => drop(self.noted(used)?),
            }
        }
        Ok(())
    }

    /// Refuses a profile without `parts` that has an option which was meant to be it.
    fn is_listed(&self) -> Result<()> {
        let raw = &self.slots[BUILDOUT].raw;
        let of_text = |raw: &Raw| raw.spot.source.name != DEFAULTS;
        if raw.get("parts").is_some_and(of_text) {
            return Ok(());
        }
        let mut options = raw.iter().filter(|(_, raw)| of_text(raw));
        match options.find(|(name, _)| slapos_nearest::nearest(name, ["parts"]).is_some()) {
            Some((name, raw)) => {
                let message = format!("[{BUILDOUT}] has no option `parts`, but `{name}`");
                let error = Error::new(Code::MissingOption, message).at(|| raw.spot.place());
                Err(error.with_hint("did you mean `parts`?"))
            }
            None => Ok(()),
        }
    }

    /// Refuses a section that is listed as a part and names no recipe. An empty one is named on purpose: such a part
    /// only pulls in others.
    fn has_recipe(&self, name: &str) -> Result<()> {
        let raw = &self.slots[name].raw;
        if raw.contains_key("recipe") {
            return Ok(());
        }
        let message = format!("[{name}] is listed as a part and has no option `recipe`");
        let error = Error::new(Code::MissingOption, message);
        Err(error.with_nearest("recipe", raw.keys().map(|name| &**name)))
    }
}
