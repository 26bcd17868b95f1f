//! `slapos`: one binary that turns any set of machines into one cloud.
//!
//! This crate holds the command line alone: it reads settings, calls the libraries and prints.

mod commands;
mod demo;
mod error;
mod events;
mod settings;
mod shipped;
mod ui;

use std::process::ExitCode;

use camino::Utf8PathBuf;
use clap::Parser;

use crate::{
    error::{Exit, Outcome, Step},
    ui::Ui,
};

/// One binary that turns any set of machines into one cloud.
///
/// A master knows computers, partitions, software and instances. Anyone, a person or a running
/// instance, may request an instance; the master finds a free partition on a computer that has
/// the software, and hands the instance's connection back to whoever asked.
///
/// Start with `slapos demo`.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 not ready yet, 3 refused by the master, \
                  4 damaged state of a master, 5 no answer from the master, 64 wrong usage."
)]
struct Cli {
    /// Configuration file: slapos-client.cfg for clients, slapos.cfg for `slapos node` and `slapos proxy`
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        long_help = "Configuration file. For clients: slapos-client.cfg, by default the one that \
                     SLAPOS_CLIENT_CONFIGURATION names, else ~/.slapos/slapos-client.cfg. For \
                     `slapos node` and `slapos proxy`: slapos.cfg, by default the one that SLAPOS_CONFIGURATION \
                     names, else /etc/opt/slapos/slapos.cfg."
    )]
    cfg: Option<Utf8PathBuf>,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Demo(demo::Args),
    Request(commands::request::Args),
    /// Instances: list, info, tree, explain, history, start, stop, bang, rename, upgrade, destroy
    #[command(subcommand)]
    Service(commands::service::Verb),
    /// Computers: list, info, history, open, close, drain, set, token, revoke
    #[command(subcommand)]
    Computer(commands::computer::Verb),
    Supply(commands::supply::Args),
    Remove(commands::remove::Args),
    /// The master: serve, backup, restore, check, import
    #[command(subcommand)]
    Master(commands::master::Verb),
    /// The master of a single node, in place of the Python slapproxy: start
    #[command(subcommand)]
    Proxy(commands::proxy::Verb),
    /// The node of this computer: register, run, status, stop
    #[command(subcommand)]
    Node(commands::node::Verb),
    /// Profiles, without a node: annotate, check, plan, run
    #[command(subcommand)]
    Profile(commands::profile::Verb),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // The terminal may be gone; the exit code tells all the same.
            let _gone = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { 0 });
        }
    };
    let ui = Ui { json: cli.json };
    let outcome = run(&cli, ui).and_then(|exit| {
        ui::written().step(|| "write the output".into())?;
        Ok(exit)
    });
    match outcome {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            ui.failure(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn run(cli: &Cli, ui: Ui) -> Outcome {
    let cfg = cli.cfg.as_deref();
    let connect = || commands::connect(cfg, ui);
    match &cli.command {
        Command::Demo(args) => demo::run(args, ui),
        Command::Request(args) => commands::request::run(args, &connect()?, ui),
        Command::Service(verb) => commands::service::run(verb, &connect()?, ui),
        Command::Computer(verb) => commands::computer::run(verb, &connect()?, ui),
        Command::Supply(args) => commands::supply::run(args, cfg, &connect()?, ui),
        Command::Remove(args) => commands::remove::run(args, &connect()?, ui),
        Command::Master(verb) => commands::master::run(verb, ui),
        Command::Proxy(verb) => commands::proxy::run(verb, cfg, ui),
        Command::Node(verb) => commands::node::run(verb, cfg, ui),
        Command::Profile(verb) => commands::profile::run(verb, ui),
    }
}
