//! `slapos.recipe.debian`: programs from Debian packages, with all that they need, in a directory of the release.
//!
//! In: `packages`; `without` (packages that it can do without); `suite` (of the mirror; the host's own by default);
//! `lock` (a file with the exact packages).
//! Out: `location` (default `parts/<name>`). Its programs know their own loader and libraries. Only in releases;
//! nothing of the system is touched.

use std::time::{Duration, SystemTime};

use camino::Utf8PathBuf;
use slapos_debian::{Lock, Progress, Request, Settings, Ways};

use super::made::{self, Made};
use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Teller};
use crate::error::{Code, Error, Result};
use crate::job::Supply;

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.recipe.debian"], make)];

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let packages = scope.required("packages")?;
    let location = super::download::location(scope)?;
    let mut request = Request::new(packages.split_whitespace(), location.clone());
    request = request.without(scope.words("without")?);
    request.suite = scope.text("suite")?.map(|suite| suite.trim().to_owned());
    if let Some(lock) = scope.text("lock")? {
        let bytes = scope.read(&scope.location(&lock))?;
        let text = String::from_utf8_lossy(&bytes);
        let lock = Lock::parse(&text).map_err(|error| scope.place(debian_error(&error), "lock"))?;
        request.lock = Some(lock);
    }
    scope.set_open("location", location.as_str());
    tree(scope, request, location)
}

/// A part that is a tree of packages.
pub(super) fn tree(
    scope: &Scope<'_, '_>,
    request: Request,
    location: Utf8PathBuf,
) -> Result<Box<dyn Recipe>, Stop> {
    let supply = made::supply(scope, "packages")?;
    let settings = settings(supply).map_err(|error| debian_error(&error))?;
    Ok(Made::boxed(location, move |teller| {
        unpack(&request, &settings, teller).map_err(|error| debian_error(&error))
    }))
}

/// How a node is given another source; a demo writes the same for its nodes.
const WAYS: Ways<'static> = Ways {
    mirror: "`mirror = URL SUITE` in [slapos] of the node's configuration file (slapos demo: \
             --mirror 'URL SUITE')",
    keyring: "`keyring = FILE` in [slapos] of the node's configuration file (slapos demo: \
              --keyring FILE)",
};

pub(super) fn settings(supply: &Supply) -> Result<Settings, slapos_debian::Error> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(supply.now_unix_s);
    let mut settings = Settings::new(supply.cache.clone(), now);
    settings.mirror = supply.mirror.as_deref().map(str::parse).transpose()?;
    settings.keyring.clone_from(&supply.keyring);
    if let Some(seconds) = supply.mirror_timeout_s {
        settings.silence = Duration::from_secs(seconds);
    }
    settings.proxies.http_proxy.clone_from(&supply.http_proxy);
    settings.proxies.https_proxy.clone_from(&supply.https_proxy);
    settings.proxies.no_proxy.clone_from(&supply.no_proxy);
    Ok(settings)
}

pub(super) fn debian_error(error: &slapos_debian::Error) -> Error {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    let told = Error::new(Code::Host, text);
    match error.hint(&WAYS) {
        Some(hint) => told.with_hint(hint),
        None => told,
    }
}

/// Makes a tree, and tells how far it is.
pub(super) fn unpack(
    request: &Request,
    settings: &Settings,
    teller: &mut Teller<'_>,
) -> Result<(), slapos_debian::Error> {
    let installed = slapos_debian::install(request, settings, &mut |progress| {
        let (text, done, total) = told(progress);
        teller.step(&text, done, total);
    });
    installed.map(drop)
}

/// Progress as a sentence, and how much of how much.
fn told(progress: Progress<'_>) -> (String, u64, u64) {
    match progress {
        Progress::Index { done, total } => ("read the index".into(), done as u64, total as u64),
        Progress::Resolve => ("find what is needed".into(), 0, 0),
        Progress::Download { done_bytes, total_bytes, package } => {
            (format!("download {package}"), done_bytes, total_bytes)
        }
        Progress::Unpack { done, total } => ("unpack".into(), done as u64, total as u64),
        Progress::Patch { done, total } => ("bind programs".into(), done as u64, total as u64),
    }
}
