//! Reports that were under way while the wish changed. Nodes of the classic protocol say of no
//! report which wish it is about.

use serde_json::Value as Json;

use super::{PLACE, cloud, done, get, texts, wanted};
use crate::http::Master;

/// The node of COMP-1 asks what it has to do.
async fn given(master: &Master) {
    let (status, text) =
        get(master, "getFullComputerInformation", &[("computer_id", "COMP-1")], &[]).await;
    assert_eq!(status, 200, "{text}");
}

async fn shown(master: &Master, title: &str) -> Json {
    master.ok("GET", &format!("/v1/instances?title={title}"), Json::Null).await[0].clone()
}

#[tokio::test]
async fn a_report_of_a_pass_for_an_older_wish_changes_nothing() {
    let master = cloud().await;
    let children =
        [&PLACE[..], &[("instance_reference_xml", "<marshal><list/></marshal>")]].concat();
    let failed = [&PLACE[..], &[("error_log", "boom")]].concat();
    done(&master, "requestComputerPartition", &wanted("app", &[])).await;
    given(&master).await;
    done(&master, "requestComputerPartition", &[&PLACE[..], &wanted("child", &[])].concat()).await;
    // while the pass runs, the wish changes
    let larger = texts(&[("size", "2")]).encode().unwrap();
    let larger = [("partition_parameter_xml", larger.as_str())];
    done(&master, "requestComputerPartition", &wanted("app", &larger)).await;
    let before = shown(&master, "app").await;
    let reports = [
        ("startedComputerPartition", &PLACE[..]),
        ("softwareInstanceError", &failed),
        ("stoppedComputerPartition", &PLACE),
        ("updateComputerPartitionRelatedInstanceList", &children),
    ];
    for (endpoint, fields) in reports {
        done(&master, endpoint, fields).await;
        assert_eq!(shown(&master, "app").await, before, "{endpoint}");
        assert_eq!(shown(&master, "child").await["wished"], "started", "{endpoint}");
    }
    // the next pass knows the present wish
    given(&master).await;
    done(&master, "startedComputerPartition", &PLACE).await;
    assert_eq!(shown(&master, "app").await["reported"], "started");
    done(&master, "updateComputerPartitionRelatedInstanceList", &children).await;
    let child = shown(&master, "child").await;
    assert!(child.is_null() || child["wished"] == "destroyed", "{child}");
}

#[tokio::test]
async fn a_node_that_knows_the_document_already_was_given_it_all_the_same() {
    let master = cloud().await;
    done(&master, "requestComputerPartition", &wanted("app", &[])).await;
    let request = |known: Option<String>| {
        let path = "/getFullComputerInformation?computer_id=COMP-1";
        let request = axum::http::Request::get(path);
        let request = known.iter().fold(request, |it, tag| it.header("if-none-match", tag));
        master.answer(request.body(axum::body::Body::empty()).unwrap())
    };
    let tag = request(None).await.headers()["etag"].to_str().unwrap().to_owned();
    // for one who has not seen the change it is another document
    let larger = texts(&[("size", "2")]).encode().unwrap();
    let larger = [("partition_parameter_xml", larger.as_str())];
    done(&master, "requestComputerPartition", &wanted("app", &larger)).await;
    let changed = request(Some(tag)).await;
    assert_eq!(changed.status(), 200);
    let tag = changed.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(request(Some(tag)).await.status(), 304);
    done(&master, "startedComputerPartition", &PLACE).await;
    assert_eq!(shown(&master, "app").await["reported"], "started");
}
