//! Options that the scenarios have in common.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value as Json;

use crate::{
    engine::{Limit, Load, Report, Session, alone},
    fleet::{Fleet, Place, Placement},
    http::Target,
    machine, output,
};

/// Where the master is, how it is loaded, and the fleet that it is told about.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// Base URL of the master
    #[arg(long, short, default_value = "http://127.0.0.1:5000")]
    url: String,
    /// Concurrent connections, each with one request at a time
    #[arg(long, short = 'K', default_value_t = 1)]
    connections: usize,
    /// Threads of the generator
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// A new connection for each request, as the Python client does
    #[arg(long)]
    no_keepalive: bool,
    /// Open loop: start this many operations per second; latency counts from when each was due
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds before an operation counts as failed
    #[arg(long, default_value_t = 60.0)]
    timeout: f64,
    /// Go on after up to this many failed operations (they are counted and reported)
    #[arg(long, default_value_t = 0)]
    max_errors: u64,
    /// The master may answer 408 (later): ask again after this many milliseconds
    #[arg(long, value_name = "MS")]
    retry_408: Option<u64>,
    /// Process of the master (repeatable; children included): report its CPU, memory, disk
    #[arg(long = "pid", value_name = "PID")]
    pids: Vec<u32>,
    /// Measure this many times and report the median rate
    #[arg(long, default_value_t = 1)]
    pub(crate) repeat: u32,
    /// Seconds of unmeasured load first (scenarios whose operations can be repeated)
    #[arg(long, default_value_t = 0.0)]
    warmup: f64,
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the JSON report to this file too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Seed of every name, parameter and choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Computers
    #[arg(long, short = 'C', default_value_t = 10)]
    computers: u64,
    /// Partitions of each computer
    #[arg(long, short = 'P', default_value_t = 100)]
    partitions: u64,
    /// What the names of computers begin with
    #[arg(long, default_value = "SLCOMP-")]
    computer_prefix: String,
    /// What the URLs of the four releases begin with
    #[arg(long, default_value = "https://lab.example.com/slapos/raw/1.0.400")]
    release: String,
    /// This very URL for every instance
    #[arg(long)]
    exact_release: Option<String>,
    #[arg(long, default_value = "default")]
    software_type: String,
    /// Which computer a request names
    #[arg(long, value_enum, default_value = "spread")]
    placement: Placement,
    /// Size of the parameters of a request
    #[arg(long, default_value_t = 400)]
    param_bytes: usize,
    /// Size of the connection that is published
    #[arg(long, default_value_t = 240)]
    connection_bytes: usize,
}

impl Common {
    /// The fleet that the options describe.
    pub(crate) fn fleet(&self) -> Fleet {
        Fleet {
            seed: self.seed,
            computer_prefix: self.computer_prefix.clone(),
            computers: self.computers,
            partitions: self.partitions,
            release: self.release.clone(),
            exact_release: self.exact_release.clone(),
            software_type: self.software_type.clone(),
            placement: self.placement,
            parameter_bytes: self.param_bytes,
            connection_bytes: self.connection_bytes,
        }
    }

    /// The load that the options describe.
    ///
    /// # Errors
    /// When they make no sense, or a process or the master's host does not exist.
    pub(crate) fn load(&self) -> Result<Load> {
        ensure!(self.connections > 0, "--connections: at least one");
        ensure!(self.computers > 0 && self.partitions > 0, "at least one computer and partition");
        ensure!(self.rate.is_none_or(|rate| rate > 0.0), "--rate: more than none");
        for pid in &self.pids {
            ensure!(machine::is_alive(*pid), "no process {pid}");
        }
        let seconds = |name, value| {
            Duration::try_from_secs_f64(value).with_context(|| format!("--{name} {value}"))
        };
        Ok(Load {
            target: Target::parse(&self.url)?,
            url: self.url.clone(),
            connections: self.connections,
            threads: self.threads,
            keepalive: !self.no_keepalive,
            timeout: seconds("timeout", self.timeout)?,
            rate: self.rate,
            errors_max: self.max_errors,
            retry_408: self.retry_408.map(Duration::from_millis),
            pids: self.pids.clone(),
            seed: self.seed,
            computers: self.computers,
            partitions: self.partitions,
            placement: self.placement,
            repeat: self.repeat,
            warmup: seconds("warmup", self.warmup)?,
        })
    }

    /// Tells a report, with what was verified, where the options say.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn emit(&self, report: Report, checks: Json) -> Result<()> {
        let report = Report { checks, ..report };
        let json = serde_json::to_string_pretty(&report)?;
        self.emit_text(&json, &report.to_text())
    }

    /// The same for what is not a report of a load.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn emit_text(&self, json: &str, text: &str) -> Result<()> {
        if let Some(path) = &self.out {
            output::file(path, &format!("{json}\n"))?;
        }
        output::data(if self.json { json } else { text })
    }
}

/// How long a measured phase is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Span {
    /// Operations in each measured phase (instead of --seconds)
    #[arg(long, short = 'n')]
    count: Option<u64>,
    /// Length of each measured phase
    #[arg(long, short = 's', default_value_t = 5.0)]
    seconds: f64,
}

impl Span {
    pub(crate) fn limit(&self) -> Limit {
        self.count.map_or(Limit::seconds(self.seconds), Limit::count)
    }
}

/// Which of the instances are used.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Sample {
    /// Instances that exist, allocated before with the same seed [default: all partitions]
    #[arg(long)]
    instances: Option<u64>,
    /// How many of them to locate, by asking again, and use
    #[arg(long, default_value_t = 1000)]
    sample: u64,
}

/// An instance and where it is.
pub(crate) type Located = (u64, Place);

impl Sample {
    /// Instances that exist.
    pub(crate) fn instances(&self, fleet: &Fleet) -> u64 {
        self.instances.unwrap_or(fleet.capacity()).max(1)
    }

    /// Learns where a sample of the instances is.
    ///
    /// # Errors
    /// When the master does not say.
    pub(crate) fn locate(&self, load: &Load, fleet: &Fleet) -> Result<Vec<Located>> {
        let instances = self.instances(fleet);
        let count = self.sample.clamp(1, instances);
        block(async {
            let mut session = alone(load);
            let mut located = Vec::new();
            for number in 0..count {
                let instance = number * instances / count;
                let place = locate(&mut session, fleet, instance).await?;
                located.push((instance, place));
            }
            Ok(located)
        })
    }
}

async fn locate(session: &mut Session, fleet: &Fleet, instance: u64) -> Result<Place> {
    let body = fleet.root_body(instance, "started");
    let allocation = session.request("locate", &body, None).await;
    Ok(allocation.with_context(|| format!("locate instance {instance}"))?.place)
}

/// Runs set-up or checks, which no phase measures, to their end.
///
/// # Errors
/// When there is no runtime, or what it ran failed.
pub(crate) fn block<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("start a runtime")?.block_on(work)
}
