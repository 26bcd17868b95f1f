//! The live part of the page, drawn once for all who look.
//!
//! Drawing reads the whole cloud, and nothing is decided meanwhile. So viewers share what was drawn,
//! and a large cloud is drawn less often.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use askama::Template;
use tokio::sync::Mutex;

use super::draw;
use crate::service::Service;

/// What happens within this time is drawn once.
const GATHER: Duration = Duration::from_millis(50);
/// At most one part in so many of the time goes into drawing.
const SHARE: u32 = 10;

/// The newest drawing.
#[derive(Debug, Default)]
pub(super) struct Drawing(Mutex<Option<Drawn>>);

#[derive(Debug)]
struct Drawn {
    /// All that was durable then is in it.
    begun: Instant,
    took: Duration,
    html: Arc<str>,
}

impl Drawing {
    /// A drawing in which all is that happened before `since`; `None` when the master ends.
    pub(super) async fn since(&self, service: &Service, since: Instant) -> Option<Arc<str>> {
        let mut newest = self.0.lock().await; // who waits here takes what is drawn meanwhile
        if let Some(drawn) = newest.as_ref().filter(|drawn| drawn.begun >= since) {
            return Some(Arc::clone(&drawn.html));
        }
        let begun = Instant::now();
        let html: Arc<str> = draw(service).await.ok()?.render().ok()?.into();
        let drawn = Drawn { begun, took: begun.elapsed(), html: Arc::clone(&html) };
        *newest = Some(drawn);
        Some(html)
    }

    /// How long to wait for what else happens before it is drawn again.
    pub(super) async fn pause(&self) -> Duration {
        let took = self.0.lock().await.as_ref().map(|drawn| drawn.took);
        GATHER.max(took.unwrap_or_default() * SHARE)
    }
}
