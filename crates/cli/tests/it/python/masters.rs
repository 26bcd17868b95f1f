//! Requests that one master passes on to another: ours to the Python slapproxy, and back.

use camino::Utf8Path;
use slapos_core::names::WishedState::{Destroyed, Started, Stopped};
use slapos_wire::classic::document::Answer;

use super::{python, slapproxy::Slapproxy};
use crate::{
    classic::{Ask, Classic, dictionary},
    master::Master,
    proxy::Home,
};

const FAR: &str = "http://h/far/software.cfg";

fn publish(classic: &Classic, computer: &str, partition: &str, url: &str) {
    let connection =
        dictionary(vec![("url", slapos_wire::classic::marshal::Value::Text(url.into()))]);
    let fields = [
        ("computer_id", computer),
        ("computer_partition_id", partition),
        ("connection_xml", &connection.encode().unwrap()),
    ];
    let answered = classic.post("setComputerPartitionConnectionXml", &fields);
    assert_eq!(answered.0, 200, "{answered:?}");
}

fn place(answer: &Answer) -> String {
    answer.place.to_string()
}

#[test]
fn our_proxy_passes_requests_on_to_a_slapproxy() {
    let Some(python) = python() else { return };
    let directory = tempfile::TempDir::new().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    let far = Slapproxy::start(&python, path, "");
    let there = far.classic();
    there.format("COMP-9", 3);
    let section = format!("[multimaster/{}]\nsoftware_release_list =\n  {FAR}\n", far.url);
    let ours = Home::new(path.join("ours")).start(&section);
    let here = Classic::new(&ours.url);
    here.format("COMP-1", 3);

    let url = far.url.clone();
    let by_name = [("master_url", url.as_str())];
    let named = Ask { placement: &by_name, ..Ask::new("named", "http://h/any") };
    assert_eq!(place(&here.request(&named).unwrap()), "slappart0 of COMP-9");
    assert_eq!(
        place(&here.request(&Ask::new("near", "http://h/any")).unwrap()),
        "slappart0 of COMP-1"
    );
    let parameters = [("size", "vär <&>")];
    let from = Some(("COMP-1", "slappart0"));
    let ask = Ask { parameters: &parameters, from, ..Ask::new("child", FAR) };
    let answer = here.request(&ask).unwrap();
    assert_eq!(place(&answer), "slappart1 of COMP-9");
    assert_eq!(answer.instance.parameters.get("size").unwrap(), "vär <&>");
    let titles = || {
        let partitions = there.computer("COMP-9").partitions.into_iter();
        let instances = partitions.filter_map(|it| it.instance);
        instances.map(|it| (it.title.unwrap().to_string(), it.wished.unwrap())).collect::<Vec<_>>()
    };
    let expected = [("user_named", Started), ("slappart0_child", Started)];
    assert_eq!(titles(), expected.map(|(title, state)| (title.to_owned(), state)));

    publish(&there, "COMP-9", "slappart1", "mysql://far");
    let answer = here.request(&ask).unwrap();
    assert_eq!(answer.instance.connection.get("url").unwrap(), "mysql://far");
    for (word, state) in [("stopped", Stopped), ("destroyed", Destroyed)] {
        let answer = here.request(&Ask { state: Some(word), ..ask }).unwrap();
        assert_eq!(answer.instance.wished, Some(state));
        assert_eq!(titles()[1].1, state);
    }
    let shared = Ask { shared: true, ..Ask::new("tenant", FAR) };
    let hostless = here.request(&Ask { software_type: "other", ..shared });
    assert_eq!(hostless.unwrap_err().0, 404, "it has no host there");
    let shared = here.request(&shared).unwrap();
    assert!(shared.instance.id.is_some() && shared.instance.wished == Some(Started), "{shared:?}");

    let unlisted = [("master_url", "http://127.0.0.1:1/")];
    let refused = here.request(&Ask { placement: &unlisted, ..named }).unwrap_err();
    assert_eq!(refused.0, 404, "{refused:?}");
    let ourselves = [("master_url", ours.url.as_str())];
    let ask = Ask { placement: &ourselves, ..Ask::new("here", "http://h/any") };
    assert_eq!(place(&here.request(&ask).unwrap()), "slappart1 of COMP-1");
    drop(far);
    let refused = here.request(&named).unwrap_err();
    assert_eq!(refused.0, 523, "{refused:?}");
}

#[test]
fn a_slapproxy_passes_requests_on_to_our_master() {
    let Some(python) = python() else { return };
    let directory = tempfile::TempDir::new().unwrap();
    let path = Utf8Path::from_path(directory.path()).unwrap();
    let ours = Master::on(&path.join("master"));
    let here = Classic::new(&ours.url);
    let url = format!("{}/", ours.url);
    let section = format!("[multimaster/{url}]\nsoftware_release_list =\n  {FAR}\n");
    let near = Slapproxy::start(&python, path, &section);
    let there = near.classic();
    there.format("COMP-9", 2);
    let titles = || {
        let partitions = here.computer("COMP-1").partitions.into_iter();
        let instances = partitions.filter_map(|it| it.instance);
        instances.map(|it| (it.title.unwrap().to_string(), it.wished.unwrap())).collect::<Vec<_>>()
    };

    there.request(&Ask::new("near", "http://h/any")).unwrap();
    let ask = Ask { from: Some(("COMP-9", "slappart0")), ..Ask::new("child", FAR) };
    let body = |ask: &Ask<'_>| there.answered(ask);
    assert_eq!(body(&ask).0, 408, "it waits for its release");
    here.format("COMP-1", 2);
    let supply = [("url", FAR), ("computer_id", "COMP-1"), ("state", "available")];
    assert_eq!(here.post("supplySupply", &supply).0, 200);
    assert_eq!(body(&ask).0, 200);
    assert_eq!(titles(), [("slappart0_child".to_owned(), Started)]);
    publish(&here, "COMP-1", "slappart0", "mysql://ours");
    assert!(body(&ask).1.contains("<string>mysql://ours</string>"));
    for (word, state) in [("stopped", Stopped), ("destroyed", Destroyed)] {
        let (status, body) = body(&Ask { state: Some(word), ..ask });
        assert_eq!(status, 200, "{body}");
        assert!(body.contains(&format!("<string>{word}</string>")), "{body}");
        assert_eq!(titles()[0].1, state);
    }
    // by name, as a person
    let by_name = [("master_url", url.as_str())];
    let named = Ask { placement: &by_name, ..Ask::new("named", FAR) };
    assert_eq!(body(&named).0, 200);
    assert_eq!(titles()[1].0, "user_named");
    ours.kill();
    assert_eq!(body(&named).0, 523);
}
