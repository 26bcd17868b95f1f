//! What a plan does not show: secrets, for a plan is printed.

use super::plan::FileChange;
use super::secrets::{HIDDEN, Secrets};

/// Hides secrets in both texts of a file. The text of now may have another secret, which is not known: it stands where
/// the new one will.
pub(super) fn hide(change: &mut FileChange, secrets: &Secrets) {
    if let Some(after) = &mut change.after {
        secrets.hide(after);
    }
    if let Some(before) = &mut change.before {
        secrets.hide(before);
        let lines = change.after.iter().flat_map(|text| text.split('\n'));
        let around: Vec<(&str, &str)> = lines.filter_map(around).collect();
        let lines: Vec<String> = before
            .split('\n')
            .map(|line| match around.iter().find(|(head, tail)| is_between(line, head, tail)) {
                Some((head, tail)) => format!("{head}{HIDDEN}{tail}"),
                None => line.to_owned(),
            })
            .collect();
        *before = lines.join("\n");
    }
}

/// What stands before and after the secrets of a line, if it has any.
fn around(line: &str) -> Option<(&str, &str)> {
    let (head, rest) = line.split_once(HIDDEN)?;
    Some((head, rest.rsplit_once(HIDDEN).map_or(rest, |(_, tail)| tail)))
}

/// Whether a line is one of those with something else in between. That alone makes no line one.
fn is_between(line: &str, head: &str, tail: &str) -> bool {
    head.len() + tail.len() > 0
        && line
            .strip_prefix(head)
            .is_some_and(|rest| rest.len() > tail.len() && rest.ends_with(tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_earlier_secrets_are_hidden() {
        let table = [
            ("user a\npass = old1!\n", "user b\npass = new22!\n", "user a\npass = (hidden)!\n"),
            ("pass = new22!", "pass = new22!", "pass = (hidden)!"),
            ("new22 and other", "none", "(hidden) and other"),
            ("other", "new22", "other"),
        ];
        let secrets = Secrets::of(vec!["new22".to_owned(), "new22-longer".to_owned()]);
        for (before, after, expected) in table {
            let (before, after) = (Some(before.to_owned()), Some(after.to_owned()));
            let mut change = FileChange { path: "/f".into(), before, after };
            hide(&mut change, &secrets);
            assert_eq!(change.before.as_deref(), Some(expected));
            assert!(!change.after.unwrap().contains("new22"));
        }
    }
}
