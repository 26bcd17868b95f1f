//! `slapos proxy start`: the single-node master with the slapos.cfg of the Python slapproxy.

use std::{fs, process::Command};

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    classic::{Ask, Classic},
    cloud::{slapos, write_file},
    master::Master,
};

/// A directory with all that a proxy has: configuration, state, local releases.
pub(crate) struct Home(Utf8PathBuf);

impl Home {
    pub(crate) fn new(path: Utf8PathBuf) -> Self {
        fs::create_dir_all(path.join("releases/hello")).unwrap();
        let home = Self(path);
        write_file(Utf8Path::new(&home.release()), "[buildout]\n");
        home
    }

    /// The local release in it.
    pub(crate) fn release(&self) -> String {
        self.0.join("releases/hello/software.cfg").into_string()
    }

    /// Starts a proxy here, on a port of its own; `more` goes to the end of the configuration.
    pub(crate) fn start(&self, more: &str) -> Master {
        Master::start(self.command(more), &self.0.join("proxy.log"))
    }

    pub(crate) fn command(&self, more: &str) -> Command {
        let (home, cfg) = (&self.0, self.0.join("slapos.cfg"));
        let text = format!(
            "[slapos]\ncomputer_id = COMP-1\nmaster_url = http://127.0.0.1:1/\n\
             [slapproxy]\nhost = 127.0.0.1\nport = 0\ndatabase_uri = {home}/proxy.db\n\
             local_software_release_root = {home}/releases\n\
             software_product_list =\n  hello http://h/1/software.cfg\n{more}"
        );
        write_file(&cfg, &text);
        let mut command = slapos();
        command.args(["proxy", "start", "--cfg", cfg.as_str()]);
        command
    }
}

fn temporary() -> (tempfile::TempDir, Utf8PathBuf) {
    let directory = tempfile::TempDir::new().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap().to_owned();
    (directory, path)
}

#[test]
fn a_proxy_has_its_computer_from_the_start_and_allocates_what_nobody_supplied() {
    let (_directory, path) = temporary();
    let master = Home::new(path).start("");
    let classic = Classic::new(&master.url);
    assert_eq!(classic.computer("COMP-1").partitions, []);
    let supply = [("url", "http://h/1/software.cfg"), ("computer_id", "COMP-1")];
    assert_eq!(
        classic.post("supplySupply", &[&supply[..], &[("state", "available")]].concat()).0,
        200
    );
    let early = classic.request(&Ask::new("db", "http://h/db")).unwrap_err();
    assert_eq!(early.0, 404, "who finds no place is not kept waiting: {early:?}");

    classic.format("COMP-1", 2);
    let placement = [("computer_guid", "COMP-1"), ("colour", "red")];
    let ask = Ask { placement: &placement, ..Ask::new("db", "http://h/db") };
    let db = classic.request(&ask).unwrap();
    assert_eq!(db.place.to_string(), "slappart0 of COMP-1");
    assert_eq!(db.instance.id.as_deref(), Some("COMP-1-slappart0"));
    // by a partition, with and without a blank in the header
    for header in [
        "computer_id=COMP-1, computer_partition_id=slappart0",
        "computer_id=COMP-1,computer_partition_id=slappart0",
    ] {
        let header = format!("X-SlapPartition {header}");
        let headers = [("Authorization", header.as_str())];
        let child = classic.request(&Ask { headers: &headers, ..Ask::new("child", "http://h/db") });
        let child = child.unwrap();
        assert_eq!(child.instance.root_title.unwrap().as_str(), "db");
        assert_eq!(child.instance.id.as_deref(), Some("COMP-1-slappart1"));
    }
    let unknown =
        [("Authorization", "X-SlapPartition computer_id=COMP-1, computer_partition_id=slappart9")];
    let refused = classic.request(&Ask { headers: &unknown, ..Ask::new("x", "http://h/db") });
    assert_eq!(refused.unwrap_err().0, 400);

    let product = [("software_product_reference", "hello")];
    let (status, body) = classic.get("getSoftwareReleaseListFromSoftwareProduct", &product);
    assert_eq!(status, 200);
    assert!(body.contains("<string>http://h/1/software.cfg</string>"), "{body}");
}

#[test]
fn a_shared_instance_is_named_by_its_root_and_hosts_by_where_they_live() {
    let (_directory, path) = temporary();
    let master = Home::new(path).start("");
    let classic = Classic::new(&master.url);
    classic.format("COMP-1", 3);
    classic.request(&Ask::new("other", "http://h/db")).unwrap();
    classic.request(&Ask::new("host", "http://h/db")).unwrap();
    let placement = [("instance_guid", "COMP-1-slappart1")];
    let tenant = Ask { shared: true, placement: &placement, ..Ask::new("tenant", "http://h/db") };
    assert_eq!(classic.request(&tenant).unwrap().place.partition.as_str(), "slappart1");
    let inner = Ask { from: Some(("COMP-1", "slappart0")), title: "inner", ..tenant };
    assert_eq!(classic.request(&inner).unwrap().place.partition.as_str(), "slappart1");
    let served = classic.computer("COMP-1").partitions[1].instance.clone().unwrap().shared;
    let names: Vec<_> = served.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(names, ["_tenant", "other_inner"]);

    let connection = slapos_wire::classic::marshal::Value::Dictionary(vec![]).encode().unwrap();
    for (reference, status) in [("_tenant", 200), ("other_inner", 200), ("nobody", 404)] {
        let fields = [
            ("computer_id", "COMP-1"),
            ("computer_partition_id", "slappart1"),
            ("slave_reference", reference),
            ("connection_xml", &connection),
        ];
        let found = classic.post("setComputerPartitionConnectionXml", &fields);
        assert_eq!(found.0, status, "{reference}: {found:?}");
    }
}

#[test]
fn the_state_survives_a_restart_and_a_move_and_local_releases_follow() {
    let (_directory, path) = temporary();
    let (old, new) = (path.join("old"), path.join("new"));
    let home = Home::new(old.clone());
    let release = home.release();
    let master = home.start("");
    let classic = Classic::new(&master.url);
    classic.format("COMP-1", 2);
    let supply = [("url", release.as_str()), ("computer_id", "COMP-1"), ("state", "available")];
    assert_eq!(classic.post("supplySupply", &supply).0, 200);
    classic.request(&Ask::new("stays", "http://h/db")).unwrap();
    let parameters = [("key", "värt <&>")];
    let moves = Ask { parameters: &parameters, ..Ask::new("moves", &release) };
    let before = classic.request(&moves).unwrap();
    master.kill();

    let again = home.start("");
    assert_eq!(Classic::new(&again.url).request(&moves).unwrap(), before, "the same, nothing new");
    again.kill();

    fs::rename(&old, &new).unwrap();
    let moved = Home(new).start("");
    let classic = Classic::new(&moved.url);
    let computer = classic.computer("COMP-1");
    let to = format!("{path}/new/releases/hello/software.cfg");
    let supplies: Vec<_> =
        computer.supplies.iter().map(|it| it.software_release.as_str()).collect();
    assert_eq!(supplies, [to.as_str()]);
    let [stays, moves] = &computer.partitions[..] else { panic!("{computer:?}") };
    assert_eq!(stays.instance.as_ref().unwrap().software_release.as_str(), "http://h/db");
    let after = moves.instance.as_ref().unwrap();
    assert_eq!(after.software_release.as_str(), to);
    assert_eq!(after.parameters, before.instance.parameters);
    assert_ne!(after.timestamp, before.instance.timestamp, "its node must hear of it");
}

#[test]
fn a_historical_frontend_leads_to_the_service_itself() {
    const WEB: &str = "http://git.erp5.org/gitweb/slapos.git/blob_plain/HEAD:/software/apache-frontend/software.cfg";
    const SCREEN: &str = "http://git.erp5.org/gitweb/slapos.git/blob_plain/refs/tags/slapos-0.92:/software/kvm/software.cfg";
    let (_directory, path) = temporary();
    let master = Home::new(path).start("");
    let classic = Classic::new(&master.url);
    let https = [("X-Forwarded-Proto", "https"), ("Host", "example.com")];
    type Row<'a> =
        (&'a str, &'a str, &'a [(&'static str, &'a str)], &'a [(&'a str, &'a str)], &'a str);
    let table: [Row<'_>; 4] = [
        (
            WEB,
            "default",
            &[("url", "http://10.0.0.1:80/a?b")],
            &[],
            r#"{"domain": "10.0.0.1:80", "secure_access": "http://10.0.0.1:80/a?b"}"#,
        ),
        (
            WEB,
            "RootSoftwareInstance",
            &[("url", "http://10.0.0.1/")],
            &https,
            r#"{"domain": "example.com", "secure_access": "https://example.com/http_proxy/http/10.0.0.1/"}"#,
        ),
        (
            SCREEN,
            "frontend",
            &[("host", "::1"), ("port", "5")],
            &[],
            r#"{"domainname": "[::1]", "path": "/", "port": "5", "url": "https://[::1]:5/"}"#,
        ),
        (WEB, "default", &[], &[], "404"), // an ordinary request, for which there is no host
    ];
    for (release, software_type, parameters, headers, expected) in table {
        let ask =
            Ask { shared: true, software_type, parameters, headers, ..Ask::new("front", release) };
        let found = match classic.request(&ask) {
            Ok(answer) => format!("{:?}", answer.instance.connection),
            Err((status, _)) => status.to_string(),
        };
        assert_eq!(found, expected, "{release}");
    }
    // but it does not fetch what any address may be
    for path in ["http_proxy/http/10.0.0.1/", "below/a/prefix/http_proxy/http/10.0.0.1/"] {
        let (status, body) = classic.get(path, &[]);
        assert_eq!(status, 501, "{body}");
        assert!(body.contains("fetches-nothing") && body.contains("server in front"), "{body}");
    }
}
