//! Under which URL a caller sees this master. A server in front may take the calls, with TLS or
//! below a path; then it says so (`X-Forwarded-Proto`, `X-Forwarded-Prefix`).

use axum::http::{HeaderMap, header, request::Parts, uri::Authority};

/// The URL of this master as a caller wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenUrl {
    /// Whether the caller uses TLS.
    pub(super) https: bool,
    host: String,
    /// Empty, or with a slash at its beginning and none at its end.
    prefix: String,
}

impl SeenUrl {
    /// The URL of a call, whose path ends with `below` (no slash at its beginning); `None` when the
    /// caller says no host.
    pub(super) fn of(parts: &Parts, below: &str) -> Option<Self> {
        let told = |name: &str| first(&parts.headers, name);
        let host =
            told(header::HOST.as_str()).or_else(|| parts.uri.authority().map(Authority::as_str))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return None;
        }
        let path = parts.uri.path().strip_suffix(below).unwrap_or_default();
        let prefix = format!("{}{}", told("x-forwarded-prefix").unwrap_or_default(), path);
        Some(Self {
            https: told("x-forwarded-proto").is_some_and(|it| it.eq_ignore_ascii_case("https")),
            host: host.to_owned(),
            prefix: prefix.trim_end_matches('/').to_owned(),
        })
    }

    /// The URL of something that this master serves at a path, which begins with a slash.
    pub(super) fn join(&self, path: &str) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}{}{path}", self.host, self.prefix)
    }
}

/// The first of the texts in a header: the nearest server in front puts its own there.
fn first<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let text = headers.get(name)?.to_str().ok()?;
    text.split(',').next().map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn the_url_is_what_the_caller_wrote() {
        let proto = "x-forwarded-proto";
        let prefix = "x-forwarded-prefix";
        type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<&'a str>);
        let table: [Row<'_>; 8] = [
            ("/call", &[("host", "h:1")], Some("http://h:1/x")),
            ("/below/a/call", &[("host", "h")], Some("http://h/below/a/x")),
            ("/call", &[("host", "[::1]:5"), (proto, "https")], Some("https://[::1]:5/x")),
            ("/call", &[("host", "h"), (proto, "https, http")], Some("https://h/x")),
            ("/call", &[("host", "h"), (prefix, "/p/")], Some("http://h/p/x")),
            ("http://h:2/call", &[], Some("http://h:2/x")),
            ("/call", &[], None),
            ("/call", &[("host", "h\"><script>")], None),
        ];
        for (uri, headers, expected) in table {
            let mut request = Request::get(uri);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let parts = request.body(()).unwrap().into_parts().0;
            let found = SeenUrl::of(&parts, "call").map(|it| it.join("/x"));
            assert_eq!(found.as_deref(), expected, "{uri} {headers:?}");
        }
    }
}
