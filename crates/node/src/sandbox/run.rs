//! Runs a confined program to its end and takes what it says.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use camino::Utf8Path;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Child,
    time::{sleep, timeout},
};

use super::{LaunchSpec, start};
use crate::sys::kill_group;

/// After the program's end: for what it left in its pipes.
const DRAIN: Duration = Duration::from_secs(1);
/// Of what it says, so much is kept: the end.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Runs what `spec` says, which should be guarded, through the launcher of `program`, this very one. What it says, up
/// to the last 64 KiB, comes back; as an error when it failed or ran for longer than `limit`. It is gone by then, with
/// its whole group.
pub(crate) async fn run(
    program: &Utf8Path,
    spec: &LaunchSpec,
    limit: Duration,
) -> Result<String, String> {
    let started = start(program, spec, Stdio::piped(), Stdio::piped()).await;
    let mut child = started.map_err(|error| format!("cannot be started: {error}"))?;
    let mut group = Group(child.id());
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let mut said = (Vec::new(), Vec::new());
    let listening = async {
        tokio::join!(listen(out.as_mut(), &mut said.0), listen(err.as_mut(), &mut said.1));
    };
    let ended = async {
        let status = wait(&mut child, limit).await;
        group.kill();
        status
    };
    // A grandchild in a group of its own may hold the pipes for ever: it is not waited for.
    let status = {
        tokio::pin!(listening);
        tokio::pin!(ended);
        tokio::select! {
            status = &mut ended => {
                let _drained = timeout(DRAIN, listening).await;
                status
            }
            () = &mut listening => ended.await,
        }
    };
    let text = message(&said.0, &said.1);
    match status {
        Ok(status) if status.success() => Ok(text),
        Ok(status) if text.is_empty() => Err(format!("ended with {status}")),
        Ok(_) => Err(text),
        Err(reason) => Err(format!("{reason} {text}").trim().to_owned()),
    }
}

async fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus, String> {
    tokio::select! {
        status = child.wait() => status.map_err(|error| format!("cannot be waited for: {error}")),
        () = sleep(limit) => Err(format!("took longer than {limit:?} and was ended.")),
    }
}

/// Ends the whole group, also when it is given up.
struct Group(Option<u32>);

impl Group {
    fn kill(&mut self) {
        if let Some(group) = self.0.take()
            && let Err(error) = kill_group(group)
        {
            tracing::warn!(group, %error, "what a program left behind could not be ended");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads to the end and keeps the last part.
async fn listen(pipe: Option<&mut (impl AsyncRead + Unpin)>, kept: &mut Vec<u8>) {
    let Some(pipe) = pipe else { return };
    let mut part = [0; 4096];
    while let Ok(length @ 1..) = pipe.read(&mut part).await {
        kept.extend_from_slice(&part[..length]);
        let surplus = kept.len().saturating_sub(MESSAGE_BYTES_MAX);
        kept.drain(..surplus);
    }
}

fn message(out: &[u8], err: &[u8]) -> String {
    let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    [out.trim(), err.trim()]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}
