//! Logs in to phpMyAdmin over HTTP as a browser would, with the published user, and looks for the
//! database in the list.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use slapos_wire::v1::Dictionary;

use crate::error::{Exit, Failure};

/// The largest page that is read, in bytes.
const PAGE_BYTES_MAX: u64 = 8 << 20;

/// How long a page may take to come up after a restart.
const COMING_UP: Duration = Duration::from_secs(60);

/// One visit: cookies are kept from page to page.
struct Visit {
    agent: ureq::Agent,
    base: String,
    cookies: BTreeMap<String, String>,
}

/// Logs in at `url` with `user` and `password` of the database's connection, and returns the names
/// of the databases that the page lists. Fails when the log-in does, or when `database` is not there.
pub(super) fn log_in(url: &str, connection: &Dictionary) -> Result<Vec<String>, Failure> {
    let value = |key: &str| {
        connection
            .get(key)
            .map(String::as_str)
            .ok_or_else(|| failed(format!("the database published no `{key}`")))
    };
    let (user, password, database) = (value("user")?, value("password")?, value("database")?);
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(30)))
        .build();
    let mut visit = Visit {
        agent: config.into(),
        base: url.trim_end_matches('/').to_owned(),
        cookies: BTreeMap::new(),
    };
    let (status, form) = visit.get("/")?;
    if status != 200 {
        return Err(failed(format!("{url} answers with status {status}")));
    }
    let token =
        field(&form, "token").ok_or_else(|| failed(format!("{url} shows no log-in form")))?;
    let session = field(&form, "set_session").unwrap_or_default();
    let fields = [
        ("pma_username", user),
        ("pma_password", password),
        ("server", "1"),
        ("token", &token),
        ("set_session", &session),
    ];
    let (status, _) = visit.post("/?route=/", &fields)?;
    if status != 302 {
        return Err(failed(format!(
            "log-in as `{user}` was refused: status {status} instead of 302"
        )));
    }
    let (status, page) = visit.get("/?route=/server/databases&server=1")?;
    let databases = listed(&page);
    if status != 200 || !databases.iter().any(|name| name == database) {
        return Err(failed(format!(
            "database `{database}` is not in the list (status {status}): {databases:?}"
        )));
    }
    Ok(databases)
}

/// Waits until `url` answers with status 200. After a restart the master remembers a page as
/// published that is just coming up again.
pub(super) fn await_page(url: &str) -> Result<(), Failure> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(5)))
        .build();
    let agent = ureq::Agent::from(config);
    let deadline = Instant::now() + COMING_UP;
    loop {
        let told = match agent.get(url).call() {
            Ok(response) if response.status() == 200 => return Ok(()),
            Ok(response) => format!("status {}", response.status()),
            Err(error) => error.to_string(),
        };
        if Instant::now() > deadline {
            return Err(failed(format!("{url} does not come up: {told}")));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn failed(message: String) -> Failure {
    Failure::new(Exit::Failed, message)
}

impl Visit {
    fn get(&mut self, path: &str) -> Result<(u16, String), Failure> {
        let request =
            self.agent.get(format!("{}{path}", self.base)).header("cookie", self.cookie_header());
        let response = request.call();
        self.read(path, response)
    }

    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<(u16, String), Failure> {
        let request =
            self.agent.post(format!("{}{path}", self.base)).header("cookie", self.cookie_header());
        let response = request.send_form(fields.iter().copied());
        self.read(path, response)
    }

    fn cookie_header(&self) -> String {
        self.cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ")
    }

    fn read(
        &mut self,
        path: &str,
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<(u16, String), Failure> {
        let no_answer = |error: ureq::Error| Failure {
            exit: Exit::Failed,
            chain: vec![format!("no answer from {}{path}", self.base), error.to_string()],
            hint: None,
        };
        let mut response = response.map_err(no_answer)?;
        let status = response.status().as_u16();
        for header in response.headers().get_all("set-cookie") {
            let cookie = header.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            if let Some((name, value)) = cookie.split_once('=') {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        let body = response.body_mut().with_config().limit(PAGE_BYTES_MAX).lossy_utf8(true);
        let text = body.read_to_string().map_err(no_answer)?;
        Ok((status, text))
    }
}

/// The value of the hidden field `name` of a form.
fn field(page: &str, name: &str) -> Option<String> {
    let tag = page.split("<input").find(|tag| tag.contains(&format!("name=\"{name}\"")))?;
    let value = tag.split_once("value=\"")?.1.split('"').next()?;
    Some(
        value
            .replace("&amp;", "&")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\""),
    )
}

/// Names of databases on phpMyAdmin's page of databases.
fn listed(page: &str) -> Vec<String> {
    page.split("data-filter-row=\"")
        .skip(1)
        .filter_map(|row| row.split('"').next())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_field_is_found_and_unescaped() {
        let page =
            r#"<form><input type="hidden" name="token" value="a&amp;b"><input name="x" value="1">"#;
        assert_eq!(field(page, "token").as_deref(), Some("a&b"));
        assert_eq!(field(page, "x").as_deref(), Some("1"));
        assert_eq!(field(page, "missing"), None);
    }

    #[test]
    fn databases_are_read_from_the_rows_of_the_list() {
        let page = r#"<tr class="db-row" data-filter-row="APP"><td>x</td></tr><tr data-filter-row="TEST">"#;
        assert_eq!(listed(page), ["app", "test"]);
    }
}
