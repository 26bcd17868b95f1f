//! The classic face under the rules of a cloud: what any master must do so that old clients work
//! with it. What was recorded of other masters: `replay`.

mod bad;
mod documents;
mod late;

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};
use serde_json::Value as Json;
use slapos_wire::classic::{
    call::{Endpoint, Method},
    marshal::Value,
};

use crate::http::Master;

/// Name and text of the fields of a call.
type Fields<'a> = &'a [(&'a str, &'a str)];

const RELEASE: &str = "http://h/db/software.cfg";
const SUPPLY: [(&str, &str); 2] = [("url", RELEASE), ("computer_id", "COMP-1")];
const PLACE: [(&str, &str); 2] =
    [("computer_id", "COMP-1"), ("computer_partition_id", "slappart0")];
const NOTHING: &str = "<marshal><dictionary/></marshal>";

fn form(fields: Fields<'_>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// What a call is answered: status and body.
async fn post(master: &Master, endpoint: &str, fields: Fields<'_>) -> (u16, String) {
    let request = Request::post(format!("/{endpoint}")).body(Body::from(form(fields)));
    let (status, body) = master.raw(request.unwrap()).await;
    (status.as_u16(), body)
}

/// The same for a reading call, with headers.
async fn get(
    master: &Master,
    endpoint: &str,
    fields: Fields<'_>,
    headers: Fields<'_>,
) -> (u16, String) {
    let request = Request::get(format!("/{endpoint}?{}", form(fields)));
    let request =
        headers.iter().fold(request, |request, (name, text)| request.header(*name, *text));
    let (status, body) = master.raw(request.body(Body::empty()).unwrap()).await;
    (status.as_u16(), body)
}

/// A call that must be done.
async fn done(master: &Master, endpoint: &str, fields: Fields<'_>) -> String {
    let (status, body) = post(master, endpoint, fields).await;
    assert!((200..300).contains(&status), "{endpoint} {fields:?}: {status} {body}");
    body
}

fn texts(pairs: Fields<'_>) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    Value::Dictionary(pairs.iter().map(|(key, value)| (text(key), text(value))).collect())
}

/// The configuration of COMP-1: two partitions, the first with a network behind its interface.
fn configuration() -> String {
    let named = |key: &str, value: Value| (Value::Text(key.into()), value);
    let partition = |number: u8, tap: Fields<'_>| {
        let address = format!("10.0.0.{}", number + 1);
        Value::Dictionary(vec![
            named("reference", Value::Text(format!("slappart{number}"))),
            named(
                "address_list",
                Value::List(vec![texts(&[("addr", &address), ("netmask", "255.255.255.255")])]),
            ),
            named("tap", texts(tap)),
        ])
    };
    let routed = [
        ("name", "tap0"),
        ("ipv4_addr", "10.0.4.2"),
        ("ipv4_gateway", "10.0.4.1"),
        ("ipv4_netmask", "255.255.255.0"),
        ("ipv4_network", "10.0.4.0"),
    ];
    let partitions = vec![partition(0, &routed), partition(1, &[("name", "tap1")])];
    let computer = Value::Dictionary(vec![
        named("reference", Value::Text("COMP-1".into())),
        named("partition_list", Value::List(partitions)),
    ]);
    computer.encode().unwrap()
}

/// A request for an instance, as a person makes it.
fn wanted<'a>(title: &'a str, more: Fields<'a>) -> Vec<(&'a str, &'a str)> {
    let plain = [
        ("software_release", RELEASE),
        ("software_type", "default"),
        ("partition_reference", title),
        ("partition_parameter_xml", NOTHING),
        ("filter_xml", NOTHING),
        ("state", "<marshal><none/></marshal>"),
        ("shared_xml", "<marshal><bool>0</bool></marshal>"),
    ];
    let is_other = |it: &&(&str, &str)| more.iter().all(|(name, _)| *name != it.0);
    plain.iter().filter(is_other).chain(more).copied().collect()
}

/// COMP-1 with its release.
async fn cloud() -> Master {
    let master = Master::new();
    done(&master, "loadComputerConfigurationFromXML", &[("xml", &configuration())]).await;
    done(&master, "supplySupply", &[&SUPPLY[..], &[("state", "available")]].concat()).await;
    master
}

#[tokio::test]
async fn every_post_is_done_whatever_further_fields_it_has() {
    let master = Master::new();
    let (xml, gone) =
        (configuration(), [("state", "<marshal><string>destroyed</string></marshal>")]);
    let titles = ("instance_reference_xml", "<marshal><list/></marshal>");
    let steps: [(&str, Vec<(&str, &str)>); 24] = [
        ("loadComputerConfigurationFromXML", vec![("xml", &xml)]),
        ("supplySupply", [&SUPPLY[..], &[("state", "available")]].concat()),
        ("buildingSoftwareRelease", SUPPLY.to_vec()),
        ("softwareReleaseError", [&SUPPLY[..], &[("error_log", "no compiler")]].concat()),
        ("availableSoftwareRelease", SUPPLY.to_vec()),
        ("requestComputerPartition", wanted("db", &[])),
        ("startedComputerPartition", PLACE.to_vec()),
        (
            "setComputerPartitionConnectionXml",
            [&PLACE[..], &[("connection_xml", NOTHING)]].concat(),
        ),
        ("updateComputerPartitionRelatedInstanceList", [&PLACE[..], &[titles]].concat()),
        ("softwareInstanceError", [&PLACE[..], &[("error_log", "boom")]].concat()),
        ("softwareInstanceBang", [&PLACE[..], &[("message", "None")]].concat()),
        ("softwareInstanceRename", [&PLACE[..], &[("new_name", "store")]].concat()),
        ("computerBang", vec![("computer_id", "COMP-1"), ("message", "again")]),
        ("useComputer", vec![("computer_id", "COMP-1"), ("use_string", "<journal/>")]),
        ("generateComputerCertificate", vec![("computer_id", "COMP-1")]),
        ("revokeComputerCertificate", vec![("computer_id", "COMP-1")]),
        ("stoppedComputerPartition", PLACE.to_vec()),
        ("requestComputerPartition", wanted("store", &gone)),
        ("destroyedComputerPartition", PLACE.to_vec()),
        ("supplySupply", [&SUPPLY[..], &[("state", "destroyed")]].concat()),
        ("destroyedSoftwareRelease", SUPPLY.to_vec()),
        ("requestComputer", vec![("computer_title", "second")]),
        ("Person_requestComputer", vec![("title", "third")]),
        ("Person_getCertificate", vec![]),
    ];
    for (endpoint, fields) in &steps {
        let further = [("colour", "red"), ("project_reference", "PROJ-1")];
        let body = Body::from(form(&[fields, &further[..]].concat()));
        let token = master.ok("POST", "/v1/tokens", Json::Null).await;
        let request = Request::post(format!("/{endpoint}"))
            .header("x-access-token", token["token"].as_str().unwrap())
            .body(body);
        let (status, body) = master.raw(request.unwrap()).await;
        assert!(status.is_success(), "{endpoint} {fields:?}: {status} {body}");
    }
    let asked: BTreeSet<_> = steps.iter().map(|(endpoint, _)| *endpoint).collect();
    let all = Endpoint::ALL.iter().filter(|it| it.method() == Method::Post);
    assert_eq!(asked, all.map(|it| it.name()).collect());
}
