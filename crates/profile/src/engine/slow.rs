//! What takes long in installing a part, apart from the evaluation: it can be done on a thread of its own.

use std::fs::{self, File};
use std::io::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Result};

/// A log ends after so many bytes: a command may print for ever.
const LOG_BYTES_MAX: u64 = 64 << 20;

type Hear<'h> = dyn FnMut(&str, u64, u64) + 'h;
type Labour = dyn FnOnce(&mut Teller<'_>) -> Result<()> + Send;

/// The long step of one part. It touches nothing but what belongs to the part, or is locked by whoever writes it.
pub(crate) struct Slow {
    /// What the part will own, so that an interrupted step can be cleared away.
    pub(super) owns: Vec<Utf8PathBuf>,
    labour: Box<Labour>,
}

impl Slow {
    pub(crate) fn new(
        owns: Vec<Utf8PathBuf>,
        labour: impl FnOnce(&mut Teller<'_>) -> Result<()> + Send + 'static,
    ) -> Self {
        Self { owns, labour: Box::new(labour) }
    }

    pub(super) fn run(self, teller: &mut Teller<'_>) -> Result<()> {
        (self.labour)(teller)
    }
}

/// Takes what a long step has to tell: how far it is, and what goes into its log. By default nobody listens.
#[derive(Default)]
pub(crate) struct Teller<'t> {
    hear: Option<&'t mut Hear<'t>>,
    log: Option<File>,
    written: u64,
    last: String,
}

impl<'t> Teller<'t> {
    /// With a log, which begins anew.
    pub(super) fn with_log(log: &Utf8Path, hear: &'t mut Hear<'t>) -> Result<Self> {
        let failed = |source: io::Error| Error::io("write", log, &source);
        fs::create_dir_all(log.parent().unwrap_or(Utf8Path::new("/"))).map_err(failed)?;
        // One that is still being written by what an earlier run left behind is not written to.
        match fs::remove_file(log) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let log = File::create_new(log).map_err(failed)?;
        Ok(Self { hear: Some(hear), log: Some(log), ..Self::default() })
    }

    /// The step does something else now, or more of the same; `total` is zero when not known.
    pub(crate) fn step(&mut self, text: &str, done: u64, total: u64) {
        if self.last != text {
            text.clone_into(&mut self.last);
            self.say(format!("{text}\n").as_bytes());
        }
        if let Some(hear) = &mut self.hear {
            hear(text, done, total);
        }
    }

    /// Something for the log only.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let Some(log) = &mut self.log else { return };
        let before = self.written;
        self.written = before.saturating_add(bytes.len() as u64);
        // A log that cannot be written, as on a full disk, harms nothing: the step itself will tell.
        let _lost = match () {
            () if self.written <= LOG_BYTES_MAX => log.write_all(bytes),
            () if before <= LOG_BYTES_MAX => log.write_all(b"\n... what follows is left out\n"),
            () => Ok(()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_every_step_once_and_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let log = Utf8Path::from_path(folder.path()).unwrap().join("logs/a.log");
        for _twice in 0..2 {
            let mut heard = Vec::new();
            let mut hear = |text: &str, done, _| heard.push(format!("{text} {done}"));
            let mut teller = Teller::with_log(&log, &mut hear).unwrap();
            teller.step("unpack", 1, 2);
            teller.step("unpack", 2, 2);
            teller.say(b"said\n");
            teller.written = LOG_BYTES_MAX;
            teller.say(b"too much");
            teller.say(b"more");
            assert_eq!(heard, ["unpack 1", "unpack 2"]);
            let text = fs::read_to_string(&log).unwrap();
            assert_eq!(text, "unpack\nsaid\n\n... what follows is left out\n");
        }
    }
}
