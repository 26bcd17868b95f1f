//! Whether the programs of a partition stay up, by what the supervisor says of them.
//!
//! A service that crashes again and again, or cannot be executed, is as red as a promise, and also
//! where no promise looks at it.

use std::time::Duration;

use slapos_core::names::PartitionId;
use tokio::time::{Instant, sleep};

use crate::{
    instance::service_name,
    settings::Settings,
    supervise::{Client, ClientError, Exit, Kind, ProgramState, ProgramStatus, STEADY_AFTER},
    usage::age_seconds,
};

/// Where no promise says that a service works, it must have lived for so long.
const SETTLE: Duration = Duration::from_millis(250);
/// Ages are known to a hundredth of a second.
const AGE_STEP: Duration = Duration::from_millis(10);
/// A service that is still being started again after this is told to the master.
const TELL_AFTER: Duration = Duration::from_millis(300);

/// How one program does.
#[derive(Debug, PartialEq, Eq)]
enum Health {
    Up,
    /// Too early to tell: it was just started, or is about to be started again.
    Unsure,
    /// It does not stay up, for this reason.
    Down(String),
}

/// Why the services of a partition cannot be relied on.
pub(crate) enum Unsteady {
    /// One does not stay up: which, why, and where its output is.
    Down(String),
    /// The supervisor does not say.
    Unknown(ClientError),
}

/// Waits until every program of a partition is up; one that does not stay up is the error.
/// Without `promised`, each must have lived for a moment. `on_unsure` is told which one is waited
/// for, once, when it takes long.
pub(crate) async fn until_steady(
    supervisor: &Client,
    settings: &Settings,
    partition: &PartitionId,
    promised: bool,
    on_unsure: &mut (dyn FnMut(String) + Send),
) -> Result<(), Unsteady> {
    let settle = if promised { Duration::ZERO } else { SETTLE };
    let begun = Instant::now();
    let mut told = false;
    let mut events = None;
    loop {
        let programs = supervisor.status().await.map_err(Unsteady::Unknown)?;
        let mut unsure = None;
        let mut pause =
            if told { Duration::MAX } else { TELL_AFTER.saturating_sub(begun.elapsed()) };
        for program in programs.iter().filter(|program| program.group == partition.as_str()) {
            let service = service_name(&program.name);
            let age = age(program);
            match judge(program, age, settle) {
                Health::Up => {}
                Health::Unsure => {
                    unsure = Some(service);
                    pause = pause.min(age.map_or(Duration::MAX, |age| settle.saturating_sub(age)));
                }
                Health::Down(reason) => {
                    let log = settings.log_directory(partition).join(format!("{service}.log"));
                    return Err(Unsteady::Down(format!(
                        "service {service} does not stay up: {reason}; its output is in {log}"
                    )));
                }
            }
        }
        let Some(service) = unsure else { return Ok(()) };
        if !told && begun.elapsed() >= TELL_AFTER {
            on_unsure(format!("service {service} ended and is started again"));
            told = true;
        }
        // What happens while the supervisor begins to tell is seen in its next answer.
        let Some(stream) = &mut events else {
            events = Some(supervisor.subscribe().await.map_err(Unsteady::Unknown)?);
            continue;
        };
        tokio::select! {
            event = stream.next() => {
                if !matches!(event, Ok(Some(_))) {
                    events = None; // it is gone: the next answer says so, or it is another one
                }
            }
            () = sleep(pause.max(AGE_STEP)) => {}
        }
    }
}

/// For how long a program has run; `None` when it does not.
fn age(program: &ProgramStatus) -> Option<Duration> {
    let ProgramState::Running { started, .. } = program.state else { return None };
    Duration::try_from_secs_f64(age_seconds(started).ok()?).ok()
}

fn judge(program: &ProgramStatus, age: Option<Duration>, settle: Duration) -> Health {
    let lived = |least| age.is_some_and(|age| age >= least);
    match &program.fault {
        Some(_) if lived(STEADY_AFTER) => Health::Up,
        Some(fault) => {
            let exit = program.last_exit.and_then(in_words).map(|how| format!(", at last {how}"));
            Health::Down(format!("{fault}{}", exit.unwrap_or_default()))
        }
        None if program.kind == Kind::Once || lived(settle) => Health::Up,
        None => Health::Unsure,
    }
}

fn in_words(exit: Exit) -> Option<String> {
    let code = exit.code.map(|code| format!("with exit code {code}"));
    code.or_else(|| exit.signal.map(|signal| format!("by signal {signal}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_up_once_it_has_lived_and_down_once_it_was_given_up() {
        let running = ProgramState::Running { pid: 1, started: 1 };
        let waiting = ProgramState::Waiting { delay_ms: 500 };
        let (young, settled, old) = (Some(SETTLE / 2), Some(SETTLE), Some(STEADY_AFTER));
        let down = || Health::Down("ended 5 times, at last with exit code 3".into());
        let table = [
            (Kind::Watched, running, None, young, Health::Unsure),
            (Kind::Watched, running, None, settled, Health::Up),
            (Kind::Watched, waiting, None, None, Health::Unsure),
            (Kind::Watched, waiting, Some("ended 5 times"), None, down()),
            (Kind::Watched, running, Some("ended 5 times"), old, Health::Up),
            (Kind::Once, ProgramState::Finished, None, None, Health::Up),
            (Kind::Once, ProgramState::Finished, Some("ended 5 times"), None, down()),
        ];
        for (kind, state, fault, age, wished) in table {
            let program = ProgramStatus {
                group: "slappart0".into(),
                name: "web".into(),
                kind,
                state,
                failures: 5,
                last_exit: Some(Exit { code: Some(3), signal: None }),
                fault: fault.map(str::to_owned),
            };
            assert_eq!(judge(&program, age, SETTLE), wished, "{program:?}");
        }
    }
}
