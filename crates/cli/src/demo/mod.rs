//! `slapos demo`: the tutorial in one command, on real software.
//!
//! Starts a master and two nodes as processes of their own, supplies, requests, tells what
//! happens, and ends everything that it started. What it tells comes from the master's events
//! and history, not from its own guesses.

mod cloud;
mod curtain;
mod install;
mod milestones;
mod place;
mod road;
mod story;
mod timeline;
mod verify;

use std::{
    io::{BufRead, Write},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use camino::Utf8PathBuf;

use self::{
    cloud::{Cloud, Source},
    curtain::Curtain,
};
use crate::{
    error::{Exit, Failure, Outcome, Step},
    settings,
    ui::Ui,
};

/// A story that fails because a process has ended may be told before that end.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Show the whole story: a master, two nodes, and PHP asks for MySQL.
///
/// Installs phpMyAdmin and MariaDB from Debian packages into its own directory (nothing is
/// installed on the system), requests phpMyAdmin, whose profile requests the database, and tells
/// every step. Stays until Ctrl-C, then stops everything.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Keep software and data in this directory; a second run is ready in seconds
    #[arg(long, value_name = "DIR")]
    dir: Option<Utf8PathBuf>,
    /// Verify by itself that all works, tear everything down and end
    #[arg(long)]
    exit: bool,
    /// Tell each step of the tutorial in a sentence and wait for Enter
    #[arg(long, conflicts_with = "exit")]
    slow: bool,
    /// Take Debian packages from this mirror instead of the host's own apt configuration
    #[arg(
        long,
        value_name = "URL [SUITE [COMPONENT ...]]",
        value_parser = settings::mirror,
        long_help = "Take Debian packages from this mirror instead of the host's own apt \
                     configuration, e.g. http://deb.example.org/debian or, in quotes, \
                     'http://deb.example.org/debian bookworm main'."
    )]
    mirror: Option<String>,
    /// Verify Debian packages with the keys in this file (needed where the host has none)
    #[arg(long, value_name = "FILE", value_parser = settings::keyring)]
    keyring: Option<Utf8PathBuf>,
    /// Give up on a mirror that says nothing for so long, four times in a row [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    mirror_timeout: Option<u64>,
}

/// What the main thread waits for.
enum Event {
    /// The story has been told to its end.
    Told(Result<(), Failure>),
    /// Ctrl-C, or a polite request to end.
    Interrupted,
    /// The master, or the node of a computer, has ended.
    Ended(String),
}

pub(crate) fn run(args: &Args, ui: Ui) -> Outcome {
    let (events, inbox) = mpsc::channel();
    on_interrupt({
        let events = events.clone();
        move || {
            // Nobody listens any more when the demo is already ending.
            let _ended = events.send(Event::Interrupted);
        }
    })?;
    let source = Source {
        mirror: args.mirror.as_deref(),
        keyring: args.keyring.as_deref(),
        timeout_s: args.mirror_timeout,
    };
    let mut cloud = Cloud::prepare(args.dir.as_deref(), source)?;
    let curtain = Curtain::up();
    let plot = story::Plot { exit: args.exit, slow: args.slow, ui, curtain: curtain.clone() };
    let stage = cloud.stage();
    let began = Instant::now();
    cloud.start(ui, {
        let events = events.clone();
        move |name| {
            let _ended = events.send(Event::Ended(name));
        }
    })?;
    let story = {
        let events = events.clone();
        move || {
            let _ended = events.send(Event::Told(story::tell(&plot, &stage, began)));
        }
    };
    thread::Builder::new().name("story".into()).spawn(story)?;
    let result = wait(args, &inbox, &cloud, ui);
    curtain.fall();
    ui.say("\nStopping ...");
    let ended = cloud.end(ui);
    let exit = result?;
    ended?;
    Ok(exit)
}

/// Waits for the end of the story and then, unless it ends by itself, for somebody who ends it.
fn wait(args: &Args, inbox: &mpsc::Receiver<Event>, cloud: &Cloud, ui: Ui) -> Outcome {
    match inbox.recv() {
        Ok(Event::Told(Ok(()))) if args.exit => return Ok(Exit::Done),
        Ok(Event::Told(Ok(()))) => ui.say("\nCtrl-C stops everything."),
        Ok(Event::Told(Err(failure))) => {
            // Whoever cannot go on without the master says so less clearly.
            let lost = inbox.recv_timeout(LAST_WORDS);
            return Err(match lost {
                Ok(Event::Ended(name)) => cloud.lost(&name),
                _ => failure,
            });
        }
        Ok(Event::Ended(name)) => return Err(cloud.lost(&name)),
        Ok(Event::Interrupted) | Err(_) => return Ok(Exit::Failed),
    }
    match inbox.recv() {
        Ok(Event::Ended(name)) => Err(cloud.lost(&name)),
        Ok(Event::Interrupted | Event::Told(_)) | Err(_) => Ok(Exit::Done),
    }
}

/// Calls `act` at each SIGINT, SIGTERM or SIGHUP.
fn on_interrupt(act: impl Fn() + Send + 'static) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = {
        let _inside = runtime.enter();
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal)
    };
    let [interrupt, terminate, hangup] = signals;
    let (mut interrupt, mut terminate, mut hangup) = (interrupt?, terminate?, hangup?);
    let watch = move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                act();
            }
        });
    };
    thread::Builder::new().name("signals".into()).spawn(watch)?;
    Ok(())
}

/// Waits for Enter; the end of standard input counts as Enter.
fn wait_for_enter() -> Result<(), Failure> {
    let mut stderr = std::io::stderr();
    let asked = write!(stderr, "   [Enter] ").and_then(|()| stderr.flush());
    asked.step(|| "cannot ask for Enter".into())?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).step(|| "cannot wait for Enter".into())?;
    Ok(())
}
