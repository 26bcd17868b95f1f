//! CPU of whole passes, of us and of the oracle on the same profile: `cargo bench -p slapos-profile`.
//!
//! `SLAPOS_TEST_PYTHON` is a Python with the oracle's requirements, `SLAPOS_PROFILES` a checkout of the SlapOS
//! profiles; what needs one that is not there is left out. Prints the table of `docs/performance.md`.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]
#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::time::{ClockId, clock_gettime};
use slapos_profile::{
    Eggs, Facts, Host, HostError, Job, Outcome, Progress, Purpose, RequestAnswer, RequestAsk,
    annotate, run, unchanged,
};

/// How often each figure is taken; the median counts.
const TIMES: usize = 41;

/// There is no world outside.
struct Nobody;

impl Host for Nobody {
    fn fetch(&mut self, url: &str) -> Result<Vec<u8>, HostError> {
        Err(HostError { message: format!("{url} is not here"), hint: None })
    }

    fn request(&mut self, _ask: &RequestAsk) -> Result<RequestAnswer, HostError> {
        Err(HostError { message: "nobody answers".into(), hint: None })
    }

    fn environment(&mut self, _eggs: &Eggs) -> Result<(), HostError> {
        Err(HostError { message: "nobody makes one".into(), hint: None })
    }

    fn progress(&mut self, _progress: &Progress) {}
}

fn main() {
    println!("| pass | parts | ours, CPU | oracle, CPU | times |\n| --- | --- | --- | --- | --- |");
    for parts in [10, 50] {
        let partition = Partition::new(parts);
        let ours = partition.measure();
        let theirs = oracle(&partition);
        let row = |name: &str, ours: Duration, theirs: Option<Duration>| {
            let (cpu, times) = match theirs {
                Some(theirs) => (show(theirs), times(theirs, ours)),
                None => ("–".to_owned(), "–".to_owned()),
            };
            println!("| {name} | {parts} | {} | {cpu} | {times} |", show(ours));
        };
        let (first, nothing) = theirs.unzip();
        row("first, everything installed", ours.first, first);
        row("nothing to do, as a node looks", ours.look, nothing);
        row("nothing to do, evaluated all the same", ours.nothing, nothing);
        row("one parameter changed, one file depends on it", ours.changed, nothing);
    }
    if let Some(checkout) = std::env::var_os("SLAPOS_PROFILES") {
        let checkout = Utf8PathBuf::try_from(std::path::PathBuf::from(checkout)).unwrap();
        let erp5 = checkout.join("software/erp5/software.cfg");
        let load = median(|| {
            annotate(erp5.as_str(), &checkout, &mut Nobody).unwrap();
        });
        let theirs = cpu_of(oracle_command().map(|mut oracle| {
            oracle.args(["merge", erp5.as_str(), "--macros"]);
            oracle
        }));
        let (cpu, times) = match theirs {
            Some(theirs) => (show(theirs), times(theirs, load)),
            None => ("–".to_owned(), "–".to_owned()),
        };
        println!(
            "| ERP5's 248 files read, merged, macros expanded | | {} | {cpu} | {times} |",
            show(load)
        );
    }
}

/// A partition whose profile has templates, wrappers, promises, a folder and links, all native.
struct Partition {
    _keeper: tempfile::TempDir,
    dir: Utf8PathBuf,
}

struct Figures {
    first: Duration,
    look: Duration,
    nothing: Duration,
    changed: Duration,
}

impl Partition {
    fn new(parts: usize) -> Self {
        let keeper = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::try_from(keeper.path().canonicalize().unwrap()).unwrap();
        let made = Self { dir, _keeper: keeper };
        made.write(
            "page.in",
            "{% for key in ['a', 'b', 'c'] -%}\n{{ key }} = {{ port }}\n{% endfor %}",
        );
        made.write("instance.cfg", &made.profile(parts));
        made
    }

    fn write(&self, name: &str, text: &str) {
        File::create(self.dir.join(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// `[port0]` is on its own; everything else refers to what is before it.
    fn profile(&self, parts: usize) -> String {
        let source = &self.dir;
        let mut names = vec!["folders".to_owned()];
        let mut text = String::from(
            "[folders]\nrecipe = slapos.cookbook:mkdirectory\netc = ${buildout:directory}/etc\n\
             bin = ${buildout:directory}/bin\nplugin = ${:etc}/plugin\n[port]\nnumber = 80\n[single]\nnumber = 1\n",
        );
        for at in 1..parts {
            let name = format!("part{at}");
            let port = if at == 1 { "single" } else { "port" };
            let _infallible = match at % 3 {
                1 => writeln!(
                    text,
                    "[{name}]\nrecipe = slapos.recipe.template:jinja2\nurl = {source}/page.in\n\
                     output = ${{folders:etc}}/{name}\ncontext = key port {port}:number"
                ),
                2 => writeln!(
                    text,
                    "[{name}]\nrecipe = slapos.cookbook:wrapper\nwrapper-path = ${{folders:bin}}/{name}\n\
                     command-line = /bin/sleep ${{port:number}}\nenvironment =\n  A=${{folders:etc}}\n  B=2"
                ),
                _ => writeln!(
                    text,
                    "[{name}]\nrecipe = slapos.cookbook:promise.plugin\neggs = slapos.toolbox\n\
                     module = slapos.promise.plugin.check_socket_listening\n\
                     output = ${{folders:plugin}}/{name}.py\nconfig-host = 127.0.0.1\nconfig-port = ${{port:number}}"
                ),
            };
            names.push(name);
        }
        format!("[buildout]\nparts = {}\noffline = true\n{text}", names.join("\n  "))
    }

    fn job(&self, directory: &Utf8Path) -> Job {
        Job {
            profile: self.dir.join("instance.cfg").into_string(),
            directory: directory.to_owned(),
            state_file: directory.join(".installed.json"),
            extra: BTreeMap::new(),
            secret: BTreeSet::new(),
            python: None,
            purpose: Purpose::Instance(Facts::default()),
        }
    }

    fn measure(&self) -> Figures {
        let mut count = 0;
        let go =
            |directory: &Utf8Path| -> Outcome { run(&self.job(directory), &mut Nobody).unwrap() };
        let first = median(|| {
            count += 1;
            let directory = self.dir.join(format!("first{count}"));
            std::fs::create_dir(&directory).unwrap();
            go(&directory);
        });
        let directory = self.dir.join("again");
        std::fs::create_dir(&directory).unwrap();
        go(&directory);
        let inputs = go(&directory).inputs;
        let look = median(|| assert!(unchanged(&inputs)));
        let nothing = median(|| assert!(go(&directory).changed.is_empty()));
        let profile = std::fs::read_to_string(self.dir.join("instance.cfg")).unwrap();
        let mut number = 1;
        let changed = median(|| {
            number += 1;
            self.write(
                "instance.cfg",
                &profile.replace("number = 1", &format!("number = {number}")),
            );
            assert_eq!(go(&directory).changed.len(), 1);
        });
        self.write("instance.cfg", &profile);
        Figures { first, look, nothing, changed }
    }
}

/// CPU of the oracle's first pass and of one with nothing to do.
fn oracle(partition: &Partition) -> Option<(Duration, Duration)> {
    let pass = |name: &str| {
        cpu_of(oracle_command().map(|mut oracle| {
            let profile = partition.dir.join("instance.cfg");
            oracle.args([
                "run",
                profile.as_str(),
                "--directory",
                partition.dir.join(name).as_str(),
            ]);
            oracle
        }))
    };
    let mut firsts = Vec::new();
    for at in 0..3 {
        firsts.push(pass(&format!("oracle{at}"))?);
    }
    let mut nothings = Vec::new();
    for _ in 0..3 {
        nothings.push(pass("oracle0")?);
    }
    firsts.sort();
    nothings.sort();
    Some((firsts[1], nothings[1]))
}

fn oracle_command() -> Option<Command> {
    let mut command = Command::new(std::env::var_os("SLAPOS_TEST_PYTHON")?);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/oracle.py"));
    Some(command)
}

/// CPU of a process and its children, in user and system mode, to 10 ms.
fn cpu_of(command: Option<Command>) -> Option<Duration> {
    let mut command = command?;
    let before = children();
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(children() - before)
}

/// CPU of all children so far: the fields `cutime` and `cstime`, in hundredths of a second.
fn children() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[13..15].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// Median CPU of this thread.
fn median(mut pass: impl FnMut()) -> Duration {
    let mut taken: Vec<Duration> = (0..TIMES)
        .map(|_| {
            let before = clock_gettime(ClockId::ThreadCPUTime);
            pass();
            let spent = clock_gettime(ClockId::ThreadCPUTime) - before;
            Duration::try_from(spent).unwrap()
        })
        .collect();
    taken.sort();
    taken[TIMES / 2]
}

fn show(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 0.1 => format!("{seconds:.2} s"),
        seconds if seconds >= 0.001 => format!("{:.2} ms", seconds * 1e3),
        seconds => format!("{:.0} µs", seconds * 1e6),
    }
}

fn times(theirs: Duration, ours: Duration) -> String {
    format!("{:.0}", theirs.as_secs_f64() / ours.as_secs_f64())
}
