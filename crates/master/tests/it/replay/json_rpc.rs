//! Answers of the JSON-RPC face and entries of the networkcache, compared without what is each master's own: sentences for people,
//! times, and what the slapproxy does not keep or has twice.

use serde_json::Value;

use super::exchange::{Exchange, Response};

/// What a client would see otherwise.
pub(super) fn differences(recorded: &Exchange, ours: &Response) -> Vec<String> {
    let told = &recorded.response;
    if ours.status != told.status {
        return vec![format!("status {}, recorded {}: {}", ours.status, told.status, ours.body)];
    }
    let Ok(told) = serde_json::from_str(&told.body) else { return vec![] }; // HTML for people
    match serde_json::from_str(&ours.body) {
        Err(_) => vec![format!("not JSON: {}", ours.body)],
        Ok(found) => {
            let (told, found) = (plain(told), plain(found));
            if told == found { vec![] } else { vec![format!("{found}\nrecorded {told}")] }
        }
    }
}

fn plain(mut value: Value) -> Value {
    if let Some(list) = value.get_mut("result_list").and_then(Value::as_array_mut) {
        list.sort_by_key(Value::to_string);
        list.iter_mut().filter_map(Value::as_object_mut).for_each(|it| {
            it.remove("software_release_uri"); // not always told
        });
    }
    let Value::Object(members) = &mut value else { return value };
    let is_error = members.contains_key("status") && members.contains_key("type");
    let is_done = members.get("type").is_some_and(|it| it == "success");
    if is_error || is_done {
        members.remove("title");
    }
    if is_error {
        members.remove("type");
        members.remove("detail");
    }
    for own in ["processing_timestamp", "access_status_message", "sla_parameters", "full_ip_list"] {
        members.remove(own);
    }
    // of a shared instance not always told, else sometimes twice
    if let Some(list) = members.get_mut("ip_list").and_then(Value::as_array_mut) {
        list.sort_by_key(Value::to_string);
        list.dedup();
    }
    if members.get("shared").is_some_and(|it| it == true) {
        members.remove("ip_list");
    }
    value
}
