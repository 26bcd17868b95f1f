//! `slapos request TITLE URL`

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use slapos_core::names::{SoftwareType, SoftwareUrl, Title, WishedState};
use slapos_wire::{
    client::{Client, ClientError},
    v1::{Dictionary, Instance, RequestAsk},
};

use super::service;
use crate::{
    error::{Exit, Failure, Outcome},
    shipped,
    ui::{Progress, Ui},
};

/// With `--wait`: how often the reason is looked at, in seconds, while the instance itself does
/// not change.
const LOOK_SECONDS: u64 = 2;
/// With `--wait`: how often the progress of an installation is told.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Request an instance of a software release, or change one.
///
/// Asking again is safe: the same title is the same instance. Ends with 0 when the instance is as
/// wished, with 2 while it is not yet (the reason is printed).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The title of the instance
    title: Title,
    /// The release: a URL, an absolute path, or software/NAME for one that comes with slapos
    #[arg(value_name = "URL")]
    software_release: SoftwareUrl,
    /// The entry of the release
    #[arg(long = "type", value_name = "TYPE", default_value = "default")]
    software_type: SoftwareType,
    /// Parameters of the instance
    #[arg(long, value_name = "KEY=VALUE", num_args = 1.., value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// Parameters from a JSON file: an object of texts
    #[arg(long, value_name = "FILE", conflicts_with = "parameters")]
    parameters_file: Option<Utf8PathBuf>,
    /// Conditions on where it may live, e.g. computer_guid=COMP-1
    #[arg(long, value_name = "KEY=VALUE", num_args = 1.., value_parser = pair)]
    node: Vec<(String, String)>,
    /// A shared instance: served by a running one of this release and type
    #[arg(long, alias = "slave")]
    shared: bool,
    /// What is wished: started, stopped or destroyed; as before by default, started if it is new
    #[arg(long, value_parser = state)]
    state: Option<WishedState>,
    /// Stay until the instance is as wished, telling why it is not yet
    #[arg(long)]
    wait: bool,
    /// With --wait: give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "wait")]
    timeout: u64,
}

pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("use KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn state(text: &str) -> Result<WishedState, String> {
    match text {
        "started" => Ok(WishedState::Started),
        "stopped" => Ok(WishedState::Stopped),
        "destroyed" => Ok(WishedState::Destroyed),
        _ => Err("use started, stopped or destroyed".into()),
    }
}

pub(crate) fn run(args: &Args, client: &Client, ui: Ui) -> Outcome {
    let ask = RequestAsk {
        title: args.title.clone(),
        software_release: args.software_release.clone(),
        software_type: args.software_type.clone(),
        parameters: parameters(args)?,
        placement: args.node.iter().cloned().collect(),
        shared: args.shared,
        state: args.state,
    };
    if ask.state != Some(WishedState::Destroyed) {
        check_release(&ask.software_release, client)?;
        shipped::check_parameters(&ask)?;
    }
    let was_there = ask.state == Some(WishedState::Destroyed) && is_there(&ask.title, client)?;
    let mut instance = match client.request(&ask) {
        // What shall not be there is not there: that is as wished.
        Err(ClientError::Refused(problem)) if problem.code == "absent" => {
            match was_there {
                true => ui.say(format_args!("{} is gone", ask.title)), // it had no place yet
                false => ui.say(format_args!("{}: nothing to destroy", problem.title)),
            }
            return Ok(Exit::Done);
        }
        answer => answer?,
    };
    if args.wait {
        instance = match wait(client, instance, Duration::from_secs(args.timeout), ui) {
            Err(failure)
                if args.state == Some(WishedState::Destroyed) && failure.exit == Exit::Refused =>
            {
                ui.say(format_args!("{} is gone", args.title));
                return Ok(Exit::Done);
            }
            waited => waited?,
        };
    }
    service::info::show(ui, &instance, false);
    Ok(exit_of(&instance))
}

/// True when a person's instance of that title exists.
fn is_there(title: &Title, client: &Client) -> Result<bool, Failure> {
    Ok(client.instances_at(Some(title), None)?.iter().any(|it| it.requested_by.is_none()))
}

/// Refuses a name that no node could find, unless some computer shall have that release: it may come
/// with another slapos than this one.
fn check_release(release: &SoftwareUrl, client: &Client) -> Result<(), Failure> {
    let Err(unknown) = shipped::check_name(release) else {
        return Ok(());
    };
    let computers = client.computers()?;
    let mut supplies = computers.iter().flat_map(|computer| &computer.supplies);
    if supplies.any(|supply| supply.software_release == *release) { Ok(()) } else { Err(unknown) }
}

/// 0 when the instance is as wished, 2 when not yet.
pub(crate) fn exit_of(instance: &Instance) -> Exit {
    if instance.waiting_for.is_none() { Exit::Done } else { Exit::NotReady }
}

fn parameters(args: &Args) -> Result<Option<Dictionary>, Failure> {
    if let Some(path) = &args.parameters_file {
        let text = std::fs::read_to_string(path).map_err(|error| Failure {
            exit: Exit::Usage,
            chain: vec![format!("cannot read {path}"), error.to_string()],
            hint: Some("name a JSON file with --parameters-file, or give --parameters".into()),
        })?;
        let parsed = serde_json::from_str(&text).map_err(|error| Failure {
            exit: Exit::Usage,
            chain: vec![format!("{path} is not a JSON object of texts"), error.to_string()],
            hint: Some(r#"write it as {"key": "value"}"#.into()),
        })?;
        return Ok(Some(parsed));
    }
    Ok((!args.parameters.is_empty()).then(|| args.parameters.iter().cloned().collect()))
}

/// Stays until the instance is as wished, saying why it is not yet, as that changes.
fn wait(
    client: &Client,
    mut instance: Instance,
    timeout: Duration,
    ui: Ui,
) -> Result<Instance, Failure> {
    let deadline = Instant::now() + timeout;
    let mut progress = Progress::new();
    let mut told: Option<(Instance, Instant)> = None;
    while let Some(reason) = &instance.waiting_for {
        progress.show(instance.title.as_str(), None, reason);
        // Of a download that goes on, a line now and then is enough.
        let news = told.as_ref().is_none_or(|(last, at)| {
            let goes_on = instance.waiting_code.as_deref() == Some("release-building")
                && last.waiting_code == instance.waiting_code;
            last.waiting_for.as_ref() != Some(reason) && (!goes_on || at.elapsed() > TELL_EVERY)
        });
        if news {
            let failed = instance.state == "error"
                || instance.waiting_code.as_deref() == Some("release-failed");
            let label = if failed { "it fails, and is tried again" } else { "please wait" };
            progress.line(format!("{}: {label}: {reason}", instance.title));
            if let Some(hint) = &instance.hint {
                progress.line(format!("hint: {hint}"));
            }
            told = Some((instance.clone(), Instant::now()));
        }
        let left = deadline.saturating_duration_since(Instant::now()).as_secs();
        if left == 0 {
            ui.say(format_args!("{}: gave up after {} s", instance.title, timeout.as_secs()));
            break;
        }
        // What it waits for may change without a change of its own.
        instance = client.wait_instance(instance.id, instance.revision, left.min(LOOK_SECONDS))?;
    }
    progress.end(instance.title.as_str());
    Ok(instance)
}
