//! The JSON-RPC face under the rules of a production master. Under those of the proxy: `replay`.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::http::{Master, story};

async fn call(master: &Master, method: &str, input: &Value) -> (u16, Value) {
    let request = Request::post(format!("/below/slapos.{method}"))
        .header("content-type", "application/json")
        .body(Body::from(input.to_string()));
    let (status, body) = master.raw(request.unwrap()).await;
    (status.as_u16(), serde_json::from_str(&body).unwrap())
}

async fn ok(master: &Master, method: &str, input: Value) -> Value {
    let (status, output) = call(master, method, &input).await;
    assert_eq!(status, 200, "{method} {input}: {output}");
    output
}

#[tokio::test]
async fn an_instance_lives_from_request_to_end() {
    let master = Master::new();
    let computer = json!({"computer_guid": "COMP-1"});
    let wanted = |state: &str| {
        json!({
            "title": "app", "software_release_uri": "http://h/app", "software_type": "default",
            "parameters": {"size": 10, "name": "a"}, "state": state,
        })
    };
    let address = |text: &str| json!({"ip-address": text, "network-interface": "tap0"});
    let format = json!({"computer_guid": "COMP-1", "compute_partition_list": [
        {"partition_id": "slappart0", "ip_list": [address("10.0.0.1"), address("fd00::1")]},
    ]});
    ok(&master, "put.v0.compute_node_format", format).await;
    let waiting = ok(&master, "post.v0.software_instance", wanted("started")).await;
    assert_eq!(
        (&waiting["status"], &waiting["name"]),
        (&json!(102), &json!("SoftwareInstanceNotReady"))
    );
    let waits = ok(&master, "get.v0.instance_tree", json!({"title": "app"})).await;
    assert_eq!(waits["computer_guid"], "");

    let release = json!({"computer_guid": "COMP-1", "software_release_uri": "http://h/app"});
    ok(&master, "post.v0.software_installation", release.clone()).await;
    let mut reported = release.clone();
    reported["reported_state"] = "available".into();
    ok(&master, "put.v0.software_installation_reported_state", reported).await;
    let app = ok(&master, "post.v0.software_instance", wanted("started")).await;
    assert_eq!(app["compute_partition_id"], "slappart0");
    assert_eq!(app["parameters"], json!({"name": "a", "size": "10"}));
    assert_eq!(app["ip_list"], json!([["tap0", "10.0.0.1"], ["tap0", "fd00::1"]]));
    let guid = app["instance_guid"].clone();
    assert!(guid.as_str().unwrap().starts_with("SOFTINST-"));

    let with = |name: &str, value: Value| json!({"instance_guid": guid, name: value});
    let connection = with("connection_parameter_dict", json!({"url": "http://10.0.0.1"}));
    ok(&master, "put.v0.software_instance_connection_parameter", connection).await;
    let started = with("reported_state", json!("started"));
    ok(&master, "put.v0.software_instance_reported_state", started).await;
    let shown = ok(&master, "get.v0.software_instance", json!({"instance_guid": guid})).await;
    assert_eq!(shown["connection_parameters"], json!({"url": "http://10.0.0.1"}));
    assert_eq!(shown["access_status_message"], "#access Instance correctly started");
    ok(&master, "put.v0.software_instance_error", with("message", json!("boom"))).await;
    let failed = ok(&master, "get.v0.software_instance", json!({"instance_guid": guid})).await;
    assert_eq!(failed["access_status_message"], "#error while instanciating: boom");
    ok(&master, "put.v0.software_instance_bang", with("message", json!("again"))).await;
    ok(&master, "put.v0.software_instance_title", with("title", json!("shop"))).await;
    let trees = ok(&master, "allDocs.v0.instance_tree_list", json!({})).await;
    assert_eq!(trees["result_list"], json!([{"title": "shop"}]));
    let list = ok(&master, "allDocs.v0.compute_node_instance_list", computer.clone()).await;
    assert_eq!(list["result_list"][0]["instance_guid"], guid);
    let status = ok(&master, "get.v0.compute_node_status", computer).await;
    assert_eq!(status["text"], "#access COMP-1");

    let mut gone = wanted("destroyed");
    gone["title"] = "shop".into();
    ok(&master, "post.v0.software_instance", gone).await;
    let destroyed = with("reported_state", json!("destroyed"));
    ok(&master, "put.v0.software_instance_reported_state", destroyed).await;
    let (status, error) =
        call(&master, "get.v0.software_instance", &json!({"instance_guid": guid})).await;
    assert_eq!((status, &error["type"]), (403, &json!("SOFTWARE-INSTANCE-NOT-FOUND")));
}

#[tokio::test]
async fn a_report_of_a_pass_for_an_older_wish_changes_nothing() {
    let master = Master::new();
    let (app, _) = story(&master).await;
    let guid = app["id"].clone();
    let reported = async || {
        let shown = master.ok("GET", "/v1/instances?title=app", Value::Null).await;
        shown[0]["reported"].clone()
    };
    let started = || json!({"instance_guid": guid, "reported_state": "started"});
    ok(&master, "allDocs.v0.compute_node_instance_list", json!({"computer_guid": "COMP-1"})).await;
    // while its pass runs, the wish changes
    let stop = json!({"id": guid, "state": "stopped"});
    master.ok("POST", "/v1/instances/state", stop).await;
    ok(&master, "put.v0.software_instance_reported_state", started()).await;
    let message = json!({"instance_guid": guid, "message": "boom"});
    ok(&master, "put.v0.software_instance_error", message).await;
    assert_eq!(reported().await, Value::Null, "nothing was said of the new wish");
    // a node asks for one after the other of those that were listed
    ok(&master, "get.v0.software_instance", json!({"instance_guid": guid})).await;
    let stopped = json!({"instance_guid": guid, "reported_state": "stopped"});
    ok(&master, "put.v0.software_instance_reported_state", stopped).await;
    assert_eq!(reported().await, "stopped");
}

#[tokio::test]
async fn what_is_wrong_is_told_by_status_and_type() {
    let master = Master::new();
    story(&master).await;
    let request = |more: Value| {
        let mut input = json!({"title": "x", "software_release_uri": "r", "software_type": "t"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let table = [
        ("get.v0.nothing", json!({}), 404, "METHOD-NOT-FOUND", "no such method"),
        ("get.v0.compute_node_status", json!({}), 400, "BAD-REQUEST", "computer_guid is missing"),
        (
            "get.v0.compute_node_status",
            json!({"computer_guid": "a b"}),
            400,
            "BAD-REQUEST",
            "computer_guid: ",
        ),
        (
            "get.v0.compute_node_status",
            json!({"computer_guid": "C"}),
            403,
            "COMPUTE-NODE-NOT-FOUND",
            "`C`",
        ),
        ("get.v0.instance_tree", json!({"title": "no"}), 403, "INSTANCE-TREE-NOT-FOUND", "`no`"),
        (
            "get.v0.software_instance",
            json!({"instance_guid": "no"}),
            403,
            "SOFTWARE-INSTANCE-NOT-FOUND",
            "`no`",
        ),
        (
            "post.v0.software_instance",
            request(json!({"sla_parameters": {"colour": "red"}})),
            400,
            "UNKNOWN-PLACEMENT-KEY",
            "colour",
        ),
        (
            "post.v0.software_instance",
            request(json!({"parameters": {"a": "\u{1}"}})),
            400,
            "BAD-REQUEST",
            "U+0001",
        ),
        (
            "post.v0.compute_node_usage",
            json!({"computer_guid": "COMP-1", "tioxml": "<x/>"}),
            400,
            "BAD-REQUEST",
            "tioxml",
        ),
    ];
    for (method, input, status, kind, part) in table {
        is_refused(&master, (method, &input), status, kind, part).await;
    }
}

/// Makes a call that must fail with this status and type, and a title that holds `part`.
async fn is_refused(
    master: &Master,
    (method, input): (&str, &Value),
    status: u16,
    kind: &str,
    part: &str,
) {
    let (found, error) = call(master, method, input).await;
    assert_eq!((found, &error["status"]), (status, &json!(status)), "{method} {error}");
    assert_eq!(error["type"], kind, "{method} {error}");
    assert!(error["title"].as_str().unwrap().contains(part), "{method} {error}");
}

#[tokio::test]
async fn a_call_is_a_post_of_json_that_takes_json() {
    let master = Master::new();
    let method = "/slapos.get.v0.hateoas_url";
    let json = ("content-type", "application/json");
    let table = [
        (Request::get(method), "", 405),
        (Request::post(method), "{}", 415),
        (Request::post(method).header(json.0, json.1), "no", 400),
        (Request::post(method).header(json.0, json.1).header("accept", "text/html"), "{}", 406),
        (Request::post(method).header(json.0, json.1).header("host", "h"), "{}", 200),
    ];
    let huge = format!("\"{}\"", "x".repeat(8 << 20));
    let too_large = (Request::post(method).header(json.0, json.1), huge.as_str(), 413);
    for (request, body, status) in table.into_iter().chain([too_large]) {
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (found, body) = master.raw(request).await;
        assert_eq!(found.as_u16(), status, "{body}");
    }
}

#[tokio::test]
async fn an_error_in_colours_does_not_spoil_the_document_of_its_computer() {
    let master = Master::new();
    let (app, _) = story(&master).await;
    let error = json!({"instance_guid": app["id"], "message": "\u{1b}[31mred\u{1b}[0m"});
    ok(&master, "put.v0.software_instance_error", error).await;
    let request = Request::get("/getFullComputerInformation?computer_id=COMP-1");
    let (status, body) = master.raw(request.body(Body::empty()).unwrap()).await;
    assert_eq!(status.as_u16(), 200, "{body}");
    assert!(body.contains("&#65533;[31mred"), "{body}");
}
