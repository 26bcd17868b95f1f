//! A mirror on loopback that serves what a test puts there, and a signed repository for it.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use pgp::composed::{
    CleartextSignedMessage, KeyType, SecretKeyParamsBuilder, SignedPublicKey, SignedSecretKey,
};
use pgp::types::Password;
use rand_core::OsRng;
use sha2::{Digest as _, Sha256};

use crate::debs;

#[derive(Default)]
struct Shared {
    files: HashMap<String, Vec<u8>>,
    /// Paths of which only so many bytes are sent.
    cut: HashMap<String, usize>,
    /// Request targets, as they came.
    log: Vec<String>,
    closed: bool,
}

/// A running mirror; it ends when dropped.
pub(crate) struct Mirror {
    pub(crate) address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

impl Mirror {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let seen = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if seen.lock().unwrap().closed {
                    return;
                }
                // A client that goes away early is its own business.
                drop(serve(&stream.unwrap(), &seen));
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/debian", self.address)
    }

    pub(crate) fn put(&self, path: &str, content: impl Into<Vec<u8>>) {
        self.shared.lock().unwrap().files.insert(format!("/debian/{path}"), content.into());
    }

    pub(crate) fn remove(&self, path: &str) {
        self.shared
            .lock()
            .unwrap()
            .files
            .remove(&format!("/debian/{path}"))
            .expect("the mirror has it");
    }

    /// Sends only `bytes` of `path` from now on; `None` sends it whole again.
    pub(crate) fn cut(&self, path: &str, bytes: Option<usize>) {
        let cut = &mut self.shared.lock().unwrap().cut;
        match bytes {
            Some(bytes) => cut.insert(format!("/debian/{path}"), bytes),
            None => cut.remove(&format!("/debian/{path}")),
        };
    }

    /// The targets asked for since the last call.
    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().unwrap().log)
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.shared.lock().unwrap().closed = true;
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Answers one request, in origin or absolute form, and closes.
fn serve(stream: &TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]).to_owned(),
        None => target.clone(),
    };
    let (body, sent) = {
        let mut shared = shared.lock().unwrap();
        shared.log.push(target);
        let body = shared.files.get(&path).cloned();
        let sent = shared.cut.get(&path).copied().unwrap_or(usize::MAX);
        (body, sent)
    };
    let mut stream = stream;
    match body {
        Some(body) => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            )?;
            stream.write_all(&body[..sent.min(body.len())])
        }
        None => stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    }
}

pub(crate) fn new_key() -> SignedSecretKey {
    let mut parameters = SecretKeyParamsBuilder::default();
    parameters
        .key_type(KeyType::Ed25519Legacy)
        .can_certify(true)
        .can_sign(true)
        .primary_user_id("A test".to_owned());
    parameters.build().unwrap().generate(OsRng).unwrap()
}

pub(crate) fn public(key: &SignedSecretKey) -> String {
    SignedPublicKey::from(key.clone()).to_armored_string(Default::default()).unwrap()
}

pub(crate) fn sign(text: &str, key: &SignedSecretKey) -> String {
    let message =
        CleartextSignedMessage::sign(OsRng, text, &key.primary_key, &Password::empty()).unwrap();
    message.to_armored_string(Default::default()).unwrap()
}

/// A package of a repository.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) depends: &'static str,
    pub(crate) deb: Vec<u8>,
}

impl Package {
    pub(crate) fn new(
        name: &'static str,
        version: &'static str,
        depends: &'static str,
        entries: &[debs::Entry],
    ) -> Self {
        Self { name, version, depends, deb: debs::deb(entries, ".xz") }
    }

    pub(crate) fn path(&self) -> String {
        format!("pool/{}_{}.deb", self.name, self.version)
    }
}

/// Where `publish` puts the index, by name.
pub(crate) const PACKAGES: &str = "dists/sid/main/binary-amd64/Packages.xz";

/// Puts a repository of suite `sid` on the mirror, its index signed with `key`.
pub(crate) fn publish(mirror: &Mirror, packages: &[Package], key: &SignedSecretKey) {
    publish_release(mirror, packages, |release| sign(release, key));
}

/// The same with any way to make `InRelease` from the text of the release.
pub(crate) fn publish_release(
    mirror: &Mirror,
    packages: &[Package],
    in_release: impl Fn(&str) -> String,
) {
    let mut index = String::new();
    for package in packages {
        let Package { name, version, depends, deb } = package;
        let (path, size, sha256) = (package.path(), deb.len(), sha256(deb));
        index += &format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nDepends: {depends}\nDescription: none\n\
             Filename: {path}\nSize: {size}\nSHA256: {sha256}\n\n"
        );
        mirror.put(&path, deb.clone());
    }
    let index = debs::xz(index.as_bytes());
    let (size, sha256) = (index.len(), sha256(&index));
    mirror.put(PACKAGES, index);
    let release = format!(
        "Origin: Test\nSuite: sid\nArchitectures: amd64\nComponents: main\nSHA256:\n {sha256} {size} main/binary-amd64/Packages.xz\n"
    );
    mirror.put("dists/sid/InRelease", in_release(&release));
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
