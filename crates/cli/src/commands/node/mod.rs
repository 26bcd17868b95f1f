//! `slapos node ...`: the agent of this computer and its processes.

mod evaluate;
mod launch;
mod register;
mod run;
mod status;
mod stop;
mod supervisor;

use camino::{Utf8Path, Utf8PathBuf};
use slapos_node::settings::Settings;

use super::warn_unknown;
use crate::{
    error::{Exit, Failure, Outcome},
    settings,
    ui::Ui,
};

/// What to do with the node. `--cfg FILE` (or SLAPOS_CONFIGURATION) names its slapos.cfg.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Register(register::Args),
    /// Run the agent until told to end; services go on without it
    Run(run::Args),
    /// Show partitions, processes and how they are confined
    Status,
    /// Stop the node: its agent, then its services, then their supervisor
    ///
    /// Data stays; `slapos node run` starts all of it again. Works without an agent, too: what a
    /// killed agent left running is stopped.
    Stop,
    /// Keep services running: started by the agent, outlives it
    #[command(hide = true)]
    Supervisor(supervisor::Args),
    /// Confine this process, then become another program
    #[command(hide = true)]
    Launch,
    /// Evaluate one profile for the agent
    #[command(hide = true)]
    Evaluate,
}

pub(crate) fn run(verb: &Verb, cfg: Option<&Utf8Path>, ui: Ui) -> Outcome {
    match verb {
        Verb::Register(args) => register::run(args, cfg, ui),
        Verb::Run(args) => run::run(args, &read_settings(cfg, ui)?),
        Verb::Status => status::run(&read_all_settings(cfg, ui)?, ui),
        Verb::Stop => stop::run(&read_settings(cfg, ui)?, ui),
        Verb::Supervisor(args) => supervisor::run(args),
        Verb::Launch => launch::run(),
        Verb::Evaluate => evaluate::run(),
    }
}

/// Of all nodes that a client's file names, or of the one.
fn read_all_settings(cfg: Option<&Utf8Path>, ui: Ui) -> Result<Vec<Settings>, Failure> {
    let (nodes, unknown) = settings::nodes(cfg, &program()?, slapos_node::sys::whoami() == 0)?;
    warn_unknown(ui, &unknown);
    Ok(nodes)
}

fn read_settings(cfg: Option<&Utf8Path>, ui: Ui) -> Result<Settings, Failure> {
    let (settings, unknown) = settings::node(cfg, program()?, slapos_node::sys::whoami() == 0)?;
    warn_unknown(ui, &unknown);
    Ok(settings)
}

/// The running program.
fn program() -> Result<Utf8PathBuf, Failure> {
    Utf8PathBuf::try_from(std::env::current_exe()?)
        .map_err(|_| Failure::new(Exit::Failed, "the program's path is not UTF-8"))
}

/// Log lines go to standard error: time, level, sentence, fields.
pub(crate) fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SLAPOS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}

/// Ready when the process is told to end: by SIGTERM, by Ctrl-C or, `with_parent`, by the end of
/// its standard input.
pub(crate) async fn until_told_to_end(with_parent: bool) {
    use tokio::signal::unix::{SignalKind, signal};
    let signalled = async {
        let (terminate, interrupt) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        match (terminate, interrupt) {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            }
            _ => tracing::error!("cannot listen for signals; end the process with SIGKILL"),
        }
    };
    let orphaned = async {
        if with_parent {
            let (told, wait) = tokio::sync::oneshot::channel::<()>();
            std::thread::spawn(move || {
                // Whatever is written there has no meaning; its end has.
                let _end = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
                drop(told);
            });
            let _gone = wait.await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! { () = signalled => {}, () = orphaned => {} }
}
