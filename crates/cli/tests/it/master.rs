//! A real master alone, for tests of what it keeps: on a directory, killed and started at will.

use std::{
    fs::{self, File},
    process::{Child, Command, ExitStatus, Stdio},
};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_wire::{
    client::{Client, ClientError},
    v1,
};

use crate::cloud::{eventually, slapos};

/// A running master. Killed with this value.
pub(crate) struct Master {
    child: Child,
    pub(crate) url: String,
    log: Utf8PathBuf,
}

/// `slapos master serve` on a directory, on a port of its own.
pub(crate) fn serve(program: Command, data: &Utf8Path) -> Command {
    serve_at(program, data, "127.0.0.1:0")
}

fn serve_at(mut program: Command, data: &Utf8Path, address: &str) -> Command {
    program.args(["master", "serve", "--open", "--listen", address, "--data", data.as_str()]);
    program
}

impl Master {
    /// Starts a master and waits until it serves; `log` is made anew.
    pub(crate) fn start(command: Command, log: &Utf8Path) -> Self {
        Self::try_start(command, log)
            .unwrap_or_else(|log| panic!("the master does not serve\n{log}"))
    }

    /// The same; the error is its log, when it ended instead.
    pub(crate) fn try_start(mut command: Command, log: &Utf8Path) -> Result<Self, String> {
        let file = File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap();
        let mut master = Self { child, url: String::new(), log: log.to_owned() };
        let mut ended = false;
        eventually("the master serves or ends", || {
            ended = master.child.try_wait().unwrap().is_some();
            let text = master.log();
            let line = text.lines().find(|line| line.contains("the master serves"));
            let address = line.and_then(|line| line.split("address=").nth(1));
            if let Some(address) = address.and_then(|rest| rest.split_whitespace().next()) {
                master.url = format!("http://{address}");
            }
            ended || !master.url.is_empty()
        });
        if master.url.is_empty() { Err(master.log()) } else { Ok(master) }
    }

    pub(crate) fn on(data: &Utf8Path) -> Self {
        Self::start(serve(slapos(), data), &data.with_extension("log"))
    }

    /// Starts it again at the same address.
    pub(crate) fn again(data: &Utf8Path, url: &str) -> Self {
        let address = url.trim_start_matches("http://");
        Self::start(serve_at(slapos(), data, address), &data.with_extension("log"))
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the master ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Requests an instance with a parameter of so many bytes.
pub(crate) fn request(
    client: &Client,
    title: &str,
    bytes: usize,
) -> Result<v1::Instance, ClientError> {
    let ask = serde_json::json!({
        "title": title,
        "software_release": "software/hello",
        "parameters": {"filling": "x".repeat(bytes)},
    });
    client.request(&serde_json::from_value(ask).unwrap())
}

/// The titles of all instances, sorted.
pub(crate) fn titles(client: &Client) -> Vec<String> {
    let mut titles: Vec<_> =
        client.instances(None).unwrap().iter().map(|it| it.title.to_string()).collect();
    titles.sort();
    titles
}
