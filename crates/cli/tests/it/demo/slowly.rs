//! The demo with `--slow`: the tutorial as a lesson, a step a sentence.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use super::directory;
use crate::{
    cloud::slapos,
    processes::{Guard, assert_none_below},
};

/// Where the story told slowly waits for Enter: what it says there, and what it then tells of what
/// has happened.
const STOPS: [(&str, &str); 10] = [
    ("knows what is going on", "COMP-2: 4 partitions"),
    ("which software to install", "software/mariadb on COMP-2: available"),
    ("slap.request", "please wait"),
    ("requests a MySQL database", "`database` is requested by `phpmyadmin`"),
    ("please wait, I am processing", "`phpmyadmin` waits for another instance"),
    ("looks for a free partition", "`database` is starting"),
    ("its connection information is published", "`database` publishes its connection"),
    ("the templates of the PHP partition use it", "etc/config.inc.php has the address"),
    ("the application publishes its own address", "connected"),
    ("how the two instances are connected", "log in as"),
];

#[test]
fn s25_told_slowly_each_step_waits_for_enter() {
    let directory = directory();
    let told = directory.path().join("told");
    let mut command = slapos();
    command.args(["demo", "--slow", "--dir", directory.path().join("cloud").to_str().unwrap()]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(fs::File::create(&told).unwrap());
    let mut child = command.spawn().unwrap();
    let pid = child.id().to_string();
    let _guard = Guard::when_killed("kill -INT $1", &[&pid]);
    let mut enter = child.stdin.take().unwrap();
    let text = || fs::read_to_string(&told).unwrap();
    let mut until = |sentence: &str, look: &dyn Fn() -> bool| {
        while !(text().contains(sentence) && look()) {
            assert_eq!(child.try_wait().unwrap(), None, "before `{sentence}`: {}", text());
            thread::sleep(Duration::from_millis(10));
        }
    };
    let (mut before, mut expected) = (0, "");
    for (sentence, what_happened) in STOPS {
        until(sentence, &|| waits_for_enter(&pid));
        assert!(text().ends_with("   [Enter] "), "it goes on by itself: {}", text());
        assert!(text()[before..].contains(expected), "{expected} in {}", &text()[before..]);
        (before, expected) = (text().len(), what_happened);
        std::io::Write::write_all(&mut enter, b"\n").unwrap();
    }
    until("Ctrl-C stops everything", &|| true);
    assert!(text()[before..].contains(expected), "{expected} in {}", text());
    assert_each_sentence_has_its_event(&directory.path().join("cloud/etc/slapos-client.cfg"));
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", text());
    assert_none_below(directory.path());
}

/// The journal tells the story in the order of the tutorial.
fn assert_each_sentence_has_its_event(cfg: &Path) {
    let settings = fs::read_to_string(cfg).unwrap();
    let master = settings.lines().find_map(|line| line.strip_prefix("master_url = ")).unwrap();
    let url = format!("{master}/v1/history?limit=1000");
    let text = ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap();
    let history: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let place = |verb: &str, about: &str, what: &str| {
        let found = history.iter().position(|event| {
            let change = &event["change"];
            let says = |part: &str| change["what"].as_str().unwrap().contains(part);
            change["verb"] == verb && says(about) && says(what)
        });
        found.unwrap_or_else(|| panic!("{verb} of {about} is not in {text}"))
    };
    let story = [
        ("format", "COMP-1", ""),
        ("supply", "software/phpmyadmin", "COMP-1 shall have"),
        ("supply-report", "software/phpmyadmin", "available"),
        ("request", "`phpmyadmin`", ""),
        ("request", "`database`", ""),
        ("report", "`phpmyadmin`", "waits for another instance"),
        ("publish", "`database`", ""),
        ("publish", "`phpmyadmin`", ""),
    ];
    let places = story.map(|(verb, about, what)| place(verb, about, what));
    assert!(places.is_sorted(), "{places:?} in {text}");
    let other = [
        place("format", "COMP-2", ""),
        place("supply", "software/mariadb", "COMP-2 shall have"),
        place("supply-report", "software/mariadb", "available"),
        place("request", "`database`", ""),
        place("report", "`database`", "is starting"),
        place("publish", "`database`", ""),
    ];
    assert!(other.is_sorted(), "{other:?} in {text}");
}

/// The thread that tells the story sits in a read of standard input: until a line comes, it does
/// and says nothing.
fn waits_for_enter(demo: &str) -> bool {
    const READ: [&str; 2] = ["0", "63"]; // its number on x86-64, elsewhere
    let mut threads = fs::read_dir(format!("/proc/{demo}/task")).unwrap().flatten();
    threads.any(|thread| {
        let read = |name| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        let call = read("syscall");
        let mut words = call.split(' ');
        read("comm").trim() == "story"
            && words.next().is_some_and(|number| READ.contains(&number))
            && words.next() == Some("0x0")
    })
}
