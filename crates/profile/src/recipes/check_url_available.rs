//! `slapos.cookbook:check_url_available`: an executable that succeeds when a URL answers with the wished code.
//!
//! In: `path`, `url`, `dash_path`, `curl_path`, `http_code` (200), `check-secure` (1: being asked for a password is
//! good too), `timeout-file-path` (`etc/promise_timeout`, a number of seconds; else 20), `ca-cert-file`, `cert-file`,
//! `key-file`.

use super::script::quote;
use super::{Kind, Recipe, WriteFile};
use crate::engine::{Scope, Stop};
use crate::error::{Code, Result};
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] = [Kind::pure(&["slapos.cookbook:check_url_available"], make)];

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let path = scope.required("path")?;
    let url = scope.text("url")?.unwrap_or_default();
    let (shell, curl) = (scope.required("dash_path")?, scope.required("curl_path")?);
    let code = scope.text("http_code")?.unwrap_or_else(|| "200".to_owned());
    let code: u16 = code.trim().parse().map_err(|_| {
        scope.fault("http_code", Code::BadOption, format!("`{code}` is no status code"))
    })?;
    let secure = scope.flag("check-secure", false)?;
    let limit =
        scope.text("timeout-file-path")?.unwrap_or_else(|| "etc/promise_timeout".to_owned());
    let mut identity = String::new();
    let files = ["ca-cert-file", "cert-file", "key-file"].map(|option| scope.text(option));
    if let [Some(authority), Some(certificate), Some(key)] = {
        let [authority, certificate, key] = files;
        [authority?, certificate?, key?]
    } {
        let words = [("--cacert", authority), ("--cert", certificate), ("--key", key)];
        for (flag, file) in words {
            identity.push_str(&format!(" {flag} {}", quote(file.trim())));
        }
    }
    let also = if secure { format!("{code}|401") } else { code.to_string() };
    let text = format!(
        "#!{shell}\n# Succeeds when the URL answers as it shall.\nurl={url}\n\
         test -n \"$url\" || {{ echo 'No URL specified.' >&2; exit 3; }}\n\
         seconds=$(cat {limit} 2>/dev/null)\n\
         case $seconds in ''|*[!0-9]*) seconds=20;; esac\n\
         code=$({curl} -g -k -sL \"$url\" -w '%{{http_code}}' --max-time \"$seconds\" -o /dev/null{identity})\n\
         case $? in\n  3) echo \"URL malformed: $url.\" >&2; exit 1;;\n  \
         7) echo \"Failed to connect to host: $url.\" >&2; exit 1;;\nesac\n\
         case $code in\n  {also}) exit 0;;\n  \
         ''|000) echo \"$url is not available (server not reachable).\" >&2; exit 1;;\nesac\n\
         echo \"$url is not available (returned $code, expected {code}).\" >&2\nexit 2\n",
        shell = shell.trim(),
        url = quote(url.trim()),
        limit = quote(scope.path(&limit).as_str()),
        curl = quote(curl.trim()),
    );
    WriteFile::boxed(scope.path(&path), text, Mode::Exact(0o700))
}
