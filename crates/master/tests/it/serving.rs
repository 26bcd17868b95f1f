//! Serving for real: a bound port, a taken port, a used directory, an ordered end.

use std::{net::SocketAddr, path::Path};

use slapos_core::{names::Revision, policy::Policy};
use slapos_master::{FaceSettings, Open, ServeError, ServeSettings, serve, store::Store};
use slapos_wire::{client::Client, v1::Format};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServeError>>,
}

fn settings(data: &Path, listen: SocketAddr) -> ServeSettings {
    ServeSettings {
        listen,
        data: data.to_owned(),
        open: Open::Loopback,
        policy: Policy::default(),
        faces: FaceSettings::default(),
        release_root: None,
    }
}

async fn start(data: &Path) -> Running {
    start_with(data, Policy::default(), FaceSettings::default()).await
}

/// Starts a master under other rules, on a port of its own.
pub(crate) async fn start_with(data: &Path, policy: Policy, faces: FaceSettings) -> Running {
    let (ready, bound) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async {
        drop(stopped.await);
    };
    let settings = settings(data, ([127, 0, 0, 1], 0).into());
    let settings = ServeSettings { policy, faces, ..settings };
    let ended = tokio::spawn(serve(settings, ready, shutdown));
    Running { address: bound.await.expect("it serves"), stop, ended }
}

async fn fails(settings: ServeSettings) -> ServeError {
    let (ready, _bound) = oneshot::channel();
    serve(settings, ready, std::future::pending()).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_serves_ends_and_remembers() {
    let data = TempDir::new().unwrap();
    let mut revisions = Vec::new();
    for round in 0..2 {
        let running = start(data.path()).await;
        let url = format!("http://{}", running.address);
        let work = tokio::task::spawn_blocking(move || {
            let client = Client::new(&url);
            let ask = serde_json::json!({"title": format!("app-{round}"), "software_release": "software/hello"});
            let asked = client.request(&serde_json::from_value(ask).unwrap()).unwrap();
            assert_eq!(asked.waiting_code.as_deref(), Some("no-release-anywhere"));
            assert_eq!(client.instances(None).unwrap().len(), round + 1);
            client.health().unwrap().revision
        });
        revisions.push(work.await.unwrap());
        running.stop.send(()).unwrap();
        running.ended.await.unwrap().unwrap();
    }
    assert!(revisions[1] > revisions[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_sees_the_whole_of_a_list_that_comes_in_pieces() {
    let data = TempDir::new().unwrap();
    let running = start(data.path()).await;
    let url = format!("http://{}", running.address);
    let work = tokio::task::spawn_blocking(move || {
        // together, so that a few commits make them durable
        std::thread::scope(|scope| {
            for worker in 0..16 {
                let client = Client::new(&url);
                scope.spawn(move || {
                    for number in (worker..1_003).step_by(16) {
                        let computer = format!("COMP-{number:04}").try_into().unwrap();
                        client.format(&computer, &Format { partitions: vec![] }).unwrap();
                    }
                });
            }
        });
        let computers = Client::new(&url).computers().unwrap();
        let names: Vec<_> = computers.iter().map(|it| it.computer.to_string()).collect();
        let expected: Vec<_> = (0..1_003).map(|number| format!("COMP-{number:04}")).collect();
        assert_eq!(names, expected);
    });
    work.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_serves_one_master_and_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let data = TempDir::new().unwrap();
    let running = start(data.path()).await;
    let mode = std::fs::metadata(data.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let error = fails(settings(data.path(), ([127, 0, 0, 1], 0).into())).await;
    assert!(matches!(error, ServeError::DataDir(_)), "{error:?}");
    assert!(error.hint().unwrap().contains("--data"));

    let other = TempDir::new().unwrap();
    let error = fails(settings(other.path(), running.address)).await;
    assert!(error.to_string().contains(&running.address.to_string()), "{error}");
    assert!(error.hint().unwrap().contains("--listen"));
    running.stop.send(()).unwrap();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_ends_while_nodes_watch_and_people_look() {
    let data = TempDir::new().unwrap();
    let running = start(data.path()).await;
    let url = format!("http://{}", running.address);
    let (watching, watches) = oneshot::channel();
    let watcher = tokio::task::spawn_blocking(move || {
        let client = Client::new(&url);
        let computer = "COMP-1".try_into().unwrap();
        client.format(&computer, &Format { partitions: vec![] }).unwrap();
        let revision = client.watch(&computer, Revision(0), 0).unwrap().revision;
        let events = client.events().unwrap();
        watching.send(()).unwrap();
        let watch = client.watch(&computer, revision, 100);
        (watch, events.collect::<Vec<_>>())
    });
    watches.await.unwrap();
    running.stop.send(()).unwrap();
    running.ended.await.unwrap().unwrap();
    let (watch, events) = watcher.await.unwrap();
    match watch {
        Ok(watch) => assert!(!watch.complete && watch.partitions.is_empty(), "no news: {watch:?}"),
        Err(error) => assert!(error.is_temporary(), "it came too late: {error:?}"),
    }
    assert!(events.iter().all(Result::is_err), "nothing happened before they ended: {events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_told_as_an_event_in_the_order_of_revisions() {
    let data = TempDir::new().unwrap();
    let running = start(data.path()).await;
    let url = format!("http://{}", running.address);
    let work = tokio::task::spawn_blocking(move || {
        let client = Client::new(&url);
        let ask = |title: &str| serde_json::json!({"title": title, "software_release": "r"});
        let request = |title: &str| {
            client.request(&serde_json::from_value(ask(title)).unwrap()).unwrap().revision
        };
        let events = client.events().unwrap();
        let made = ["one", "two", "one", "three"].map(request);
        let told = events.take(3).map(|change| {
            let change = change.unwrap();
            (change.revision, change.instance.unwrap().title.to_string())
        });
        let [one, two, again, three] = made;
        assert_eq!(again, one, "asked again, nothing happens");
        let expected = [(one, "one".into()), (two, "two".into()), (three, "three".into())];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    });
    work.await.unwrap();
    running.stop.send(()).unwrap();
    running.ended.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_cannot_commit_ends() {
    let data = TempDir::new().unwrap();
    let running = start(data.path()).await;
    // somebody else takes the store over
    let taken = Store::open(&data.path().join("master.sqlite")).unwrap();
    let url = format!("http://{}", running.address);
    let work = tokio::task::spawn_blocking(move || {
        let computer = "COMP-1".try_into().unwrap();
        Client::new(&url).format(&computer, &Format { partitions: vec![] })
    });
    let answer = work.await.unwrap();
    assert!(answer.is_err(), "nothing is answered that is not durable: {answer:?}");
    let error = running.ended.await.unwrap().unwrap_err();
    assert!(matches!(error, ServeError::Failed(_)), "{error:?}");
    assert!(error.hint().unwrap().contains("other master"), "{error:?}");
    drop(taken);
}
