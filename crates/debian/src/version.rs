//! Debian's order of versions: `[epoch:]upstream[-revision]`.

use std::cmp::Ordering;

/// Compares two versions as Debian policy says; a tilde sorts before everything, even the end.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a_epoch, a_upstream, a_revision) = split(a);
    let (b_epoch, b_upstream, b_revision) = split(b);
    compare_numbers(a_epoch, b_epoch)
        .then_with(|| compare_part(a_upstream, b_upstream))
        .then_with(|| compare_part(a_revision, b_revision))
}

fn split(version: &str) -> (&str, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

/// Alternates between a part without digits and a number, until they differ.
fn compare_part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (a_text, a_rest) = a.split_at(a.find(|c: char| c.is_ascii_digit()).unwrap_or(a.len()));
        let (b_text, b_rest) = b.split_at(b.find(|c: char| c.is_ascii_digit()).unwrap_or(b.len()));
        let (a_number, a_rest) = a_rest.split_at(digits(a_rest));
        let (b_number, b_rest) = b_rest.split_at(digits(b_rest));
        let order = compare_text(a_text, b_text).then_with(|| compare_numbers(a_number, b_number));
        if order.is_ne() {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
    Ordering::Equal
}

fn digits(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())
}

/// Byte by byte: tilde, then the end, then letters, then all others.
fn compare_text(a: &str, b: &str) -> Ordering {
    let weight = |byte: Option<u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(letter),
        Some(other) => i32::from(other) + 256,
    };
    let longest = a.len().max(b.len());
    let at = |text: &str, i: usize| weight(text.as_bytes().get(i).copied());
    (0..longest)
        .map(|i| at(a, i).cmp(&at(b, i)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Numbers of any length, so that no version overflows.
fn compare_numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_policy_says() {
        let table = [
            ("1.0", Ordering::Equal, "1.0"),
            ("1.0", Ordering::Equal, "0:1.0"),
            ("1.0", Ordering::Equal, "1.0-0"),
            ("1.0", Ordering::Equal, "1.00"),
            ("1.9", Ordering::Less, "1.10"),
            ("1.0~rc1", Ordering::Less, "1.0"),
            ("1.0~~", Ordering::Less, "1.0~~a"),
            ("1.0~~a", Ordering::Less, "1.0~"),
            ("1.0", Ordering::Less, "1.0a"),
            ("1.0a", Ordering::Less, "1.0+"),
            ("1.0-1", Ordering::Less, "1.0-1+b1"),
            ("1.0-1", Ordering::Less, "1.0-1.1"),
            ("2.0", Ordering::Less, "1:0.1"),
            ("1.0-1", Ordering::Less, "1.0-2~bpo12+1"),
            ("1.0-2~bpo12+1", Ordering::Less, "1.0-2"),
            ("10.11.6-0+deb12u1", Ordering::Less, "1:10.11.6-0+deb12u1"),
            ("1.0-a-1", Ordering::Greater, "1.0-1"),
            ("0.0.20240101000000000000000001", Ordering::Less, "0.0.20240101000000000000000002"),
            ("", Ordering::Less, "1"),
        ];
        for (a, order, b) in table {
            assert_eq!(compare(a, b), order, "{a} ? {b}");
            assert_eq!(compare(b, a), order.reverse(), "{b} ? {a}");
        }
    }
}
