//! The real Python slapproxy.

use std::{
    fs::File,
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use camino::Utf8Path;

use crate::{
    classic::Classic,
    cloud::{eventually, write_file},
};

/// A running slapproxy, whose computer is COMP-9. Ends with this value.
pub(super) struct Slapproxy {
    child: Child,
    pub(super) url: String,
}

impl Slapproxy {
    /// Starts one in a directory; `more` goes to the end of its configuration.
    pub(super) fn start(python: &Utf8Path, directory: &Utf8Path, more: &str) -> Self {
        // Free now; nobody else takes it but by bad luck.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let database = directory.join("slapproxy.db");
        let url = format!("http://127.0.0.1:{port}/");
        let cfg = directory.join("slapproxy.cfg");
        let text = format!(
            "[slapos]\ncomputer_id = COMP-9\nmaster_url = {url}\n\
             [slapproxy]\nhost = 127.0.0.1\nport = {port}\ndatabase_uri = {database}\n{more}"
        );
        write_file(&cfg, &text);
        let log = File::create(directory.join("slapproxy.log")).unwrap();
        let child = Command::new(python.with_file_name("slapos"))
            .args(["proxy", "start", "--cfg", cfg.as_str()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let slapproxy = Self { child, url };
        eventually("the slapproxy answers", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        slapproxy
    }

    pub(super) fn classic(&self) -> Classic {
        Classic::new(self.url.trim_end_matches('/'))
    }
}

impl Drop for Slapproxy {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
