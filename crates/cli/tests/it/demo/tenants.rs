//! Shared instances of MariaDB: one server, a database and a user for each that asks.

use std::fs;

use camino::Utf8PathBuf;
use slapos_core::names::{SoftwareType, WishedState};
use slapos_wire::v1::{Instance, RequestAsk};

use super::database::{MARIADB, application, must_sql, replaced, server, sql, until_it_shows};
use crate::cloud::{Cloud, write_file};

/// Whether what brings the users to what is wished has done so, and ended.
fn has_served(cloud: &Cloud) -> bool {
    let cfg = cloud.node_cfg("COMP-2");
    let status = cloud.must(&["--cfg", cfg.as_str(), "node", "status", "--json"], 0).json();
    let processes = status["processes"].as_array().unwrap();
    let mut guests = processes.iter().filter(|process| process["service"] == "guests");
    guests.next().is_some_and(|process| process["state"] == "finished") && guests.next().is_none()
}

/// Requests a database on a server that runs already.
fn database(cloud: &Cloud, title: &str, parameters: &[&str]) -> Instance {
    let mut arguments = vec!["request", title, MARIADB, "--shared", "--wait", "--timeout", "90"];
    for parameter in parameters {
        arguments.extend(["--parameters", parameter]);
    }
    cloud.must(&arguments, 0);
    cloud.instance(title)
}

#[test]
fn each_has_a_database_of_its_own_and_nobody_else_notices() {
    const PASSWORD: &str = "quo\"te's $ \\back\nline";
    let cloud = Cloud::start();
    cloud.supply_url(MARIADB, "COMP-2");
    cloud.must(&["request", "host", MARIADB, "--wait", "--timeout", "90"], 0);
    let host = cloud.instance("host");
    let running = server(&cloud, &host).unwrap();
    cloud.until("there is nothing to do for nobody", |_| has_served(&cloud));

    let first = database(&cloud, "first", &[&format!("password={PASSWORD}")]);
    let second = database(&cloud, "second", &[]);
    assert_eq!(first.connection["password"], PASSWORD);
    for it in [&first, &second] {
        let name = it.id.to_string().replace("SOFTINST-", "shared_");
        let said = must_sql(&cloud, it, "SELECT DATABASE(), CURRENT_USER()");
        assert_eq!(said.out, format!("{name}\t{name}@%\n"));
        must_sql(&cloud, it, &format!("CREATE TABLE kept AS SELECT '{}' AS word", it.title));
        let seen = must_sql(&cloud, it, "SHOW DATABASES");
        assert_eq!(seen.out, format!("information_schema\n{name}\n"), "only its own");
    }
    must_sql(&cloud, &host, "SELECT 1");

    // With a line more, an application asks for a database there instead of a server of its own.
    let application = Utf8PathBuf::from(application(&cloud));
    let profile = application.with_file_name("instance.cfg.in");
    let text = fs::read_to_string(&profile).unwrap();
    write_file(&profile, &replaced(&text, "name = database\n", "name = database\nshared = true\n"));
    cloud.supply_url(application.as_str(), "COMP-1");
    cloud.must(&["request", "web", application.as_str(), "--wait", "--timeout", "90"], 0);
    until_it_shows(&cloud, &cloud.instance("database").connection["database"]);

    // One goes: it cannot log in, its database stays, the other one goes on.
    cloud.must(&["service", "destroy", "first"], 0);
    cloud.until("its user is gone", |_| {
        sql(&cloud, &first, "SELECT 1").is_some_and(|said| said.err.contains("Access denied"))
    });
    cloud.until("that was all", |_| has_served(&cloud));
    let partition = cloud.partition(&host);
    assert!(partition.join("srv/mysql").join(&first.connection["database"]).is_dir());
    let mut left = fs::read_dir(partition.join("etc/guests")).unwrap();
    let name = &first.connection["database"];
    assert!(left.all(|entry| !entry.unwrap().file_name().to_string_lossy().contains(name)));
    assert_eq!(must_sql(&cloud, &second, "SELECT word FROM kept").out, "second\n");

    // Whoever comes back under the same title is another instance, with another database.
    let again = database(&cloud, "first", &[]);
    assert_ne!(again.connection["database"], first.connection["database"]);
    // A slip that no command line has caught is told by the host, to that one alone.
    let title = "third".try_into().unwrap();
    let ask = RequestAsk {
        title,
        software_release: MARIADB.try_into().unwrap(),
        software_type: SoftwareType::default_type(),
        parameters: Some([("pasword".to_owned(), "x".to_owned())].into()),
        placement: [].into(),
        shared: true,
        state: Some(WishedState::Started),
    };
    cloud.client().request(&ask).unwrap();
    cloud.until("the slip is told", |_| {
        let told = cloud.find("third").and_then(|third| third.connection.get("error").cloned());
        told.is_some_and(|error| error.contains("`pasword` (did you mean `password`?)"))
    });
    must_sql(&cloud, &cloud.instance("third"), "SELECT 1");
    assert_eq!(must_sql(&cloud, &again, "SHOW TABLES").out, "");
    assert_eq!(cloud.instance("second").connection, second.connection);
    assert_eq!(server(&cloud, &host), Some(running), "the server went on");
}
