//! The launcher: from a specification to the running program, in one process.

use std::{
    io::{self, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, Stdio},
};

use camino::{Utf8Path, Utf8PathBuf};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    process::Child,
};

use super::{LaunchSpec, landlock};
use crate::sys;

/// Exit code of a launcher that could not become the program, as other launchers use it.
pub const LAUNCH_FAILED: i32 = 125;

/// The exit code for a program that a signal ended is so much more than its number, as in shells.
const SIGNALLED: i32 = 128;
/// The longest specification in bytes.
const SPEC_BYTES_MAX: usize = 4 << 20;
/// Its length in front of it: eight hexadecimal digits and a newline.
const HEADER_BYTES: usize = 9;

/// Why a program was not launched.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The starter gave no proper specification.
    #[error("read the specification of the program")]
    Spec(#[source] io::Error),
    /// No command at all.
    #[error("the specification names no command")]
    NoCommand,
    /// The working directory cannot be entered.
    #[error("enter directory {path}")]
    Directory {
        /// The directory.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A restriction could not be put in force.
    #[error(transparent)]
    Restrict(#[from] landlock::RestrictError),
    /// Privileges cannot be given up.
    #[error("give up the right to gain privileges")]
    Privileges(#[source] io::Error),
    /// Another user's number was asked for without being root.
    #[error("run as user {uid} while being user {me}")]
    User {
        /// The wished user.
        uid: u32,
        /// The user that we are.
        me: u32,
    },
    /// The program itself cannot be executed.
    #[error("execute {program}")]
    Execute {
        /// The program's path.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl LaunchError {
    /// What a person can do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Spec(_) => Some("`node launch` is for the node itself; use `node run`"),
            Self::User { .. } => Some("run the node as root, or without users of its own"),
            Self::Execute { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => {
                    Some("the file or the interpreter in its first line is missing")
                }
                io::ErrorKind::PermissionDenied => Some(
                    "the file is not executable, or lies outside of what the partition may read",
                ),
                _ => None,
            },
            Self::NoCommand | Self::Directory { .. } | Self::Restrict(_) | Self::Privileges(_) => {
                None
            }
        }
    }

    /// The whole chain and the hint in one line, as it is put into the program's log.
    pub fn line(&self) -> String {
        let mut text = format!("launch: {self}");
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            text.push_str(&format!(": {inner}"));
            cause = inner.source();
        }
        if let Some(hint) = self.hint() {
            text.push_str(&format!(" ({hint})"));
        }
        text
    }
}

/// The hidden subcommand: reads the specification from standard input and becomes the program.
/// Returns only when that failed; the caller then prints [`LaunchError::line`] to standard error
/// and exits with [`LAUNCH_FAILED`]. Call it on the main thread, before any other is started.
pub fn launch_from_stdin() -> LaunchError {
    match read_spec(&mut UnbufferedStdin) {
        Ok(spec) => launch(spec),
        Err(source) => LaunchError::Spec(source),
    }
}

/// Becomes the program, or guards it. Returns only when that failed.
pub fn launch(spec: LaunchSpec) -> LaunchError {
    match prepare(&spec) {
        Ok(mut command) => {
            let source = if spec.guarded { guard(&mut command) } else { command.exec() };
            let program = spec.command.into_iter().next().unwrap_or_default();
            LaunchError::Execute { program, source }
        }
        Err(error) => error,
    }
}

/// Runs the program as a child and ends as it did, or with the whole group when its reader is gone.
fn guard(command: &mut Command) -> io::Error {
    let watched = std::thread::Builder::new()
        .name("reader".into())
        .spawn(|| sys::end_with_reader(&io::stdout()));
    match watched.and_then(|_| command.spawn()?.wait()) {
        Ok(status) => {
            let signal = status.signal().unwrap_or_default();
            #[expect(clippy::exit, reason = "ends as the program did, as if it had become it")]
            std::process::exit(status.code().unwrap_or(SIGNALLED + signal))
        }
        Err(error) => error,
    }
}

fn prepare(spec: &LaunchSpec) -> Result<Command, LaunchError> {
    let Some((program, arguments)) = spec.command.split_first() else {
        return Err(LaunchError::NoCommand);
    };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(spec.environment.iter());
    if !spec.keep_stdin {
        command.stdin(Stdio::null());
    }
    let me = sys::whoami();
    if let Some(user) = spec.user {
        if me == 0 {
            command.uid(user.uid).gid(user.gid); // and no supplementary group
        } else if me != user.uid {
            return Err(LaunchError::User { uid: user.uid, me });
        }
    }
    std::env::set_current_dir(&spec.directory)
        .map_err(|source| LaunchError::Directory { path: spec.directory.clone(), source })?;
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| LaunchError::Privileges(error.into()))?;
    if let Some(sandbox) = &spec.sandbox {
        landlock::restrict(sandbox)?;
    }
    Ok(command)
}

/// Starts `<program> node launch` for a specification and hands it over. `program` is this very
/// program. The child leads its own process group; its standard input stays open for the caller
/// when the specification keeps it. Must be called inside a tokio runtime.
pub async fn start(
    program: &Utf8Path,
    spec: &LaunchSpec,
    stdout: Stdio,
    stderr: Stdio,
) -> io::Result<Child> {
    let mut child = spawn_launcher(program, stdout, stderr)?;
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    hand_over(&mut stdin, spec).await?;
    if spec.keep_stdin {
        child.stdin = Some(stdin);
    }
    Ok(child)
}

/// Starts a launcher, which waits for its specification on its standard input.
pub(crate) fn spawn_launcher(
    program: &Utf8Path,
    stdout: Stdio,
    stderr: Stdio,
) -> io::Result<Child> {
    tokio::process::Command::new(program)
        .args(["node", "launch"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .spawn()
}

/// Writes a specification where a launcher reads it.
pub async fn hand_over(to: &mut (impl AsyncWrite + Unpin), spec: &LaunchSpec) -> io::Result<()> {
    to.write_all(&encode(spec)?).await?;
    to.flush().await
}

fn encode(spec: &LaunchSpec) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(spec)?;
    if body.len() > SPEC_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "specification is too long"));
    }
    let mut whole = format!("{:08x}\n", body.len()).into_bytes();
    whole.extend(body);
    Ok(whole)
}

/// Reads exactly the specification and not one byte of what follows.
fn read_spec(from: &mut impl Read) -> io::Result<LaunchSpec> {
    let bad = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
    let mut header = [0; HEADER_BYTES];
    from.read_exact(&mut header)?;
    let length = std::str::from_utf8(&header)
        .ok()
        .and_then(|text| text.strip_suffix('\n'))
        .and_then(|text| usize::from_str_radix(text, 16).ok())
        .filter(|length| *length <= SPEC_BYTES_MAX)
        .ok_or_else(|| bad("no length in front of it"))?;
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

/// Standard input without the buffer of the standard library, which would swallow what belongs
/// to the program.
struct UnbufferedStdin;

impl Read for UnbufferedStdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(rustix::stdio::stdin(), buffer)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> LaunchSpec {
        LaunchSpec {
            command: vec!["true".into()],
            directory: "/".into(),
            environment: [("A".to_owned(), "ü\n".to_owned())].into_iter().collect(),
            user: None,
            sandbox: Some(super::super::Sandbox::default()),
            keep_stdin: true,
            guarded: false,
        }
    }

    #[test]
    fn a_specification_comes_back_and_what_follows_stays() {
        let mut bytes = encode(&spec()).unwrap();
        bytes.extend(b"rest");
        let mut reader = bytes.as_slice();
        assert_eq!(read_spec(&mut reader).unwrap(), spec());
        assert_eq!(reader, b"rest");
    }

    #[test]
    fn a_broken_specification_starts_nothing() {
        let whole = encode(&spec()).unwrap();
        let half = whole.len() / 2;
        let table: &[&[u8]] =
            &[b"", b"0000", b"zzzzzzzz\n{}", b"00000002\n{}", b"ffffffff\n", &whole[..half]];
        for bytes in table {
            assert!(read_spec(&mut &bytes[..]).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_cannot_be_prepared_is_named() {
        let nothing = LaunchSpec { command: vec![], ..spec() };
        assert!(matches!(prepare(&nothing), Err(LaunchError::NoCommand)));
        let nowhere = LaunchSpec { directory: "/missing/place".into(), ..spec() };
        let error = prepare(&nowhere).unwrap_err();
        assert!(error.line().contains("enter directory /missing/place: "), "{}", error.line());
    }
}
