//! `slapos computer token|revoke` and `slapos node register`.

use std::{fs, io::Write, os::unix::fs::PermissionsExt, process::Stdio};

use crate::cloud::{Cloud, Said, slapos};

#[test]
fn a_computer_joins_by_a_token_and_its_node_runs() {
    let cloud = Cloud::master();
    let client = |arguments: &[&str]| {
        let cfg = cloud.client_cfg();
        Said::from(slapos().args(arguments).args(["--cfg", cfg.as_str()]).output().unwrap())
    };
    let register = |name: &str, token: &str| {
        let cfg = cloud.path().join(name).join("slapos.cfg");
        let mut command = slapos();
        command.args(["node", "register", name, "--master-url", &cloud.url, "--cfg", cfg.as_str()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{token}").unwrap();
        (Said::from(child.wait_with_output().unwrap()), cfg)
    };
    let issued = client(&["computer", "token"]);
    assert_eq!(issued.code, 0, "{issued:?}");
    assert!(issued.err.contains("good for one computer until"), "{issued:?}");
    let token = issued.out.trim();
    let (said, cfg) = register("one", token);
    assert_eq!(said.code, 0, "{said:?}");
    let computer = cloud.client().computers().unwrap()[0].clone();
    assert_eq!(computer.title.unwrap().as_str(), "one");
    let text = fs::read_to_string(&cfg).unwrap();
    assert!(text.contains(&format!("computer_id = {}\n", computer.computer)), "{text}");
    let key = fs::metadata(cfg.with_file_name("ssl/key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let status = slapos().args(["node", "status", "--cfg", cfg.as_str()]).output().unwrap();
    assert!(!String::from_utf8_lossy(&status.stderr).contains("unknown setting"));

    let table = [
        (register("one", token).0, 1, "exists: this computer has joined"),
        (register("two", token).0, 3, "this token is not valid"),
        (register("three", "").0, 64, "no token on standard input"),
    ];
    for (said, code, part) in table {
        assert_eq!(said.code, code, "{said:?}");
        assert!(said.err.contains(part), "{said:?}");
    }
    // another machine takes its place
    fs::rename(cfg.parent().unwrap(), cloud.path().join("broken")).unwrap();
    let second =
        client(&["computer", "token", "--json"]).json()["token"].as_str().unwrap().to_owned();
    let (taken, _) = register("one", &second);
    assert_eq!((taken.code, taken.err.contains("already")), (3, true), "{taken:?}");
    let revoked = client(&["computer", "revoke", computer.computer.as_str()]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    assert_eq!(register("one", &second).0.code, 0);
    assert_eq!(cloud.client().computers().unwrap().len(), 1);
}
