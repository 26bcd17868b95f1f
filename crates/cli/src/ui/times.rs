//! Times, which documents of the wire hold as microseconds since 1970, as people and programs read
//! them.

use std::time::Duration;

use serde_json::Value;
use slapos_core::{explain::roughly, names::Timestamp};

/// The names of times in documents.
const TIMES: [&str; 5] = ["at", "changed_at", "created_at", "published_at", "seen_at"];

/// A document whose times are texts of RFC 3339, in UTC.
pub(super) fn readable(mut document: Value) -> Value {
    rewrite(&mut document);
    document
}

fn rewrite(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(rewrite),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_u64().map(Timestamp).and_then(moment) {
                    Some(time) if TIMES.contains(&name.as_str()) => {
                        *value = time.to_string().into();
                    }
                    _ => rewrite(value),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn moment(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(i64::try_from(at.0).ok()?).ok()
}

/// A time for a person, in UTC.
pub(crate) fn show_time(at: Timestamp) -> String {
    moment(at).map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// How long ago a time is, for a person.
pub(crate) fn ago(at: Timestamp) -> String {
    let past = moment(at).map(|time| jiff::Timestamp::now().duration_since(time));
    let past = past.and_then(|past| Duration::try_from(past).ok()).unwrap_or_default();
    if past < Duration::from_secs(2) { "now".into() } else { format!("{} ago", roughly(past)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_become_texts_wherever_they_are_and_nothing_else_does() {
        let document = json!([{
            "changed_at": 1_764_201_600_000_000_u64,
            "seen_at": null,
            "revision": 7,
            "parameters": {"at": "noon"},
            "change": {"at": 1_764_201_600_250_000_u64},
        }]);
        let expected = json!([{
            "changed_at": "2025-11-27T00:00:00Z",
            "seen_at": null,
            "revision": 7,
            "parameters": {"at": "noon"},
            "change": {"at": "2025-11-27T00:00:00.25Z"},
        }]);
        assert_eq!(readable(document), expected);
    }
}
