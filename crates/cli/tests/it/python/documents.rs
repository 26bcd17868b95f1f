//! The commands of the Python client that walk HATEOAS documents.

use serde_json::json;
use slapos_wire::classic::marshal::Value;

use super::{python, slapos};
use crate::{
    classic::{Ask, Classic, dictionary},
    cloud::Cloud,
};

#[test]
fn the_python_command_line_lists_and_shows_trees_and_computers() {
    let Some(python) = python() else { return };
    let mut cloud = Cloud::master();
    let release = "http://releases.invalid/db/software.cfg";
    // below a prefix, as behind a server in front
    let master = cloud.url.clone();
    cloud.url = format!("{master}/below/a/prefix");
    let empty = slapos(&python, &cloud, &["service", "list"]);
    assert_eq!((empty.code, empty.out.trim()), (0, "{}"), "{empty:?}");
    let none = slapos(&python, &cloud, &["computer", "list"]);
    assert!(none.out.contains("No existing computer."), "{none:?}");

    let classic = Classic::new(&master);
    classic.format("COMP-1", 3);
    let supply = [("url", release), ("computer_id", "COMP-1"), ("state", "available")];
    assert_eq!(classic.post("supplySupply", &supply).0, 200);
    let parameters = [("_", r#"{"size": "10 <GiB>"}"#)];
    let titles = ["my \"db\" AND é", "other"];
    for title in titles {
        classic.request(&Ask { parameters: &parameters, ..Ask::new(title, release) }).unwrap();
    }
    let child = Ask { from: Some(("COMP-1", "slappart0")), ..Ask::new("child", release) };
    classic.request(&child).unwrap();
    let place = [("computer_id", "COMP-1"), ("computer_partition_id", "slappart0")];
    assert_eq!(classic.post("startedComputerPartition", &place).0, 200);
    let url = Value::Text(r#"{"url": "mysql://10.0.0.1"}"#.into());
    let connection = dictionary(vec![("_", url)]).encode().unwrap();
    let published = [&place[..], &[("connection_xml", &connection)]].concat();
    assert_eq!(classic.post("setComputerPartitionConnectionXml", &published).0, 200);

    let list = slapos(&python, &cloud, &["service", "list"]);
    assert_eq!(list.code, 0, "{list:?}");
    assert_eq!(list.json(), json!({titles[0]: release, titles[1]: release}));

    let info = slapos(&python, &cloud, &["service", "info", titles[0], "--news"]);
    assert_eq!(info.code, 0, "{info:?}");
    let shown = info.json();
    assert_eq!(shown["software-url"], release);
    assert_eq!(shown["software-type"], "default");
    assert_eq!(shown["shared"], false);
    assert_eq!(shown["requested-state"], "start_requested");
    assert_eq!(shown["instance-parameters"]["_"]["size"], "10 <GiB>");
    assert_eq!(shown["connection-parameters"]["url"], "mysql://10.0.0.1");
    assert_eq!(shown["status"], "orange", "the child said nothing: {shown}");
    assert_eq!(shown["news"][1]["text"], "#access Instance correctly started");

    let unknown = slapos(&python, &cloud, &["service", "info", "child"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("does not exist") || unknown.out.contains("does not exist"));

    let computers = slapos(&python, &cloud, &["computer", "list"]);
    assert!(computers.out.contains("COMP-1 COMP-1"), "{computers:?}");
    let computer = slapos(&python, &cloud, &["computer", "info", "COMP-1"]);
    assert!(computer.out.contains("Computer Reference: COMP-1"), "{computer:?}");
    assert!(computer.out.contains("Computer Title    : COMP-1"), "{computer:?}");
    assert_eq!(slapos(&python, &cloud, &["computer", "info", "COMP-9"]).code, 2);
}
