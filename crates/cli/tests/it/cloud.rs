//! A real cloud for tests: the built binary as master and nodes, below a temporary directory.
//!
//! Waiting repeats a look until it is satisfied; the deadline is only against hanging for ever.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU8, Ordering},
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use slapos_core::names::{SupplyState, SupplyWish};
use slapos_wire::{client::Client, v1};

use crate::{disk::Disk, processes::Guard, recorder::Recorder};

/// No test waits longer for anything.
const HANGS: Duration = Duration::from_secs(90);

/// The `software.cfg` of a release whose instances know the template `page.in` as `page`.
pub(crate) const PAGE_SOFTWARE: &str = "\
[buildout]
parts = instance.cfg
[page.in]
recipe = slapos.recipe.build:download
url = ${:_profile_base_location_}/page.in
[instance.cfg]
recipe = slapos.recipe.template:jinja2
url = ${:_profile_base_location_}/instance.cfg.in
output = ${buildout:directory}/instance.cfg
context = key page page.in:target
";

pub(crate) fn slapos() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slapos"));
    command.env_remove("SLAPOS_CLIENT_CONFIGURATION").env_remove("SLAPOS_CONFIGURATION");
    command
}

/// Path of a test release, laid out where every user may read it. The files have the same content
/// for every test, and one that is right already is left alone.
pub(crate) fn release(name: &str) -> String {
    let from = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/releases");
    let to = Utf8PathBuf::from(format!("/tmp/slapos-test-releases-{}", slapos_node::sys::whoami()));
    lay_out(&from, &to);
    to.join(format!("{name}.cfg")).into_string()
}

/// The same command with a terminal for its input and outputs; what it prints is of both.
pub(crate) fn on_terminal(command: &Command) -> Command {
    let mut line = "stty cols 120 rows 40; exec".to_owned();
    for word in std::iter::once(command.get_program()).chain(command.get_args()) {
        line.push_str(&format!(" '{}'", word.to_str().unwrap()));
    }
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &line, "/dev/null"]).stdin(Stdio::null());
    for variable in ["SLAPOS_CLIENT_CONFIGURATION", "SLAPOS_CONFIGURATION", "NO_COLOR"] {
        terminal.env_remove(variable);
    }
    terminal.env("TERM", "xterm");
    terminal
}

fn lay_out(from: &Utf8Path, to: &Utf8Path) {
    fs::create_dir_all(to).unwrap();
    for entry in from.read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            lay_out(entry.path(), &target);
        } else {
            let content = fs::read_to_string(entry.path()).unwrap();
            if fs::read_to_string(&target).ok().as_ref() != Some(&content) {
                write_file(&target, &content);
            }
        }
    }
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A master and its nodes; everything ends with it.
pub(crate) struct Cloud {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) url: String,
    network: String,
    master: Option<Child>,
    nodes: Vec<(String, Child)>,
    /// Computers that have a disk of their own.
    disks: BTreeMap<String, Disk>,
    _guard: Guard,
}

/// Ends the nodes of a cloud, whose master ends by itself, and removes its directory.
const END: &str =
    r#"for cfg in "$2"/etc/COMP-*.cfg; do "$1" --cfg "$cfg" node stop; done; rm -rf "$2""#;

/// Each test in this process has a network of its own; the process number keeps those of
/// processes apart.
pub(crate) fn network() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let pid = std::process::id();
    loop {
        let network = format!(
            "127.{}.{}",
            214 + pid % 40,
            (pid / 40 + u32::from(NEXT.fetch_add(1, Ordering::Relaxed))) % 256
        );
        if TcpListener::bind(format!("{network}.1:5000")).is_ok() {
            return network;
        }
    }
}

impl Cloud {
    /// A master alone.
    pub(crate) fn master() -> Self {
        let network = network();
        // Partitions run as users that must reach their directories.
        let directory = tempfile::Builder::new().prefix("slapos-test-").tempdir_in("/tmp").unwrap();
        open_to_all(directory.path());
        let path = directory.path().to_str().unwrap();
        let guard = Guard::when_killed(END, &[env!("CARGO_BIN_EXE_slapos"), path]);
        let mut cloud = Self {
            directory,
            url: format!("http://{network}.1:5000"),
            network,
            master: None,
            nodes: Vec::new(),
            disks: BTreeMap::new(),
            _guard: guard,
        };
        fs::create_dir_all(cloud.path().join("etc")).unwrap();
        write_file(&cloud.client_cfg(), &format!("[slapos]\nmaster_url = {}\n", cloud.url));
        cloud.start_master();
        cloud
    }

    /// A master and two computers, `COMP-1` and `COMP-2`, with three partitions each.
    pub(crate) fn start() -> Self {
        let mut cloud = Self::master();
        cloud.start_node("COMP-1", 3);
        cloud.start_node("COMP-2", 3);
        cloud.until_formatted();
        cloud
    }

    /// A whole cloud on which the web release is available on COMP-1 and the database on COMP-2.
    pub(crate) fn with_releases() -> Self {
        let cloud = Self::start();
        cloud.supply("web", "COMP-1");
        cloud.supply("db", "COMP-2");
        cloud
    }

    pub(crate) fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.directory.path()).unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url)
    }

    pub(crate) fn client_cfg(&self) -> Utf8PathBuf {
        self.path().join("etc/slapos-client.cfg")
    }

    pub(crate) fn node_cfg(&self, computer: &str) -> Utf8PathBuf {
        self.path().join(format!("etc/{computer}.cfg"))
    }

    pub(crate) fn start_master(&mut self) {
        let listen = self.url.trim_start_matches("http://").to_owned();
        let data = self.path().join("master");
        let mut command = slapos();
        command.args(["master", "serve", "--open", "--listen", &listen, "--data", data.as_str()]);
        command.arg("--with-parent").stdin(Stdio::piped());
        self.master = Some(self.spawn("master", command));
        let client = self.client();
        eventually("the master answers", || client.health().is_ok());
    }

    /// `kill -9`, as power cuts do it.
    pub(crate) fn kill_master(&mut self) {
        let mut master = self.master.take().unwrap();
        master.kill().unwrap();
        master.wait().unwrap();
    }

    pub(crate) fn start_node(&mut self, computer: &str, partitions: u32) {
        let url = self.url.clone();
        self.start_node_with(computer, partitions, &format!("master_url = {url}\n"));
    }

    /// Starts a node with some settings of its own, `master_url` among them.
    pub(crate) fn start_node_with(&mut self, computer: &str, partitions: u32, settings: &str) {
        let place = 16 * (computer.chars().last().unwrap().to_digit(10).unwrap());
        let (base, network) = (self.path().join(computer), &self.network);
        let cache = match settings.contains("cache_root") {
            true => String::new(),
            false => format!("cache_root = {}/cache\n", self.path()),
        };
        let text = format!(
            "[slapos]\n{settings}{cache}computer_id = {computer}\nsoftware_root = {base}/software\n\
             instance_root = {base}/instance\npartition_user = {}\n\
             [slapformat]\npartition_amount = {partitions}\nipv4_local_network = {network}.{place}/28\n",
            62_000 + place,
        );
        write_file(&self.node_cfg(computer), &text);
        self.restart_node(computer);
    }

    /// Starts `COMP-1` so that it can install releases of SlapOS: its partitions have an IPv6 address. Downloads are
    /// kept in `cache`, and come through the HTTP proxy, if there is one.
    pub(crate) fn start_node_for_releases(
        &mut self,
        cache: &Utf8Path,
        user: u32,
        partitions: u32,
        proxy: Option<&str>,
    ) {
        let (base, network, url) = (self.path().join("COMP-1"), &self.network, &self.url);
        let text = format!(
            "[slapos]\nmaster_url = {url}\ncomputer_id = COMP-1\nsoftware_root = {base}/software\n\
             instance_root = {base}/instance\ncache_root = {cache}\npartition_user = {user}\n\
             [slapformat]\npartition_amount = {partitions}\n\
             ipv4_local_network = {network}.16/28\nipv6_local_network = ::1/128\n",
        );
        let cfg = self.node_cfg("COMP-1");
        write_file(&cfg, &text);
        let mut command = slapos();
        command.args(["--cfg", cfg.as_str(), "node", "run"]).stdin(Stdio::null());
        command.envs(proxy.map(|proxy| ("http_proxy", proxy)));
        let child = self.spawn("COMP-1", command);
        self.nodes.push(("COMP-1".to_owned(), child));
    }

    /// A master and two computers with three partitions each, and what stands between COMP-1 and
    /// the master.
    pub(crate) fn recorded() -> (Self, Recorder) {
        let mut cloud = Self::master();
        let recorder = Recorder::of(&cloud.url);
        cloud.start_node_with("COMP-1", 3, &format!("master_url = {}\n", recorder.url));
        cloud.start_node("COMP-2", 3);
        cloud.until_formatted();
        (cloud, recorder)
    }

    fn until_formatted(&self) {
        self.until("both nodes are formatted", |client| {
            let computers = client.computers().unwrap();
            computers.iter().filter(|computer| computer.partitions.len() == 3).count() == 2
        });
    }

    /// Starts a node whose directory is a disk of its own; the error says why that cannot be.
    pub(crate) fn start_node_on_disk(&mut self, computer: &str, size: &str) -> Result<(), String> {
        let base = self.path().join(computer);
        fs::create_dir(&base).unwrap();
        self.disks.insert(computer.to_owned(), Disk::mount(&base, size)?);
        self.start_node(computer, 1);
        Ok(())
    }

    /// The disk of a computer that has one of its own.
    pub(crate) fn disk(&self, computer: &str) -> &Disk {
        &self.disks[computer]
    }

    /// The directory of a computer, as this process sees it.
    pub(crate) fn base(&self, computer: &str) -> Utf8PathBuf {
        let base = self.path().join(computer);
        self.disks.get(computer).map_or_else(|| base.clone(), |disk| disk.seen(&base))
    }

    /// The folders of the releases of a computer; that of their Python environments is none.
    pub(crate) fn releases(&self, computer: &str) -> Vec<Utf8PathBuf> {
        let folders = self.base(computer).join("software").read_dir_utf8().unwrap();
        let folders = folders.map(|folder| folder.unwrap().into_path());
        folders.filter(|folder| folder.file_name() != Some("environments")).collect()
    }

    /// Starts the agent of a computer whose configuration is there.
    pub(crate) fn restart_node(&mut self, computer: &str) {
        let cfg = self.node_cfg(computer);
        let mut command = self.disks.get(computer).map_or_else(slapos, Disk::slapos);
        command.args(["--cfg", cfg.as_str(), "node", "run"]).stdin(Stdio::null());
        let child = self.spawn(computer, command);
        self.nodes.push((computer.to_owned(), child));
    }

    /// `kill -9` of the agent; its services are not its own.
    pub(crate) fn kill_node(&mut self, computer: &str) {
        let place = self.nodes.iter().position(|(name, _)| name == computer).unwrap();
        let (_, mut child) = self.nodes.remove(place);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn spawn(&self, name: &str, mut command: Command) -> Child {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path().join(format!("{name}.log")))
            .unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    /// Runs a command against this cloud, as a person would.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let mut command = slapos();
        command.env("SLAPOS_CLIENT_CONFIGURATION", self.client_cfg()).args(arguments);
        command.output().unwrap().into()
    }

    /// Runs a command that must end with a code.
    pub(crate) fn must(&self, arguments: &[&str], code: i32) -> Said {
        let said = self.run(arguments);
        assert_eq!(said.code, code, "{arguments:?}: {said:?}\n{}", self.logs());
        said
    }

    /// Wishes a release, whether or not anybody could find it.
    pub(crate) fn wish_release(&self, url: &str, computer: &str) {
        let (software_release, state) = (url.try_into().unwrap(), SupplyWish::Available);
        let ask = v1::SupplyAsk { software_release, state, again: false };
        self.client().supply(&computer.try_into().unwrap(), &ask).unwrap();
    }

    /// Supplies a test release and waits until it is available.
    pub(crate) fn supply(&self, name: &str, computer: &str) {
        self.supply_url(&release(name), computer);
    }

    /// Supplies a release and waits until it is available.
    pub(crate) fn supply_url(&self, url: &str, computer: &str) {
        self.must(&["supply", url, computer], 0);
        self.until_supply(url, computer, SupplyState::Available);
    }

    /// Waits until the node of a computer has told that a release is in a state; what it said.
    pub(crate) fn until_supply(&self, url: &str, computer: &str, state: SupplyState) -> String {
        let mut text = None;
        self.until(&format!("{url} is {state:?} on {computer}"), |client| {
            let computer = client.computer(&computer.try_into().unwrap()).unwrap();
            let mut supplies = computer.supplies.into_iter();
            let supply = supplies.find(|supply| supply.software_release.as_str() == url);
            text = supply.filter(|supply| supply.state == state).map(|supply| supply.text);
            text.is_some()
        });
        text.flatten().unwrap_or_default()
    }

    /// Requests `web` and waits until it is connected.
    pub(crate) fn connected(&self) -> (v1::Instance, v1::Instance) {
        self.must(&["request", "web", &release("web"), "--wait", "--timeout", "90"], 0);
        (self.instance("web"), self.instance("database"))
    }

    pub(crate) fn instance(&self, title: &str) -> v1::Instance {
        self.find(title).unwrap_or_else(|| panic!("no instance {title}"))
    }

    pub(crate) fn find(&self, title: &str) -> Option<v1::Instance> {
        self.client().instances(Some(&title.try_into().unwrap())).unwrap().into_iter().next()
    }

    /// The directory of the partition where an instance lives.
    pub(crate) fn partition(&self, instance: &v1::Instance) -> Utf8PathBuf {
        let (computer, partition) =
            (instance.computer.as_ref().unwrap(), instance.partition.as_ref().unwrap());
        self.path().join(computer.as_str()).join("instance").join(partition.as_str())
    }

    /// Waits until `look` is satisfied.
    pub(crate) fn until(&self, what: &str, mut look: impl FnMut(&Client) -> bool) {
        let client = self.client();
        let deadline = Instant::now() + HANGS;
        while !look(&client) {
            assert!(Instant::now() < deadline, "never: {what}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn logs(&self) -> String {
        let mut text = String::new();
        for name in ["master", "COMP-1", "COMP-2"] {
            let log =
                fs::read_to_string(self.path().join(format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines.len().saturating_sub(40);
            text.push_str(&format!("--- {name}\n{}\n", lines[tail..].join("\n")));
        }
        text
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        for (_, child) in &mut self.nodes {
            let _gone = child.kill();
            let _gone = child.wait();
        }
        for computer in ["COMP-1", "COMP-2"] {
            let base = self.base(computer).join("var");
            if base.exists() {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let _gone = runtime.block_on(slapos_node::supervise::Client::new(&base).shutdown());
            }
        }
        if let Some(master) = &mut self.master {
            let _gone = master.kill();
            let _gone = master.wait();
        }
    }
}

/// Repeats a look until it is satisfied.
pub(crate) fn eventually(what: &str, mut look: impl FnMut() -> bool) {
    let deadline = Instant::now() + HANGS;
    while !look() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub(crate) fn write_file(path: &Utf8Path, text: &str) {
    slapos_atomic::write(path, text.as_bytes(), 0o644).unwrap();
}
