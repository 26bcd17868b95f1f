//! A proxy that passes requests on to a master behind TLS: both sides show certificates.

use std::{
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};

use crate::{
    classic::{Ask, Classic},
    cloud::write_file,
    master::Master,
    proxy::Home,
};

const FAR: &str = "http://h/far/software.cfg";

/// Somebody who vouches for others.
struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn vouches_for(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// Writes `certificate`, `key` and `ca` files; the settings that name them.
    fn settings(&self, directory: &Utf8Path, trusted: &Self) -> String {
        fs::create_dir_all(directory).unwrap();
        let (certificate, key) = self.vouches_for("our proxy");
        let keep = |name: &str, pem: String| -> Utf8PathBuf {
            let path = directory.join(name);
            write_file(&path, &pem);
            path
        };
        let certificate = keep("certificate", certificate.pem());
        let key = keep("key", key.serialize_pem());
        let trusted = keep("ca", trusted.certificate.pem());
        format!("cert = {certificate}\nkey = {key}\nca = {trusted}\n")
    }
}

/// A server in front of a master that lets only those in whom `authority` vouches for. Returns its
/// address and counts whom it let in.
fn front(authority: &Authority, master: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.der().clone()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build();
    let (certificate, key) = authority.vouches_for("127.0.0.1");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let (config, let_in) = (Arc::new(config), Arc::new(AtomicUsize::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, count) = (listener.local_addr().unwrap(), let_in.clone());
    thread::spawn(move || {
        for client in listener.incoming() {
            let (config, count) = (config.clone(), count.clone());
            // whoever is not let in, or has enough, hangs up
            thread::spawn(move || lead(client.unwrap(), config, master, &count).unwrap_err());
        }
    });
    (address, let_in)
}

fn lead(
    client: TcpStream,
    config: Arc<ServerConfig>,
    master: SocketAddr,
    let_in: &AtomicUsize,
) -> io::Result<()> {
    let mut tls =
        StreamOwned::new(ServerConnection::new(config).map_err(io::Error::other)?, client);
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock)?;
    }
    let_in.fetch_add(1, Ordering::Relaxed);
    let mut plain = TcpStream::connect(master)?;
    for socket in [&tls.sock, &plain] {
        socket.set_read_timeout(Some(Duration::from_millis(5)))?;
    }
    loop {
        pass(&mut tls, &mut plain)?;
        pass(&mut plain, &mut tls)?;
    }
}

/// Passes on what there is.
fn pass(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut bytes = [0; 1 << 14];
    match from.read(&mut bytes) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => to.write_all(&bytes[..count]).and_then(|()| to.flush()),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

#[test]
fn a_request_is_passed_on_to_a_master_that_wants_a_certificate_and_has_one() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    let far = Master::on(&path.join("far"));
    let there = Classic::new(&far.url);
    there.format("COMP-9", 2);
    let supply = [("url", FAR), ("computer_id", "COMP-9"), ("state", "available")];
    assert_eq!(there.post("supplySupply", &supply).0, 200);

    let (known, stranger) = (Authority::new(), Authority::new());
    let (address, let_in) = front(&known, far.url["http://".len()..].parse().unwrap());
    // who vouches for us, and whom we trust
    let table = [
        ("both known", &known, &known, Ok("slappart0 of COMP-9")),
        ("we are not known there", &stranger, &known, Err(523)),
        ("it is not known to us", &known, &stranger, Err(523)),
    ];
    for (what, ours, trusted, expected) in table {
        let before = let_in.load(Ordering::Relaxed);
        let place = path.join(what);
        let files = ours.settings(&place.join("files"), trusted);
        let section =
            format!("[multimaster/https://{address}]\nsoftware_release_list =\n  {FAR}\n{files}");
        let proxy = Home::new(place).start(&section);
        let asked = Classic::new(&proxy.url).request(&Ask::new("child", FAR));
        let found = asked.map(|it| it.place.to_string()).map_err(|(status, _)| status);
        assert_eq!(found.as_deref(), expected.as_ref().copied(), "{what}");
        assert_eq!(let_in.load(Ordering::Relaxed) > before, expected.is_ok(), "{what}");
    }
}
