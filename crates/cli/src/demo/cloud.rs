//! The processes of the demo: a master and two nodes, below one directory.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    os::unix::{
        fs::{OpenOptionsExt, PermissionsExt},
        process::CommandExt,
    },
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_node::{format, log::Log, supervise};
use tempfile::TempDir;

use super::place;
use crate::{
    error::{Exit, Failure, Step},
    settings,
    ui::Ui,
};

/// The computers of the demo.
pub(super) const COMPUTERS: [&str; 2] = ["COMP-1", "COMP-2"];
/// Partitions of each.
const PARTITIONS: u32 = 4;
/// As root: number of the first partition's user on the first computer.
const FIRST_USER: u32 = 62_000;
/// How long the master may take until it takes calls: it may have a long journal to read.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a process may take to end when asked politely.
const END_TIMEOUT: Duration = Duration::from_secs(20);

/// What the story needs to know of the cloud.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    /// The directory of everything.
    pub(super) directory: Utf8PathBuf,
    /// Address of the master.
    pub(super) master_url: String,
    /// The client configuration file.
    pub(super) client_cfg: Utf8PathBuf,
}

/// Where Debian packages come from, if not from where the host's own do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    /// `URL [SUITE [COMPONENT ...]]`.
    pub(super) mirror: Option<&'a str>,
    /// The keys to verify with.
    pub(super) keyring: Option<&'a Utf8Path>,
    /// How many seconds a mirror may be silent.
    pub(super) timeout_s: Option<u64>,
}

impl Source<'_> {
    /// The settings of a node.
    fn settings(self) -> String {
        let given = [
            self.mirror.map(|url| format!("mirror = {url}\n")),
            self.keyring.map(|file| format!("keyring = {file}\n")),
            self.timeout_s.map(|seconds| format!("mirror_timeout = {seconds}\n")),
        ];
        given.into_iter().flatten().collect()
    }
}

/// A directory and the processes that were started for it.
#[derive(Debug)]
pub(super) struct Cloud {
    stage: Stage,
    program: Utf8PathBuf,
    /// The directory, when it goes away at the end.
    temporary: Option<TempDir>,
    /// Held while the demo runs: one demo a directory.
    _lock: File,
    children: Vec<(String, Child)>,
}

impl Cloud {
    /// Makes the directory and its configuration, or finds those of an earlier run.
    pub(super) fn prepare(
        directory: Option<&Utf8Path>,
        source: Source<'_>,
    ) -> Result<Self, Failure> {
        let (directory, temporary) = match directory {
            Some(path) => (place::absolute(path)?, None),
            None => {
                let (path, made) = place::make_temporary()?;
                (path, Some(made))
            }
        };
        for computer in COMPUTERS {
            let partition = directory.join(computer).join("instance/slappart0");
            let user = place::is_root().then_some(FIRST_USER);
            format::check_partition(&partition, user)
                .map_err(|error| Failure::hinted(Exit::Failed, &error, error.hint()))?;
        }
        place::make(&directory)?;
        let lock = place::lock(&directory)?;
        let program = std::env::current_exe().step(|| "cannot find the program itself".into())?;
        let program = Utf8PathBuf::try_from(program)
            .map_err(|_| Failure::new(Exit::Failed, "the program's path is not UTF-8"))?;
        let client_cfg = directory.join("etc/slapos-client.cfg");
        let master_url = configure(&directory, source)?;
        let stage = Stage { directory, master_url, client_cfg };
        Ok(Self { stage, program, temporary, _lock: lock, children: Vec::new() })
    }

    /// What the story needs to know.
    pub(super) fn stage(&self) -> Stage {
        self.stage.clone()
    }

    /// Starts the master, waits until it takes calls, starts the nodes. `ended` is told the name of
    /// each of them that ends, by itself or because it was asked to.
    pub(super) fn start(
        &mut self,
        ui: Ui,
        ended: impl Fn(String) + Clone + Send + 'static,
    ) -> Result<(), Failure> {
        let started = self.start_all().and_then(|()| self.watch(ended));
        if started.is_err()
            && let Err(failure) = self.end(ui)
        {
            ui.failure(&failure);
        }
        started
    }

    fn start_all(&mut self) -> Result<(), Failure> {
        let listen = self.stage.master_url.trim_start_matches("http://").to_owned();
        let data = self.stage.directory.join("master");
        self.spawn(
            "master",
            &[
                "master",
                "serve",
                "--open",
                "--with-parent",
                "--listen",
                &listen,
                "--data",
                data.as_str(),
            ],
        )?;
        self.await_master()?;
        for computer in COMPUTERS {
            let cfg = self.stage.directory.join(format!("etc/{computer}.cfg"));
            self.spawn(computer, &["--cfg", cfg.as_str(), "node", "run", "--with-parent"])?;
        }
        Ok(())
    }

    /// One thread a process, which waits for its end without taking its exit status.
    fn watch(&self, ended: impl Fn(String) + Clone + Send + 'static) -> Result<(), Failure> {
        for (name, child) in &self.children {
            let (name, ended, pid) = (name.clone(), ended.clone(), child.id());
            let wait = move || {
                if slapos_node::sys::wait_for_end_of_child(pid).is_ok() {
                    ended(name);
                }
            };
            thread::Builder::new().name("watch".into()).spawn(wait)?;
        }
        Ok(())
    }

    /// One of the processes has ended while it was needed: which, and what it said last.
    pub(super) fn lost(&self, name: &str) -> Failure {
        let what = match name {
            "master" => "the master has ended".to_owned(),
            computer => format!("the node of {computer} has ended"),
        };
        self.with_last_words(name, &what)
    }

    fn with_last_words(&self, name: &str, what: &str) -> Failure {
        let log = self.log_path(name);
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(3)..].join("\n    ");
        let failure = Failure::new(Exit::Failed, format!("{what}; its last words:\n    {last}"));
        match self.temporary {
            None => failure.hint(format!("its log is {log}")),
            Some(_) => failure.hint("with --dir DIR its whole log is kept, in DIR/log"),
        }
    }

    /// Starts one process of ours in the background; its log goes to `DIR/log/NAME.log`. It ends
    /// when the pipe to its standard input closes, so it cannot outlive the demo.
    fn spawn(&mut self, name: &str, arguments: &[&str]) -> Result<(), Failure> {
        let path = self.log_path(name);
        let directory = path.parent().unwrap_or(&path).to_owned();
        fs::create_dir_all(&directory).step(|| format!("cannot make {directory}"))?;
        Log::of_node(&path).rotate().step(|| format!("cannot shorten {path}"))?;
        let log = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .step(|| format!("cannot open {path}"))?;
        log.set_permissions(fs::Permissions::from_mode(0o600))?; // one of an earlier run, too
        let stdout = match name {
            "master" => Stdio::piped(), // it says there when it takes calls
            _ => log.try_clone().step(|| format!("cannot share {path}"))?.into(),
        };
        let child = Command::new(&self.program)
            .args(arguments)
            .env_remove("SLAPOS_CLIENT_CONFIGURATION")
            .env_remove("SLAPOS_CONFIGURATION")
            .process_group(0) // Ctrl-C is the demo's business
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(log)
            .spawn()
            .step(|| format!("cannot start the {name}"))?;
        self.children.push((name.to_owned(), child));
        Ok(())
    }

    fn log_path(&self, name: &str) -> Utf8PathBuf {
        self.stage.directory.join(format!("log/{name}.log"))
    }

    /// Waits until the master says that it takes calls; if it ended instead, shows why.
    fn await_master(&mut self) -> Result<(), Failure> {
        let (told, word) = mpsc::channel();
        let said = self.children.first_mut().and_then(|(_, child)| child.stdout.take());
        let listen = move || {
            let mut line = String::new();
            let read = said.map(|said| BufReader::new(said).read_line(&mut line));
            // Nobody listens any more when it took too long.
            let _late = told.send(matches!(read, Some(Ok(length)) if length > 0));
        };
        thread::Builder::new().name("master".into()).spawn(listen)?;
        match word.recv_timeout(START_TIMEOUT) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.with_last_words("master", "the master did not start")),
            Err(_) => Err(self.with_last_words("master", "the master takes no calls")),
        }
    }

    /// Stops everything in order: nodes, so that nothing is started again; services; the master.
    /// Leaves no process behind.
    pub(super) fn end(&mut self, ui: Ui) -> Result<(), Failure> {
        let mut first_failure = None;
        let mut note = |result: Result<(), Failure>| {
            if let Err(failure) = result {
                first_failure.get_or_insert(failure);
            }
        };
        let (master, nodes): (Vec<_>, Vec<_>) =
            self.children.drain(..).partition(|(name, _)| name == "master");
        for (name, child) in nodes {
            note(end_child(&name, child));
            ui.say(format_args!("   the node of {name} has ended"));
        }
        for computer in COMPUTERS {
            let base = self.stage.directory.join(computer).join("var");
            note(end_services(computer, &base));
            ui.say(format_args!("   the services of {computer} and their supervisor have ended"));
        }
        for (name, child) in master {
            note(end_child(&name, child));
            ui.say("   the master has ended");
        }
        if let Some(temporary) = self.temporary.take() {
            note(place::remove(temporary));
        } else {
            ui.say(format_args!("State is kept in {}.", self.stage.directory));
        }
        first_failure.map_or(Ok(()), Err)
    }
}

/// Asks a process of ours to end and waits; ends it by force after a while.
fn end_child(name: &str, mut child: Child) -> Result<(), Failure> {
    drop(child.stdin.take()); // the agreed sign, see `spawn`
    let deadline = Instant::now() + END_TIMEOUT;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill().step(|| format!("cannot end {name}"))?;
            child.wait().step(|| format!("cannot wait for {name}"))?;
            return Err(Failure::new(
                Exit::Failed,
                format!("{name} did not end when asked and was killed"),
            ));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Stops every service of a node and its supervisor, if it runs.
fn end_services(computer: &str, base: &Utf8Path) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(supervise::Client::new(base).shutdown());
    match ended {
        Ok(()) | Err(supervise::ClientError::Absent { .. }) => Ok(()),
        Err(error) => {
            let failure = Failure::from_error(Exit::Failed, &error);
            let mut chain = vec![format!("cannot stop the services of {computer}")];
            chain.extend(failure.chain);
            Err(Failure { chain, ..failure })
        }
    }
}

/// Writes the configuration files and returns the master's address, that of an earlier run if
/// there was one: what was published then stays true. Whatever else listens there now must not be
/// taken for the master.
fn configure(directory: &Utf8Path, source: Source<'_>) -> Result<String, Failure> {
    let client_cfg = directory.join("etc/slapos-client.cfg");
    let known = settings::client(Some(&client_cfg)).ok().map(|(known, _)| known.master_url);
    let earlier = known.as_deref().and_then(|url| {
        let address: SocketAddr = url.strip_prefix("http://")?.parse().ok()?;
        let IpAddr::V4(address) = address.ip() else {
            return None;
        };
        Some(Ipv4Addr::from_bits(address.to_bits() - 1))
    });
    if let Some(network) = earlier {
        let address = master_address(network);
        TcpListener::bind(address).map_err(|error| {
            let message = format!("{address}, where the master of {directory} was, is taken");
            let chain = vec![message, error.to_string()];
            Failure { exit: Exit::Failed, chain, hint: None }
                .hint("end what listens there, or choose another directory with --dir")
        })?;
    }
    let network = earlier
        .or_else(|| free_network(directory))
        .ok_or_else(|| Failure::new(Exit::Failed, "no free loopback address for the demo"))?;
    let master_url = format!("http://{}", master_address(network));
    for (place, computer) in (0u32..).zip(COMPUTERS) {
        let base = directory.join(computer);
        let first = Ipv4Addr::from_bits(network.to_bits() + 16 * (place + 1));
        let user = FIRST_USER + 100 * place;
        let source = source.settings();
        let text = format!(
            "[slapos]\nmaster_url = {master_url}\ncomputer_id = {computer}\n\
             software_root = {base}/software\ninstance_root = {base}/instance\n\
             cache_root = {directory}/cache\npartition_user = {user}\n{source}\n\
             [slapformat]\npartition_amount = {PARTITIONS}\nipv4_local_network = {first}/28\n"
        );
        write(&directory.join(format!("etc/{computer}.cfg")), &text)?;
    }
    let nodes = COMPUTERS.map(|computer| format!("\n  {directory}/etc/{computer}.cfg")).concat();
    write(&client_cfg, &format!("[slapos]\nmaster_url = {master_url}\nnodes ={nodes}\n"))?;
    Ok(master_url)
}

/// A network of loopback addresses that nobody uses: found from the directory's name, so that two
/// demos rarely meet, and moved on while somebody else is there.
fn free_network(directory: &Utf8Path) -> Option<Ipv4Addr> {
    const NETWORKS: u32 = 150 * 256; // 127.64.0.0/24 to 127.213.255.0/24
    let start = directory
        .as_str()
        .bytes()
        .fold(7u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)))
        % NETWORKS;
    (0..NETWORKS)
        .map(|step| (start + step) % NETWORKS)
        .map(|place| Ipv4Addr::from_bits(0x7f40_0000 + (place << 8)))
        .find(|network| TcpListener::bind(master_address(*network)).is_ok())
}

/// Where the master of a network listens.
fn master_address(network: Ipv4Addr) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from_bits(network.to_bits() + 1), 5000))
}

fn write(path: &Utf8Path, text: &str) -> Result<(), Failure> {
    slapos_atomic::write(path, text.as_bytes(), 0o644).step(|| format!("cannot write {path}"))
}
