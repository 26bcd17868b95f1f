//! URLs, split and quoted as Python's `urllib.parse` does. Pure.

use crate::error::{Error, Result};

/// Schemes whose last segment may have parameters after `;`.
const WITH_PARAMS: [&str; 15] = [
    "", "ftp", "hdl", "http", "https", "imap", "mms", "prospero", "rtsp", "rtspu", "sftp", "shttp",
    "sip", "sips", "tel",
];

/// The parts of a URL; what is not there is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlParts {
    pub scheme: String,
    /// User, host and port.
    pub netloc: String,
    pub path: String,
    /// After `;` in the last segment of the path.
    pub params: String,
    pub query: String,
    pub fragment: String,
}

impl UrlParts {
    /// Splits a URL as `urlparse` does; fails for a bracket that is open.
    pub fn of(url: &str) -> Result<Self> {
        let mut parts = Self::without_params(url)?;
        if WITH_PARAMS.contains(&parts.scheme.as_str()) {
            let last = parts.path.rfind('/').map_or(0, |at| at);
            if let Some(at) = parts.path[last..].find(';') {
                parts.params = parts.path[last + at + 1..].to_owned();
                parts.path.truncate(last + at);
            }
        }
        Ok(parts)
    }

    /// As [`UrlParts::of`], with the parameters in the path: `urlsplit`.
    pub(super) fn without_params(url: &str) -> Result<Self> {
        let url = url.trim_start_matches(|c: char| c <= ' ');
        let url: String = url.chars().filter(|c| !['\t', '\r', '\n'].contains(c)).collect();
        let (scheme, rest) = split_scheme(&url);
        let (netloc, rest) = match rest.strip_prefix("//") {
            None => ("", rest),
            Some(rest) => rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
        };
        if netloc.contains('[') != netloc.contains(']') {
            return Err(Error::value_error("Invalid IPv6 URL"));
        }
        let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            netloc: netloc.to_owned(),
            path: path.to_owned(),
            params: String::new(),
            query: query.to_owned(),
            fragment: fragment.to_owned(),
        })
    }

    /// User name and password.
    pub fn user(&self) -> (Option<&str>, Option<&str>) {
        match self.netloc.rsplit_once('@') {
            None => (None, None),
            Some((user, _)) => match user.split_once(':') {
                None => (Some(user), None),
                Some((user, password)) => (Some(user), Some(password)),
            },
        }
    }

    /// Host in lower case without brackets, and port, as written.
    fn host_and_port(&self) -> (&str, &str) {
        let whole = self.netloc.rsplit_once('@').map_or(&*self.netloc, |(_, host)| host);
        match whole.split_once('[') {
            Some((_, bracketed)) => {
                let (host, rest) = bracketed.split_once(']').unwrap_or((bracketed, ""));
                (host, rest.split_once(':').map_or("", |(_, port)| port))
            }
            None => whole.split_once(':').unwrap_or((whole, "")),
        }
    }

    /// The host in lower case, without brackets.
    pub fn host(&self) -> Option<String> {
        let (host, _) = self.host_and_port();
        if host.is_empty() {
            return None;
        }
        Some(match host.split_once('%') {
            Some((host, zone)) => format!("{}%{zone}", host.to_lowercase()),
            None => host.to_lowercase(),
        })
    }

    /// The port; fails for one that is no number up to 65535.
    pub fn port(&self) -> Result<Option<u16>> {
        let (_, port) = self.host_and_port();
        if port.is_empty() {
            return Ok(None);
        }
        if !port.chars().all(|c| c.is_ascii_digit()) {
            let message = format!("Port could not be cast to integer value as '{port}'");
            return Err(Error::value_error(message));
        }
        match port.parse() {
            Ok(port) => Ok(Some(port)),
            Err(_) => Err(Error::value_error("Port out of range 0-65535")),
        }
    }

    /// The URL that has these parts: `geturl`.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text.push_str(&format!("{}:", self.scheme));
        }
        if !self.netloc.is_empty() {
            text.push_str(&format!("//{}", self.netloc));
            if !self.path.is_empty() && !self.path.starts_with('/') {
                text.push('/');
            }
        } else if self.path.starts_with("//") {
            text.push_str("//");
        }
        text.push_str(&self.path);
        for (mark, part) in [(';', &self.params), ('?', &self.query), ('#', &self.fragment)] {
            if !part.is_empty() {
                text.push(mark);
                text.push_str(part);
            }
        }
        text
    }
}

fn split_scheme(url: &str) -> (&str, &str) {
    let good = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    match url.split_once(':') {
        Some((scheme, rest))
            if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(good) =>
        {
            (scheme, rest)
        }
        _ => ("", url),
    }
}

/// Percent-encodes all bytes but letters, digits, `_.-~` and those of `safe`: `urllib.parse.quote`.
pub fn quote(text: &str, safe: &str) -> String {
    quote_bytes(text.as_bytes(), safe)
}

pub(super) fn quote_bytes(bytes: &[u8], safe: &str) -> String {
    let mut out = String::new();
    for &byte in bytes {
        let plain = byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte);
        if plain || (byte.is_ascii() && safe.contains(char::from(byte))) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The opposite of [`quote`]; bytes that are no UTF-8 become the sign of a faulty character.
pub(super) fn unquote(text: &str) -> String {
    let mut out = String::new();
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        if !before.is_empty() {
            out.push_str(&String::from_utf8_lossy(&std::mem::take(&mut bytes)));
            out.push_str(before);
        }
        let digits = from.get(1..3).filter(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &from[3..];
            }
            None => {
                out.push_str(&String::from_utf8_lossy(&std::mem::take(&mut bytes)));
                out.push('%');
                rest = &from[1..];
            }
        }
    }
    out.push_str(&String::from_utf8_lossy(&bytes));
    out.push_str(rest);
    out
}
