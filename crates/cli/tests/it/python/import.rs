//! What a real slapproxy knew is taken over.

use camino::Utf8Path;
use serde_json::json;
use slapos_wire::classic::{document::Partition, marshal::Value};

use super::{python, slapproxy::Slapproxy};
use crate::{
    classic::{Ask, Classic, dictionary},
    cloud::{Said, slapos, write_file},
    master::Master,
};

const RELEASE: &str = "http://h/1/software.cfg";

/// Fills a slapproxy with all kinds of things.
fn fill(classic: &Classic) {
    classic.format("COMP-9", 5);
    for (url, state) in
        [(RELEASE, "available"), ("http://h/old", "available"), ("http://h/old", "destroyed")]
    {
        let supply = [("url", url), ("computer_id", "COMP-9"), ("state", state)];
        assert_eq!(classic.post("supplySupply", &supply).0, 200);
    }
    let parameters = [("_", "{\"a\": \"vär <&>\"}"), ("empty", "")];
    let root = Ask { parameters: &parameters, ..Ask::new("root", RELEASE) };
    classic.request(&root).unwrap();
    let child = Ask {
        from: Some(("COMP-9", "slappart0")),
        software_type: "db",
        ..Ask::new("child", RELEASE)
    };
    classic.request(&child).unwrap();
    classic
        .request(&Ask { from: Some(("COMP-9", "slappart1")), ..Ask::new("grand_child", RELEASE) })
        .unwrap();
    classic.request(&Ask { state: Some("stopped"), ..Ask::new("other", RELEASE) }).unwrap();
    let tenant = Ask {
        shared: true,
        software_type: "db",
        parameters: &[("name", "t")],
        ..Ask::new("tenant", RELEASE)
    };
    classic.request(&tenant).unwrap();
    classic
        .request(&Ask { from: Some(("COMP-9", "slappart2")), title: "in_ner", ..tenant })
        .unwrap();
    classic.request(&Ask { title: "gone", ..tenant }).unwrap();
    classic.request(&Ask { title: "gone", state: Some("destroyed"), ..tenant }).unwrap();
    for (partition, shared, url) in [
        ("slappart0", "", "http://root"),
        ("slappart1", "", "mysql://child"),
        ("slappart1", "_tenant", "mysql://tenant"),
        ("slappart1", "root_in_ner", "mysql://inner"),
    ] {
        let connection = dictionary(vec![("url", Value::Text(url.into()))]).encode().unwrap();
        let mut fields = vec![
            ("computer_id", "COMP-9"),
            ("computer_partition_id", partition),
            ("connection_xml", &connection),
        ];
        if !shared.is_empty() {
            fields.push(("slave_reference", shared));
        }
        assert_eq!(classic.post("setComputerPartitionConnectionXml", &fields).0, 200);
    }
}

/// A partition as both masters tell it: without timestamps, and what only ours tells.
fn told(partitions: Vec<Partition>) -> Vec<String> {
    let told = partitions.into_iter().map(|it| match it.instance {
        None => format!("{} free", it.place),
        Some(instance) => {
            let shared =
                instance.shared.iter().map(|it| (&it.id, &it.title, it.values.get("name")));
            format!(
                "{} {:?} {:?} {} {} {:?} {:?} {:?} {:?} {:?} {:?}",
                it.place,
                instance.id,
                instance.wished,
                instance.software_release,
                instance.software_type,
                instance.title,
                instance.root_title,
                instance.parameters,
                instance.connection,
                instance.addresses,
                shared.collect::<Vec<_>>(),
            )
        }
    });
    told.collect()
}

#[test]
fn our_proxy_goes_on_where_the_slapproxy_ended() {
    let Some(python) = python() else { return };
    let directory = tempfile::TempDir::new().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    let (before, supplies) = {
        let slapproxy = Slapproxy::start(&python, path, "");
        fill(&slapproxy.classic());
        let computer = slapproxy.classic().computer("COMP-9");
        (told(computer.partitions), computer.supplies.len())
    };

    let (database, data) = (path.join("slapproxy.db"), path.join("imported"));
    // into the directory where somebody stands, in which there is something
    std::fs::create_dir(&data).unwrap();
    write_file(&data.join("mine"), "kept");
    let import = || {
        let args = ["--json", "master", "import", database.as_str(), "."];
        Said::from(slapos().args(args).current_dir(&data).output().unwrap())
    };
    let said = import();
    assert_eq!(said.code, 0, "{said:?}");
    let expected = json!({"computers": 1, "partitions": 5, "releases": 2, "instances": 4, "shared": 2, "notes": []});
    assert_eq!(said.json(), expected);
    assert_eq!(import().code, 1, "a state that is there is left alone");
    assert_eq!(std::fs::read_to_string(data.join("mine")).unwrap(), "kept");
    assert!(!data.join("importing").exists(), "nothing is left of how it was made");
    let check = Said::from(slapos().args(["master", "check", data.as_str()]).output().unwrap());
    assert_eq!(check.code, 0, "{check:?}");

    // the same configuration, without an import by hand
    let cfg = path.join("slapproxy.cfg");
    let text = std::fs::read_to_string(&cfg).unwrap();
    let port = text.lines().find(|line| line.starts_with("port")).unwrap().to_owned();
    write_file(&cfg, &text.replace(&port, "port = 0"));
    let mut command = slapos();
    command.args(["proxy", "start", "--cfg", cfg.as_str()]);
    let ours = Master::start(command, &path.join("ours.log"));
    let classic = Classic::new(&ours.url);
    let computer = classic.computer("COMP-9");
    assert_eq!(told(computer.partitions), before);
    assert_eq!(computer.supplies.len(), supplies);
    // who asks again is known
    let child = Ask {
        from: Some(("COMP-9", "slappart0")),
        software_type: "db",
        ..Ask::new("child", RELEASE)
    };
    let child = classic.request(&child).unwrap();
    assert_eq!(child.place.partition.as_str(), "slappart1");
    assert_eq!(child.instance.connection["url"], "mysql://child");
    let inner = Ask {
        from: Some(("COMP-9", "slappart2")),
        shared: true,
        software_type: "db",
        ..Ask::new("in_ner", RELEASE)
    };
    assert_eq!(classic.request(&inner).unwrap().instance.connection["url"], "mysql://inner");
    let tree = ours.client().tree(&"root".try_into().unwrap()).unwrap().instances;
    let requested_by = |title: &str| {
        let it = tree.iter().find(|it| it.title.as_str() == title).unwrap();
        it.requested_by.as_ref().map(|it| it.title.to_string())
    };
    assert_eq!(requested_by("grand_child").as_deref(), Some("child"));
    assert_eq!(requested_by("in_ner").as_deref(), Some("grand_child"));
}

#[test]
fn other_databases_are_refused() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    let table = [
        (
            "CREATE TABLE partition17 (x)",
            "has schema 17, and only 18 can be imported",
            "start the slapproxy of slapos.core 1.26",
        ),
        ("CREATE TABLE partition19 (x)", "has schema 19, and only 18 can be imported", "newer"),
        ("CREATE TABLE other (x)", "is no database of a slapproxy", "database_uri"),
    ];
    for (number, (sql, expected, hint)) in table.iter().enumerate() {
        let database = path.join(format!("{number}.db"));
        rusqlite::Connection::open(&database).unwrap().execute_batch(sql).unwrap();
        let data = path.join("data");
        let mut command = slapos();
        let said = Said::from(
            command.args(["master", "import", database.as_str(), data.as_str()]).output().unwrap(),
        );
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains(expected) && said.err.contains(hint), "{said:?}");
        assert!(!data.exists());
    }
}
