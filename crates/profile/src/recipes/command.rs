//! `plone.recipe.command`: a shell command at installation, perhaps another at each later run.
//!
//! In: `command`, `update-command`, `stop-on-error` (a failure counts only with it), `location` (recorded).

use std::io;
use std::process::Command;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Kind, Recipe};
use crate::engine::{Scope, Slow, Stop, Teller, Work};
use crate::error::{Error, Result};
use crate::process::{self, Ended};

pub(super) static KINDS: [Kind; 1] =
    [Kind { clear_first: true, ..Kind::new(&["plone.recipe.command"], make) }];

/// The longest that a command may take; a node gives a whole installation no longer.
const LIMIT: Duration = Duration::from_secs(2 * 3600);
/// Everybody may read the arguments of a process, and a command may hold secrets; the environment is
/// for its user only. The variable is gone before the command's first word.
const TEXT: &str = "SLAPOS_RECIPE_COMMAND";
const RUN_TEXT: &str = "eval \"unset SLAPOS_RECIPE_COMMAND\n$SLAPOS_RECIPE_COMMAND\"";

struct Shell {
    directory: Utf8PathBuf,
    command: String,
    update_command: Option<String>,
    stop_on_error: bool,
    location: Option<Utf8PathBuf>,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let location = scope.text("location")?.map(|text| scope.path(&text));
    Ok(Box::new(Shell {
        directory: scope.directory().to_owned(),
        command: scope.required("command")?,
        update_command: scope.text("update-command")?,
        stop_on_error: scope.flag("stop-on-error", false)?,
        location,
    }))
}

impl Recipe for Shell {
    fn slow(&mut self, same: bool) -> Option<Slow> {
        let command = if same { self.update_command.clone()? } else { self.command.clone() };
        let (directory, stop_on_error) = (self.directory.clone(), self.stop_on_error);
        let owns = self.location.clone().into_iter().collect();
        Some(Slow::new(owns, move |teller| {
            let ended = shell(&command, &directory, teller)
                .map_err(|source| Error::io("run", "/bin/sh", &source))?;
            if stop_on_error { ended.insist("the command") } else { Ok(()) }
        }))
    }

    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        if let Some(location) = &self.location {
            work.record(location)?;
        }
        Ok(())
    }

    fn update(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.keep();
        Ok(())
    }
}

fn shell(command: &str, directory: &Utf8Path, teller: &mut Teller<'_>) -> io::Result<Ended> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", RUN_TEXT]).env(TEXT, command).current_dir(directory);
    process::run(&mut shell, LIMIT, teller)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_in_no_list_of_processes_and_in_no_environment() {
        let Ended { status, said } = shell(
            "tr '\\0' ' ' < /proc/$$/cmdline; env # s3cret",
            Utf8Path::new("/"),
            &mut Teller::default(),
        )
        .unwrap();
        assert!(status.success() && said.contains("sh -c"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }

    #[test]
    fn a_command_means_what_it_means_to_a_shell() {
        for (command, code, wanted) in [
            ("echo out; echo err >&2; exit 3", 3, "out\nerr\n"),
            ("cat; echo \"$#\" 'a  b'", 0, "0 a  b\n"),
            ("cat <<END\n$HOME_OF_NOBODY'\"\nEND\n", 0, "'\"\n"),
            ("false &&\n  echo no ||\n  echo `pwd`", 0, "/\n"),
            ("false", 1, ""),
            ("", 0, ""),
        ] {
            let Ended { status, said } =
                shell(command, Utf8Path::new("/"), &mut Teller::default()).unwrap();
            assert_eq!((status.code(), said.as_str()), (Some(code), wanted), "{command}");
        }
        assert!(
            !shell("echo 'open", Utf8Path::new("/"), &mut Teller::default())
                .unwrap()
                .status
                .success()
        );
    }
}
