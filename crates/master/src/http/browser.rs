//! Calls that a page of another site makes through somebody's browser. This master believes whoever
//! calls, and a browser calls for whatever page is open in it; so what browsers say of such a call
//! is looked at. Other programs say none of it.

use axum::http::{HeaderMap, Method, StatusCode, header, request::Request, uri::Authority};

/// How a browser says for which page it calls; a page cannot change it.
const SITE: &str = "sec-fetch-site";

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Foreign {
    /// It changes something, and is made for the page of another site.
    #[error("a page of another site called this master through a browser")]
    Page,
    /// It calls a name that this master does not have.
    #[error("header Host: this master is not `{0}`")]
    Host(String),
}

impl Foreign {
    /// Stable machine-readable name.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Page => "foreign-page",
            Self::Host(_) => "unknown-host",
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Page => StatusCode::FORBIDDEN,
            Self::Host(_) => StatusCode::MISDIRECTED_REQUEST,
        }
    }

    /// What the caller can do.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Page => "use the command line, or a page that this master serves",
            Self::Host(_) => "call it by its address, or start it with --host NAME",
        }
    }
}

/// Refuses a call that changes something for a page of another site.
pub(super) fn refuse_foreign<B>(request: &Request<B>) -> Result<(), Foreign> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(()); // the page of another site cannot read the answer
    }
    let headers = request.headers();
    let ours = match (text(headers, SITE), text(headers, header::ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = text(headers, header::HOST.as_str()).unwrap_or_default();
            origin.split_once("://").is_some_and(|(_, it)| it.eq_ignore_ascii_case(host))
        }
        (None, None) => true,
    };
    if ours { Ok(()) } else { Err(Foreign::Page) }
}

/// Refuses a call to a host that is neither this machine nor one of `hosts`: a page could have had
/// its own name lead here, and then read everything.
pub(super) fn refuse_unknown_host<B>(
    request: &Request<B>,
    hosts: &[String],
) -> Result<(), Foreign> {
    let said = text(request.headers(), header::HOST.as_str());
    let Some(said) = said.or_else(|| request.uri().authority().map(Authority::as_str)) else {
        return Ok(()); // browsers always say it
    };
    let known = said.parse::<Authority>().is_ok_and(|it| {
        is_this_machine(it.host()) || hosts.iter().any(|host| host.eq_ignore_ascii_case(it.host()))
    });
    if known { Ok(()) } else { Err(Foreign::Host(said.to_owned())) }
}

/// Names that lead to this machine whatever a name server says.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse::<std::net::IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().method(method).uri("/supplySupply");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn a_page_of_another_site_changes_nothing() {
        let host = ("host", "127.0.0.1:5000");
        type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], bool);
        let table: [Row<'_>; 9] = [
            ("POST", &[host], true),
            ("POST", &[host, ("sec-fetch-site", "same-origin")], true),
            ("POST", &[host, ("sec-fetch-site", "cross-site")], false),
            ("POST", &[host, ("sec-fetch-site", "same-site")], false),
            ("DELETE", &[host, ("sec-fetch-site", "cross-site")], false),
            ("POST", &[host, ("origin", "http://127.0.0.1:5000")], true),
            ("POST", &[host, ("origin", "http://evil.example")], false),
            ("POST", &[host, ("origin", "null")], false),
            ("GET", &[host, ("sec-fetch-site", "cross-site")], true),
        ];
        for (method, headers, allowed) in table {
            let found = refuse_foreign(&request(method, headers));
            assert_eq!(found.is_ok(), allowed, "{method} {headers:?}");
        }
    }

    #[test]
    fn only_this_machine_and_what_is_named_are_hosts() {
        let named = ["master.example.com".to_owned()];
        let table = [
            ("127.0.0.1:5000", true),
            ("[::1]:5000", true),
            ("localhost", true),
            ("Master.localhost:5000", true),
            ("MASTER.example.com:443", true),
            ("evil.example:5000", false),
            ("127.0.0.1.evil.example", false),
            ("not a host", false),
        ];
        for (host, allowed) in table {
            let found = refuse_unknown_host(&request("GET", &[("host", host)]), &named);
            assert_eq!(found.is_ok(), allowed, "{host}");
        }
        assert!(refuse_unknown_host(&request("GET", &[]), &named).is_ok());
    }
}
