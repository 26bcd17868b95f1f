//! Bad calls: what is answered says what is wrong, and nothing changes.

use axum::{body::Body, http::Request};
use serde_json::Value as Json;

use super::{RELEASE, cloud, done, form, wanted};
use crate::http::Master;

const FORMAT: &str = "loadComputerConfigurationFromXML";
const REQUEST: &str = "requestComputerPartition";

/// Method, endpoint, query or body, status, what is named.
type Bad<'a> = (&'a str, &'a str, String, u16, &'a [&'a str]);

/// Makes a call that must be answered so.
async fn is_refused(master: &Master, request: Request<Body>, status: u16, named: &[&str]) {
    let asked = format!("{} {}", request.method(), request.uri());
    let (found, said) = master.raw(request).await;
    assert_eq!(found.as_u16(), status, "{asked}: {said}");
    for part in named {
        assert!(said.contains(part), "{asked}: {said} does not name {part}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_changes() {
    let master = cloud().await;
    done(&master, REQUEST, &wanted("db", &[])).await;
    let xml = |xml: &str| form(&[("xml", xml)]);
    let ask = |field, text: &str| form(&wanted("x", &[(field, text)]));
    let marshalled = |field, value| ask(field, &format!("<marshal>{value}</marshal>"));
    let colour = "<dictionary><string>colour</string><string>red</string></dictionary>";
    let raw = |text: &str| text.to_owned();
    let place = |partition| format!("computer_id=COMP-1&computer_partition_id={partition}");
    let supply =
        |computer, state| form(&[("url", RELEASE), ("computer_id", computer), ("state", state)]);
    #[rustfmt::skip]
    let table: [Bad<'_>; 26] = [
        // no XML, another document, values of a wrong type
        ("POST", FORMAT, xml("<marshal><dictionary>"), 400, &["`xml`", "byte"]),
        ("POST", FORMAT, xml("plain"), 400, &["`xml`"]),
        ("POST", FORMAT, xml("<marshal><int>7</int></marshal>"), 400, &["`xml`", "dictionary"]),
        ("POST", FORMAT, xml("<marshal><complex>1</complex></marshal>"), 400, &["complex"]),
        ("POST", REQUEST, marshalled("shared_xml", "<string>1</string>"), 400, &["`shared_xml`"]),
        ("POST", REQUEST, marshalled("filter_xml", "<list/>"), 400, &["`filter_xml`"]),
        ("POST", REQUEST, marshalled("filter_xml", colour), 400, &["`colour`"]),
        ("POST", REQUEST, marshalled("state", "<string>on</string>"), 400, &["`state`", "`started`"]),
        ("POST", REQUEST, ask("state", "started"), 400, &["`state`"]),
        ("POST", REQUEST, ask("software_release", "a b"), 400, &["`software_release`"]),
        ("POST", "supplySupply", supply("COMP-1", "on"), 400, &["`state`", "`available`"]),
        ("POST", "useComputer", raw("computer_id=COMP-1&use_string=x"), 400, &["usage report"]),
        // fields that are missing
        ("POST", REQUEST, raw("software_release=r"), 400, &["`partition_reference`", "missing"]),
        ("POST", FORMAT, raw(""), 400, &["`xml`", "missing"]),
        ("POST", "computerBang", raw(""), 400, &["`computer_id`", "missing"]),
        ("GET", "getFullComputerInformation", raw(""), 400, &["`computer_id`", "missing"]),
        // what nobody knows
        ("GET", "getFullComputerInformation", raw("computer_id=COMP-9"), 404, &["COMP-9"]),
        ("GET", "getComputerPartitionCertificate", place("slappart9"), 404, &["slappart9"]),
        ("POST", "supplySupply", supply("COMP-9", "available"), 404, &["COMP-9", "COMP-1"]),
        ("POST", "startedComputerPartition", place("slappart9"), 404, &["slappart9"]),
        ("POST", "startedComputerPartition", place("slappart1"), 404, &["slappart1"]),
        ("GET", "getSoftwareInstallationStatus", raw("url=/other&computer_id=COMP-1"), 404, &["/other"]),
        ("GET", "getNothing", raw(""), 404, &["unknown-path"]),
        // the other method
        ("GET", "supplySupply", supply("COMP-1", "destroyed"), 405, &["POST"]),
        ("POST", "getFullComputerInformation", raw("computer_id=COMP-1"), 405, &["GET"]),
        ("DELETE", REQUEST, raw(""), 405, &["POST"]),
    ];
    let before = master.ok("GET", "/v1/health", Json::Null).await;
    for (method, endpoint, fields, status, named) in table {
        let (path, body) = match method {
            "GET" => (format!("/{endpoint}?{fields}"), String::new()),
            _ => (format!("/{endpoint}"), fields),
        };
        let request = Request::builder().method(method).uri(path).body(Body::from(body)).unwrap();
        is_refused(&master, request, status, named).await;
    }
    let huge = Request::post(format!("/{FORMAT}")).body(Body::from(vec![b'x'; (8 << 20) + 1]));
    is_refused(&master, huge.unwrap(), 413, &["too large"]).await;
    let claim = Request::post(format!("/{REQUEST}"))
        .header("authorization", "X-SlapPartition computer_id=COMP-1")
        .body(Body::from(form(&wanted("x", &[]))));
    is_refused(&master, claim.unwrap(), 400, &["`computer_partition_id`"]).await;
    assert_eq!(master.ok("GET", "/v1/health", Json::Null).await, before);
}
