//! A host: its apt configuration, a cache, and a place for trees, all in one temporary directory.

use camino::{Utf8Path, Utf8PathBuf};
use pgp::composed::SignedSecretKey;
use slapos_debian::{Error, Installed, Request, Settings, install};

use crate::mirror::public;

pub(crate) struct Host {
    directory: tempfile::TempDir,
}

impl Host {
    /// A host whose apt asks `url` for suite `sid` and trusts `key`.
    pub(crate) fn new(url: &str, key: &SignedSecretKey) -> Self {
        let host = Self { directory: tempfile::tempdir().unwrap() };
        let sources = format!(
            "Types: deb\nURIs: {url}\nSuites: sid\nComponents: main\nSigned-By: /usr/share/keyrings/test.asc\n"
        );
        host.write("etc/apt/sources.list.d/test.sources", &sources);
        host.write("usr/share/keyrings/test.asc", &public(key));
        host
    }

    pub(crate) fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.directory.path()).unwrap().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = std::fs::File::create(path).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }

    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.path("cache"), now());
        settings.apt_root = self.path("");
        settings.architecture = "amd64".to_owned();
        settings
    }

    /// A request for `packages` in the tree called `name`.
    pub(crate) fn request(&self, name: &str, packages: &[&str]) -> Request {
        Request::new(packages.iter().copied(), self.path(name))
    }

    pub(crate) fn install(&self, name: &str, packages: &[&str]) -> Result<Installed, Error> {
        install(&self.request(name, packages), &self.settings(), &mut |_| ())
    }

    /// Names in the host's directory, hidden ones too.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = self.path("").read_dir_utf8().unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_owned()).collect();
        names.sort();
        names
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is an edge: its keys are made now")]
pub(crate) fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}
