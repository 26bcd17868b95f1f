//! What the master, the generator and the rest of the machine used meanwhile, from `/proc`.

use std::fs;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Figures of the master's processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ServerUse {
    pub(crate) processes: usize,
    pub(crate) threads: u64,
    pub(crate) cpu_us_per_op: f64,
    pub(crate) cpu_percent: f64,
    pub(crate) rss_before_kb: u64,
    pub(crate) rss_after_kb: u64,
    pub(crate) rss_peak_kb: u64,
    pub(crate) disk_bytes_per_op: Option<u64>,
}

/// Figures of the load generator itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GeneratorUse {
    pub(crate) cpu_us_per_op: f64,
    pub(crate) cpu_percent: f64,
}

/// Figures of the machine; `other`: what neither the master nor the generator used.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MachineUse {
    pub(crate) cores: usize,
    pub(crate) load1_before: f64,
    pub(crate) load1_after: f64,
    pub(crate) other_cpu_percent: f64,
    pub(crate) steal_percent: f64,
}

/// Counters at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    servers: Vec<Process>,
    own_cpu_s: f64,
    busy_cpu_s: f64,
    stolen_cpu_s: f64,
    load1: f64,
}

#[derive(Clone, Debug, Default)]
struct Process {
    cpu_s: f64,
    rss_kb: u64,
    rss_peak_kb: u64,
    threads: u64,
    disk_bytes: u64,
}

/// True while there is such a process.
pub(crate) fn is_alive(pid: u32) -> bool {
    process(pid).is_some()
}

impl Snapshot {
    /// Reads the counters of these processes, their children, this one and the machine.
    pub(crate) fn take(pids: &[u32]) -> Self {
        let own = clock_gettime(ClockId::ProcessCPUTime);
        let stat = read("/proc/stat");
        let cpu: Vec<f64> =
            stat.lines().next().unwrap_or("").split_whitespace().skip(1).map(ticks_s).collect();
        let at = |column: usize| cpu.get(column).copied().unwrap_or(0.0);
        let (user, nice, system, irq, softirq, steal) = (at(0), at(1), at(2), at(5), at(6), at(7));
        Self {
            servers: pids.iter().flat_map(|pid| family(*pid)).filter_map(process).collect(),
            own_cpu_s: own.tv_sec as f64 + own.tv_nsec as f64 / 1e9,
            busy_cpu_s: user + nice + system + irq + softirq,
            stolen_cpu_s: steal,
            load1: read("/proc/loadavg").split(' ').next().map_or(0.0, number),
        }
    }

    fn sum<T: std::iter::Sum>(&self, figure: fn(&Process) -> T) -> T {
        self.servers.iter().map(figure).sum()
    }
}

/// The use between two moments, during which `operations` were done in `elapsed_s`.
pub(crate) fn used(
    before: &Snapshot,
    after: &Snapshot,
    elapsed_s: f64,
    operations: u64,
) -> (Option<ServerUse>, GeneratorUse, MachineUse) {
    let per_op = |cpu_s: f64| tenth(cpu_s * 1e6 / operations.max(1) as f64);
    let percent = |cpu_s: f64| tenth(cpu_s / elapsed_s.max(1e-9) * 100.0);
    let server_s = after.sum(|p| p.cpu_s) - before.sum(|p| p.cpu_s);
    let own_s = after.own_cpu_s - before.own_cpu_s;
    let others_s = (after.busy_cpu_s - before.busy_cpu_s - own_s - server_s).max(0.0);
    let written = after.sum(|p| p.disk_bytes).saturating_sub(before.sum(|p| p.disk_bytes));
    let server = (!after.servers.is_empty()).then(|| ServerUse {
        processes: after.servers.len(),
        threads: after.sum(|p| p.threads),
        cpu_us_per_op: per_op(server_s),
        cpu_percent: percent(server_s),
        rss_before_kb: before.sum(|p| p.rss_kb),
        rss_after_kb: after.sum(|p| p.rss_kb),
        rss_peak_kb: after.sum(|p| p.rss_peak_kb),
        disk_bytes_per_op: written.checked_div(operations),
    });
    let generator = GeneratorUse { cpu_us_per_op: per_op(own_s), cpu_percent: percent(own_s) };
    let machine = MachineUse {
        cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        load1_before: before.load1,
        load1_after: after.load1,
        other_cpu_percent: percent(others_s),
        steal_percent: percent(after.stolen_cpu_s - before.stolen_cpu_s),
    };
    (server, generator, machine)
}

/// Processor, cores, memory and kernel, in one line.
pub(crate) fn description() -> String {
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory_gib = field(&read("/proc/meminfo"), "MemTotal:") as f64 / f64::from(1 << 20);
    let kernel = read("/proc/sys/kernel/osrelease");
    let version = kernel.split('-').next().unwrap_or("").trim(); // without who built it
    format!("{cores} cores ({model}), {memory_gib:.0} GiB, Linux {version}")
}

/// A process and its children, transitively.
fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        for task in tasks(*pid) {
            let children = read(&format!("{task}/children"));
            all.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        next += 1;
    }
    all
}

fn process(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the name, in parentheses, may hold anything
    let (_, after_name) = stat.rsplit_once(") ")?;
    let columns: Vec<&str> = after_name.split(' ').collect();
    let whole_s = ticks_s(columns.get(11)?) + ticks_s(columns.get(12)?);
    let status = read(&format!("/proc/{pid}/status"));
    Some(Process {
        // ticks are coarse, but hold the threads that have ended; both never say too much
        cpu_s: whole_s.max(tasks(pid).map(|task| task_cpu_s(&task)).sum()),
        rss_kb: field(&status, "VmRSS:"),
        rss_peak_kb: field(&status, "VmHWM:"),
        threads: field(&status, "Threads:"),
        disk_bytes: field(&read(&format!("/proc/{pid}/io")), "write_bytes:"),
    })
}

fn tasks(pid: u32) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(format!("/proc/{pid}/task"));
    entries.into_iter().flatten().flatten().map(|entry| entry.path().display().to_string())
}

fn task_cpu_s(task: &str) -> f64 {
    read(&format!("{task}/schedstat")).split(' ').next().map_or(0.0, number) / 1e9
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn ticks_s(text: &str) -> f64 {
    number(text) / rustix::param::clock_ticks_per_second() as f64
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or(0.0)
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
