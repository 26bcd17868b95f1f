//! The past over HTTP: the history with its pages and filters, and the state as it was.

use axum::http::StatusCode;
use serde_json::{Value, json};
use slapos_core::{
    actor::Actor,
    decide::{Ask, Format, FormatPartition, InstanceReport, Request, Requester, SupplyAsk, decide},
    names::{ComputerId, ReportedState, SoftwareUrl, SupplyWish, Timestamp},
    world::{Place, World},
};
use slapos_master::store::Store;
use tempfile::TempDir;

use crate::http::{DB, Master, PHP, db_is_up, story};

impl Master {
    async fn get(&self, path: &str) -> Value {
        self.ok("GET", path, Value::Null).await
    }

    async fn revision(&self) -> u64 {
        self.get("/v1/health").await["revision"].as_u64().unwrap()
    }

    /// The revisions of a page of the history.
    async fn revisions(&self, query: &str) -> Vec<u64> {
        let page = self.get(&format!("/v1/history?{query}")).await;
        let entries = page.as_array().unwrap().iter();
        entries.map(|it| it["change"]["revision"].as_u64().unwrap()).collect()
    }
}

fn failed(it: &Value, text: &str) -> Value {
    json!({"id": it["id"], "generation": it["generation"], "state": "error", "text": text})
}

#[tokio::test]
async fn history_is_filtered_and_paged() {
    let master = Master::new();
    let (_, db) = story(&master).await;
    master.ok("POST", &format!("{DB}/report"), db_is_up(&db)).await;
    let newest = master.revision().await;
    let all: Vec<_> = (1..=newest).collect();
    assert_eq!(master.revisions("").await, all);
    let table = [
        ("limit=2", vec![newest - 1, newest]),
        ("limit=2&before=4", vec![2, 3]),
        ("limit=0", vec![]),
        ("before=1", vec![]),
        ("title=db", vec![newest - 1, newest]),
        ("title=db&limit=1", vec![newest]),
        (&format!("title=db&before={newest}"), vec![newest - 1]),
        ("title=none", vec![]),
        ("computer=COMP-1", vec![1, 2, 3]),
        ("computer=COMP-1&limit=1", vec![3]),
        ("computer=COMP-9", vec![]),
        ("errors=true", vec![]),
    ];
    for (query, expected) in table {
        assert_eq!(master.revisions(query).await, expected, "{query}");
    }
    let mut pages = Vec::new();
    let mut before = newest + 1;
    loop {
        let page = master.revisions(&format!("limit=3&before={before}")).await;
        let Some(first) = page.first() else { break };
        before = *first;
        pages.splice(0..0, page);
    }
    assert_eq!(pages, all, "pages end where the next ones begin");
}

/// Reports of failures in the store of the long story.
const FAILURES: u64 = 1200;

/// The store of a master whose `app` failed again and again, each time otherwise.
pub(crate) fn long_story() -> TempDir {
    let data = TempDir::new().unwrap();
    let (mut store, loaded) = Store::open(&data.path().join("master.sqlite")).unwrap();
    let mut world = loaded.world;
    let mut entries = Vec::new();
    let mut act = |world: &mut World, ask: Ask, actor: &Actor| {
        let at = Timestamp(world.revision().0);
        entries.extend(decide(world, &ask, actor, "test", at).unwrap().1);
    };
    let node = Actor::Computer("COMP-1".try_into().unwrap());
    let person = Actor::Operator("admin".try_into().unwrap());
    let computer: ComputerId = "COMP-1".try_into().unwrap();
    let partition = FormatPartition {
        name: "slappart0".try_into().unwrap(),
        addresses: vec![],
        interface: None,
        route: None,
        capabilities: vec![],
    };
    let format = Format { computer: computer.clone(), partitions: vec![partition] };
    act(&mut world, Ask::Format(format), &node);
    let release: SoftwareUrl = "software/php".try_into().unwrap();
    let wish = SupplyWish::Available;
    let supply =
        SupplyAsk { computer: computer.clone(), release: release.clone(), wish, again: false };
    act(&mut world, Ask::Supply(supply), &person);
    let request = Request {
        requester: Requester::Person("admin".try_into().unwrap()),
        title: "app".try_into().unwrap(),
        release,
        software_type: "default".try_into().unwrap(),
        parameters: None,
        placement: [].into(),
        shared: false,
        state: None,
    };
    act(&mut world, Ask::Request(request), &person);
    let (id, generation) = world.instances().map(|it| (it.id, it.generation)).next().unwrap();
    for n in 0..FAILURES {
        let report = InstanceReport {
            place: Place { computer: computer.clone(), partition: "slappart0".try_into().unwrap() },
            id,
            generation,
            follows: None,
            state: ReportedState::Error,
            text: Some(format!("failure {n}")),
            connection: None,
            shared: [].into(),
            requested: None,
            promises: vec![],
        };
        act(&mut world, Ask::Report(report), &node);
    }
    store.commit(&entries).unwrap();
    data
}

#[tokio::test]
async fn a_long_history_is_found_whole_and_so_is_the_state_within() {
    let master = Master::on(long_story());
    let newest = master.revision().await;
    assert_eq!(newest, FAILURES + 3);
    assert_eq!(master.revisions("").await, (1..=newest).collect::<Vec<_>>());
    for query in ["errors=true", "title=app&errors=true", "computer=COMP-1&errors=true"] {
        let page = master.get(&format!("/v1/history?{query}")).await;
        let texts = page.as_array().unwrap().iter().map(|it| it["error"].clone());
        let expected = (0..FAILURES).map(|n| json!(format!("failure {n}")));
        assert!(texts.eq(expected), "{query}");
    }
    assert_eq!(master.revisions("title=app&before=5").await, [3, 4]);
    for (at, error) in
        [("rev:3", Value::Null), ("rev:4", json!("failure 0")), ("1000", json!("failure 997"))]
    {
        let found = master.get(&format!("/v1/instances?title=app&at={at}")).await;
        assert_eq!(found[0]["error"], error, "{at}");
    }
}

#[tokio::test]
async fn each_past_error_is_kept_whole() {
    let master = Master::new();
    let (app, _) = story(&master).await;
    let long = format!("first line\n{}\nlast line", "x".repeat(60_000));
    for text in [&long, "another"] {
        master.ok("POST", &format!("{PHP}/report"), failed(&app, text)).await;
    }
    let up = json!({"id": app["id"], "generation": app["generation"], "state": "started"});
    master.ok("POST", &format!("{PHP}/report"), up).await;
    let supply = json!({"software_release": "software/old", "state": "available"});
    let supply = master.ok("PUT", "/v1/computers/COMP-1/supplies", supply).await;
    let broken = json!({"software_release": "software/old", "generation": supply["generation"],
        "state": "error", "text": "no such file"});
    master.ok("POST", "/v1/computers/COMP-1/supplies/report", broken).await;

    let table = [
        ("title=app", vec![Value::Null, json!(long), json!("another"), Value::Null]),
        ("title=app&errors=true", vec![json!(long), json!("another")]),
        ("computer=COMP-1&errors=true", vec![json!(long), json!("another"), json!("no such file")]),
        ("computer=COMP-2&errors=true", vec![]),
    ];
    for (query, expected) in table {
        let page = master.get(&format!("/v1/history?{query}")).await;
        let texts: Vec<_> = page.as_array().unwrap().iter().map(|it| it["error"].clone()).collect();
        assert_eq!(texts, expected, "{query}");
    }
    assert_eq!(master.get("/v1/instances?title=app").await[0]["error"], Value::Null);
}

#[tokio::test]
async fn the_state_is_shown_as_it_was() {
    let master = Master::new();
    let (app, db) = story(&master).await;
    let asked = master.revision().await;
    master.ok("POST", &format!("{DB}/report"), db_is_up(&db)).await;
    let up = master.revision().await;
    let close = json!({"allocation": "closed", "traits": {"region": "europe"}});
    master.ok("PUT", "/v1/computers/COMP-2", close).await;
    let rename = json!({"id": app["id"], "title": "shop"});
    master.ok("POST", "/v1/instances/rename", rename).await;
    let now = master.revision().await;

    let at = |revision: u64| format!("at=rev:{revision}");
    // revision, the state of the database, its password, the title of the root, COMP-2
    let table = [
        (asked, "starting", Value::Null, "app", "open"),
        (up, "started", json!("secret"), "app", "open"),
        (now, "starting", json!("secret"), "shop", "closed"), // its node is told the new title
    ];
    for (revision, state, password, root, allocation) in table {
        let at = at(revision);
        let found = &master.get(&format!("/v1/instances?title=db&{at}")).await[0];
        assert_eq!((&found["state"], &found["connection"]["password"]), (&json!(state), &password));
        let tree = master.get(&format!("/v1/instances/tree?title={root}&{at}")).await;
        let titles: Vec<_> =
            tree["instances"].as_array().unwrap().iter().map(|it| &it["title"]).collect();
        assert_eq!(titles, [root, "db"]);
        let computer = master.get(&format!("/v1/computers/COMP-2?{at}")).await;
        assert_eq!(computer["allocation"], allocation);
        let computers = master.get(&format!("/v1/computers?{at}")).await;
        assert_eq!(computers[1], computer);
    }
    let mut present = master.get("/v1/instances").await;
    assert_eq!(master.get(&format!("/v1/instances?{}", at(now))).await, present);
    // a time: the last entry that is not later
    let history = master.get("/v1/history").await;
    let requested_at =
        history[usize::try_from(asked - 1).unwrap()]["change"]["at"].as_u64().unwrap();
    present = master.get(&format!("/v1/instances?title=db&at={requested_at}")).await;
    assert_eq!(present[0]["state"], "starting");
}

#[tokio::test]
async fn a_moment_of_which_nothing_is_known_is_refused() {
    let master = Master::new();
    story(&master).await;
    let newest = master.revision().await;
    let future = u64::MAX / 2;
    let table = [
        ("rev:0".to_owned(), 404, "before-journal"),
        ("1000".to_owned(), 404, "before-journal"),
        (format!("rev:{}", newest + 1), 404, "not-yet"),
        (future.to_string(), 404, "not-yet"),
        ("yesterday".to_owned(), 400, "bad-query"),
        ("rev:x".to_owned(), 400, "bad-query"),
    ];
    for (at, status, code) in table {
        for path in [
            "/v1/instances",
            "/v1/instances/tree?title=app",
            "/v1/computers",
            "/v1/computers/COMP-1",
        ] {
            let sign = if path.contains('?') { '&' } else { '?' };
            let path = format!("{path}{sign}at={at}");
            let found = master.refused("GET", &path, Value::Null).await;
            assert_eq!(found, (status, code.to_owned()), "{path}");
        }
    }
    let at = format!("at=rev:{newest}");
    let table = [
        (format!("/v1/instances/tree?title=none&{at}"), "unknown-tree"),
        (format!("/v1/computers/COMP-9?{at}"), "unknown-computer"),
    ];
    for (path, code) in table {
        assert_eq!(master.refused("GET", &path, Value::Null).await, (404, code.to_owned()));
    }
    let (status, problem) = master.call("GET", "/v1/instances?at=rev:0", Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let hint = problem["hint"].as_str().unwrap();
    assert!(hint.starts_with("ask for rev:1 or later, or for less than "), "{hint}");
}
