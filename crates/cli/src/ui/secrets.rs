//! What a terminal does not show unasked: values that look like secrets. Pure.

use serde_json::Value;

/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "(hidden)";

/// Parts of names whose values are secrets.
const PARTS: &[&str] =
    &["passw", "passphrase", "secret", "token", "credential", "privatekey", "apikey"];
/// Whole words of names whose values are secrets.
const WORDS: &[&str] = &["pass", "pwd", "pw", "key", "auth"];
/// A key with one of these words is for everybody.
const PUBLIC: &[&str] = &["public", "authorized"];

/// The value of `name` for a terminal: hidden if the name is that of a secret, else without the
/// password of a URL and the secrets of a JSON document.
pub(crate) fn conceal(name: &str, value: &str) -> String {
    if names_a_secret(name) {
        return HIDDEN.to_owned();
    }
    if let Ok(mut document) = serde_json::from_str::<Value>(value)
        && conceal_within(&mut document)
    {
        return document.to_string();
    }
    without_password(value).unwrap_or_else(|| value.to_owned())
}

fn names_a_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let words: Vec<_> = name.split(|letter: char| !letter.is_alphanumeric()).collect();
    let joined = words.concat();
    let any = |list: &[&str]| words.iter().any(|word| list.contains(word));
    PARTS.iter().any(|part| joined.contains(part)) || (any(WORDS) && !any(PUBLIC))
}

/// Hides the secrets of a JSON document; whether there were some.
fn conceal_within(document: &mut Value) -> bool {
    let mut found = false;
    match document {
        Value::Object(members) => {
            for (name, member) in members {
                if names_a_secret(name) {
                    *member = HIDDEN.into();
                    found = true;
                } else {
                    found |= conceal_within(member);
                }
            }
        }
        Value::Array(elements) => {
            for element in elements {
                found |= conceal_within(element);
            }
        }
        Value::String(text) => {
            if let Some(concealed) = without_password(text) {
                *text = concealed;
                found = true;
            }
        }
        _ => {}
    }
    found
}

/// `SCHEME://USER:PASSWORD@...` without the password; `None` when the text has none.
fn without_password(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (who, _) = rest[..end].rsplit_once('@')?;
    let (user, _) = who.split_once(':')?;
    Some(format!("{scheme}://{user}:{HIDDEN}{}", &rest[who.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_hidden_and_nothing_else() {
        let table = [
            ("password", "x", HIDDEN),
            ("db-passwd", "x", HIDDEN),
            ("initialPassword", "x", HIDDEN),
            ("api_key", "x", HIDDEN),
            ("ssl-key", "x", HIDDEN),
            ("JOIN_TOKEN", "x", HIDDEN),
            ("client-secret", "x", HIDDEN),
            ("ssh-public-key", "ssh-ed25519 A", "ssh-ed25519 A"),
            ("keyboard", "de", "de"),
            ("compass", "north", "north"),
            ("host", "127.0.0.1", "127.0.0.1"),
            ("url", "http://host:80/a:b@c", "http://host:80/a:b@c"),
            ("url", "mysql://app:p@ss@h:3306/db", "mysql://app:(hidden)@h:3306/db"),
            ("_", r#"{"host": "h"}"#, r#"{"host": "h"}"#),
            ("_", r#"{"a":[{"password":"x"}]}"#, r#"{"a":[{"password":"(hidden)"}]}"#),
            ("_", r#"{"u":"http://a:b@h"}"#, r#"{"u":"http://a:(hidden)@h"}"#),
        ];
        for (name, value, shown) in table {
            assert_eq!(conceal(name, value), shown, "{name} = {value}");
        }
    }
}
