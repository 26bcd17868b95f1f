//! `slapos.cookbook:publishurl`: publishes one URL under `url`.
//!
//! In: `url`; or `scheme`, `host`, `port`, `path`, `params`, `query`, `fragment`, `username`, `password`.

use std::collections::BTreeMap;

use slapos_jinja::modules::quote;

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::Result;

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.cookbook:publishurl"], make)];

struct PublishUrl(String);

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    if let Some(url) = scope.text("url")? {
        return Ok(Box::new(PublishUrl(url)));
    }
    let mut url = format!("{}://", scope.required("scheme")?.trim());
    let host = scope.required("host")?.trim().to_owned();
    let mut given = |option: &str| -> Result<Option<String>, Stop> {
        Ok(scope.text(option)?.map(|text| text.trim().to_owned()))
    };
    if let Some(user) = given("username")? {
        url.push_str(&quote(&user, ""));
        if let Some(password) = given("password")? {
            url.push_str(&format!(":{}", quote(&password, "")));
        }
        url.push('@');
    }
    let bracketed = host.contains(':') && !host.starts_with('[');
    url.push_str(&if bracketed { format!("[{host}]") } else { host });
    for (option, mark) in
        [("port", ":"), ("path", "/"), ("params", ";"), ("query", "?"), ("fragment", "#")]
    {
        if let Some(text) = given(option)? {
            let text = if option == "path" { text.trim_start_matches('/') } else { &text };
            url.push_str(&format!("{mark}{text}"));
        }
    }
    Ok(Box::new(PublishUrl(url)))
}

impl Recipe for PublishUrl {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.publish(BTreeMap::from([("url".to_owned(), self.0.clone())]));
        Ok(())
    }
}
