//! Long polls: whoever watches a computer is answered when a request names it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

/// Revisions by computer. A computer nobody has watched has none.
#[derive(Default)]
pub(super) struct Watchers {
    revisions: Mutex<HashMap<String, watch::Sender<u64>>>,
}

impl Watchers {
    /// Wakes whoever watches this computer.
    pub(super) fn changed(&self, computer: &str) {
        let revisions = self.revisions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(revision) = revisions.get(computer) {
            revision.send_modify(|revision| *revision += 1);
        }
    }

    /// The answer to `/v1/computers/COMPUTER/watch?since=N&wait=SECONDS`, when it is due.
    pub(super) async fn wait(&self, path: &str, query: &str) -> String {
        let number = |name| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find_map(|(key, value)| (key == name).then(|| value.parse().ok())?).unwrap_or(0)
        };
        let computer = path.rsplit('/').nth(1).unwrap_or("");
        let mut revision = {
            let mut revisions = self.revisions.lock().unwrap_or_else(PoisonError::into_inner);
            let sender = revisions.entry(computer.to_owned());
            sender.or_insert_with(|| watch::Sender::new(1)).subscribe()
        };
        let (since, wait) = (number("since"), Duration::from_secs(number("wait")));
        let news = timeout(wait, revision.wait_for(|revision| *revision > since)).await.is_ok();
        let partitions = if news { "[{}]" } else { "[]" };
        format!("{{\"revision\":{},\"partitions\":{partitions}}}", *revision.borrow())
    }
}
