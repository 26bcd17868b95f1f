//! Debian's "name: value" stanzas, without copying.

/// The stanzas of `text`, which blank lines separate.
pub(crate) fn stanzas(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(['\n', '\r']);
        if rest.is_empty() {
            return None;
        }
        let (stanza, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
        rest = after;
        Some(stanza)
    })
}

/// The fields of a stanza; a value keeps its continuation lines, `\n` included.
pub(crate) fn fields(stanza: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = stanza;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = field_end(rest);
            let field = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            if let Some((name, value)) = field.split_once(':') {
                return Some((name, value.trim()));
            }
        }
        None
    })
}

/// The value of one field, by name in any case.
pub(crate) fn field<'a>(stanza: &'a str, name: &str) -> Option<&'a str> {
    fields(stanza).find(|(seen, _)| seen.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Where the first field ends: at a newline that no continuation follows, or at the end.
fn field_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = text[from..].find('\n').map(|at| from + at) {
        if !matches!(bytes.get(at + 1), Some(b' ' | b'\t')) {
            return at;
        }
        from = at + 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_and_fields_are_found() {
        let text = "\nPackage: a\nDepends: b,\n c\n\n\nPackage: d\nnonsense\nDescription: e: f\n";
        let seen: Vec<Vec<_>> = stanzas(text).map(|stanza| fields(stanza).collect()).collect();
        let wished = vec![
            vec![("Package", "a"), ("Depends", "b,\n c")],
            vec![("Package", "d"), ("Description", "e: f")],
        ];
        assert_eq!(seen, wished);
        assert_eq!(field("package: x", "Package"), Some("x"));
        assert_eq!(field("package: x", "Version"), None);
    }
}
