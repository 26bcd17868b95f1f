//! `plone.recipe.command`: a shell command at installation, perhaps another at each later run.
//!
//! In: `command`, `update-command`, `stop-on-error` (a failure counts only with it), `location` (recorded).

use std::io::{self, Read};
use std::process::{Command, ExitStatus, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Kind, Recipe};
use crate::engine::{Scope, Slow, Stop, Teller, Work};
use crate::error::{Code, Error, Result};

pub(super) static KINDS: [Kind; 1] =
    [Kind { clear_first: true, ..Kind::new(&["plone.recipe.command"], make) }];

/// So much of a failed command's output is told: the end.
const TOLD_BYTES: usize = 4000;
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
            let (status, said) = shell(&command, &directory, teller)
                .map_err(|source| Error::io("run", "/bin/sh", &source))?;
            if status.success() || !stop_on_error {
                return Ok(());
            }
            let said = String::from_utf8_lossy(&said);
            let said = if said.trim().is_empty() { "it said nothing" } else { said.trim() };
            let message = format!("the command failed ({status}): {said}");
            Err(Error::new(Code::Command, message))
        }))
    }

    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        if let Some(location) = &self.location {
            work.record(location);
        }
        Ok(())
    }

    fn update(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.keep();
        Ok(())
    }
}

/// Runs a command to its end, without input; returns how it ended and the end of what it said.
fn shell(
    command: &str,
    directory: &Utf8Path,
    teller: &mut Teller<'_>,
) -> io::Result<(ExitStatus, Vec<u8>)> {
    let (mut said, speaking) = io::pipe()?;
    let mut child = Command::new("/bin/sh")
        .args(["-c", RUN_TEXT])
        .env(TEXT, command)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(speaking.try_clone()?)
        .stderr(speaking)
        .spawn()?; // our own ends of the pipe go away here
    let mut end = Vec::new();
    let mut part = [0; 4096];
    loop {
        match said.read(&mut part) {
            Ok(0) => break,
            Ok(length) => {
                teller.say(&part[..length]);
                end.extend_from_slice(&part[..length]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        end.drain(..end.len().saturating_sub(TOLD_BYTES));
    }
    Ok((child.wait()?, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_in_no_list_of_processes_and_in_no_environment() {
        let (status, said) = shell(
            "tr '\\0' ' ' < /proc/$$/cmdline; env # s3cret",
            Utf8Path::new("/"),
            &mut Teller::default(),
        )
        .unwrap();
        let said = String::from_utf8(said).unwrap();
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
            let (status, said) =
                shell(command, Utf8Path::new("/"), &mut Teller::default()).unwrap();
            let said = String::from_utf8(said).unwrap();
            assert_eq!((status.code(), said.as_str()), (Some(code), wanted), "{command}");
        }
        assert!(
            !shell("echo 'open", Utf8Path::new("/"), &mut Teller::default()).unwrap().0.success()
        );
    }

    #[test]
    fn only_the_end_of_a_long_output_is_kept() {
        let (_, said) = shell("seq 100000", Utf8Path::new("/"), &mut Teller::default()).unwrap();
        assert_eq!(said.len(), TOLD_BYTES);
        assert!(said.ends_with(b"\n99999\n100000\n"));
    }
}
