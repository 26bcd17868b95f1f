//! Fetches what a profile names by its URL.

use std::time::Duration;

use slapos_profile::HostError;

/// The largest profile or template that is fetched, in bytes.
const FETCH_BYTES_MAX: u64 = 64 << 20;
/// The longest that fetching one may take.
const FETCH_LIMIT: Duration = Duration::from_secs(120);

/// The content of a URL.
///
/// # Errors
/// No answer within two minutes, another one than 200, or one of more than 64 MiB.
pub fn fetch(url: &str) -> Result<Vec<u8>, HostError> {
    let failed = |error: ureq::Error| HostError {
        message: error.to_string(), // the engine names the URL
        hint: Some("check the address, and that this computer reaches it".into()),
    };
    let config = ureq::Agent::config_builder().timeout_global(Some(FETCH_LIMIT)).build();
    let mut response = ureq::Agent::from(config).get(url).call().map_err(failed)?;
    response.body_mut().with_config().limit(FETCH_BYTES_MAX).read_to_vec().map_err(failed)
}
