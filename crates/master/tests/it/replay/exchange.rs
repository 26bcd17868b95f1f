//! Recorded exchanges, and how they are sent again.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

/// One call with its answer.
#[derive(Debug, Deserialize)]
pub(super) struct Exchange {
    pub(super) name: String,
    pub(super) request: Request,
    pub(super) response: Response,
}

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Response {
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Exchange {
    /// Its place in the order of recording.
    pub(super) fn number(&self) -> u16 {
        self.name[..3].parse().unwrap()
    }
}

impl Request {
    /// Names another address in place of one of the recording.
    pub(super) fn readdress(&mut self, recorded: &str, ours: &str) {
        let encoded =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        self.body = self.body.replace(&encoded(recorded), &encoded(ours));
        self.query = self.query.replace(&encoded(recorded), &encoded(ours));
    }

    /// The values of a field of the query, which may be there more than once.
    pub(super) fn fields(&self, name: &str) -> Vec<String> {
        let fields = form_urlencoded::parse(self.query.as_bytes());
        fields.filter(|(key, _)| key == name).map(|(_, text)| text.into_owned()).collect()
    }
}

/// A call with a form, which was not recorded.
pub(super) fn call(endpoint: &str, fields: &[(&str, &str)]) -> Request {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Request {
        method: "POST".into(),
        path: format!("/{endpoint}"),
        query: String::new(),
        headers: BTreeMap::new(),
        body,
    }
}

/// The exchanges of these files, in the order of recording.
pub(super) fn exchanges(files: &[&str]) -> Vec<Exchange> {
    let mut all: Vec<Exchange> = Vec::new();
    for file in files {
        let path = format!("{}/../wire/tests/fixtures/{file}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).expect(&path);
        all.extend(serde_json::from_str::<Vec<_>>(&text).expect(&path));
    }
    all.sort_by_key(Exchange::number);
    follow_redirects(all)
}

/// Clients follow redirects to documents: what they got there is the answer.
fn follow_redirects(exchanges: Vec<Exchange>) -> Vec<Exchange> {
    let mut followed: Vec<Exchange> = Vec::new();
    for exchange in exchanges {
        match followed.last_mut() {
            Some(last)
                if last.response.status == 302
                    && last.response.headers.get("Location") == Some(&exchange.request.path) =>
            {
                last.response = exchange.response;
            }
            _ => followed.push(exchange),
        }
    }
    followed
}

/// Sends a call as it was sent, and returns the answer. Redirects are not followed.
pub(super) fn send(url: &str, request: &Request) -> Response {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(60)))
        .proxy(None)
        .build();
    let mut call = ureq::http::Request::builder()
        .method(request.method.as_str())
        .uri(format!("{url}{}?{}", request.path, request.query));
    for (name, value) in &request.headers {
        call = call.header(name, value);
    }
    let agent = ureq::Agent::from(config);
    let answer = agent.run(call.body(request.body.clone()).unwrap()).unwrap();
    let (parts, mut body) = answer.into_parts();
    let headers = parts.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    Response {
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body: body.read_to_string().unwrap(),
    }
}
