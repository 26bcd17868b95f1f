//! The eggs of a release's Python, at the versions that it pins where these can be had.

use super::{BUILDOUT, Engine, host_error};
use crate::eggs::Eggs;
use crate::environment;
use crate::error::{Code, Error, Result};
use crate::files::{self, Keep, Mode};
use crate::job::Purpose;
use crate::value::Seen;

/// Of the logs of a release, that which tells the versions of its eggs. No part can have the name `versions`: the
/// section is that of the pins.
const LOG: &str = "versions.log";

impl Engine<'_> {
    /// Chooses the eggs, unless that has been done.
    pub(super) fn want_eggs(&mut self) -> Result<()> {
        if self.eggs.is_some() {
            return Ok(());
        }
        let python = match &self.job.python {
            Some(python) => environment::version_of(python)?,
            None if self.findings.is_some() => Eggs::any_python().to_owned(),
            None => {
                return Err(Error::new(
                    Code::Unsupported,
                    "eggs need Python, and this node has none",
                )
                .with_hint("install python3 and python3-venv, or set `python`"));
            }
        };
        let pins = self.pins()?;
        let pins = pins.iter().map(|(egg, version)| (egg.as_str(), version.clone()));
        self.eggs = Some(Eggs::choose(&python, pins)?);
        Ok(())
    }

    /// The versions that the release pins, by the names that it writes.
    fn pins(&mut self) -> Result<Vec<(String, String)>> {
        let Seen::Value(name) = self.cell(BUILDOUT, "versions")?.read()? else {
            return Ok(Vec::new());
        };
        let name = name.as_str().unwrap_or_default().trim().to_owned();
        if !self.sections.contains_key(name.as_str()) {
            return Ok(Vec::new());
        }
        let options = self.macros.expand(&self.sections, &name)?;
        Ok(options.iter().map(|(egg, raw)| (egg.to_string(), raw.text())).collect())
    }

    /// Has the environment made, if a part needs it.
    pub(super) fn make_environment(&mut self) -> Result<()> {
        let Some((eggs, others)) = &self.eggs else { return Ok(()) };
        if let Purpose::Software(supply) = &self.job.purpose {
            let told = eggs.told(others);
            files::put(&supply.logs.join(LOG), told.as_bytes(), Mode::Plain, Keep::Renewable)?;
        }
        let made = self.host.environment(eggs);
        made.map_err(|refusal| host_error("cannot make the Python environment", refusal))
    }
}
