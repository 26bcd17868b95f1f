//! `plone.recipe.command`: a shell command at installation, perhaps another at each later run.
//!
//! In: `command`, `update-command`, `stop-on-error` (a failure counts only with it), `location` (recorded).

use std::process::{Command, Stdio};

use camino::Utf8PathBuf;

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Error, Result};

pub(super) static KINDS: [Kind; 1] =
    [Kind { clear_first: true, ..Kind::new(&["plone.recipe.command"], make) }];

/// So much of a failed command's output is told.
const TOLD_BYTES: usize = 4000;

struct Shell {
    command: String,
    update_command: Option<String>,
    stop_on_error: bool,
    location: Option<Utf8PathBuf>,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let location = scope.text("location")?.map(|text| scope.path(&text));
    Ok(Box::new(Shell {
        command: scope.required("command")?,
        update_command: scope.text("update-command")?,
        stop_on_error: scope.flag("stop-on-error", false)?,
        location,
    }))
}

impl Recipe for Shell {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        if let Some(location) = &self.location {
            work.record(location);
        }
        self.run(&self.command, work)
    }

    fn update(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.keep();
        self.update_command.as_deref().map_or(Ok(()), |command| self.run(command, work))
    }
}

impl Shell {
    fn run(&self, command: &str, work: &Work<'_>) -> Result<()> {
        let ended = Command::new("/bin/sh")
            .args(["-c", command])
            .current_dir(&work.job.directory)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| Error::io("start", "/bin/sh", &source))?;
        if ended.status.success() || !self.stop_on_error {
            return Ok(());
        }
        let mut output = String::from_utf8_lossy(&ended.stdout).into_owned();
        output.push_str(&String::from_utf8_lossy(&ended.stderr));
        let message = format!("the command failed ({}): {}", ended.status, tail(output.trim()));
        Err(Error::new(Code::Command, message))
    }
}

/// The last lines of a long text.
fn tail(text: &str) -> &str {
    let mut from = text.len().saturating_sub(TOLD_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    if text.is_empty() { "it said nothing" } else { &text[from..] }
}
