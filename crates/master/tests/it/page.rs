//! The page, as a browser gets it.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};

use crate::http::{DB, Master, db_is_up, story};

const BROWSER: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// The revision in the footer, and the newest of the changes.
fn seen(page: &str) -> (u64, String) {
    let after = |text: &str, mark: &str| text.split_once(mark).unwrap().1.to_owned();
    let revision = after(page, "<footer>Revision ");
    let changes = after(page, "<ol class=\"changes\" reversed>");
    let newest = after(&changes, "</time> ").split("</li>").next().unwrap().to_owned();
    (revision.split('.').next().unwrap().parse().unwrap(), newest)
}

#[tokio::test]
async fn a_browser_is_told_in_html_what_is_not_here_and_a_program_in_json() {
    let master = Master::new();
    for path in ["/nowhere", "/v1/nowhere", "/v1/computers/COMP-9", "/%3Cscript%3E"] {
        let (status, kind, text) = master.text(path, BROWSER).await;
        assert_eq!((status, kind.as_str()), (StatusCode::NOT_FOUND, "text/html; charset=utf-8"));
        assert!(text.contains("Nothing is at /") && text.contains("href=\"/\""), "{text}");
        assert!(!text.contains("<script>"), "{text}");
        for accept in ["*/*", "application/json"] {
            let (status, kind, _) = master.text(path, accept).await;
            assert_eq!(
                (status, kind.as_str()),
                (StatusCode::NOT_FOUND, "application/problem+json")
            );
        }
    }
    let (status, kind, text) = master.text("/", BROWSER).await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/html; charset=utf-8"));
    assert!(text.contains("Nothing is requested yet"), "{text}");
}

#[tokio::test]
async fn where_a_slapproxy_has_its_page_the_way_to_ours_is_told() {
    let master = Master::new();
    let request = Request::get("/panel/").body(Body::empty()).unwrap();
    let answer = master.answer(request).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()[header::LOCATION], "../");
}

#[tokio::test]
async fn the_page_shows_one_revision_with_its_own_change() {
    let master = Master::new();
    let (_, db) = story(&master).await;
    master.ok("POST", &format!("{DB}/report"), db_is_up(&db)).await;
    let (revision, newest) = seen(&master.text("/", BROWSER).await.2);
    let health = master.ok("GET", "/v1/health", Value::Null).await;
    assert_eq!(json!(revision), health["revision"]);
    assert_eq!(newest, "`db` publishes its connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_much_changes_revision_instances_and_changes_of_a_page_belong_together() {
    let master = Master::new();
    let done = AtomicBool::new(false);
    let changing = async {
        for number in 0..200 {
            let ask = json!({"title": format!("app-{number}"), "software_release": "software/x"});
            master.ok("POST", "/v1/instances", ask).await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let looking = async {
        let mut pages = 0;
        while !done.load(Ordering::Relaxed) {
            tokio::task::yield_now().await; // a page never waits, so it would keep the others out
            let page = master.text("/", BROWSER).await.2;
            let shown = page.matches("<article class=\"instance ").count() as u64;
            if shown > 0 {
                let (revision, newest) = seen(&page);
                assert_eq!(revision, shown, "each request is a revision");
                assert!(newest.contains(&format!("`app-{}`", shown - 1)), "{newest}");
                pages += 1;
            }
        }
        pages
    };
    let ((), pages) = tokio::join!(changing, looking);
    assert!(pages > 1);
}
