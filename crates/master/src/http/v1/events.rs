//! `/v1/events`: what happens, as it happens, as server-sent events.
//!
//! `change` for each durable revision ([`v1::Change`](slapos_wire::v1::Change)), `usage` when a
//! computer sent a new sample. The stream ends when the master stops, or when the reader is too
//! slow. Who comes again and says the last change that it heard of is told the later ones first.

use std::{convert::Infallible, vec};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        Sse,
        sse::{self, KeepAlive},
    },
};
use futures_util::{Stream, stream::unfold};
use serde::Deserialize;
use slapos_core::names::Revision;
use slapos_wire::v1::Change;

use super::super::{error::ApiError, extract::Query};
use crate::service::{Event, Service, ServiceError, Viewer};

/// With which browsers come again after a stream broke off.
const LAST_HEARD: &str = "last-event-id";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    since: Option<Revision>,
}

/// `GET /v1/events`
pub(super) async fn stream(
    State(service): State<Service>,
    headers: HeaderMap,
    Query(Since { since }): Query<Since>,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, ApiError> {
    let heard = headers.get(LAST_HEARD).and_then(|id| id.to_str().ok()?.parse().ok());
    let since = heard.map(Revision).or(since);
    let viewer = service.look(); // before the past is read: nothing is missed in between
    let mut reader = Reader { service, viewer, past: None, told: Revision(0) };
    if let Some(since) = since {
        reader.read_past(since).await?;
    }
    Ok(Sse::new(unfold(reader, next)).keep_alive(KeepAlive::default()))
}

struct Reader {
    service: Service,
    viewer: Viewer,
    /// What it still has to be told of the past, after which there may be more; `None`: nothing.
    past: Option<vec::IntoIter<Change>>,
    /// The last revision of the past that it was told.
    told: Revision,
}

impl Reader {
    async fn read_past(&mut self, since: Revision) -> Result<(), ServiceError> {
        let past = self.service.changes_since(since).await?;
        self.past = (!past.is_empty()).then(|| past.into_iter());
        Ok(())
    }

    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if let Some(past) = &mut self.past {
                if let Some(change) = past.next() {
                    self.told = change.revision;
                    return Some(event(&change));
                }
                self.read_past(self.told).await.ok()?;
                continue;
            }
            let happened = tokio::select! {
                event = self.viewer.next() => event?,
                () = self.service.stopping() => return None,
            };
            match happened {
                Event::Change(change) if change.revision <= self.told => {}
                Event::Change(change) => return Some(event(&change)),
                Event::Usage(computer) => {
                    let data = format!("{{\"computer\":\"{computer}\"}}");
                    return Some(sse::Event::default().event("usage").data(data));
                }
            }
        }
    }
}

async fn next(mut reader: Reader) -> Option<(Result<sse::Event, Infallible>, Reader)> {
    let event = reader.next().await?;
    Some((Ok(event), reader))
}

fn event(change: &Change) -> sse::Event {
    let event = sse::Event::default().event("change").id(change.revision.0.to_string());
    event.json_data(change).unwrap_or_default()
}
