//! What happens to processes: the supervisor's events wake partitions, samples go to the master
//! while somebody looks.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use slapos_core::names::PartitionId;
use slapos_wire::v1::{Process, Usage};
use tokio::{sync::watch, task::block_in_place};

use crate::{
    agent::Node,
    calls,
    instance::service_name,
    supervise::{Event, ProgramState},
    usage::Sampler,
};

/// How often processes are sampled while somebody looks and none starts or ends.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// What starts and ends so close together is one sample.
const TOGETHER: Duration = Duration::from_millis(50);
/// The pause before the supervisor is asked for events again.
const PAUSE: Duration = Duration::from_millis(200);

/// Follows the supervisor's events, for ever: a process that ended by itself wakes its partition.
/// A supervisor that was killed is started again and adopts what runs.
pub(crate) async fn follow_events(node: Arc<Node>) {
    loop {
        match node.supervisor.subscribe().await {
            Ok(mut events) => {
                node.check_all(); // what happened before is not told
                while let Ok(Some(event)) = events.next().await {
                    node.processes_changed.notify_one();
                    match event {
                        Event::Exited { group, program, expected: false, .. } => {
                            tracing::warn!(partition = %group, %program, "a process ended by itself");
                            node.process_ended(&group);
                        }
                        Event::Fatal { group, program, reason } => {
                            tracing::error!(partition = %group, %program, %reason, "a program does not stay up");
                            node.process_ended(&group);
                        }
                        Event::Missed { count } => {
                            tracing::warn!(
                                count,
                                "missed what happened to processes; looking at all of them"
                            );
                            node.check_all();
                        }
                        Event::Started { .. } | Event::Restarting { .. } | Event::Exited { .. } => {
                        }
                    }
                }
                tracing::warn!("the supervisor is gone; starting it again");
            }
            Err(error) => tracing::warn!(%error, "no events from the supervisor"),
        }
        let (program, base) = (&node.settings.program, &node.settings.var_root);
        if let Err(error) = crate::supervise::ensure_running(program, base).await {
            tracing::error!(%error, "the supervisor does not start");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Sends samples of the processes to the master while somebody looks, for ever.
pub(crate) async fn show_processes(node: Arc<Node>, mut observed: watch::Receiver<bool>) {
    let mut sampler = Sampler::default();
    loop {
        if !*observed.borrow_and_update() {
            if observed.changed().await.is_err() {
                return;
            }
            continue;
        }
        if let Some(usage) = sample(&node, &mut sampler).await {
            let computer = node.settings.computer.clone();
            let sent = calls::once(&node.client, move |client| client.usage(&computer, &usage));
            if let Err(error) = sent.await {
                tracing::debug!(%error, "the sample was not sent");
            }
        }
        tokio::select! {
            _ = observed.changed() => {}
            () = node.processes_changed.notified() => tokio::time::sleep(TOGETHER).await,
            () = tokio::time::sleep(SAMPLE_EVERY) => {}
        }
    }
}

async fn sample(node: &Node, sampler: &mut Sampler) -> Option<Usage> {
    let status = node.supervisor.status().await.ok()?;
    let services: BTreeMap<u32, (PartitionId, String)> = status
        .into_iter()
        .filter_map(|program| {
            let ProgramState::Running { pid, .. } = program.state else {
                return None;
            };
            let partition = PartitionId::try_from(program.group).ok()?;
            Some((pid, (partition, service_name(&program.name).to_owned())))
        })
        .collect();
    let roots: Vec<_> = services.keys().copied().collect();
    let found = block_in_place(|| sampler.sample(&roots)).ok()?; // reads all of /proc
    let processes = found.into_iter().filter_map(|process| {
        let (partition, service) = services.get(&process.root)?.clone();
        Some(Process {
            partition,
            service,
            pid: process.pid,
            name: process.name,
            cpu_percent: process.cpu_percent,
            memory_bytes: process.resident_bytes,
        })
    });
    Some(Usage { processes: processes.collect() })
}
