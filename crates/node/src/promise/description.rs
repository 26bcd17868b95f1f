//! From a native description to a typed check. Pure.
//!
//! Names, options and their defaults are those of SlapOS's promise plugins; the values come from
//! a profile, so numbers and switches may be texts.

use std::{collections::BTreeMap, time::Duration};

use camino::Utf8PathBuf;
use serde::Deserialize;
use serde_json::Value;

const URL_TIMEOUT: Duration = Duration::from_secs(5);
/// A certificate shall be good for so many days more.
const CERTIFICATE_DAYS: u32 = 15;
/// So much of a disk shall be free.
const FREE_RATIO: f64 = 0.05;
const SOCKET_TIMEOUT: Duration = Duration::from_secs(20);
/// No check may ask for longer.
const TIMEOUT_MAX: Duration = Duration::from_secs(120);

/// A check that we carry out ourselves.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Check {
    /// A TCP port can be connected to.
    Listening { host: String, port: u16, timeout: Duration },
    /// A Unix socket can be connected to.
    ListeningAt { path: Utf8PathBuf },
    /// A Unix socket with a name outside of the file system can be connected to.
    ListeningAs { name: String },
    /// A command of the shell succeeds.
    Command { command: String },
    /// A URL answers with a status code.
    Url(UrlCheck),
    /// A file is there, perhaps with or without content.
    File {
        path: Utf8PathBuf,
        state: FileState,
        /// Where people can read it.
        url: Option<String>,
    },
    /// So much of the disk of the partition is free.
    Disk { ratio: f64 },
    /// A certificate is good for some days more, and of its key.
    Certificate { certificate: Utf8PathBuf, key: Option<Utf8PathBuf>, days: u32 },
}

/// How a URL is asked, and what it shall answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UrlCheck {
    pub(super) url: String,
    /// `None`: any.
    pub(super) code: Option<u16>,
    pub(super) timeout: Duration,
    /// Who may have signed the server's certificate; `None`: it does not matter.
    pub(super) authority: Option<Authority>,
    /// Own certificate and its key.
    pub(super) identity: Option<[Utf8PathBuf; 2]>,
    /// User and password.
    pub(super) login: Option<[String; 2]>,
    pub(super) follow: bool,
}

/// Who may have signed a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Authority {
    /// Those that the system knows.
    System,
    /// Those in a file.
    File(Utf8PathBuf),
}

/// What is expected of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileState {
    Empty,
    NotEmpty,
    Exists,
    Absent,
}

/// Why a description is no check of ours.
#[derive(Debug, thiserror::Error)]
pub(super) enum DescriptionError {
    #[error("it is no promise description: {0}")]
    Json(#[from] serde_json::Error),
    #[error("promise module {module} (class {class}) is not supported yet")]
    Module { module: String, class: String },
    #[error("option {option} of {module} is missing")]
    Missing { module: String, option: &'static str },
    #[error("option {option} of {module} is {value:?}; expected {wanted}")]
    Value { module: String, option: &'static str, value: String, wanted: &'static str },
}

#[derive(Debug, Deserialize)]
struct Description {
    module: String,
    #[serde(default = "default_class")]
    class: String,
    #[serde(default)]
    config: BTreeMap<String, Value>,
}

fn default_class() -> String {
    "RunPromise".to_owned()
}

/// Reads a description.
pub(super) fn parse(text: &[u8]) -> Result<Check, DescriptionError> {
    let description: Description = serde_json::from_slice(text)?;
    let module = description.module.strip_prefix("slapos.promise.plugin.");
    if description.class != "RunPromise" {
        return Err(unsupported(description));
    }
    match module {
        Some("check_socket_listening") => socket(&description),
        Some("check_command_execute") => {
            Ok(Check::Command { command: description.text("command")? })
        }
        Some("check_url_available") => url(&description),
        Some("check_file_state") => file(&description),
        Some("check_free_disk_space") => disk(&description),
        Some("check_certificate") => certificate(&description),
        _ => Err(unsupported(description)),
    }
}

fn unsupported(description: Description) -> DescriptionError {
    DescriptionError::Module { module: description.module, class: description.class }
}

fn socket(given: &Description) -> Result<Check, DescriptionError> {
    if given.optional("host").is_none() {
        if let Some(name) = given.optional("abstract") {
            return Ok(Check::ListeningAs { name });
        }
        if let Some(path) = given.optional("pathname") {
            return Ok(Check::ListeningAt { path: path.into() });
        }
    }
    // A bracketed address is how profiles write IPv6 in URLs.
    let host = given.text("host")?.trim_matches(['[', ']']).to_owned();
    let port = given.text("port")?;
    let port = port.parse().map_err(|_| given.wrong("port", port, "a port number"))?;
    Ok(Check::Listening { host, port, timeout: given.timeout(SOCKET_TIMEOUT)? })
}

fn url(given: &Description) -> Result<Check, DescriptionError> {
    let code = given.optional("http-code").or_else(|| given.optional("http_code"));
    let code = match code {
        None => 200,
        Some(text) => text.parse().map_err(|_| given.wrong("http_code", text, "a status code"))?,
    };
    let any = given.switch("ignore-code", false)?;
    let verify = given.switch("verify", false)?;
    let file = given.optional("ca-cert-file").map(|path| Authority::File(path.into()));
    let both = |one, other| Some([given.optional(one)?, given.optional(other)?]);
    Ok(Check::Url(UrlCheck {
        url: given.text("url")?,
        code: (!any).then_some(code),
        timeout: given.timeout(URL_TIMEOUT)?,
        authority: file.or(verify.then_some(Authority::System)),
        identity: both("cert-file", "key-file").map(|files| files.map(Into::into)),
        login: both("username", "password"),
        follow: given.switch("allow-redirects", true)?,
    }))
}

fn disk(given: &Description) -> Result<Check, DescriptionError> {
    let ratio = match given.optional("threshold-ratio") {
        None => FREE_RATIO,
        Some(text) => {
            let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
            ratio.ok_or_else(|| given.wrong("threshold-ratio", text, "a ratio from 0 to 1"))?
        }
    };
    // Zero stands for the usual ratio, as in SlapOS.
    Ok(Check::Disk { ratio: if ratio == 0.0 { FREE_RATIO } else { ratio } })
}

fn certificate(given: &Description) -> Result<Check, DescriptionError> {
    let days = match given.optional("certificate-expiration-days") {
        None => CERTIFICATE_DAYS,
        Some(text) => text
            .parse()
            .map_err(|_| given.wrong("certificate-expiration-days", text, "a number of days"))?,
    };
    let certificate = given.text("certificate")?.into();
    Ok(Check::Certificate { certificate, key: given.optional("key").map(Into::into), days })
}

fn file(given: &Description) -> Result<Check, DescriptionError> {
    let state = given.optional("state").unwrap_or_else(|| "not-empty".to_owned());
    let state = match state.as_str() {
        "empty" => FileState::Empty,
        "not-empty" => FileState::NotEmpty,
        "exists" => FileState::Exists,
        "absent" => FileState::Absent,
        _ => return Err(given.wrong("state", state, "empty, not-empty, exists or absent")),
    };
    let url = given.optional("url");
    Ok(Check::File { path: given.text("filename")?.into(), state, url })
}

impl Description {
    fn optional(&self, option: &str) -> Option<String> {
        let text = match self.config.get(option)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Null => return None,
            other => other.to_string(),
        };
        (!text.is_empty()).then_some(text)
    }

    fn text(&self, option: &'static str) -> Result<String, DescriptionError> {
        self.optional(option)
            .ok_or_else(|| DescriptionError::Missing { module: self.module.clone(), option })
    }

    fn switch(&self, option: &'static str, default: bool) -> Result<bool, DescriptionError> {
        match self.optional(option).map(|text| text.to_lowercase()).as_deref() {
            None => Ok(default),
            Some("1" | "true" | "yes" | "on") => Ok(true),
            Some("0" | "false" | "no" | "off") => Ok(false),
            Some(other) => Err(self.wrong(option, other.to_owned(), "true or false")),
        }
    }

    fn timeout(&self, default: Duration) -> Result<Duration, DescriptionError> {
        let Some(text) = self.optional("timeout") else {
            return Ok(default);
        };
        let seconds =
            text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let seconds = seconds.ok_or_else(|| self.wrong("timeout", text, "seconds"))?;
        Ok(seconds.min(TIMEOUT_MAX))
    }

    fn wrong(&self, option: &'static str, value: String, wanted: &'static str) -> DescriptionError {
        DescriptionError::Value { module: self.module.clone(), option, value, wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(module: &str, config: &str) -> Result<Check, String> {
        let text = format!(
            r#"{{"module": "slapos.promise.plugin.{module}", "class": "RunPromise", "config": {config}}}"#
        );
        parse(text.as_bytes()).map_err(|error| error.to_string())
    }

    fn plain_url() -> UrlCheck {
        UrlCheck {
            url: "http://h/".into(),
            code: Some(200),
            timeout: Duration::from_secs(5),
            authority: None,
            identity: None,
            login: None,
            follow: true,
        }
    }

    #[test]
    fn each_module_has_its_options_and_defaults() {
        let s = Duration::from_secs;
        let listening = |host: &str, port, timeout| Check::Listening {
            host: host.into(),
            port,
            timeout: s(timeout),
        };
        let plain = plain_url();
        let file = |state| Check::File { path: "/f".into(), state, url: None };
        let table = [
            (
                "check_socket_listening",
                r#"{"host":"127.0.0.1","port":"80"}"#,
                listening("127.0.0.1", 80, 20),
            ),
            (
                "check_socket_listening",
                r#"{"host":"[::1]","port":80,"timeout":"2"}"#,
                listening("::1", 80, 2),
            ),
            (
                "check_socket_listening",
                r#"{"pathname":"/s"}"#,
                Check::ListeningAt { path: "/s".into() },
            ),
            (
                "check_command_execute",
                r#"{"command":"test -e /x"}"#,
                Check::Command { command: "test -e /x".into() },
            ),
            ("check_url_available", r#"{"url":"http://h/"}"#, Check::Url(plain.clone())),
            (
                "check_url_available",
                r#"{"url":"http://h/","http_code":"302","timeout":7,"verify":"1","allow-redirects":0}"#,
                Check::Url(UrlCheck {
                    code: Some(302),
                    timeout: s(7),
                    authority: Some(Authority::System),
                    follow: false,
                    ..plain.clone()
                }),
            ),
            (
                "check_url_available",
                r#"{"url":"http://h/","ignore-code":1,"timeout":"9999","username":"u","password":"p","verify":0,"ca-cert-file":"/ca"}"#,
                Check::Url(UrlCheck {
                    code: None,
                    timeout: s(120),
                    authority: Some(Authority::File("/ca".into())),
                    login: Some(["u".into(), "p".into()]),
                    ..plain
                }),
            ),
            (
                "check_socket_listening",
                r#"{"abstract":"n"}"#,
                Check::ListeningAs { name: "n".into() },
            ),
            ("check_file_state", r#"{"filename":"/f"}"#, file(FileState::NotEmpty)),
            ("check_file_state", r#"{"filename":"/f","state":"empty"}"#, file(FileState::Empty)),
        ];
        for (module, config, wanted) in table {
            assert_eq!(parsed(module, config), Ok(wanted), "{module} {config}");
        }
    }

    #[test]
    fn disks_and_certificates_have_their_options_and_defaults() {
        let table = [
            ("check_free_disk_space", "{}", Check::Disk { ratio: 0.05 }),
            ("check_free_disk_space", r#"{"threshold-ratio":"0.5"}"#, Check::Disk { ratio: 0.5 }),
            (
                "check_certificate",
                r#"{"certificate":"/c","key":"/k","certificate-expiration-days":"3"}"#,
                Check::Certificate { certificate: "/c".into(), key: Some("/k".into()), days: 3 },
            ),
            (
                "check_certificate",
                r#"{"certificate":"/c"}"#,
                Check::Certificate { certificate: "/c".into(), key: None, days: 15 },
            ),
        ];
        for (module, config, wanted) in table {
            assert_eq!(parsed(module, config), Ok(wanted), "{module} {config}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let table = [
            ("check_socket_listening", "{}", "option host"),
            ("check_socket_listening", r#"{"host":"h","port":"x"}"#, "option port"),
            ("check_socket_listening", r#"{"host":"h","port":70000}"#, "option port"),
            ("check_command_execute", r#"{"command":" "}"#, "option command"),
            ("check_url_available", r#"{"url":"u","timeout":"-1"}"#, "option timeout"),
            ("check_url_available", r#"{"url":"u","verify":"maybe"}"#, "option verify"),
            ("check_file_state", r#"{"filename":"f","state":"odd"}"#, "option state"),
            ("check_certificate", "{}", "option certificate"),
            ("check_free_disk_space", r#"{"threshold-ratio":"2"}"#, "option threshold-ratio"),
            ("check_ram_usage", "{}", "not supported yet"),
        ];
        for (module, config, wanted) in table {
            let error = parsed(module, config).unwrap_err();
            assert!(error.contains(wanted), "{error} lacks {wanted}");
        }
        assert!(parse(b"{").is_err());
        assert!(
            parse(br#"{"module":"other.check_file_state","config":{"filename":"f"}}"#).is_err()
        );
    }
}
