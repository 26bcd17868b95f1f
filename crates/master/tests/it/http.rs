//! The `v1` face: the router in process, on a real store in a directory of its own.

use std::{path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
    response::Response,
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use slapos_core::policy::Policy;
use slapos_master::{
    Authority, FaceSettings, router,
    service::{Piece, Service},
};
use tempfile::TempDir;
use tokio::time::timeout;
use tower::ServiceExt;

/// The faces of a master whose state is in a directory.
fn in_process(service: &Service, data: &Path) -> Router {
    let networkcache = Some(data.join("networkcache"));
    let settings = FaceSettings { networkcache, ..FaceSettings::default() };
    router(service.clone(), Authority::open(data).unwrap(), settings).unwrap()
}

/// A master in process.
pub(crate) struct Master {
    service: Service,
    router: Router,
    data: Arc<TempDir>,
}

impl Master {
    pub(crate) fn new() -> Self {
        Self::on(TempDir::new().unwrap())
    }

    /// A master on what a directory holds.
    pub(crate) fn on(data: TempDir) -> Self {
        let service = Service::open(&data.path().join("master.sqlite"), Policy::default()).unwrap();
        Self { router: in_process(&service, data.path()), service, data: Arc::new(data) }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Sends a call and takes what comes, whatever face it is of.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The same: status and text.
    pub(crate) async fn raw(&self, request: Request<Body>) -> (StatusCode, String) {
        let answer = self.answer(request).await;
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), 8 << 20).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let answer = self.answer(request).await;
        let status = answer.status();
        let kind = answer.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let expected =
            if status.is_success() { "application/json" } else { "application/problem+json" };
        assert_eq!(kind, expected);
        let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    /// What somebody gets who accepts these kinds: status, kind and text.
    pub(crate) async fn text(&self, path: &str, accept: &str) -> (StatusCode, String, String) {
        let request = Request::get(path).header(header::ACCEPT, accept);
        let request = request.body(Body::empty()).unwrap();
        let answer = self.answer(request).await;
        let status = answer.status();
        let kind = answer.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let bytes = to_bytes(answer.into_body(), 16 << 20).await.unwrap();
        (status, kind, String::from_utf8(bytes.into()).unwrap())
    }

    pub(crate) async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {answer}");
        answer
    }

    /// The status and the code of a refusal.
    pub(crate) async fn refused(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let (status, problem) = self.call(method, path, body).await;
        assert_eq!(problem["status"], status.as_u16());
        assert!(!problem["title"].as_str().unwrap().is_empty());
        (status.as_u16(), problem["code"].as_str().unwrap().to_owned())
    }

    /// Two computers with partitions; PHP available on the first, MariaDB on the second.
    async fn cloud(&self) {
        for (computer, release) in [("COMP-1", "software/php"), ("COMP-2", "software/db")] {
            let partition = |name| json!({"name": name, "addresses": ["127.0.1.1"]});
            let format = json!({"partitions": [partition("slappart0"), partition("slappart1")]});
            let path = format!("/v1/computers/{computer}");
            self.ok("PUT", &format!("{path}/format"), format).await;
            let ask = json!({"software_release": release, "state": "available"});
            let supply = self.ok("PUT", &format!("{path}/supplies"), ask).await;
            let report = json!({
                "software_release": release,
                "generation": supply["generation"],
                "state": "available",
                "text": null,
            });
            self.ok("POST", &format!("{path}/supplies/report"), report).await;
        }
    }
}

fn wanted(title: &str, release: &str) -> Value {
    json!({"title": title, "software_release": release})
}

pub(crate) const PHP: &str = "/v1/computers/COMP-1/partitions/slappart0";
pub(crate) const DB: &str = "/v1/computers/COMP-2/partitions/slappart0";

/// PHP has asked for a database: the two instances.
pub(crate) async fn story(master: &Master) -> (Value, Value) {
    master.cloud().await;
    let app = master.ok("POST", "/v1/instances", wanted("app", "software/php")).await;
    let db = master.ok("POST", &format!("{PHP}/request"), wanted("db", "software/db")).await;
    (app, db)
}

/// What the database reports when it is up.
pub(crate) fn db_is_up(db: &Value) -> Value {
    json!({
        "id": db["id"],
        "generation": db["generation"],
        "state": "started",
        "connection": {"host": "127.0.1.1", "password": "secret"},
        "promises": [{"name": "listens", "ok": true, "message": "fine"}],
    })
}

#[tokio::test]
async fn a_request_is_answered_please_wait_with_the_reason() {
    let master = Master::new();
    let (app, db) = story(&master).await;
    assert_eq!((&app["computer"], &app["partition"]), (&json!("COMP-1"), &json!("slappart0")));
    assert_eq!(app["waiting_code"], "node-not-started-yet");
    assert_eq!((&db["computer"], &db["connection"]), (&json!("COMP-2"), &json!({})));
    assert_eq!(db["requested_by"]["title"], "app");
    let heard = master.ok("GET", "/v1/computers/COMP-1/watch?since=0", Value::Null).await;
    assert_eq!(heard["complete"], true);
    assert_eq!(heard["partitions"][0]["instance"]["title"], "app");

    let waiting = json!({"id": app["id"], "generation": app["generation"], "state": "waiting"});
    master.ok("POST", &format!("{PHP}/report"), waiting).await;
    let app = &master.ok("GET", "/v1/instances?title=app", Value::Null).await[0];
    let reason = "waits for `db`: the node of COMP-2 has not begun with it yet";
    assert_eq!(app["waiting_for"], reason);
    let path = format!("/v1/computers/COMP-1/watch?since={}", heard["revision"]);
    let changed = master.ok("GET", &path, Value::Null).await;
    assert_eq!(changed["partitions"], json!([]), "what it said itself is no news");
}

#[tokio::test]
async fn what_is_published_wakes_the_node_of_the_requester() {
    let master = Master::new();
    let (_, db) = story(&master).await;
    let since = master.ok("GET", "/v1/health", Value::Null).await["revision"].clone();
    // so that the watch below has nothing else to say
    let path = format!("/v1/computers/COMP-1/watch?since={since}");
    master.ok("GET", &path, Value::Null).await;
    let (path, report) = (format!("{path}&wait=100"), format!("{DB}/report"));
    let (woken, accepted) = tokio::join!(
        master.ok("GET", &path, Value::Null),
        master.ok("POST", &report, db_is_up(&db)),
    );
    assert_eq!((&accepted["current"], &woken["complete"]), (&json!(true), &json!(false)));
    assert_eq!(woken["partitions"][0]["instance"]["news"], accepted["revision"]);
    let db = master.ok("POST", &format!("{PHP}/request"), wanted("db", "software/db")).await;
    assert_eq!(db["connection"]["password"], "secret");
    assert_eq!((&db["state"], &db["waiting_for"]), (&json!("started"), &Value::Null));
}

#[tokio::test]
async fn tree_and_history_tell_the_story() {
    let master = Master::new();
    let (app, db) = story(&master).await;
    master.ok("POST", &format!("{DB}/report"), db_is_up(&db)).await;
    let tree = master.ok("GET", "/v1/instances/tree?title=app", Value::Null).await;
    let titles: Vec<_> =
        tree["instances"].as_array().unwrap().iter().map(|it| &it["title"]).collect();
    assert_eq!(titles, ["app", "db"]);
    let history = master.ok("GET", "/v1/history?title=db", Value::Null).await;
    let told: Vec<_> = history.as_array().unwrap().iter().map(|it| &it["change"]["verb"]).collect();
    assert_eq!(told, ["request", "publish"]);
    assert!(!history.to_string().contains("secret"), "history never shows values");
    assert_eq!(history[0]["change"]["instance"]["id"], db["id"]);
    assert_eq!(history[0]["who"], format!("instance {}", app["id"].as_str().unwrap()));
}

/// Method, path, body, status, code.
type Bad = (&'static str, &'static str, &'static str, u16, &'static str);

#[rustfmt::skip]
const BAD_CALLS: &[Bad] = &[
    ("GET", "/v1/computers/COMP-9", "", 404, "unknown-computer"),
    ("GET", "/v1/computers/COMP-9/watch?since=0", "", 404, "unknown-computer"),
    ("GET", "/v1/computers/a%20b", "", 400, "bad-path"),
    ("GET", "/v1/instances/tree?title=none", "", 404, "unknown-tree"),
    ("GET", "/v1/instances?colour=red", "", 400, "bad-query"),
    ("GET", "/v1/nothing", "", 404, "unknown-path"),
    ("GET", "/nothing", "", 404, "unknown-path"),
    ("DELETE", "/v1/instances", "", 405, "wrong-method"),
    ("POST", "/v1/instances", "{", 400, "bad-body"),
    ("POST", "/v1/instances", r#"{"title": "x"}"#, 422, "bad-body"),
    ("POST", "/v1/instances", r#"{"title": "x", "software_release": "r", "hue": 1}"#, 422, "bad-body"),
    ("POST", "/v1/instances", r#"{"title": "x", "software_release": "a blank"}"#, 422, "bad-body"),
    ("POST", "/v1/instances", r#"{"title": "app", "software_release": "other"}"#, 409, "release-change"),
    ("POST", "/v1/instances", r#"{"title": "x", "software_release": "r", "placement": {"mood": "good"}}"#, 422, "unknown-placement-key"),
    ("POST", "/v1/instances", r#"{"title": "x", "software_release": "r", "state": "destroyed"}"#, 404, "absent"),
    ("POST", "/v1/instances", r#"{"title": "x", "software_release": "r", "parameters": {"a": "\u0001"}}"#, 422, "unwritable-text"),
    ("POST", "/v1/instances/state", r#"{"id": "SOFTINST-999", "state": "stopped"}"#, 404, "unknown-instance"),
    ("POST", "/v1/computers/COMP-2/partitions/slappart1/request", r#"{"title": "x", "software_release": "r"}"#, 409, "empty-partition"),
    ("POST", "/v1/computers/COMP-2/partitions/other/request", r#"{"title": "x", "software_release": "r"}"#, 404, "unknown-partition"),
    ("PUT", "/v1/computers/COMP-1/supplies", r#"{"software_release": "software/php", "state": "destroyed"}"#, 409, "release-in-use"),
];

#[tokio::test]
async fn refusals_have_a_status_and_a_code_and_change_nothing() {
    let master = Master::new();
    story(&master).await;
    let before = master.ok("GET", "/v1/health", Value::Null).await;
    for (method, path, body, status, code) in BAD_CALLS {
        let request = Request::builder().method(*method).uri(*path);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let (found, problem) = master.send(request.body(Body::from(*body)).unwrap()).await;
        assert_eq!((found.as_u16(), &problem["code"]), (*status, &json!(code)), "{path} {body}");
        assert_eq!(problem["status"], *status);
    }
    let huge = wanted(&"x".repeat(2 << 20), "r");
    let found = master.refused("POST", "/v1/instances", huge).await;
    assert_eq!(found, (413, "body-too-large".to_owned()));
    assert_eq!(master.ok("GET", "/v1/health", Value::Null).await, before);
}

/// The titles or names of a piece of a list, and the query of the next one.
async fn piece(master: &Master, path: &str, name: &str) -> (Vec<String>, Option<String>) {
    let answer = master.answer(Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let link = answer.headers().get(header::LINK).map(|it| it.to_str().unwrap().to_owned());
    let next = link.map(|it| {
        let (query, rest) = it.strip_prefix('<').unwrap().split_once('>').unwrap();
        assert_eq!(rest, "; rel=\"next\"");
        query.to_owned()
    });
    let list: Value =
        serde_json::from_slice(&to_bytes(answer.into_body(), 1 << 20).await.unwrap()).unwrap();
    let names = list.as_array().unwrap().iter().map(|it| it[name].as_str().unwrap().to_owned());
    (names.collect(), next)
}

#[tokio::test]
async fn a_list_comes_in_pieces_that_name_the_next_one() {
    let master = Master::new();
    master.cloud().await;
    for (number, person) in ["a", "b", "c", "d", "e"].iter().enumerate() {
        let title = if number % 2 == 0 { "even" } else { "odd" };
        let request = Request::post("/v1/instances")
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-slapos-person", *person)
            .body(Body::from(wanted(title, "software/php").to_string()));
        assert_eq!(master.send(request.unwrap()).await.0, StatusCode::OK);
    }
    let rev = master.ok("GET", "/v1/health", Value::Null).await["revision"].clone();
    let past = format!("at=rev:{rev}&");
    let table: [(&str, &str, &str, &[&[&str]]); 6] = [
        ("/v1/instances", "limit=2", "title", &[&["even", "odd"], &["even", "odd"], &["even"]]),
        ("/v1/instances", "title=even&limit=2", "title", &[&["even", "even"], &["even"]]),
        ("/v1/instances", "limit=5", "title", &[&["even", "odd", "even", "odd", "even"]]),
        ("/v1/computers", "limit=1", "computer", &[&["COMP-1"], &["COMP-2"]]),
        ("/v1/computers", "after=COMP-10", "computer", &[&["COMP-2"]]), // which is unknown
        ("/v1/computers", "after=COMP-2", "computer", &[&[]]),
    ];
    for (path, query, name, pieces) in table {
        for at in ["", &past] {
            let mut next = Some(format!("?{at}{query}"));
            for expected in pieces {
                let query = next.take().unwrap_or_else(|| panic!("{path}: no more"));
                let (found, more) = piece(&master, &format!("{path}{query}"), name).await;
                assert_eq!(found, *expected, "{path}{query}");
                next = more;
            }
            assert_eq!(next, None, "{path} {query}: that was all");
        }
    }
    for query in ["limit=0", "limit=-1", "limit=x", "after=x"] {
        let path = format!("/v1/instances?{query}");
        assert_eq!(master.refused("GET", &path, Value::Null).await, (400, "bad-query".into()));
    }
}

#[tokio::test]
async fn persons_have_their_own_roots() {
    let master = Master::new();
    let ask = |person: &str| {
        Request::post("/v1/instances")
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-Slapos-Person", person)
            .body(Body::from(wanted("app", "software/php").to_string()))
            .unwrap()
    };
    let ada = master.send(ask("ada")).await.1;
    let eve = master.send(ask("eve")).await.1;
    assert_eq!((&ada["person"], &eve["person"]), (&json!("ada"), &json!("eve")));
    assert_ne!(ada["id"], eve["id"]);
    assert_eq!(master.send(ask("ada")).await.1["id"], ada["id"]);
    assert_eq!(master.send(ask("no one!")).await.1["code"], "bad-header");
}

#[tokio::test]
async fn who_looks_is_told_and_nodes_are_asked_for_samples() {
    let master = Master::new();
    master.cloud().await;
    let app = master.ok("POST", "/v1/instances", wanted("app", "software/php")).await;
    let path =
        |since: &Value, wait| format!("/v1/computers/COMP-1/watch?since={since}&wait={wait}");
    let first = master.ok("GET", &path(&json!(0), 0), Value::Null).await;
    assert_eq!(first["observed"], false);

    let mut viewer = master.service.look();
    let second = master.ok("GET", &path(&first["revision"], 100), Value::Null).await;
    assert_eq!((&second["observed"], &second["partitions"]), (&json!(true), &json!([])));
    let process = json!({"partition": "slappart0", "service": "nginx", "pid": 7, "name": "nginx",
        "cpu_percent": 0.5, "memory_bytes": 1024});
    master.ok("PUT", "/v1/computers/COMP-1/usage", json!({"processes": [process]})).await;
    while !matches!(viewer.next().await.unwrap(), slapos_master::service::Event::Usage(_)) {}
    let tree = master.ok("GET", "/v1/instances/tree?title=app", Value::Null).await;
    assert_eq!(tree["processes"][app["id"].as_str().unwrap()], json!([process]));

    let stop = json!({"id": app["id"], "state": "stopped"});
    assert_eq!(master.ok("POST", "/v1/instances/state", stop).await["state"], "stopping");
    // changes are told after they were answered: one from before the viewer may still come
    let change = loop {
        match viewer.next().await.expect("a change is told") {
            slapos_master::service::Event::Change(change) if change.verb == "wish" => break change,
            _ => {}
        }
    };
    assert_eq!((change.verb.as_str(), change.what.as_str()), ("wish", "`app` shall stop"));
    drop(viewer);
    let third = master.ok("GET", &path(&json!(change.revision.0), 100), Value::Null).await;
    assert_eq!(third["observed"], false);
}

#[tokio::test]
async fn an_instance_is_awaited_until_it_changes() {
    let master = Master::new();
    master.cloud().await;
    let app = master.ok("POST", "/v1/instances", wanted("app", "software/php")).await;
    let (id, revision) = (app["id"].as_str().unwrap(), &app["revision"]);
    let path = format!("/v1/instances/wait?id={id}&since={revision}&wait=100");
    let report = json!({"id": id, "generation": app["generation"], "state": "started"});
    let report_path = format!("{PHP}/report");
    let (seen, _) = tokio::join!(
        master.ok("GET", &path, Value::Null),
        master.ok("POST", &report_path, report),
    );
    assert_eq!(seen["state"], "started");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_clients_that_ask_the_same_make_one_instance() {
    let master = Arc::new(Master::new());
    let ask = |_| {
        let master = Arc::clone(&master);
        tokio::spawn(async move {
            master.ok("POST", "/v1/instances", wanted("app", "software/php")).await["id"].clone()
        })
    };
    let asked: Vec<_> = (0..50).map(ask).collect();
    let mut ids = std::collections::BTreeSet::new();
    for id in asked {
        ids.insert(id.await.unwrap().to_string());
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(master.ok("GET", "/v1/health", Value::Null).await["revision"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_master_answers_nothing_and_loses_nothing() {
    let data = TempDir::new().unwrap();
    let database = data.path().join("master.sqlite");
    let service = Service::open(&database, Policy::default()).unwrap();
    let master =
        Master { router: in_process(&service, data.path()), service, data: Arc::new(data) };
    master.ok("POST", "/v1/instances", wanted("app", "software/php")).await;
    let closing = master.service.clone();
    tokio::task::spawn_blocking(move || closing.close()).await.unwrap();
    let refused = master.refused("POST", "/v1/instances", wanted("late", "software/php")).await;
    assert_eq!(refused, (503, "master-ending".to_owned()));
    assert_eq!(master.refused("GET", "/v1/instances", Value::Null).await.1, "master-ending");
    let again = Service::open(&database, Policy::default()).unwrap();
    assert_eq!(again.instances(None, None, &Piece::whole()).await.unwrap().items.len(), 1);
}

/// The revisions of the next changes that a stream of events tells.
async fn told(stream: &mut axum::body::BodyDataStream, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let piece = timeout(Duration::from_secs(60), stream.next()).await.expect("it is told");
        let text = String::from_utf8(piece.unwrap().unwrap().to_vec()).unwrap();
        ids.extend(text.lines().filter_map(|it| it.strip_prefix("id: ")).map(str::to_owned));
    }
    ids
}

#[tokio::test]
async fn who_comes_again_is_told_each_change_beyond_the_last_one_heard_of_once() {
    let master = Master::new();
    let request = async |title: &str| {
        master.ok("POST", "/v1/instances", wanted(title, "software/php")).await;
    };
    for title in ["one", "two", "three"] {
        request(title).await;
    }
    let follow = async |query: &str, heard: Option<&str>| {
        let mut ask = Request::get(format!("/v1/events{query}"));
        if let Some(heard) = heard {
            ask = ask.header("last-event-id", heard);
        }
        let answer = master.answer(ask.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.into_body().into_data_stream()
    };
    let mut all = follow("?since=0", None).await;
    let mut again = follow("?since=0", Some("2")).await; // the address is that of the first time
    let mut ahead = follow("", Some("77")).await; // of a state that a backup replaced
    let mut new = follow("", None).await;
    assert_eq!(told(&mut all, 3).await, ["1", "2", "3"]);
    assert_eq!(told(&mut again, 1).await, ["3"]);
    request("four").await;
    for stream in [&mut all, &mut again, &mut ahead, &mut new] {
        assert_eq!(told(stream, 1).await, ["4"]);
    }
    let refused = master.refused("GET", "/v1/events?since=x", Value::Null).await;
    assert_eq!(refused, (400, "bad-query".to_owned()));
}
