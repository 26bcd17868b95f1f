//! Waits for a master's first good answer.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::time;

use crate::{
    engine::computer_path,
    http::{Client, Request},
    options::{Common, block},
};

/// No answer within this is none; the next attempt follows.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(1);

/// Wait until the master answers a poll; prints the milliseconds
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// Computer to ask for [default: the first one]
    #[arg(long)]
    computer: Option<String>,
    /// Give up after this many seconds
    #[arg(long, default_value_t = 120.0)]
    within: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let load = args.common.load()?;
    let name = args.computer.clone().unwrap_or_else(|| args.common.fleet().computer(0));
    let path = computer_path(&name);
    let start = Instant::now();
    block(async {
        let mut client = Client::new(load.target, false);
        loop {
            let waited = start.elapsed().as_secs_f64();
            ensure!(waited < args.within, "not ready after {} s", args.within);
            let request = Request::default();
            let attempt = client.send(&path, &request);
            if let Ok(Ok(answer)) = time::timeout(ATTEMPT_MAX, attempt).await
                && answer.status == 200
            {
                return Ok(());
            }
            client.disconnect();
            time::sleep(PAUSE).await;
        }
    })?;
    let ms = start.elapsed().as_secs_f64() * 1e3;
    let json = json!({ "scenario": "ready", "ms": ms });
    args.common.emit_text(&json.to_string(), &format!("ready after {ms:.1} ms"))
}
