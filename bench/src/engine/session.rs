//! One connection of a run, and the calls of the classic protocol over it.

use std::{cell::RefCell, rc::Rc, time::Instant};

use anyhow::{Context as _, Result, bail};

use super::{Load, recorder::Recorder};
use crate::{
    answers::{self, Allocation, Seen},
    fleet::Place,
    http::{Client, Request, Response},
};

const REQUEST: &str = "/requestComputerPartition";
const PUBLISH: &str = "/setComputerPartitionConnectionXml";

/// A connection and its book-keeping, handed to the scenario for each operation.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) client: Client,
    pub(super) recorder: Rc<RefCell<Recorder>>,
    retry_408: Option<std::time::Duration>,
}

/// A connection outside any measurement, for set-up and checks.
pub(crate) fn alone(load: &Load) -> Session {
    Session::new(load, Rc::new(RefCell::new(Recorder::new())))
}

impl Session {
    pub(super) fn new(load: &Load, recorder: Rc<RefCell<Recorder>>) -> Self {
        let client = Client::new(load.target.clone(), load.keepalive);
        Self { client, recorder, retry_408: load.retry_408 }
    }

    /// One more connection outside any measurement, which records where this one does.
    pub(crate) fn another(&self, load: &Load) -> Self {
        Self::new(load, self.recorder.clone())
    }

    /// Asks for an instance; `requester`: the instance that asks, if one does.
    ///
    /// # Errors
    /// When the master says anything but where it is.
    pub(crate) async fn request(
        &mut self,
        kind: &'static str,
        body: &str,
        requester: Option<&Place>,
    ) -> Result<Allocation> {
        let answer = self.post_as(kind, REQUEST, body, requester).await?;
        answers::allocation(answer.body)
            .with_context(|| format!("answer was: {}", answer.excerpt()))
    }

    /// Publishes a connection as the instance at `place`.
    ///
    /// # Errors
    /// When the master does not take it.
    pub(crate) async fn publish(
        &mut self,
        kind: &'static str,
        place: &Place,
        body: &str,
    ) -> Result<()> {
        self.post_as(kind, PUBLISH, body, Some(place)).await.map(drop)
    }

    /// Posts a form as the instance at `place`, or as nobody in particular.
    ///
    /// # Errors
    /// When the master does not take it.
    pub(crate) async fn post(
        &mut self,
        kind: &'static str,
        path: &str,
        body: &str,
        place: Option<&Place>,
    ) -> Result<()> {
        self.post_as(kind, path, body, place).await.map(drop)
    }

    /// Reads a computer with its partitions, as its node does.
    ///
    /// # Errors
    /// When the answer is not a computer.
    pub(crate) async fn computer(&mut self, kind: &'static str, name: &str) -> Result<Vec<Seen>> {
        let answer = self.call(kind, &computer_path(name), &Request::default(), &[200]).await?;
        answers::computer(answer.body).map(|(_, partitions)| partitions)
    }

    async fn post_as(
        &mut self,
        kind: &'static str,
        path: &str,
        body: &str,
        place: Option<&Place>,
    ) -> Result<Response<'_>> {
        let authorization = place.map(Place::authorization);
        let request = Request {
            body: Some(body),
            authorization: authorization.as_deref(),
            ..Request::default()
        };
        self.call(kind, path, &request, &[200]).await
    }

    /// Sends one request, times it under `kind`, and insists on one of these statuses.
    ///
    /// # Errors
    /// When there is no complete answer, or one with another status.
    pub(crate) async fn call(
        &mut self,
        kind: &'static str,
        path: &str,
        request: &Request<'_>,
        expected: &[u16],
    ) -> Result<Response<'_>> {
        let start = Instant::now();
        let status = loop {
            let answer = self.client.send(path, request).await.with_context(|| path.to_owned())?;
            match (answer.status, self.retry_408) {
                (408, Some(pause)) => tokio::time::sleep(pause).await,
                (status, _) => break status,
            }
        };
        self.recorder.borrow_mut().request(kind, start.elapsed());
        let answer = self.client.response();
        if !expected.contains(&status) {
            bail!("{path}: unexpected status {status}: {}", answer.excerpt());
        }
        Ok(answer)
    }
}

/// Where a computer is read.
pub(crate) fn computer_path(name: &str) -> String {
    format!("/getFullComputerInformation?computer_id={name}")
}
