//! The demo, for real: Debian packages, MariaDB, phpMyAdmin, a browser.

mod again;
mod database;
mod ending;
mod mirrors;
mod slowly;
mod tenants;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    browser::Browser,
    cloud::{Said, eventually, on_terminal, slapos},
    logs::assert_calm,
    processes::{Guard, assert_none_below},
    skip::skip,
};

/// A directory that partitions' users may enter.
pub(crate) fn directory() -> tempfile::TempDir {
    let directory = tempfile::Builder::new().prefix("slapos-story-").tempdir_in("/tmp").unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

/// A demo that stays until it is told to end.
pub(crate) struct Demo {
    child: Child,
    lines: Vec<String>,
    reader: BufReader<std::process::ChildStderr>,
    _guard: Guard,
}

impl Demo {
    fn start(directory: &Path, options: &[&str]) -> Self {
        let mut command = slapos();
        command.args(["demo", "--dir", directory.to_str().unwrap()]).args(options);
        Self::spawn(command)
    }

    /// A demo whose own temporary directory is made below this one.
    fn temporary(directory: &Path, options: &[&str]) -> Self {
        let mut command = slapos();
        command.arg("demo").args(options).env("TMPDIR", directory);
        Self::spawn(command)
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let guard = Guard::when_killed("kill -INT $1", &[&child.id().to_string()]);
        let reader = BufReader::new(child.stderr.take().unwrap());
        Self { child, lines: Vec::new(), reader, _guard: guard }
    }

    /// Reads until a line contains a text; returns that line.
    pub(crate) fn read_until(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let length = self.reader.read_line(&mut line).unwrap();
            assert_ne!(length, 0, "ended before `{text}`:\n{}", self.lines.join(""));
            self.lines.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// Its last words, which must not fill the pipe, and its exit code.
    fn ended(mut self) -> (String, i32) {
        let mut words = String::new();
        self.reader.read_to_string(&mut words).unwrap();
        (words, self.child.wait().unwrap().code().unwrap_or(-1))
    }

    /// Ctrl-C, then its exit code.
    pub(crate) fn interrupt(self) -> i32 {
        self.signal("-INT");
        self.ended().1
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal("-INT");
            let _rest = std::io::copy(&mut self.reader, &mut std::io::sink());
            let _gone = self.child.wait();
        }
    }
}

pub(crate) fn last_word(line: &str) -> String {
    line.split_whitespace().last().unwrap().to_owned()
}

#[test]
fn the_whole_story_in_one_command_then_warm_then_in_a_browser() {
    let directory = directory();
    let dir = directory.path().to_str().unwrap();

    // Cold, verifying by itself, before the eyes of a person.
    let system = packages_of_the_system();
    let mut cold = slapos();
    cold.args(["demo", "--exit", "--dir", dir]);
    let said: Said = on_terminal(&cold).output().unwrap().into();
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("logged in to phpMyAdmin as `app`; databases: app"), "{said:?}");
    for step in ["please wait", "PHP's configuration is rewritten", "from request to connected"] {
        assert!(said.out.contains(step), "{step} in {said:?}");
    }
    assert_a_time_is_told(&said.out, "MariaDB's node is woken and begins"); // from its allocation on
    let bar = said
        .out
        .split("software/mariadb on COMP-2 ")
        .any(|text| text.trim_start().starts_with("[="));
    assert!(bar, "a bar for a long step: {said:?}");
    assert_none_below(directory.path());
    secrets_are_kept(directory.path());
    let log = |name| Utf8Path::new(dir).join(format!("log/{name}.log"));
    assert_calm(&["master", "COMP-1", "COMP-2"].map(log));
    assert_eq!(packages_of_the_system(), system, "the package manager's state is untouched");

    // Warm: the same data, nothing downloaded, and the ordinary commands against it.
    let cached = files_below(&directory.path().join("cache"));
    assert!(!cached.is_empty());
    let mut demo = Demo::start(directory.path(), &["--mirror", "http://127.0.0.1:9/debian"]);
    let address = last_word(&demo.read_until("phpMyAdmin        http"));
    let password = last_word(&demo.read_until("log in as"));
    let page = last_word(&demo.read_until("the master's page"));
    demo.read_until("Ctrl-C stops everything");
    assert!(!demo.lines.concat().contains('\x1b'), "no bars in a pipe");
    assert_eq!(files_below(&directory.path().join("cache")), cached, "nothing was downloaded");
    let second: Said = slapos().args(["demo", "--exit", "--dir", dir]).output().unwrap().into();
    assert_eq!(second.code, 1);
    assert!(second.err.contains("already running") && second.err.contains("hint"), "{second:?}");
    let cfg = directory.path().join("etc/slapos-client.cfg");
    // a process is seen as soon as it starts, and for a moment then under the name of what starts it
    eventually("the database and its process are in the tree", || {
        let mut command = slapos();
        command.args(["--cfg", cfg.to_str().unwrap(), "service", "tree", "phpmyadmin"]);
        let tree = Said::from(command.output().unwrap()).out;
        tree.contains("database") && tree.contains("mariadbd")
    });
    let status: Said = slapos()
        .args(["node", "status"])
        .env("SLAPOS_CLIENT_CONFIGURATION", &cfg)
        .output()
        .unwrap()
        .into();
    let shown = ["COMP-1: supervisor", "COMP-2: supervisor", "nginx", "mariadb"];
    assert!(shown.iter().all(|it| status.out.contains(it)), "{status:?}");

    in_a_browser(&address, &password, &page);
    // A run that cannot go on, for what an earlier one left, says so and what to do.
    for command in
        ["computer close COMP-2", "computer set COMP-2 --capacity 0", "service destroy database"]
    {
        let command = command.split(' ');
        let cfg = cfg.to_str().unwrap();
        let said: Said = slapos().args(["--cfg", cfg]).args(command).output().unwrap().into();
        assert_eq!(said.code, 0, "{said:?}");
    }
    assert_eq!(demo.interrupt(), 0);
    assert_none_below(directory.path());
    let said: Said = slapos().args(["demo", "--exit", "--dir", dir]).output().unwrap().into();
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("COMP-2 was closed: opened"), "{said:?}");
    assert!(said.err.contains("COMP-2 holds as many instances as it may"), "{said:?}");
    assert!(said.err.contains("hint: give it more: slapos computer set COMP-2"), "{said:?}");
    assert!(said.err.contains("slapos master serve --open --listen "), "{said:?}");
    assert!(!said.err.contains("connected"), "{said:?}");
    assert_none_below(directory.path());
}

/// The table of a run tells how long a step took.
fn assert_a_time_is_told(told: &str, step: &str) {
    let time = told.lines().find_map(|line| line.trim_start().strip_prefix(step));
    let mut words = time.unwrap_or_else(|| panic!("no {step} in {told}")).split_whitespace();
    let (number, unit) = (words.next().unwrap().parse::<f64>(), words.next());
    assert!(number.is_ok() && matches!(unit, Some("ms" | "s")), "{told}");
}

/// The state of dpkg and apt.
fn packages_of_the_system() -> Files {
    let places = ["/etc/apt", "/var/cache/apt", "/var/lib/apt", "/var/lib/dpkg"];
    places.iter().flat_map(|place| files_below(Path::new(place))).collect()
}

/// Number, length and time of the last change of each file, by its path.
type Files = BTreeMap<PathBuf, (u64, u64, i64, i64)>;

fn files_below(directory: &Path) -> Files {
    let mut files = Files::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let facts = entry.metadata().unwrap();
        if facts.is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            let facts = (facts.ino(), facts.size(), facts.mtime(), facts.mtime_nsec());
            files.insert(entry.path(), facts);
        }
    }
    files
}

/// A real browser logs in to phpMyAdmin and sees the database; then it looks at the master's page.
fn in_a_browser(address: &str, password: &str, page: &str) {
    let browser = Browser::start();
    browser.open(&format!("{address}index.php"));
    browser.fill("input_username", "app");
    browser.fill("input_password", password);
    browser.click("input_go");
    browser.until_element("#pma_navigation"); // only those who are logged in have it
    browser.open(&format!("{address}index.php?route=/server/databases"));
    browser.until_element("tr[data-filter-row='APP']"); // the row of the database itself

    browser.open(page);
    for text in ["phpmyadmin", "database", "host, password, port, user", "mariadbd", "php-fpm"] {
        browser.until_text(text);
    }
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR"));
    browser.screenshot(&pictures.join("page.png"));
}

/// No password in a log, and no file with one that others may read.
fn secrets_are_kept(directory: &Path) {
    let partition = directory.join("COMP-2/instance/slappart0/etc/.password");
    let stored = fs::read_to_string(&partition).unwrap();
    let mut passwords = stored.split('"').filter(|text| text.len() == 24).map(str::to_owned);
    let password = passwords.next().unwrap_or_else(|| stored.trim().to_owned());
    assert_eq!(password.len(), 24, "the password as it is stored: {stored}");
    let mut checked = 0;
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let facts = entry.metadata().unwrap();
            let open = facts.permissions().mode() & 0o007 != 0;
            let is_log = entry.path().extension().is_some_and(|end| end == "log");
            if facts.is_dir() {
                let skipped = entry.path().ends_with("cache") || entry.path().ends_with("software");
                // Nobody passes a directory that is closed to others.
                if !skipped
                    && (open || entry.path().ends_with("var") || entry.path().ends_with("log"))
                {
                    folders.push(entry.path());
                }
            } else if facts.is_file() && (open || is_log) {
                let content = fs::read(entry.path()).unwrap();
                let found =
                    content.windows(password.len()).any(|window| window == password.as_bytes());
                assert!(!found, "the password is in {}", entry.path().display());
                checked += 1;
            }
        }
    }
    assert!(checked > 5, "looked at {checked} files only");
}

#[test]
fn s11_the_demo_is_a_master_and_two_computers_with_free_partitions() {
    let directory = directory();
    let mut demo = Demo::start(directory.path(), &["--slow"]);
    std::io::Write::write_all(demo.child.stdin.as_mut().unwrap(), b"\n").unwrap();
    demo.read_until("2. The master tells");
    let cfg = directory.path().join("etc/slapos-client.cfg");
    let mut list = slapos();
    list.args(["--cfg", cfg.to_str().unwrap(), "computer", "list", "--json"]);
    let list = Said::from(list.output().unwrap()).json();
    let mut addresses = BTreeSet::new();
    for (computer, name) in list.as_array().unwrap().iter().zip(["COMP-1", "COMP-2"]) {
        assert_eq!(computer["computer"], name);
        let partitions = computer["partitions"].as_array().unwrap();
        assert!(partitions.iter().all(|partition| partition["instance"].is_null()), "{computer}");
        let all = partitions.iter().map(|partition| partition["addresses"][0].as_str().unwrap());
        addresses.extend(all.map(str::to_owned));
    }
    assert_eq!(addresses.len(), 2 * 4, "an address each: {list}");
    assert_eq!(demo.interrupt(), 1);
    assert_none_below(directory.path());
}

#[test]
fn an_ordinary_user_needs_nothing_else() {
    if slapos_node::sys::whoami() != 0 {
        return skip("only root can become an ordinary user");
    }
    let directory = directory();
    // A home of its own: the program, and nothing that belongs to root.
    let home = Utf8PathBuf::from_path_buf(directory.path().join("home")).unwrap();
    fs::create_dir(&home).unwrap();
    let program = home.join("slapos");
    fs::copy(env!("CARGO_BIN_EXE_slapos"), &program).unwrap();
    std::os::unix::fs::chown(&home, Some(54_321), Some(54_321)).unwrap();
    let said = as_user(&home, &program, &["demo", "--exit", "--dir", home.join("cloud").as_str()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("logged in to phpMyAdmin as `app`; databases: app"), "{said:?}");
    assert_none_below(directory.path());
}

fn as_user(home: &Utf8Path, program: &Utf8Path, arguments: &[&str]) -> Said {
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid",
            "54321",
            "--regid",
            "54321",
            "--clear-groups",
            "--no-new-privs",
            "--",
            program.as_str(),
        ])
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home)
        .current_dir(home);
    command.output().unwrap().into()
}

#[test]
fn a_place_that_cannot_hold_a_demo_is_refused_with_the_reason() {
    let directory = directory();
    let file = directory.path().join("file");
    fs::File::create(&file).unwrap();
    let closed = directory.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let below_closed = closed.join("demo");
    let mut table = vec![
        (vec!["--dir", ""], 64, "--dir names no directory"),
        (vec!["--dir", file.to_str().unwrap()], 1, "is a file, not a directory"),
        (vec!["--dir", "/proc/demo"], 1, "no place for files"),
        (vec!["--mirror", "deb.example.org"], 64, "use http://HOST/PATH"),
        (vec!["--keyring", "/nowhere/keys.gpg"], 64, "No such file"),
    ];
    if slapos_node::sys::whoami() != 0 {
        table.push((vec!["--dir", below_closed.to_str().unwrap()], 1, "Permission denied"));
    }
    for (options, code, text) in table {
        let said: Said = slapos().args(["demo", "--exit"]).args(&options).output().unwrap().into();
        assert_eq!(said.code, code, "{options:?}: {said:?}");
        assert!(said.err.contains(text) && !said.err.contains("1. A master"), "{said:?}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing was left");
}
