//! Computers that join by the Python client, and certificates as its library asks for them.

use std::{fs, process::Command};

use super::{python, slapos};
use crate::{
    classic::{Ask, Classic},
    cloud::{Cloud, Said},
    skip::skip,
};

#[test]
fn a_computer_joins_by_a_token_with_the_python_command_line() {
    let Some(python) = python() else { return };
    if slapos_node::sys::whoami() != 0 {
        return skip("`slapos node register` of Python refuses others than root");
    }
    let cloud = Cloud::master();
    let token = || {
        let said = slapos(&python, &cloud, &["computer", "token"]);
        assert_eq!(said.code, 0, "{said:?}");
        said.out.trim().rsplit(' ').next().unwrap().to_owned()
    };
    let register = |name: &str, token: &str| {
        let cfg = cloud.path().join(name).join("slapos.cfg");
        let mut command = Command::new(python.with_file_name("slapos"));
        command.args(["node", "register", name, "--token", token, "--cfg", cfg.as_str()]);
        command.args(["--master-url", &cloud.url, "--master-url-web", &cloud.url]);
        (Said::from(command.output().unwrap()), cfg)
    };
    let first = token();
    let (said, cfg) = register("one", &first);
    assert_eq!(said.code, 0, "{said:?}");
    let computer = cloud.client().computers().unwrap()[0].computer.clone();
    let text = fs::read_to_string(&cfg).unwrap();
    assert!(text.contains(&format!("\ncomputer_id = {computer}\n")), "{text}");
    let key = fs::read_to_string(cfg.with_file_name("ssl/key")).unwrap();
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"));
    let listed = slapos(&python, &cloud, &["computer", "list"]);
    assert!(listed.out.contains(&format!("{computer} one")), "{listed:?}");
    let info = slapos(&python, &cloud, &["computer", "info", computer.as_str()]);
    assert!(info.out.contains("Computer Title    : one"), "{info:?}");

    let (again, _) = register("two", &first);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("Please check the authentication token"), "{again:?}");
    let (taken, _) = register("one", &token());
    assert_eq!(taken.code, 1);
    assert!(taken.err.contains("is already in use"), "{taken:?}");
    let log = fs::read_to_string(cloud.path().join("master.log")).unwrap();
    assert!(!log.contains(&first), "secrets are in no log");
}

#[test]
fn a_person_sets_up_a_client_by_a_token_with_the_python_command_line() {
    let Some(python) = python() else { return };
    let cloud = Cloud::master();
    let configure = |name: &str, token: &str| {
        let directory = cloud.path().join(name);
        let cfg = directory.join("slapos-client.cfg");
        let mut command = Command::new(python.with_file_name("slapos"));
        command.args(["configure", "client", "--token", token]);
        command.args(["--master-url", &cloud.url, "--master-url-web", &cloud.url]);
        let said = command.env("SLAPOS_CLIENT_CONFIGURATION", &cfg).env("HOME", &directory);
        (Said::from(said.output().unwrap()), directory)
    };
    let said = slapos(&python, &cloud, &["computer", "token"]);
    let token = said.out.trim().rsplit(' ').next().unwrap().to_owned();
    let (said, directory) = configure("me", &token);
    assert_eq!(said.code, 0, "{said:?}");
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert!(read("slapos-client.cfg").contains(&format!("master_url = {}", cloud.url)));
    assert!(read("client.crt").contains("CN=person:admin/"));
    assert!(read("client.key").starts_with("-----BEGIN PRIVATE KEY-----"));
    let load = "import ssl, sys; ssl.create_default_context().load_cert_chain(*sys.argv[1:])";
    let files = ["client.crt", "client.key"].map(|name| directory.join(name));
    let loaded = Command::new(&python).args(["-c", load]).args(files).output().unwrap();
    assert_eq!(Said::from(loaded).code, 0);

    let (again, _) = configure("other", &token);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("Please check the authentication token"), "{again:?}");
}

#[test]
fn certificates_are_good_for_tls_and_stay_the_same() {
    let Some(python) = python() else { return };
    let cloud = Cloud::master();
    let classic = Classic::new(&cloud.url);
    classic.format("COMP-1", 1);
    let release = "http://releases.invalid/db/software.cfg";
    let supply = [("url", release), ("computer_id", "COMP-1"), ("state", "available")];
    assert_eq!(classic.post("supplySupply", &supply).0, 200);
    classic.request(&Ask::new("db", release)).unwrap();
    // slapgrid keeps what it is given, and Python's TLS takes it
    let script = r#"
import os, ssl, sys, tempfile
import slapos.slap
slap = slapos.slap.slap()
slap.initializeConnection(sys.argv[1])
def use(certificate, key):
    with tempfile.TemporaryDirectory() as where:
        names = [os.path.join(where, name) for name in ("certificate", "key")]
        for name, text in zip(names, (certificate, key)):
            with open(name, "w") as out: out.write(text)
        ssl.create_default_context().load_cert_chain(*names)
partition = slap.registerComputerPartition("COMP-1", "slappart0")
first = partition.getCertificate()
use(first["certificate"], first["key"])
assert partition.getCertificate() == first
computer = slap.registerComputer("COMP-1")
made = computer.generateCertificate()
use(made["certificate"], made["key"])
try:
    computer.generateCertificate()
except Exception as error:
    print("again:", type(error).__name__)
computer.revokeCertificate()
assert computer.generateCertificate()["key"] != made["key"]
order = slap.registerOpenOrder()
computers = [order.requestComputer("new")._computer_id for _ in range(2)]
assert computers[0] == computers[1] != "COMP-1", computers
print("ok")
"#;
    let said = Command::new(&python).args(["-c", script, &cloud.url]).output().unwrap();
    let said = Said::from(said);
    assert_eq!(said.out, "again: HTTPError\nok\n", "{}", said.err);
}
