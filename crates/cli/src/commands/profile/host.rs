//! What a profile reaches from a command line: URLs, but no master.

use slapos_profile::{Host, HostError, Progress, RequestAnswer, RequestAsk};

/// Fetches URLs; leaves every request waiting.
pub(super) struct LocalHost;

impl Host for LocalHost {
    fn fetch(&mut self, url: &str) -> Result<Vec<u8>, HostError> {
        slapos_node::evaluate::fetch(url)
    }

    fn request(&mut self, ask: &RequestAsk) -> Result<RequestAnswer, HostError> {
        Ok(RequestAnswer {
            connection: None,
            id: String::new(),
            state: ask.state.clone(),
            waiting: Some("a command line has no master that could answer".into()),
        })
    }

    fn progress(&mut self, _progress: &Progress) {}
}
