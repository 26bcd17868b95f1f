//! HATEOAS documents, compared by what the client reads of them (protocol, section 11). Addresses of
//! documents are each master's own: the client takes them from a search, and so does a replay.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slapos_wire::instance_xml;

use super::exchange::{Exchange, Response};

/// The addresses of a recording, and ours for the same things.
#[derive(Debug, Default)]
pub(super) struct Addresses(BTreeMap<String, String>);

impl Addresses {
    /// Asks for the things of a recorded call at our addresses.
    pub(super) fn readdress(&self, exchange: &mut Exchange) {
        for (recorded, ours) in &self.0 {
            exchange.request.readdress(recorded, ours);
        }
    }

    /// What a client would see otherwise.
    pub(super) fn differences(&mut self, recorded: &Exchange, ours: &Response) -> Vec<String> {
        if ours.status != recorded.response.status {
            return vec![format!("status {}: {}", ours.status, ours.body)];
        }
        let (Ok(told), Ok(found)) =
            (serde_json::from_str(&recorded.response.body), serde_json::from_str(&ours.body))
        else {
            return vec![format!("not JSON: {}", ours.body)];
        };
        let (told, found): (Value, Value) = (told, found);
        let (told, found) = match recorded.request.fields("mode").first().map(String::as_str) {
            None => (templates(&told), templates(&found)),
            Some("search") => {
                self.learn(&told, &found);
                let selected = recorded.request.fields("select_list").join(",");
                (rows(&told, &selected), rows(&found, &selected))
            }
            Some(_) => (fields(&told), fields(&found)),
        };
        if told == found { vec![] } else { vec![format!("{found}\nrecorded {told}")] }
    }

    fn learn(&mut self, told: &Value, found: &Value) {
        let rows = |it: &Value| it["_embedded"]["contents"].as_array().cloned().unwrap_or_default();
        for (told, found) in rows(told).iter().zip(rows(found)) {
            if let (Some(told), Some(found)) =
                (told["relative_url"].as_str(), found["relative_url"].as_str())
            {
                self.0.insert(told.to_owned(), found.to_owned());
            }
        }
    }
}

/// Which variables the links of the root document take, of those that the client gives.
fn templates(document: &Value) -> Value {
    let takes = |link: &str| {
        let href = document["_links"][link]["href"].as_str().unwrap_or_default();
        ["query", "select_list", "relative_url", "view"].map(|name| href.contains(name))
    };
    json!([takes("raw_search"), takes("traverse")])
}

/// What was selected of each row.
fn rows(document: &Value, selected: &str) -> Value {
    let own = |name: &&str| *name != "relative_url";
    let row = |row: &Value| -> Value {
        selected.split(',').filter(own).map(|name| row[name].clone()).collect()
    };
    let rows = document["_embedded"]["contents"].as_array().cloned().unwrap_or_default();
    let mut rows: Vec<_> = rows.iter().map(row).collect();
    rows.sort_by_key(Value::to_string); // the order says nothing
    rows.into()
}

/// The fields that the client shows.
fn fields(document: &Value) -> Value {
    let field =
        |name: &str| document["_embedded"]["_view"][format!("my_{name}")]["default"].clone();
    let texts = |value: Value| match value {
        Value::String(xml) => json!(instance_xml::decode(&xml).unwrap()),
        Value::Array(pairs) => {
            let pairs = pairs.iter().map(|pair| {
                let key = pair["connection_key"].as_str().unwrap().to_owned();
                (key, pair["connection_value"].clone())
            });
            pairs.collect::<serde_json::Map<_, _>>().into()
        }
        other => other,
    };
    let plain = ["url_string", "source_reference", "root_slave", "slap_state"].map(field);
    json!([plain, texts(field("connection_parameter_list")), texts(field("text_content")),])
}
