//! What old nodes and clients must find in the documents.

use slapos_wire::classic::marshal::{Value, decode};

use super::{NOTHING, PLACE, cloud, configuration, done, get, post, texts, wanted};
use crate::http::Master;

/// What is at a place in a document: names of attributes and keys, numbers in lists.
fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    let Some((name, rest)) = path.split_first() else { return Some(value) };
    let members = match value {
        Value::Dictionary(members) => members,
        Value::Object(object) => &object.state,
        Value::List(items) | Value::Tuple(items) => {
            return at(items.get(name.parse::<usize>().ok()?)?, rest);
        }
        _ => return None,
    };
    let named = |key: &Value| matches!(key, Value::Text(text) if text == name);
    at(&members.iter().find(|(key, _)| named(key))?.1, rest)
}

fn text<'v>(value: &'v Value, path: &[&str]) -> &'v str {
    match at(value, path) {
        Some(Value::Text(text)) => text,
        other => panic!("{path:?} is {other:?}"),
    }
}

async fn computer(master: &Master, name: &str) -> Value {
    let answer = get(master, "getFullComputerInformation", &[("computer_id", name)], &[]).await;
    assert_eq!(answer.0, 200, "{answer:?}");
    assert!(answer.1.is_ascii());
    decode(&answer.1).unwrap()
}

const SHARED: (&str, &str) = ("shared_xml", "<marshal><bool>1</bool></marshal>");

#[tokio::test]
async fn a_computer_that_is_known_has_a_document_however_little_is_in_it() {
    let master = Master::new();
    let made = decode(&done(&master, "requestComputer", &[("computer_title", "new")]).await);
    let name = text(made.as_ref().unwrap(), &["_computer_id"]).to_owned();
    let empty = computer(&master, &name).await;
    assert_eq!(at(&empty, &["_computer_partition_list"]), Some(&Value::List(vec![])));
    assert_eq!(at(&empty, &["_software_release_list"]), Some(&Value::List(vec![])));
}

#[tokio::test]
async fn a_node_is_told_who_lives_in_its_partitions_and_which_are_free() {
    let master = cloud().await;
    let days = texts(&[("retention_delay", "2.5")]).encode().unwrap();
    done(&master, "requestComputerPartition", &wanted("db", &[("filter_xml", &days)])).await;
    done(&master, "requestComputerPartition", &wanted("tenant", &[SHARED])).await;
    // nobody has reported anything yet
    let told = computer(&master, "COMP-1").await;
    let partition = |number| at(&told, &["_computer_partition_list", number]).unwrap();

    let Value::Object(free) = partition("1") else { panic!("{told:?}") };
    let state = |key: &str, value| (Value::Text(key.into()), value);
    let expected = [
        state("_computer_id", Value::Text("COMP-1".into())),
        state("_need_modification", Value::Int(0)),
        state("_partition_id", Value::Text("slappart1".into())),
        state("_request_dict", Value::None),
        state("_requested_state", Value::Text("destroyed".into())),
        state("_software_release_document", Value::None),
    ];
    assert_eq!(free.state, expected, "by exactly this a node knows that it is free");

    let busy = partition("0");
    assert_eq!(text(busy, &["_requested_state"]), "started");
    assert!(text(busy, &["_instance_guid"]).starts_with("SOFTINST-"));
    assert!(text(busy, &["_access_status"]).starts_with("#error no data found"));
    assert_eq!(text(busy, &["_filter_dict", "retention_delay"]), "2.5");
    assert_eq!(at(busy, &["_connection_dict"]), Some(&Value::Dictionary(vec![])));
    let parameter = |path: &[&str]| at(busy, &[&["_parameter_dict"], path].concat());
    assert!(matches!(parameter(&["timestamp"]), Some(Value::Int(_))), "{busy:?}");
    assert!(matches!(parameter(&["slave_instance_list", "0", "timestamp"]), Some(Value::Int(_))));
    let tuple =
        |texts: &[&str]| Value::Tuple(texts.iter().map(|&it| Value::Text(it.into())).collect());
    assert_eq!(parameter(&["ip_list"]), Some(&Value::List(vec![tuple(&["tap0", "10.0.0.1"])])));
    let route = tuple(&["route_tap0", "10.0.4.2", "10.0.4.1", "255.255.255.0", "10.0.4.0"]);
    assert_eq!(parameter(&["full_ip_list"]), Some(&Value::List(vec![route])));
    assert_eq!(parameter(&["full_address_list"]), None);
}

#[tokio::test]
async fn a_request_is_answered_later_then_always_the_same_with_state_and_identity() {
    let master = Master::new();
    let waiting = post(&master, "requestComputerPartition", &wanted("db", &[])).await;
    assert_eq!(waiting.0, 408, "{waiting:?}");
    assert!(waiting.1.contains("please wait: "), "{waiting:?}");
    done(&master, "loadComputerConfigurationFromXML", &[("xml", &configuration())]).await;
    let supply = [&super::SUPPLY[..], &[("state", "available")]].concat();
    done(&master, "supplySupply", &supply).await;
    for fields in [wanted("db", &[]), wanted("tenant", &[SHARED])] {
        let first = done(&master, "requestComputerPartition", &fields).await;
        let answer = decode(&first).unwrap();
        assert_eq!(text(&answer, &["_requested_state"]), "started");
        assert!(text(&answer, &["_instance_guid"]).starts_with("SOFTINST-"));
        assert_eq!(text(&answer, &["slap_computer_partition_id"]), "slappart0");
        for _ in 0..3 {
            let again = done(&master, "requestComputerPartition", &fields).await;
            assert_eq!(again, first, "also its timestamp: its node must not hear of it");
        }
    }
}

#[tokio::test]
async fn a_reading_call_is_about_the_partition_of_its_query_whatever_the_header_says() {
    let master = cloud().await;
    for title in ["db", "other"] {
        done(&master, "requestComputerPartition", &wanted(title, &[])).await;
    }
    let asked = [("computer_reference", "COMP-1"), ("computer_partition_reference", "slappart1")];
    for partition in ["slappart0", "slappart9"] {
        let claim =
            format!("X-SlapPartition computer_id=COMP-1, computer_partition_id={partition}");
        let headers = [("authorization", claim.as_str())];
        let (status, body) = get(&master, "registerComputerPartition", &asked, &headers).await;
        assert_eq!(status, 200, "{body}");
        let told = decode(&body).unwrap();
        assert_eq!(text(&told, &["_parameter_dict", "instance_title"]), "other");
        for endpoint in ["getComputerPartitionCertificate", "getHostingSubscriptionIpList"] {
            let own = get(&master, endpoint, &PLACE, &[]).await;
            assert_eq!(get(&master, endpoint, &PLACE, &headers).await, own, "{endpoint}");
        }
    }
}

#[tokio::test]
async fn the_documents_are_where_the_client_found_the_master() {
    let master = Master::new();
    for (prefix, scheme) in [("", "http"), ("/below/a/prefix", "https")] {
        let headers = [("host", "example.com:1"), ("x-forwarded-proto", scheme)];
        let endpoint = format!("{}getHateoasUrl", format!("{prefix}/").trim_start_matches('/'));
        let (_, url) = get(&master, &endpoint, &[], &headers).await;
        assert_eq!(url, format!("{scheme}://example.com:1{prefix}/hateoas"));
        let path = url.split_once("//example.com:1/").unwrap().1;
        let (_, root) = get(&master, path, &[], &headers).await;
        let root: serde_json::Value = serde_json::from_str(&root).unwrap();
        let own = root["_links"]["self"]["href"].as_str().unwrap();
        assert!(own.starts_with(&url), "else no token can be asked for: {own}, {url}");
    }
}

#[tokio::test]
async fn a_host_publishes_for_whom_it_serves_and_not_for_others() {
    let master = cloud().await;
    done(&master, "requestComputerPartition", &wanted("db", &[])).await;
    let tenant = done(&master, "requestComputerPartition", &wanted("tenant", &[SHARED])).await;
    let id = text(&decode(&tenant).unwrap(), &["_instance_guid"]).to_owned();
    let url = texts(&[("url", "for the tenant")]).encode().unwrap();
    // a field that is `None`, as Python writes it, is not there
    for (reference, connection, status) in
        [(id.as_str(), url.as_str(), 200), ("None", NOTHING, 200), ("SOFTINST-99", &url, 404)]
    {
        let more = [("connection_xml", connection), ("slave_reference", reference)];
        let answer =
            post(&master, "setComputerPartitionConnectionXml", &[&PLACE[..], &more].concat()).await;
        assert_eq!(answer.0, status, "{reference}: {answer:?}");
    }
    let tenant = done(&master, "requestComputerPartition", &wanted("tenant", &[SHARED])).await;
    assert_eq!(text(&decode(&tenant).unwrap(), &["_connection_dict", "url"]), "for the tenant");
}
