//! The connection: published when all is green, handed to the requester, in its templates and on the page.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_core::names::WishedState;
use slapos_wire::v1::StateAsk;

use super::{page, pid_of};
use crate::cloud::{Cloud, PAGE_SOFTWARE, release, write_file};

#[test]
fn s19_the_connection_is_published_and_kept() {
    let mut cloud = Cloud::with_releases();
    cloud.connected();
    let said = cloud.must(&["service", "info", "database", "--json"], 0).json();
    for key in [
        "title",
        "state",
        "software_release",
        "software_type",
        "computer",
        "partition",
        "parameters",
        "connection",
        "waiting_for",
    ] {
        assert!(said.get(key).is_some(), "{key} in {said}");
    }
    assert_eq!(said["connection"]["password"], "first");
    // On a terminal, whoever looks over the shoulder sees no password, unless it is asked for.
    let info = cloud.must(&["service", "info", "database"], 0);
    assert!(info.out.contains("connection   password = (hidden)"), "{info:?}");
    assert!(info.out.contains("connection   host = 127."), "{info:?}");
    assert!(!info.out.contains("first") && info.err.contains("--show-secrets"), "{info:?}");
    // Who is handed them, and when they changed: a report that brings nothing new is no change.
    assert!(said["published_at"].as_str().unwrap().starts_with('2'), "{said}");
    assert!(
        info.out.contains("published    2") && info.out.contains(", to admin, web"),
        "{info:?}"
    );
    let asked = cloud.must(&["service", "info", "database", "--show-secrets"], 0);
    assert!(asked.out.contains("connection   password = first"), "{asked:?}");
    cloud.kill_master();
    cloud.start_master();
    let again = cloud.must(&["service", "info", "database", "--json"], 0).json();
    assert_eq!(said["connection"], again["connection"]);
    assert_eq!(said["published_at"], again["published_at"]);
}

#[test]
fn s21_a_database_whose_promise_is_red_is_not_handed_out() {
    let cloud = Cloud::with_releases();
    let said = cloud.must(&["request", "web", &release("web"), "--parameters", "ready=no"], 2);
    assert_eq!(said.code, 2);
    cloud.until("the red promise is told", |_| {
        cloud
            .find("web")
            .and_then(|web| web.waiting_for)
            .is_some_and(|reason| reason.contains("db-is-ready"))
    });
    let web = cloud.instance("web");
    assert!(web.connection.is_empty());
    assert!(cloud.instance("database").connection.is_empty(), "not handed out");
    let said = cloud.must(&["service", "explain", "web"], 2);
    assert!(said.out.contains("database") && said.out.contains("db-is-ready"), "{said:?}");
    // The database becomes ready: everything follows by itself.
    let partition = cloud.partition(&cloud.instance("database"));
    slapos_atomic::write(partition.join("var/run/ready"), b"", 0o644).unwrap();
    cloud.until("it is handed out", |_| cloud.instance("web").state == "started");
    assert_eq!(cloud.instance("database").connection["password"], "first");
}

#[test]
fn s22_the_dictionary_reaches_the_template() {
    let cloud = Cloud::with_releases();
    let (web, database) = cloud.connected();
    let page = fs::read_to_string(cloud.partition(&web).join("etc/page")).unwrap();
    let host = &database.connection["host"];
    assert_eq!(
        page,
        format!("greeting for world\nhost={host}\nport=5432\nuser=web\npassword=first")
    );
}

/// A release like `web`, whose page is this template; it gets all of the database's section.
fn with_page(cloud: &Cloud, page: &str, keys: &str) -> Utf8PathBuf {
    let directory = cloud.path().join("faulty");
    fs::create_dir_all(&directory).unwrap();
    write_file(&directory.join("page.in"), page);
    let instance = format!(
        "[buildout]\nparts = page\n[database]\n<= slap-connection\n\
         recipe = slapos.cookbook:request\nname = database\nsoftware-url = {}\n\
         return = host port user password\n[page]\nrecipe = slapos.recipe.template:jinja2\n\
         url = {{{{ page }}}}\noutput = ${{buildout:directory}}/page\ncontext =\n  {keys}\n",
        release("db")
    );
    write_file(&directory.join("instance.cfg.in"), &instance);
    write_file(&directory.join("software.cfg"), PAGE_SOFTWARE);
    directory.join("software.cfg")
}

#[test]
fn s22_a_key_that_the_connection_lacks_is_told_to_the_requester_with_its_place_and_the_nearest() {
    let cloud = Cloud::start();
    cloud.supply("db", "COMP-2");
    let table = [
        // in the template, once the values are there
        (
            "one\n{{ it['connection-hots'] }}\n",
            "section it database",
            "page.in:2:",
            "did you mean `connection-host`?",
        ),
        // in the profile, at once: perhaps the database publishes it, and nobody asks for it
        (
            "{{ it }}\n",
            "key it database:connection-hots",
            "instance.cfg.in, rendered as ",
            "add `hots` to `return` of [database]",
        ),
    ];
    for (page, keys, place, way_out) in table {
        let url = with_page(&cloud, page, keys);
        cloud.must(&["supply", "--again", url.as_str(), "COMP-1"], 0);
        cloud.run(&["request", "faulty", url.as_str()]);
        cloud.until("the error with its place is told", |_| {
            cloud.instance("faulty").error.is_some_and(|error| error.contains(place))
        });
        let info = cloud.must(&["service", "info", "faulty"], 0).out;
        let explained = cloud.must(&["service", "explain", "faulty"], 2).out;
        for said in [&info, &explained] {
            for text in [place, "connection-hots", way_out] {
                assert!(said.contains(text), "{text} in {said}");
            }
            assert!(!said.contains("first"), "a value of the connection is in {said}");
        }
    }
}

#[test]
fn s23_a_new_password_rewrites_one_file_and_restarts_one_service() {
    let cloud = Cloud::with_releases();
    let (web, _) = cloud.connected();
    let partition = cloud.partition(&web);
    let facts = |name: &str| {
        let facts = fs::metadata(partition.join(name)).unwrap();
        (facts.ino(), facts.mtime(), facts.mtime_nsec())
    };
    let (untouched, rewritten) = (facts("etc/service/static"), facts("etc/page"));
    cloud.supply("idle", "COMP-1");
    cloud.must(&["request", "bystander", &release("idle"), "--wait", "--timeout", "90"], 0);
    let neighbour = cloud.partition(&cloud.instance("bystander"));
    let neighbours = everything_below(&neighbour);
    assert!(neighbours.contains_key(&neighbour.join("etc/service/idle")), "{neighbours:#?}");
    let before = (pid_of(&cloud, "COMP-1", "static"), pid_of(&cloud, "COMP-1", "web"));
    let changed = ["request", "web", &release("web"), "--parameters", "password=second", "--wait"];
    cloud.must(&changed, 0);
    cloud.until("the page has the new password", |_| {
        fs::read_to_string(partition.join("etc/page"))
            .is_ok_and(|page| page.contains("password=second"))
    });
    cloud.until("the service whose file changed is another process", |_| {
        pid_of(&cloud, "COMP-1", "web").is_some_and(|pid| Some(pid) != before.1)
    });
    cloud.until("everything has settled", |_| cloud.instance("web").state == "started");
    assert_eq!(facts("etc/service/static"), untouched);
    assert_ne!(facts("etc/page"), rewritten);
    assert_eq!(everything_below(&neighbour), neighbours, "another partition is left alone");
    let after = pid_of(&cloud, "COMP-1", "static");
    assert_eq!(before.0, after, "the other service keeps its process");
    assert_eq!(cloud.instance("database").connection["password"], "second");
}

/// Number and time of all files and directories below one.
fn everything_below(directory: &Utf8Path) -> BTreeMap<Utf8PathBuf, (u64, i64, i64)> {
    let mut found = BTreeMap::new();
    for entry in directory.read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        let facts = fs::symlink_metadata(entry.path()).unwrap();
        found.insert(entry.path().into(), (facts.ino(), facts.mtime(), facts.mtime_nsec()));
        if facts.is_dir() {
            found.extend(everything_below(entry.path()));
        }
    }
    found
}

#[test]
fn a_destroyed_database_comes_back_elsewhere_and_the_application_follows() {
    let cloud = Cloud::with_releases();
    let (web, database) = cloud.connected();
    let old = cloud.partition(&database);
    cloud.supply("db", "COMP-1");
    let state = StateAsk { id: database.id, state: WishedState::Destroyed };
    cloud.client().wish_state(&state).unwrap();
    cloud.until("there is another database", |_| {
        cloud
            .find("database")
            .is_some_and(|found| found.id != database.id && found.state == "started")
    });
    cloud.until("the application is connected to it", |_| {
        let fresh = cloud.instance("database");
        let page = fs::read_to_string(cloud.partition(&web).join("etc/page")).unwrap_or_default();
        fresh.connection.get("host").is_some_and(|host| page.contains(host))
            && cloud.instance("web").state == "started"
    });
    let left = fs::read_dir(&old).unwrap().count();
    let moved = cloud.partition(&cloud.instance("database")) != old;
    assert!(moved == (left == 0), "the old partition is empty unless it was taken again");
}

#[test]
fn s24_the_page_shows_instances_their_link_and_their_processes() {
    let cloud = Cloud::with_releases();
    let (_, database) = cloud.connected();
    let _looking = cloud.client().events().unwrap(); // nodes send samples while somebody looks
    let boxes = || page::boxes(&page::text(&cloud));
    cloud.until("the page shows the processes", |_| {
        boxes().iter().all(|shown| !shown.processes.is_empty())
    });
    let text = page::text(&cloud);
    let shown = page::boxes(&text);
    let [web, db] = &shown[..] else { panic!("two boxes: {shown:#?}") };
    assert_eq!((web.title.as_str(), web.state.as_str()), ("web", "started"));
    assert_eq!((db.title.as_str(), db.state.as_str()), ("database", "started"));
    assert!(web.place.starts_with("COMP-1") && db.place.starts_with("COMP-2"), "{shown:#?}");
    assert_eq!(web.arrows, ["host, password, port, user"], "one arrow, with what is published");
    assert_eq!(db.arrows, [""; 0], "and no other");
    assert_eq!(text.matches("class=\"arrow\"").count(), 1, "{text}");
    assert_eq!(db.promises, [("green".to_owned(), "db-is-ready".to_owned())]);
    assert!(!text.contains("first"), "no secret on the page: {text}");

    let killed = pid_of(&cloud, "COMP-2", "db").unwrap().to_string();
    let row = db.processes.iter().find(|cells| cells[1] == killed).unwrap();
    let number = |cell: &str, unit: &str| cell.strip_suffix(unit).unwrap().parse::<f64>().unwrap();
    assert_eq!(row[0], "sh", "{row:?}");
    assert!(number(&row[2], " %") >= 0.0 && number(&row[3], " MiB") >= 0.0, "{row:?}");
    let of_web: Vec<_> = ["static", "web"]
        .map(|service| pid_of(&cloud, "COMP-1", service).unwrap().to_string())
        .into();
    assert!(of_web.iter().all(|pid| web.pids().contains(&pid.as_str())), "{shown:#?}");

    // Kill the database's process: its row goes, the one of its successor comes, all else stays.
    let status = std::process::Command::new("kill").args(["-9", &killed]).status().unwrap();
    assert!(status.success());
    cloud.until("the page shows the new process in place of the killed one", |_| {
        let (shown, running) = (boxes(), pid_of(&cloud, "COMP-2", "db"));
        let [web, db] = &shown[..] else { panic!("two boxes: {shown:#?}") };
        let of_db = db.pids();
        running.is_some_and(|pid| of_db.contains(&pid.to_string().as_str()))
            && !of_db.contains(&killed.as_str())
            && of_web.iter().all(|pid| web.pids().contains(&pid.as_str()))
            && db.state == "started"
    });
    assert_eq!(cloud.instance("database").connection, database.connection);
    // A promise that turns red is red on the page, and says why.
    cloud.run(&["request", "web", &release("web"), "--parameters", "ready=no"]);
    cloud.until("the page shows the red promise", |_| {
        boxes()[1].promises.iter().any(|(class, text)| {
            class == "red" && text.strip_prefix("db-is-ready: ").is_some_and(|why| !why.is_empty())
        })
    });
}
