//! The agent's side: starts the child, answers it, takes its result.

use std::{convert::Infallible, future::Future, process::Stdio, time::Duration};

use camino::Utf8Path;
use slapos_profile::{Eggs, HostError, Job, Outcome, Progress, RequestAnswer, RequestAsk};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout},
};

use super::protocol::{FromChild, LINE_BYTES_MAX, ToChild};
use crate::{
    log::Log,
    sandbox::{self, LaunchSpec},
    sys,
};

/// How often the length of a log is looked at.
const ROTATION: Duration = Duration::from_secs(10);

/// Why an evaluation brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EvaluateError {
    /// The child could not be started.
    #[error("start the evaluation of {profile}")]
    Start {
        /// The profile.
        profile: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The child ended without a result.
    #[error("the evaluation of {profile} broke off ({ended}); its log is {log}")]
    Broken {
        /// The profile.
        profile: String,
        /// How the child ended.
        ended: String,
        /// Where it wrote.
        log: String,
    },
    /// It took too long.
    #[error("the evaluation of {profile} took longer than {} s and was ended", limit.as_secs())]
    TooLong {
        /// The profile.
        profile: String,
        /// The limit.
        limit: Duration,
    },
    /// The profile is at fault, or what it did failed.
    #[error("{0}")]
    Fault(String),
}

/// What the child may ask of the agent.
pub(crate) trait Serve {
    /// Makes a request on behalf of the instance.
    fn request(
        &mut self,
        ask: RequestAsk,
    ) -> impl Future<Output = Result<RequestAnswer, HostError>> + Send;
    /// Has the Python environment made that a release needs.
    fn environment(&mut self, eggs: Eggs) -> impl Future<Output = Result<(), HostError>> + Send;
    /// Takes notice of progress.
    fn progress(&mut self, progress: Progress);
}

/// Runs one evaluation to its end. `log` takes what the profile's commands print. The child and
/// all that it started is killed when the time is over or the caller drops the future.
pub(crate) async fn evaluate(
    program: &Utf8Path,
    spec: &LaunchSpec,
    job: Job,
    log: &Utf8Path,
    limit: Duration,
    serve: &mut impl Serve,
) -> Result<Outcome, EvaluateError> {
    let profile = job.profile.clone();
    let log_file = Log::of_node(log);
    let started = start(program, spec, &log_file).await;
    let mut running =
        started.map_err(|source| EvaluateError::Start { profile: profile.clone(), source })?;
    let talked = tokio::select! {
        talked = tokio::time::timeout(limit, running.talk(job, serve)) => talked,
        never = keep_short(&log_file) => match never {},
    };
    match talked {
        Ok(Ok(Some(FromChild::Done(outcome)))) => Ok(*outcome),
        Ok(Ok(Some(FromChild::Failed(report)))) => Err(EvaluateError::Fault(report)),
        Ok(Ok(_)) => Err(EvaluateError::Broken {
            profile,
            ended: running
                .child
                .wait()
                .await
                .map_or_else(|error| error.to_string(), |status| status.to_string()),
            log: log.to_string(),
        }),
        Ok(Err(error)) => {
            Err(EvaluateError::Broken { profile, ended: error.to_string(), log: log.to_string() })
        }
        Err(_) => Err(EvaluateError::TooLong { profile, limit }),
    }
}

/// Rotates a log as long as somebody may write to it.
async fn keep_short(log: &Log) -> Infallible {
    loop {
        tokio::time::sleep(ROTATION).await;
        if let Err(error) = log.rotate() {
            tracing::warn!(%error, "a log could not be rotated");
        }
    }
}

/// A child that is killed with its group when this is dropped.
struct Running {
    child: Child,
    group: Option<u32>,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

async fn start(program: &Utf8Path, spec: &LaunchSpec, log: &Log) -> std::io::Result<Running> {
    log.rotate()?;
    let mut child = sandbox::start(program, spec, Stdio::piped(), log.open()?.into()).await?;
    let missing = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    let stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = BufReader::new(child.stdout.take().ok_or_else(missing)?);
    Ok(Running { group: child.id(), child, stdin, stdout })
}

impl Running {
    /// Talks until the child's last word; `None` when it ended without one.
    async fn talk(
        &mut self,
        job: Job,
        serve: &mut impl Serve,
    ) -> std::io::Result<Option<FromChild>> {
        self.say(&ToChild::Job(Box::new(job))).await?;
        loop {
            let mut line = Vec::new();
            (&mut self.stdout).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
            if line.is_empty() {
                return Ok(None);
            }
            match serde_json::from_slice(&line)? {
                FromChild::Request(ask) => {
                    let answer = serve.request(ask).await;
                    self.say(&ToChild::Answer(answer)).await?;
                }
                FromChild::Environment(eggs) => {
                    let made = serve.environment(eggs).await;
                    self.say(&ToChild::Made(made)).await?;
                }
                FromChild::Progress(progress) => serve.progress(progress),
                last @ (FromChild::Done(_) | FromChild::Failed(_)) => return Ok(Some(last)),
            }
        }
    }

    async fn say(&mut self, message: &ToChild) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.stdin.write_all(&line).await?;
        self.stdin.flush().await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group.take()
            && let Err(error) = sys::kill_group(group)
        {
            tracing::warn!(group, %error, "cannot end what an evaluation left behind");
        }
    }
}
