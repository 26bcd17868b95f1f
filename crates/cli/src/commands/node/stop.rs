//! `slapos node stop`

use slapos_node::{settings::Settings, stop};

use crate::{
    error::{Exit, Failure, Outcome},
    ui::Ui,
};

pub(super) fn run(settings: &Settings, ui: Ui) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stopped = runtime
        .block_on(stop::stop(settings))
        .map_err(|error| Failure::hinted(Exit::Failed, &error, error.hint()))?;
    let computer = &settings.computer;
    if ui.json {
        ui.json(&serde_json::json!({
            "computer": computer,
            "agent": stopped.agent,
            "supervisor": stopped.supervisor,
        }));
        return Ok(Exit::Done);
    }
    let agent = match stopped.agent {
        Some(pid) => format!("agent {pid} has ended"),
        None => "no agent ran".into(),
    };
    let services = match stopped.supervisor {
        Some(pid) => format!("its services and their supervisor {pid} have ended"),
        None => "no services ran".into(),
    };
    ui.say(format_args!("{computer}: {agent}; {services}"));
    Ok(Exit::Done)
}
