//! A thousand shared instances on one host: each has its own, and a change of one touches one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::http::Master;

const COUNT: usize = 1000;
const RELEASE: &str = "software/db";
const PARTITION: &str = "/v1/computers/COMP-1/partitions/slappart0";

fn title(number: usize) -> String {
    format!("tenant-{number:04}")
}

/// A shared instance with a parameter.
fn tenant(number: usize, word: &str) -> Value {
    json!({
        "title": title(number),
        "software_release": RELEASE,
        "shared": true,
        "parameters": {"word": word},
    })
}

/// Reads a document of any size.
async fn read(master: &Master, path: &str) -> Value {
    let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
    serde_json::from_str(&master.raw(request).await.1).unwrap()
}

/// What the node of the host is told: the instance that shall be there.
async fn wish(master: &Master) -> Value {
    let told = read(master, "/v1/computers/COMP-1/watch?since=0").await;
    told["partitions"][0]["instance"].clone()
}

/// When each instance was last changed, by title.
async fn revisions(master: &Master) -> BTreeMap<String, u64> {
    let mut all = Vec::new();
    loop {
        let after = all.last().map_or_else(String::new, |last: &Value| {
            format!("?after={}", last["id"].as_str().unwrap())
        });
        let piece = read(master, &format!("/v1/instances{after}")).await;
        let piece = piece.as_array().unwrap();
        assert!(piece.len() <= 1000, "an answer has a bound");
        if piece.is_empty() {
            break;
        }
        all.extend(piece.iter().cloned());
    }
    let revision =
        |it: &Value| (it["title"].as_str().unwrap().into(), it["revision"].as_u64().unwrap());
    all.iter().map(revision).collect()
}

async fn instance(master: &Master, title: &str) -> Value {
    let path = format!("/v1/instances?title={title}");
    master.ok("GET", &path, Value::Null).await[0].clone()
}

#[tokio::test]
async fn a_thousand_shared_instances_live_on_one_host_and_a_change_touches_one() {
    let master = Master::new();
    let format = json!({"partitions": [{"name": "slappart0", "addresses": ["127.0.1.1"]}]});
    master.ok("PUT", "/v1/computers/COMP-1/format", format).await;
    let supply = json!({"software_release": RELEASE, "state": "available"});
    let supply = master.ok("PUT", "/v1/computers/COMP-1/supplies", supply).await;
    let report = json!({
        "software_release": RELEASE,
        "generation": supply["generation"],
        "state": "available",
        "text": null,
    });
    master.ok("POST", "/v1/computers/COMP-1/supplies/report", report).await;
    let host = json!({"title": "host", "software_release": RELEASE});
    let host = master.ok("POST", "/v1/instances", host).await;
    for number in 0..COUNT {
        master.ok("POST", "/v1/instances", tenant(number, "first")).await;
    }
    let told = wish(&master).await;
    let served = told["shared"].as_array().unwrap().clone();
    let titles: BTreeSet<_> = served.iter().map(|it| it["title"].as_str().unwrap()).collect();
    assert_eq!(titles, (0..COUNT).map(title).collect::<Vec<_>>().iter().map(|it| &**it).collect());

    // its node publishes for each of them at once
    let values = served.iter().map(|it| {
        let id = it["id"].as_str().unwrap().to_owned();
        (id, json!({"url": format!("db://host/{}", it["title"].as_str().unwrap())}))
    });
    let report = json!({
        "id": host["id"],
        "generation": told["generation"],
        "state": "started",
        "shared": values.collect::<serde_json::Map<_, _>>(),
    });
    master.ok("POST", &format!("{PARTITION}/report"), report).await;
    for number in [0, 500, COUNT - 1] {
        let url = &instance(&master, &title(number)).await["connection"]["url"];
        assert_eq!(*url, format!("db://host/{}", title(number)));
    }

    // a change of one
    let before = revisions(&master).await;
    master.ok("POST", "/v1/instances", tenant(500, "second")).await;
    let after = revisions(&master).await;
    let touched: Vec<_> = after.iter().filter(|it| before.get(it.0) != Some(it.1)).collect();
    let touched: Vec<_> = touched.into_iter().map(|(title, _)| &**title).collect();
    assert_eq!(touched, ["host", &title(500)], "the host's node must hear of it");
    let served = wish(&master).await["shared"].as_array().unwrap().clone();
    let word = |title: String| {
        let it = served.iter().find(|it| it["title"] == title).unwrap();
        it["parameters"]["word"].clone()
    };
    assert_eq!([word(title(500)), word(title(501))], ["second", "first"]);

    // the end of one, and of the host
    let mut gone = tenant(7, "first");
    gone["state"] = json!("destroyed");
    let refused = master.refused("POST", "/v1/instances", gone).await;
    assert_eq!(refused, (404, "absent".into()), "it is gone at once");
    assert_eq!(wish(&master).await["shared"].as_array().unwrap().len(), COUNT - 1);
    let end = json!({"title": "host", "software_release": RELEASE, "state": "destroyed"});
    master.ok("POST", "/v1/instances", end).await;
    let left = instance(&master, &title(8)).await;
    assert_eq!((&left["host"], &left["waiting_code"]), (&Value::Null, &json!("no-host")), "{left}");
}
