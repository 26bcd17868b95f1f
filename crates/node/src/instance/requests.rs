//! Requests that a profile makes while it is evaluated, on behalf of its instance.

use slapos_core::names::{PartitionId, WishedState};
use slapos_profile::{Eggs, HostError, Progress, RequestAnswer, RequestAsk};
use slapos_wire::v1;

use crate::{agent::Node, calls, evaluate::Serve};

/// Carries the requests of one evaluation to the master.
pub(crate) struct Requests<'a> {
    /// The node.
    pub(crate) node: &'a Node,
    /// The partition whose instance asks.
    pub(crate) partition: &'a PartitionId,
}

impl Serve for Requests<'_> {
    async fn request(&mut self, ask: RequestAsk) -> Result<RequestAnswer, HostError> {
        let title = ask.title.clone();
        let checked = check(ask).map_err(|error| HostError {
            message: format!("the request for `{title}` is faulty: {error}"),
            hint: None,
        })?;
        let (computer, partition) = (self.node.settings.computer.clone(), self.partition.clone());
        let asked = calls::patiently(&self.node.client, move |client| {
            client.request_from(&computer, &partition, &checked)
        });
        match asked.await {
            Ok(instance) => Ok(answer(instance)),
            Err(error) => Err(HostError {
                message: format!("the request for `{title}` was refused: {error}"),
                hint: error.hint(),
            }),
        }
    }

    async fn environment(&mut self, _eggs: Eggs) -> Result<(), HostError> {
        Err(HostError { message: "an instance has no eggs of its own".into(), hint: None })
    }

    /// An instance is laid out in no time.
    fn progress(&mut self, _progress: Progress) {}
}

fn check(ask: RequestAsk) -> Result<v1::RequestAsk, String> {
    let text = |error: slapos_core::names::BadName| error.to_string();
    Ok(v1::RequestAsk {
        title: ask.title.try_into().map_err(text)?,
        software_release: ask.software_release.try_into().map_err(text)?,
        software_type: ask.software_type.try_into().map_err(text)?,
        parameters: Some(ask.parameters),
        placement: ask.placement,
        shared: ask.shared,
        state: Some(match ask.state.as_str() {
            "started" => WishedState::Started,
            "stopped" => WishedState::Stopped,
            "destroyed" => WishedState::Destroyed,
            other => {
                return Err(format!("`{other}` is no state; use started, stopped or destroyed"));
            }
        }),
    })
}

fn answer(instance: v1::Instance) -> RequestAnswer {
    RequestAnswer {
        id: instance.id.to_string(),
        connection: (!instance.connection.is_empty()).then_some(instance.connection),
        state: instance.state,
        waiting: instance.waiting_for,
    }
}
