//! What becomes of a running application when its database is killed, gets another password, or
//! is destroyed: real MariaDB, real phpMyAdmin.

use std::{fs, process::Command};

use camino::Utf8PathBuf;
use slapos_core::names::WishedState;
use slapos_wire::v1::{BangAsk, Instance, StateAsk};

use crate::skip::skip;
use crate::{
    cloud::{Cloud, Said, write_file},
    trouble::the_disk_is_too_small,
};

pub(super) const MARIADB: &str = "software/mariadb";

#[test]
fn mariadb_too_large_for_the_disk_is_installed_when_there_is_space() {
    let mut cloud = Cloud::master();
    let done = the_disk_is_too_small(&mut cloud, MARIADB, ("32m", "1g"), "parts/mariadb");
    if let Err(why) = done {
        skip(why);
    }
}

#[test]
fn the_application_follows_its_database_through_a_crash_a_new_password_and_a_move() {
    let cloud = Cloud::start();
    let application = application(&cloud);
    cloud.supply_url(MARIADB, "COMP-2");
    cloud.supply_url(&application, "COMP-1");
    cloud.must(&["request", "web", &application, "--wait", "--timeout", "90"], 0);
    until_connected(&cloud);

    killed_it_comes_back_with_its_data(&cloud);
    a_new_password_is_written_where_it_is_used(&cloud);
    a_dollar_is_only_a_dollar(&cloud);
    destroyed_it_is_requested_again_elsewhere(&cloud);
}

fn killed_it_comes_back_with_its_data(cloud: &Cloud) {
    let database = cloud.instance("database");
    must_sql(cloud, &database, "CREATE TABLE kept (word TEXT); INSERT INTO kept VALUES ('safe')");
    let killed = server(cloud, &database).unwrap();
    let kill = Command::new("kill").args(["-9", &killed]).status().unwrap();
    assert!(kill.success());
    cloud.until("another server answers", |_| {
        server(cloud, &database).is_some_and(|pid| pid != killed)
            && sql(cloud, &database, "SELECT word FROM kept")
                .is_some_and(|said| said.out == "safe\n")
    });
    until_connected(cloud);
    assert_eq!(cloud.instance("database").connection, database.connection);
}

/// The password is generated once and kept: without its file the next pass generates another.
fn a_new_password_is_written_where_it_is_used(cloud: &Cloud) {
    let (web, database) = (cloud.instance("web"), cloud.instance("database"));
    let configuration = cloud.partition(&web).join("etc/config.inc.php");
    let before = fs::read_to_string(&configuration).unwrap();
    assert!(before.contains(&database.connection["password"]));

    fs::remove_file(cloud.partition(&database).join("etc/.password")).unwrap();
    let (computer, partition) = (database.computer.clone(), database.partition.clone());
    let bang = BangAsk { message: "another password".into() };
    cloud.client().bang(&computer.unwrap(), &partition.unwrap(), &bang).unwrap();
    cloud.until("another password is published and written", |_| {
        let fresh = cloud.instance("database").connection;
        let written = fs::read_to_string(&configuration).unwrap_or_default();
        fresh["password"] != database.connection["password"]
            && written == before.replace(&database.connection["password"], &fresh["password"])
    });
    until_connected(cloud);
    let old = sql(cloud, &database, "SELECT word FROM kept").unwrap();
    assert!(old.err.contains("Access denied"), "the old password: {old:?}");
    let new = must_sql(cloud, &cloud.instance("database"), "SELECT word FROM kept");
    assert_eq!(new.out, "safe\n");
}

fn a_dollar_is_only_a_dollar(cloud: &Cloud) {
    let table = [("dollar", "$", "a$b", "$$c"), ("reference", "${server:host}", "${:d}", "$${e}")];
    for (title, database, user, password) in table {
        let parameters = [("database", database), ("user", user), ("password", password)];
        let words: Vec<_> = parameters.map(|(key, text)| format!("{key}={text}")).into();
        let mut arguments = vec!["request", title, MARIADB, "--wait", "--timeout", "90"];
        for word in &words {
            arguments.extend(["--parameters", word]);
        }
        cloud.must(&arguments, 0);
        let instance = cloud.instance(title);
        for (key, text) in parameters {
            assert_eq!(instance.connection[key], text, "{title}");
        }
        let said = must_sql(cloud, &instance, "SELECT DATABASE(), CURRENT_USER()");
        assert_eq!(said.out, format!("{database}\t{user}@%\n"));
    }
}

/// The instances of the step before keep COMP-2 the busier of the two.
fn destroyed_it_is_requested_again_elsewhere(cloud: &Cloud) {
    let old = cloud.instance("database");
    cloud.supply_url(MARIADB, "COMP-1");
    let state = StateAsk { id: old.id, state: WishedState::Destroyed };
    cloud.client().wish_state(&state).unwrap();
    cloud.until("there is another database", |_| {
        cloud.find("database").is_some_and(|fresh| fresh.id != old.id && fresh.state == "started")
    });
    let fresh = cloud.instance("database");
    assert_eq!(fresh.computer.as_ref().unwrap().as_str(), "COMP-1");
    assert_ne!(fresh.connection["host"], old.connection["host"]);
    until_connected(cloud);
    let tables = must_sql(cloud, &fresh, "SHOW TABLES");
    assert_eq!(tables.out, "", "another database, not the old one");
}

/// phpMyAdmin as it comes with the program, but it logs in by itself with what the database
/// published, as most applications do: so its configuration holds the password too.
pub(super) fn application(cloud: &Cloud) -> String {
    let from = Utf8PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../software/phpmyadmin"));
    let to = cloud.path().join("application");
    fs::create_dir(&to).unwrap();
    for entry in from.read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        let shipped = fs::read_to_string(entry.path()).unwrap();
        let text = match entry.file_name() {
            "config.inc.php.in" => replaced(
                &shipped,
                "'cookie',",
                "'config', 'user' => {{ php(user) }}, 'password' => {{ php(password) }},",
            ),
            "instance.cfg.in" => replaced(
                &shipped,
                "  key host database:connection-host\n",
                "  key host database:connection-host\n  key user database:connection-user\n  \
                 key password database:connection-password\n",
            ),
            _ => shipped,
        };
        write_file(&to.join(entry.file_name()), &text);
    }
    to.join("software.cfg").into_string()
}

pub(super) fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} in {text}");
    text.replace(from, to)
}

fn until_connected(cloud: &Cloud) {
    until_it_shows(cloud, "app");
}

/// Waits until the application shows a database, which it can only when it has logged in.
pub(super) fn until_it_shows(cloud: &Cloud, database: &str) {
    let row = format!("data-filter-row=\"{database}\"");
    cloud.until("the application shows its database", |_| {
        let web = cloud.instance("web");
        let Some(url) = web.connection.get("url").filter(|_| web.state == "started") else {
            return false;
        };
        let page = ureq::get(&format!("{url}index.php?route=/server/databases")).call();
        page.is_ok_and(|mut page| {
            let page = page.body_mut().read_to_string().unwrap();
            page.to_lowercase().contains(&row)
        })
    });
}

/// Process number of an instance's MariaDB, as it says itself.
pub(super) fn server(cloud: &Cloud, database: &Instance) -> Option<String> {
    let file = cloud.partition(database).join("var/run/mariadb.pid");
    Some(fs::read_to_string(file).ok()?.trim().to_owned())
}

/// Runs a statement with MariaDB's own client, as the published user; `None` without a server.
pub(super) fn sql(cloud: &Cloud, database: &Instance, statement: &str) -> Option<Said> {
    let program = fs::read_link(format!("/proc/{}/exe", server(cloud, database)?)).ok()?;
    let client = program.ancestors().nth(2)?.join("bin/mariadb");
    let published = |key: &str| database.connection[key].as_str();
    let output = Command::new(client)
        .args(["--no-defaults", "--protocol=tcp", "--batch", "--skip-column-names"])
        .args(["--host", published("host"), "--port", published("port")])
        .args(["--user", published("user"), "--execute", statement, published("database")])
        .env("MYSQL_PWD", published("password"))
        .output();
    Some(output.unwrap().into())
}

pub(super) fn must_sql(cloud: &Cloud, database: &Instance, statement: &str) -> Said {
    let said = sql(cloud, database, statement).unwrap();
    assert_eq!(said.code, 0, "{statement}: {said:?}");
    said
}
