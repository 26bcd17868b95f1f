//! What a profile reaches from a command line: URLs and Python, but no master.

use std::{
    fs, io,
    process::{Command, Stdio},
};

use slapos_profile::{
    Eggs, Host, HostError, Job, Progress, Purpose, RequestAnswer, RequestAsk,
    environment::{HINT, IN_RELEASE, Making},
};

/// Fetches URLs; leaves every request waiting.
#[derive(Default)]
pub(super) struct LocalHost<'j> {
    /// What is laid out; `None`: nothing is.
    pub(super) job: Option<&'j Job>,
}

impl Host for LocalHost<'_> {
    fn fetch(&mut self, url: &str) -> Result<Vec<u8>, HostError> {
        slapos_node::evaluate::fetch(url)
    }

    fn request(&mut self, ask: &RequestAsk) -> Result<RequestAnswer, HostError> {
        Ok(RequestAnswer {
            connection: None,
            id: String::new(),
            state: ask.state.clone(),
            waiting: Some("a command line has no master that could answer".into()),
        })
    }

    fn environment(&mut self, eggs: &Eggs) -> Result<(), HostError> {
        let made = self.job.map_or(Ok(()), |job| make_environment(job, eggs));
        made.map_err(|message| HostError { message, hint: Some(HINT.into()) })
    }

    fn progress(&mut self, _progress: &Progress) {}
}

/// Makes the environment of a release in its own folder, unless it is there.
fn make_environment(job: &Job, eggs: &Eggs) -> Result<(), String> {
    let (Purpose::Software(supply), Some(python)) = (&job.purpose, &job.python) else {
        return Err("only a release has one, and it needs a Python".into());
    };
    let making = Making::new(eggs, python).map_err(|error| error.report())?;
    let directory = job.directory.join(IN_RELEASE);
    let failed = |error: io::Error| format!("prepare {directory}: {error}");
    if making.has_marked(&directory) {
        return Ok(());
    }
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => fs::create_dir_all(&directory).map_err(failed)?,
    }
    for (list, text) in &making.lists {
        slapos_atomic::write(directory.join(list), text.as_bytes(), 0o644).map_err(failed)?;
    }
    for command in making.commands(&directory, &supply.cache.join("pip")) {
        let line = command.join(" ");
        let [program, arguments @ ..] = command.as_slice() else { continue };
        let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("{line}: {error}"))?;
        if !output.status.success() {
            return Err(format!("{line}: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
    }
    making.mark(&directory).map_err(|error| error.report())
}
