//! `slapos.cookbook:urlparse`: the parts of a URL.
//!
//! In: `url`. Out: `scheme username password host port path params query fragment`; what is not there is empty.

use slapos_jinja::modules::UrlParts;

use super::{Kind, OptionsOnly, Recipe};
use crate::engine::{Scope, Stop};
use crate::error::{Code, Result};

pub(super) static KINDS: [Kind; 1] = [Kind::pure(&["slapos.cookbook:urlparse"], make)];

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let url = scope.required("url")?;
    let url = UrlParts::of(url.trim())
        .map_err(|error| scope.fault("url", Code::BadOption, error.message()))?;
    let port = url.port().map_err(|error| scope.fault("url", Code::BadOption, error.message()))?;
    let (username, password) = url.user();
    let texts = [
        ("scheme", url.scheme.clone()),
        ("username", username.unwrap_or_default().to_owned()),
        ("host", url.host().unwrap_or_default()),
        ("port", port.map(|port| port.to_string()).unwrap_or_default()),
        ("path", url.path.trim_matches('/').to_owned()),
        ("params", url.params.clone()),
        ("query", url.query.clone()),
        ("fragment", url.fragment.clone()),
    ];
    scope.set_secret("password", password.unwrap_or_default());
    for (option, text) in texts {
        scope.set(option, text);
    }
    Ok(Box::new(OptionsOnly))
}
