//! Remembers addresses of mirrors for the time of one installation.
//!
//! `ureq` asks the name service again for every file; one answer lost among hundreds then stalls an
//! installation for the resolver's five seconds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Asks once per authority.
#[derive(Debug, Default)]
pub(crate) struct Names {
    service: DefaultResolver,
    known: Mutex<HashMap<String, ResolvedSocketAddrs>>,
}

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let key = format!("{:?} {:?}", uri.scheme(), uri.authority());
        // Held while asking, so that parallel downloads wait for the one answer.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(addresses) = known.get(&key) {
            return Ok(addresses.clone());
        }
        let addresses = self.service.resolve(uri, config, timeout)?;
        known.insert(key, addresses.clone());
        Ok(addresses)
    }
}
