//! What is each run's own in an answer: named in place of its value, provided that the value has the right form.

/// What stands between two texts: its name, and whether it is one.
type Own = (&'static str, &'static str, &'static str, fn(&str) -> bool);

const OWN: [Own; 9] = [
    ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "(a certificate)", is_base64),
    ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "(a key)", is_base64),
    ("Serial Number: ", "\n", "(a number)", is_number),
    ("Serial Number: ", "\\n", "(a number)", is_number),
    ("<string>created_at</string><string>", "<", "(a time)", is_date),
    ("<string>since</string><string>", "<", "(a time)", is_date),
    ("\"created_at\":\"", "\"", "(a time)", is_date),
    ("\"since\":\"", "\"", "(a time)", is_date),
    ("<string>timestamp</string><int>", "<", "(a time)", is_number),
];

/// A text of ours without what is this run's own: times, numbers, keys and the address. Of a page for people, which
/// other tests look at, the headings remain.
pub(super) fn named(text: &str, url: &str) -> String {
    let mut text = text.replace(url, "(ours)");
    for (before, after, name, is_one) in OWN {
        text = replaced(&text, before, after, name, is_one);
    }
    match text.split_once("<!doctype html>") {
        Some((said, page)) => format!("{said}a page with {}", headings(page).join(", ")),
        None => without_identities(&text),
    }
}

fn replaced(text: &str, before: &str, after: &str, name: &str, is_one: fn(&str) -> bool) -> String {
    let mut parts = text.split(before);
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        made.push_str(before);
        match part.split_once(after) {
            Some((value, rest)) if is_one(value) => made.extend([name, after, rest]),
            _ => made.push_str(part),
        }
    }
    made
}

/// Instances are numbered by the revision that made them.
fn without_identities(text: &str) -> String {
    let mut parts = text.split("SOFTINST-");
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|it: char| it.is_ascii_digit());
        made.extend([
            if rest.len() < part.len() { "SOFTINST-(number)" } else { "SOFTINST-" },
            rest,
        ]);
    }
    made
}

fn headings(page: &str) -> Vec<String> {
    let inside = page.split("<h3>").skip(1).map(|rest| rest.split("</h3>").next().unwrap());
    let words = |heading: &str| {
        let parts = heading.split('<').map(|part| part.split_once('>').map_or(part, |it| it.1));
        parts.collect::<String>().trim().to_owned()
    };
    inside.map(words).collect()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

/// Lines of it, whose ends may be written as in a literal.
fn is_base64(text: &str) -> bool {
    let text = text.replace("\\n", "").replace('\n', "");
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"+/=".contains(&it);
    text.len() >= 64 && text.bytes().all(is_plain)
}

/// E.g. `Sat, 28 Nov 2026 06:17:51 GMT`.
fn is_date(text: &str) -> bool {
    let form = "Aaa, 00 Aaa 0000 00:00:00 GMT";
    let shape = |it: char| match it {
        '0'..='9' => '0',
        'A'..='Z' => 'A',
        'a'..='z' => 'a',
        other => other,
    };
    text.chars().map(shape).eq(form.chars().map(shape))
}
