//! `slapos node status`

use serde::Serialize;
use slapos_node::{
    instance::service_name,
    sandbox::{self, CgroupLayer, LandlockLayer, Layers},
    settings::Settings,
    supervise::{self, ProgramState, ProgramStatus},
};

use crate::{
    error::{Exit, Failure, Outcome},
    ui::Ui,
};

/// What programs read: stable names.
#[derive(Serialize)]
struct Status {
    computer: String,
    supervisor: Option<u32>,
    confinement: Layers,
    processes: Vec<Process>,
}

/// One supervised program.
#[derive(Serialize)]
struct Process {
    partition: String,
    service: String,
    state: &'static str,
    pid: Option<u32>,
    failures: u32,
}

pub(super) fn run(nodes: &[Settings], ui: Ui) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let looks = nodes.iter().map(|settings| runtime.block_on(look(settings)));
    let all: Vec<Status> = looks
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::hinted(Exit::Failed, &error, error.hint()))?;
    match all.as_slice() {
        [status] if ui.json => ui.json(status),
        all if ui.json => ui.json(&all),
        all => all.iter().for_each(|status| show(status, ui)),
    }
    Ok(Exit::Done)
}

fn show(status: &Status, ui: Ui) {
    let supervisor = match status.supervisor {
        Some(pid) => format!("supervisor {pid}"),
        None => "no supervisor: `slapos node run` starts it".into(),
    };
    ui.data(format_args!("{}: {supervisor}", status.computer));
    ui.data(format_args!("confinement: {}", confinement(&status.confinement)));
    ui.data("");
    let rows: Vec<_> = status
        .processes
        .iter()
        .map(|process| {
            let pid = process.pid.map_or_else(|| "-".into(), |pid| pid.to_string());
            let (partition, service) = (process.partition.clone(), process.service.clone());
            vec![partition, service, process.state.into(), pid, process.failures.to_string()]
        })
        .collect();
    ui.table(&["partition", "service", "state", "pid", "failures"], &rows);
}

async fn look(settings: &Settings) -> Result<Status, supervise::ClientError> {
    let client = supervise::Client::new(&settings.var_root);
    let (supervisor, programs) = match client.supervisor_pid().await {
        Ok(pid) => (Some(pid), client.status().await?),
        Err(supervise::ClientError::Absent { .. }) => (None, Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(Status {
        computer: settings.computer.to_string(),
        supervisor,
        confinement: sandbox::report(),
        processes: programs.into_iter().map(process).collect(),
    })
}

fn process(program: ProgramStatus) -> Process {
    let (state, pid) = match program.state {
        ProgramState::Starting => ("starting", None),
        ProgramState::Running { pid, .. } => ("running", Some(pid)),
        ProgramState::Waiting { .. } => ("waiting to restart", None),
        ProgramState::Stopping => ("stopping", None),
        ProgramState::Finished => ("finished", None),
    };
    let service = service_name(&program.name).to_owned();
    Process { partition: program.group, service, state, pid, failures: program.failures }
}

/// The layers in force, in a line.
fn confinement(layers: &Layers) -> String {
    let landlock = match layers.landlock {
        LandlockLayer::Absent => "no Landlock in this kernel".into(),
        LandlockLayer::Files { abi } => format!("Landlock {abi} (files; no ports)"),
        LandlockLayer::FilesAndPorts { abi } => {
            format!("Landlock {abi} (files; no port for installations, any for partitions)")
        }
    };
    let users =
        if layers.users { "a user per partition" } else { "one user: the node is not root" };
    let cgroup = match layers.cgroup {
        CgroupLayer::Absent => "no control groups v2",
        CgroupLayer::NotDelegated => "control groups v2 not delegated",
        CgroupLayer::Delegated => "control groups v2 delegated, no limits set",
    };
    format!("{landlock}; {users}; no new privileges; {cgroup}")
}
