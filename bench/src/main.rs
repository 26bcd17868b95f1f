//! `slapload`: one yardstick for every SlapOS master.
//!
//! It speaks the classic protocol (form-encoded requests, marshalled values) over HTTP/1.1 and
//! measures whatever answers. It is strict: any status but the expected one, a malformed document,
//! an instance that moves, a partition given to two instances, a value that is not read back, and
//! the run ends with the reason and exit code 1. It shares no code with the master that it
//! measures.
//!
//! Start at [`engine`] for how load is made, at [`scenario`] for what is sent.

mod answers;
mod clock;
mod compare;
mod engine;
mod fleet;
mod form;
mod http;
mod limits;
mod machine;
mod marshal;
mod null_server;
mod options;
mod output;
mod scenario;
mod table;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::scenario::{
    allocate, churn, converge, format, info, mixed, poll, publish, ready, reask, shared, tree,
    verify, watch,
};

/// Measure a SlapOS master over the classic protocol
///
/// A measurement is usually: format, allocate, then reask, poll, info, publish or mixed with the
/// same --seed, --computers and --partitions. Any status other than the expected one, any malformed
/// answer, any wrong content ends the run with a message and exit code 1.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Format(format::Args),
    Allocate(allocate::Args),
    Reask(reask::Args),
    Poll(poll::Args),
    Info(info::Args),
    Publish(publish::Args),
    Churn(churn::Args),
    Tree(tree::Args),
    Shared(shared::Args),
    Converge(converge::Args),
    Mixed(mixed::Args),
    Verify(verify::Args),
    Watch(watch::Args),
    Ready(ready::Args),
    Compare(compare::Args),
    Limits(limits::Args),
    NullServer(null_server::Args),
    Table(table::Args),
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::remark(&format!("slapload: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<()> {
    match command {
        Command::Format(args) => format::run(args),
        Command::Allocate(args) => allocate::run(args),
        Command::Reask(args) => reask::run(args),
        Command::Poll(args) => poll::run(args),
        Command::Info(args) => info::run(args),
        Command::Publish(args) => publish::run(args),
        Command::Churn(args) => churn::run(args),
        Command::Tree(args) => tree::run(args),
        Command::Shared(args) => shared::run(args),
        Command::Converge(args) => converge::run(args),
        Command::Mixed(args) => mixed::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Watch(args) => watch::run(args),
        Command::Ready(args) => ready::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Limits(args) => limits::run(args),
        Command::NullServer(args) => null_server::run(args),
        Command::Table(args) => table::run(args),
    }
}
