//! What waits, and for what not.

use std::{
    task::{Context, Poll, Waker},
    time::Duration,
};

use slapos_core::{
    decide::{Format, Request, Requester},
    names::{ComputerId, PersonId},
};
use tower::ServiceExt;

use super::*;

async fn format(service: &Service, number: u64) -> Result<(), ServiceError> {
    let computer: ComputerId = format!("COMP-{number}").try_into().unwrap();
    let actor = Actor::Computer(computer.clone());
    let ask = Ask::Format(Format { computer, partitions: vec![] });
    service.act(Origin::Inside, |_| Ok((ask, actor)), |_, _| ()).await
}

async fn request(service: &Service, number: u64, bytes: usize) -> Result<(), ServiceError> {
    let ask = Ask::Request(Request {
        requester: Requester::Person(PersonId::admin()),
        title: format!("app-{number}").try_into().unwrap(),
        release: "software/db".try_into().unwrap(),
        software_type: "default".try_into().unwrap(),
        parameters: Some([("filling".to_owned(), "x".repeat(bytes))].into()),
        placement: [].into(),
        shared: false,
        state: None,
    });
    let actor = Actor::Operator(PersonId::admin());
    service.act(Origin::Inside, |_| Ok((ask, actor)), |_, _| ()).await
}

#[tokio::test]
async fn large_changes_whose_callers_are_gone_are_not_gathered_without_end() {
    let data = tempfile::TempDir::new().unwrap();
    let database = data.path().join("master.sqlite");
    let service = Service::open(&database, Policy::default()).unwrap();
    let other = rusqlite::Connection::open(&database).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let size = BACKLOG_BYTES_MAX / 8;
    let mut context = Context::from_waker(Waker::noop());
    let mut refused = None;
    for number in 0..10 {
        let mut call = Box::pin(request(&service, number, size));
        if let Poll::Ready(answer) = call.as_mut().poll(&mut context) {
            refused = Some((number, answer));
            break;
        }
        drop(call); // its caller hangs up
    }
    let Some((8, Err(ServiceError::Busy))) = refused else { panic!("{refused:?}") };
    other.execute_batch("ROLLBACK").unwrap();
    while service.inner.backlog.bytes() > 0 {
        tokio::task::yield_now().await;
    }
    request(&service, 9, size).await.unwrap();
    let found = service.instances(None, None, &Piece::whole()).await.unwrap().items;
    assert_eq!(found.len(), 9, "what was decided is kept, whoever hung up");
}

/// Each process of old clients begins with this call: nothing that goes on here may delay it.
#[test]
fn where_the_hateoas_documents_are_is_answered_whatever_the_world_is_busy_with() {
    let data = tempfile::TempDir::new().unwrap();
    let service = Service::open(&data.path().join("master.sqlite"), Policy::default()).unwrap();
    let authority = crate::Authority::open(data.path()).unwrap();
    let router = crate::router(service.clone(), authority, crate::FaceSettings::default()).unwrap();
    let call = |path: &'static str| {
        let (router, (say, said)) = (router.clone(), mpsc::channel());
        std::thread::spawn(move || {
            let request = axum::http::Request::get(path).header("host", "master:5000");
            let request = request.body(axum::body::Body::empty()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let answer = runtime.unwrap().block_on(router.oneshot(request));
            say.send(answer.unwrap().status()).unwrap();
        });
        said
    };
    let busy = service.inner.present.write().unwrap();
    let other = call("/v1/health");
    let status = call("/getHateoasUrl").recv_timeout(Duration::from_secs(60));
    assert_eq!(status.unwrap(), 200);
    assert!(other.try_recv().is_err(), "the world is busy");
    drop(busy);
    assert_eq!(other.recv_timeout(Duration::from_secs(60)).unwrap(), 200);
    service.close();
    let status = call("/getHateoasUrl").recv_timeout(Duration::from_secs(60));
    assert_eq!(status.unwrap(), 200, "the one writer is gone");
    let status = call("/v1/health").recv_timeout(Duration::from_secs(60));
    assert_eq!(status.unwrap(), 503);
}

#[tokio::test]
async fn when_too_much_waits_for_the_disk_callers_are_asked_to_come_again() {
    let data = tempfile::TempDir::new().unwrap();
    let database = data.path().join("master.sqlite");
    let service = Service::open(&database, Policy::default()).unwrap();
    // another writer holds the disk up
    let other = rusqlite::Connection::open(&database).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut waiting: Vec<_> =
        (0..BACKLOG_MAX).map(|number| Box::pin(format(&service, number))).collect();
    for call in &mut waiting {
        assert!(call.as_mut().poll(&mut context).is_pending());
    }
    let refused = format(&service, BACKLOG_MAX).await;
    assert!(matches!(refused, Err(ServiceError::Busy)), "{refused:?}");
    other.execute_batch("ROLLBACK").unwrap();
    for call in waiting {
        call.await.unwrap();
    }
    format(&service, BACKLOG_MAX).await.unwrap();
    assert_eq!(
        service.computers(&Piece::whole()).await.unwrap().items.len() as u64,
        BACKLOG_MAX + 1
    );
}
