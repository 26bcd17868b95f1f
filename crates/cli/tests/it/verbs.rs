//! The verbs of `slapos computer` and `slapos service`: the binary against a real master. The
//! nodes are played by the test, so that what they say is known.

use serde_json::json;
use slapos_core::names::{ComputerId, ReportedState, SoftwareType, SupplyState, Timestamp};
use slapos_wire::v1::{
    Format, FormatPartition, Instance, InstanceReport, RequestAsk, SupplyReport,
};

use crate::cloud::{Cloud, Said, on_terminal, slapos, write_file};

/// A master, COMP-1 and COMP-2 with two partitions each, and two releases that COMP-1 has.
fn cloud() -> Cloud {
    let cloud = Cloud::master();
    for name in ["COMP-1", "COMP-2"] {
        let partition = |number| FormatPartition {
            name: format!("slappart{number}").as_str().try_into().unwrap(),
            addresses: vec!["127.0.0.1".parse().unwrap()],
            capabilities: vec![],
        };
        let format = Format { partitions: (0..2).map(partition).collect() };
        cloud.client().format(&computer(name), &format).unwrap();
    }
    for release in ["software/one", "software/two"] {
        cloud.wish_release(release, "COMP-1");
        report_release(&cloud, release, SupplyState::Available, None);
    }
    cloud
}

fn computer(name: &str) -> ComputerId {
    name.try_into().unwrap()
}

/// The node of COMP-1 says what became of a release.
fn report_release(cloud: &Cloud, release: &str, state: SupplyState, text: Option<&str>) {
    let client = cloud.client();
    let supplies = client.computer(&computer("COMP-1")).unwrap().supplies;
    let supply = supplies.iter().find(|it| it.software_release.as_str() == release).unwrap();
    let report = SupplyReport {
        software_release: supply.software_release.clone(),
        generation: supply.generation,
        follows: None,
        state,
        text: text.map(str::to_owned),
        percent: text.is_some().then_some(34),
    };
    assert!(client.report_supply(&computer("COMP-1"), &report).unwrap().current);
}

/// The instance in a partition of COMP-1 requests `db`, of a release that is nowhere.
fn request_from(cloud: &Cloud, partition: &str) {
    let ask = RequestAsk {
        title: "db".try_into().unwrap(),
        software_release: "software/none".try_into().unwrap(),
        software_type: SoftwareType::default_type(),
        parameters: None,
        placement: [].into(),
        shared: false,
        state: None,
    };
    let place = partition.try_into().unwrap();
    cloud.client().request_from(&computer("COMP-1"), &place, &ask).unwrap();
}

/// The node of an instance says what became of it.
fn report(cloud: &Cloud, title: &str, state: ReportedState, text: Option<&str>) -> Instance {
    let it = cloud.instance(title);
    let report = InstanceReport {
        id: it.id,
        generation: it.generation,
        follows: None,
        state,
        text: text.map(str::to_owned),
        connection: (state == ReportedState::Started)
            .then(|| [("url".to_owned(), format!("http://{title}"))].into()),
        shared: [].into(),
        requested: None,
        promises: vec![],
    };
    let (computer, partition) = (it.computer.unwrap(), it.partition.unwrap());
    let accepted = cloud.client().report_instance(&computer, &partition, &report).unwrap();
    assert!(accepted.current);
    cloud.instance(title)
}

fn words(command: &str) -> Vec<&str> {
    command.split(' ').collect()
}

/// Runs commands, each of which must end with a code and say something on standard error.
fn table(cloud: &Cloud, table: &[(&str, i32, &str)]) {
    for (command, code, text) in table {
        let said = cloud.must(&words(command), *code);
        assert!(said.err.contains(text), "{command}: {said:?}");
        assert!(said.out.is_empty(), "what is told is no data: {said:?}");
    }
}

#[test]
fn a_computer_is_closed_opened_drained_and_described() {
    let cloud = cloud();
    table(
        &cloud,
        &[
            ("computer close COMP-1", 0, "COMP-1: closed, 2 of 2 partitions free"),
            ("computer drain COMP-1", 0, "COMP-1: draining"),
            ("computer open COMP-1", 0, "COMP-1: open"),
            ("computer set COMP-1 --capacity 1", 0, "open, at most 1 instances"),
            (
                "computer set COMP-1 region=europe/west cpu_core=4",
                0,
                "free, cpu_core=4 region=europe/west",
            ),
            ("computer set COMP-1 --capacity all cpu_core=", 0, "2 of 2 partitions free, region"),
            ("computer set COMP-1", 64, "--capacity"),
            ("computer set COMP-1 region", 64, "KEY=VALUE"),
            ("computer set COMP-1 --capacity some", 64, "a number or all"),
            ("computer set COMP-1 rgion=asia", 3, "did you mean `region`?"),
            ("computer open COMP-9", 3, "COMP-9"),
            ("computer history COMP-9", 3, "COMP-9"),
        ],
    );
    cloud.must(&words("computer set COMP-2 --capacity 1"), 0);
    let closed = cloud.must(&words("computer close COMP-2 --json"), 0).json();
    assert_eq!((&closed["allocation"], &closed["capacity"]), (&json!("closed"), &json!(1)));
    let info = cloud.must(&words("computer info COMP-1 --json"), 0).json();
    assert_eq!(info["traits"], json!({"region": "europe/west"}));
    assert_eq!((&info["allocation"], &info["capacity"]), (&json!("open"), &json!(null)));
    let info = cloud.must(&words("computer info COMP-2"), 0).out;
    assert!(info.starts_with("COMP-2: closed, at most 1 instances, 2 of 2"), "{info}");
    let list = cloud.must(&words("computer list"), 0).out;
    let rows: Vec<Vec<_>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1][..6], ["COMP-1", "open", "all", "2", "2", "2"]);
    assert_eq!(rows[1].last(), Some(&"region=europe/west"));
    assert_eq!(rows[2][..6], ["COMP-2", "closed", "1", "2", "2", "0"]);
    assert!(list.contains("SEEN") && (list.contains(" now ") || list.contains(" ago ")), "{list}");
    // who asks by a trait is placed by it
    let said = cloud.must(&words("request app software/one --node region=asia"), 2);
    assert!(said.out.contains("region"), "{said:?}");
    cloud.must(&words("request app software/one --node region=europe/west"), 2);
    assert_eq!(cloud.instance("app").computer, Some(computer("COMP-1")));
}

#[test]
fn an_instance_is_stopped_started_banged_renamed_and_upgraded() {
    let cloud = cloud();
    cloud.must(&words("request app software/one"), 2);
    cloud.must(&words("request other software/one"), 2);
    let before = report(&cloud, "app", ReportedState::Started, None);
    table(
        &cloud,
        &[
            ("service stop app", 0, "app is stopping"),
            ("service start app", 0, "app is start"),
            ("service bang app", 0, "app is processed again"),
            ("service bang app --tree --message again", 0, "the whole tree of app is processed"),
            ("service upgrade app software/two", 0, "app shall run software/two (default)"),
            ("service upgrade app software/two --type big", 0, "app shall run software/two (big)"),
            ("service upgrade app software/three", 3, "slapos supply"),
            ("service rename app other", 3, "other"),
            ("service rename app shop", 0, "app is now called shop"),
            ("service start app", 1, "there is no instance `app`"),
            ("service rename shop", 64, "NEW"),
        ],
    );
    let after = cloud.instance("shop");
    assert_eq!((after.id, &after.partition), (before.id, &before.partition));
    assert_eq!(after.connection, before.connection);
    let entry = (after.software_release.as_str(), after.software_type.as_str());
    assert_eq!(entry, ("software/two", "big"));
    let stopped = cloud.must(&words("service stop shop --json"), 0).json();
    assert_eq!((&stopped["title"], &stopped["wished"]), (&json!("shop"), &json!("stopped")));
}

#[test]
fn history_says_who_changed_what_when_from_where_and_what_failed() {
    let cloud = cloud();
    cloud.must(&words("request app software/one"), 2);
    report(&cloud, "app", ReportedState::Error, Some("line one\nline two"));
    report(&cloud, "app", ReportedState::Error, Some("another cause"));
    report(&cloud, "app", ReportedState::Started, None);
    report_release(&cloud, "software/two", SupplyState::Error, Some("no room"));

    let history = cloud.must(&words("service history app"), 0).out;
    let lines: Vec<_> = history.lines().collect();
    assert!(lines[0].contains("WHO") && lines[1].contains("person admin"), "{history}");
    assert!(lines[1].contains("127.") && lines[2].contains("computer COMP-1"), "{history}");
    assert!(lines[4].contains("publishes its connection"), "newest last: {history}");
    assert!(!history.contains("http://app"), "no values: {history}");

    let errors = cloud.must(&words("service history app --errors"), 0).out;
    let texts: Vec<_> = errors.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(texts, ["  line one", "  line two", "  another cause"]);
    // command, the texts of its errors
    let table = [
        (
            "service history app",
            vec![None, Some("line one\nline two"), Some("another cause"), None],
        ),
        ("service history app --errors", vec![Some("line one\nline two"), Some("another cause")]),
        ("service history --errors --limit 1", vec![Some("no room")]),
        ("service history app --limit 1", vec![None]),
        ("service history app --limit 0", vec![]),
        (
            "computer history COMP-1 --errors --limit 2",
            vec![Some("another cause"), Some("no room")],
        ),
        ("computer history COMP-2", vec![None]),
    ];
    for (command, expected) in table {
        let entries = cloud.must(&[words(command), vec!["--json"]].concat(), 0).json();
        let texts: Vec<_> =
            entries.as_array().unwrap().iter().map(|entry| entry["error"].as_str()).collect();
        assert_eq!(texts, expected, "{command}");
    }
    let said = cloud.must(&words("service history nobody"), 1);
    assert!(said.err.contains("nobody") && said.err.contains("hint"), "{said:?}");
    // what is gone is still told
    cloud.must(&words("service destroy app"), 0);
    report(&cloud, "app", ReportedState::Stopped, None);
    let all = cloud.must(&words("service history"), 0).out;
    assert!(all.contains("COMP-2") && all.contains("`app`"), "{all}");
}

#[test]
fn the_cloud_is_shown_as_it_was() {
    let cloud = cloud();
    cloud.must(&words("request app software/one"), 2);
    let requested = cloud.client().health().unwrap().revision.0;
    let started = report(&cloud, "app", ReportedState::Started, None);
    let up = cloud.client().health().unwrap().revision.0;
    cloud.must(&words("computer close COMP-1"), 0);
    cloud.must(&words("service rename app shop"), 0);

    let (requested, up) = (format!("rev:{requested}"), format!("rev:{up}"));
    let Timestamp(micros) = started.changed_at;
    let moment = jiff::Timestamp::from_microsecond(i64::try_from(micros).unwrap()).unwrap();
    // command, the moment, the exit code, what is said
    let table = [
        ("service list", up.as_str(), 0, "app"),
        ("service info app", &up, 0, "connection   url = http://app"),
        ("service info app", &moment.to_string(), 0, "connection   url = http://app"),
        ("service info app", &requested, 0, "please wait"),
        ("service explain app", &requested, 2, "app is starting: "),
        ("service explain app", &up, 0, "app is started"),
        ("service tree app", &up, 0, "app [started] on COMP-1 slappart0"),
        ("computer list", &up, 0, "open"),
        ("computer info COMP-1", &up, 0, "COMP-1: open, 1 of 2"),
        ("computer info COMP-1", &requested, 0, "app"),
    ];
    for (command, at, code, text) in table {
        let said = cloud.must(&[words(command), vec!["--at", at]].concat(), code);
        assert!(said.out.contains(text), "{command} --at {at}: {said:?}");
    }
    let table = [
        ("service info shop", up.as_str(), 1, "there was no instance `shop`"),
        ("service list", "rev:0", 3, "ask for rev:1 or later"),
        ("service list", "1h", 3, "the journal begins later"),
        ("computer list", "rev:999", 3, "still to come"),
        ("computer info COMP-1", "2999-01-01", 3, "still to come"),
        ("service tree app", "yesterday", 64, "rev:123"),
    ];
    for (command, at, code, text) in table {
        let said = cloud.must(&[words(command), vec!["--at", at]].concat(), code);
        assert!(said.err.contains(text), "{command} --at {at}: {said:?}");
    }
}

#[test]
fn shared_instances_are_shown_with_their_host() {
    let cloud = cloud();
    cloud.must(&words("request waits software/one --shared"), 2);
    let list = cloud.must(&words("service list"), 0).out;
    assert!(list.contains("- (shared)"), "{list}");
    cloud.must(&words("request host software/one"), 2);
    report(&cloud, "host", ReportedState::Started, None);
    let table = [
        ("service list", "COMP-1 slappart0, served by host"),
        ("service info waits", "where        COMP-1 slappart0, served by host"),
        ("service info host", "serves       waits"),
        ("service tree host", "  serves waits"),
        ("service tree waits", " shared on COMP-1 slappart0, served by host"),
    ];
    for (command, text) in table {
        let said = cloud.must(&words(command), 0);
        assert!(said.out.contains(text), "{command}: {said:?}");
    }
    let info = cloud.must(&words("service info waits --json"), 0).json();
    assert_eq!((&info["shared"], &info["host"]["title"]), (&json!(true), &json!("host")));
    assert_eq!(info["unrequested"], false);
    let info = cloud.must(&words("service info host --json"), 0).json();
    assert_eq!((&info["shared"], &info["serves"][0]["title"]), (&json!(false), &json!("waits")));
}

#[test]
fn what_programs_read_has_the_same_names_everywhere_and_times_as_texts() {
    let cloud = cloud();
    cloud.must(&words("request app software/one"), 2);
    let info = cloud.must(&words("service info app --json"), 0).json();
    let list = cloud.must(&words("service list --json"), 0).json();
    let tree = cloud.must(&words("service tree app --json"), 0).json();
    let requested = cloud.must(&words("request app software/one --json"), 2).json();
    for other in [&list[0], &tree["instances"][0], &requested] {
        assert_eq!(*other, info);
    }
    let computer = cloud.must(&words("computer info COMP-1 --json"), 0).json();
    let history = cloud.must(&words("service history app --json"), 0).json();
    for time in [
        &info["created_at"],
        &info["changed_at"],
        &computer["seen_at"],
        &computer["supplies"][0]["changed_at"],
        &history[0]["change"]["at"],
    ] {
        assert!(time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{time}");
    }
}

#[test]
fn a_misspelt_title_is_answered_with_the_nearest() {
    let cloud = cloud();
    cloud.must(&words("request database software/one"), 2);
    let table = [
        ("service info databse", 1, "did you mean `database`?"),
        ("service destroy Database", 1, "did you mean `database`?"),
        ("service history databas", 1, "did you mean `database`?"),
        ("service info other", 1, "`slapos service list` shows all"),
        ("request page software/helo", 64, "did you mean `software/hello`?"),
        ("request page software/hello --parameters nmae=Ada", 64, "did you mean `name`?"),
        ("request page software/hello --type mastr", 64, "`software/hello` has no type `mastr`"),
        ("supply software/helo COMP-1", 64, "did you mean `software/hello`?"),
        ("supply software/none COMP-1", 64, "software/hello, software/mariadb"),
        ("supply some/software.cfg COMP-1", 64, "an absolute path"),
        ("supply Cargo.toml COMP-1", 64, "/Cargo.toml"),
        ("request page software/hello --type foo", 64, "its types: default"),
        ("request page software/hello --parameters-file /nowhere", 64, "hint"),
        ("remove software/tow COMP-1", 1, "did you mean `software/two`?"),
        ("remove software/one COMP-2", 1, "COMP-2 has no release `software/one`"),
    ];
    self::table(&cloud, &table);
    let said = cloud.must(&words("request page software/one --node computer_guid=COMP-7"), 2);
    assert!(said.out.contains("computer `COMP-7` is unknown"), "{said:?}");
    assert!(said.out.contains("did you mean `COMP-1`?"), "{said:?}");
}

#[test]
fn a_missing_file_is_refused_as_a_release_of_a_computer_on_this_machine_only() {
    let cloud = cloud();
    let node = cloud.node_cfg("COMP-2");
    write_file(&node, &format!("[slapos]\nmaster_url = {}\ncomputer_id = COMP-2\n", cloud.url));
    let client = format!("[slapos]\nmaster_url = {}\nnodes = {node}\n", cloud.url);
    write_file(&cloud.client_cfg(), &client);
    let table = [
        ("supply /nowhere/software.cfg COMP-2", 64, "which has no such file"),
        ("supply --again file:///nowhere/software.cfg COMP-2", 64, "which has no such file"),
        ("supply /nowhere/software.cfg COMP-1", 0, "now: requested"),
    ];
    self::table(&cloud, &table);
    cloud.must(&["supply", cloud.client_cfg().as_str(), "COMP-2"], 0);
}

#[test]
fn what_waited_and_is_destroyed_is_gone_and_what_never_was_is_not() {
    let cloud = cloud();
    cloud.must(&words("request late http://none/software.cfg"), 2);
    let destroy = "request late http://none/software.cfg --state destroyed";
    table(&cloud, &[(destroy, 0, "late is gone"), (destroy, 0, "nothing to destroy")]);
}

#[test]
fn an_error_is_not_called_waiting() {
    let cloud = cloud();
    cloud.must(&words("request app software/one"), 2);
    report(&cloud, "app", ReportedState::Error, Some("line one\nline two"));
    let info = cloud.must(&words("service info app"), 0).out;
    assert!(info.contains("error        line one\n             line two"), "{info}");
    assert_eq!(info.matches("line one").count(), 1, "{info}");
    let said = cloud.must(&words("request app software/one --wait --timeout 1"), 2);
    assert!(said.err.contains("app: it fails, and is tried again: line one"), "{said:?}");
    for text in [&info, &said.out, &said.err] {
        assert!(!text.contains("please wait"), "{text}");
    }
}

#[test]
fn history_names_who_asked_and_does_not_repeat_that_a_release_builds() {
    let cloud = cloud();
    cloud.must(&words("request app software/one"), 2);
    request_from(&cloud, "slappart0");
    for text in ["fetching", "unpacking", "linking"] {
        report_release(&cloud, "software/two", SupplyState::Building, Some(text));
    }
    let history = cloud.must(&words("service history"), 0).out;
    assert!(history.contains("instance app") && !history.contains("SOFTINST"), "{history}");
    assert_eq!(history.matches("software/two on COMP-1: building").count(), 1, "{history}");
}

#[test]
fn how_far_an_installation_is_is_told_and_forgotten_when_it_ends() {
    let cloud = cloud();
    report_release(&cloud, "software/two", SupplyState::Building, Some("unpacking"));
    let said = cloud.must(&words("computer info COMP-1"), 0).out;
    assert!(said.contains("building 34%"), "{said}");
    let said = cloud.must(&words("request app software/two"), 2).out;
    assert!(said.contains("is being installed on COMP-1 (34%): unpacking"), "{said}");
    report_release(&cloud, "software/two", SupplyState::Error, Some("no space"));
    let said = cloud.must(&words("computer info COMP-1"), 0).out;
    assert!(said.contains("no space") && !said.contains('%'), "{said}");
}

#[test]
fn bars_are_for_a_terminal_and_not_for_a_pipe() {
    let cloud = cloud();
    let ask = ["request", "app", "http://none/software.cfg", "--wait", "--timeout", "1"];
    let mut command = slapos();
    command.args(["--cfg", cloud.client_cfg().as_str()]).args(ask);
    let seen: Said = on_terminal(&command).output().unwrap().into();
    assert_eq!(seen.code, 2, "{seen:?}");
    // A line in columns, drawn over the one before.
    let bar = format!(" {:24} `http://none/software.cfg` is not available", "app");
    assert!(seen.out.contains(&bar) && seen.out.contains("\x1b[2K"), "{seen:?}");
    let piped = cloud.must(&ask, 2);
    assert!(!format!("{}{}", piped.out, piped.err).contains('\x1b'), "{piped:?}");
}

#[test]
fn waiting_tells_why_and_gives_up_in_time() {
    let cloud = cloud();
    let said = cloud.must(&words("request app http://none/software.cfg --wait --timeout 1"), 2);
    for text in
        ["please wait: `http://none/software.cfg` is not available", "hint: supply it", "gave up"]
    {
        assert!(said.err.contains(text), "{text} in {said:?}");
    }
    let said = cloud.must(&words("supply software/hello COMP-1 --wait --timeout 1"), 2);
    let gave_up = "software/hello on COMP-1: gave up after 1 s; its node goes on";
    assert!(said.err.contains(gave_up), "{said:?}");
}

#[test]
fn help_teaches_each_verb() {
    let cloud = Cloud::master();
    let table = [
        ("--help", "history, start, stop"),
        ("help service rename", "Whoever requests it"),
        ("service --help", "Give an instance another title"),
        ("service history --help", "newest last"),
        ("service info --help", "rev:123"),
        ("service upgrade --help", "slapos supply URL COMPUTER"),
        ("service rename --help", "Whoever requests it"),
        ("service bang --help", "stays untouched"),
        ("computer --help", "it shall become empty"),
        ("computer set --help", "KEY= takes one away"),
        ("computer drain --help", "What is there runs on"),
        ("computer history --help", "newest last"),
    ];
    for (command, text) in table {
        let said = cloud.must(&words(command), 0);
        let flowing = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains(text), "{command}: {}", said.out);
    }
}

#[test]
fn a_title_of_several_instances_names_none_of_them() {
    let cloud = cloud();
    for (root, partition) in [("shop", "slappart0"), ("blog", "slappart1")] {
        cloud.must(&["request", root, "software/one"], 2);
        request_from(&cloud, partition);
    }
    let refused = cloud.must(&["service", "destroy", "db"], 1).err;
    assert!(refused.contains("2 instances are called `db`"), "{refused}");
    assert!(refused.contains("shop/db, blog/db"), "{refused}");
    let blog = cloud.must(&["service", "info", "blog/db", "--json"], 0).json();
    let id = blog["id"].as_str().unwrap();
    assert_eq!(cloud.must(&["service", "info", id, "--json"], 0).json()["id"], *id);
    cloud.must(&["service", "destroy", "blog/db"], 0);
    let left = cloud.must(&["service", "info", "db", "--json"], 0).json();
    assert_ne!(left["id"], *id, "the other one is still there");
}
