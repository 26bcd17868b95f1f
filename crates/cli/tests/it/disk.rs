//! A small disk for a computer: a tmpfs in a mount namespace, which ends with the process that
//! holds it. As root or as an ordinary user, where the machine lets them.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use camino::{Utf8Path, Utf8PathBuf};

use crate::cloud::{Said, slapos};

pub(crate) struct Disk {
    holder: Child,
    at: Utf8PathBuf,
}

fn is_root() -> bool {
    slapos_node::sys::whoami() == 0
}

impl Disk {
    /// An empty disk of `size` (as `mount` wants it) at the directory `at`; the error says why
    /// this machine cannot have one.
    pub(crate) fn mount(at: &Utf8Path, size: &str) -> Result<Self, String> {
        let mut unshare = Command::new("unshare");
        unshare.arg("--mount");
        if !is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        // `cat` stays until the test's end of its input is closed.
        let script = "mount -t tmpfs -o size=$2,mode=0755 tmpfs \"$1\" && echo ready && exec cat";
        let holder = unshare
            .args(["sh", "-c", script, "sh", at.as_str(), size])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut holder = holder.map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line == "ready\n" {
            return Ok(Self { holder, at: at.to_owned() });
        }
        let mut why = String::new();
        holder.stderr.take().unwrap().read_to_string(&mut why).unwrap();
        holder.wait().unwrap();
        Err(format!("no mount namespace with a tmpfs: {}", why.trim()))
    }

    /// The program, where it sees the disk.
    pub(crate) fn slapos(&self) -> Command {
        let mut command = self.enter();
        if !is_root() {
            // Within the namespace the user passes for root; a node must not believe it.
            let user = slapos_node::sys::whoami();
            command.args(["unshare", "--user", &format!("--map-user={user}")]);
        }
        let program = slapos();
        for (name, _) in program.get_envs() {
            command.env_remove(name);
        }
        command.arg(program.get_program());
        command
    }

    /// Gives the disk another size.
    pub(crate) fn resize(&self, size: &str) {
        let mut command = self.enter();
        // The mount's own options name users as they are outside of the namespace: say no more
        // than what changes.
        command.args(["mount", "--options-mode=ignore", "-o", &format!("remount,size={size}")]);
        command.arg(&self.at);
        let said: Said = command.output().unwrap().into();
        assert_eq!(said.code, 0, "{said:?}");
    }

    /// How a path on the disk is called outside of it.
    pub(crate) fn seen(&self, path: &Utf8Path) -> Utf8PathBuf {
        Utf8PathBuf::from(format!("/proc/{}/root{path}", self.holder.id()))
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string()]);
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _gone = self.holder.kill();
        let _gone = self.holder.wait();
    }
}
