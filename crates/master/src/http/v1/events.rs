//! `/v1/events`: what happens, as it happens, as server-sent events.
//!
//! `change` for each durable revision ([`v1::Change`](slapos_wire::v1::Change)), `usage` when a
//! computer sent a new sample. The stream ends when the master stops, or when the reader is too
//! slow: then it has to look at everything again.

use std::convert::Infallible;

use axum::{
    extract::State,
    response::{
        Sse,
        sse::{self, KeepAlive},
    },
};
use futures_util::{Stream, stream::unfold};

use crate::service::{Event, Service, Viewer};

/// `GET /v1/events`
pub(super) async fn stream(
    State(service): State<Service>,
) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let viewer = service.look();
    Sse::new(unfold((service, viewer), next)).keep_alive(KeepAlive::default())
}

type Reader = (Service, Viewer);

async fn next((service, mut viewer): Reader) -> Option<(Result<sse::Event, Infallible>, Reader)> {
    let event = tokio::select! {
        event = viewer.next() => event?,
        () = service.stopping() => return None,
    };
    let event = match event {
        Event::Change(change) => sse::Event::default()
            .event("change")
            .id(change.revision.0.to_string())
            .json_data(&*change)
            .unwrap_or_default(),
        Event::Usage(computer) => {
            sse::Event::default().event("usage").data(format!("{{\"computer\":\"{computer}\"}}"))
        }
    };
    Some((Ok(event), (service, viewer)))
}
