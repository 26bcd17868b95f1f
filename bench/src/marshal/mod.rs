//! The XML dialect in which Python values travel in the classic protocol.
//!
//! A document is `<marshal>VALUE</marshal>`. A value is one of `string`, `int`, `long`, `float`,
//! `bool`, `none`, `list`, `tuple`, `set`, `dictionary` (key, value, key, value…), `object`
//! (constructor's tuple, then its state) and `reference` (an earlier container, by its id). Text
//! is escaped twice: as a value, and once more as XML.

mod decode;
mod encode;

use std::borrow::Cow;

pub(crate) use self::{decode::decode, encode::encode};

/// A Python value, borrowing its texts from the document where it can.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Tuple(Vec<Self>),
    Dict(Vec<(Self, Self)>),
    Object { class: Cow<'a, str>, arguments: Box<Self>, state: Box<Self> },
}

impl<'a> Value<'a> {
    /// A text.
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// A dictionary with texts as keys, in the order of the keys.
    pub(crate) fn dict(entries: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        Self::Dict(entries.into_iter().map(|(key, value)| (Self::text(key), value)).collect())
    }

    /// An object of the given class.
    pub(crate) fn object(class: &'a str, arguments: Vec<Self>, state: Self) -> Self {
        let arguments = Box::new(Self::Tuple(arguments));
        Self::Object { class: class.into(), arguments, state: Box::new(state) }
    }

    /// The text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// An attribute of an object, an entry of a dictionary.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object { state, .. } => state.get(key),
            Self::Dict(entries) => {
                entries.iter().find(|(k, _)| k.as_text() == Some(key)).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The same, when it is a text.
    pub(crate) fn get_text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Self::as_text)
    }

    /// The items of a list or a tuple, else none.
    pub(crate) fn items(&self) -> &[Self] {
        if let Self::List(items) | Self::Tuple(items) = self { items } else { &[] }
    }

    /// True for a dictionary that holds something.
    pub(crate) fn has_entries(&self) -> bool {
        matches!(self, Self::Dict(entries) if !entries.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let value = Value::dict([
            ("a", Value::text("<x> & \"y\" é &amp;")),
            (
                "b",
                Value::List(vec![
                    Value::Int(-3),
                    Value::Bool(true),
                    Value::None,
                    Value::Float(1.5),
                ]),
            ),
            ("c", Value::Tuple(vec![Value::text(""), Value::dict([("k", Value::text("v"))])])),
            (
                "o",
                Value::object(
                    "SoftwareRelease",
                    vec![],
                    Value::dict([("u", Value::text("http://x/?a&b"))]),
                ),
            ),
        ]);
        let document = encode(&value);
        assert!(document.contains("&amp;lt;x&amp;gt;"), "escaped twice: {document}");
        assert_eq!(decode(document.as_bytes()).unwrap(), value);
    }

    #[test]
    fn the_bytes_are_those_of_the_reference() {
        assert_eq!(
            encode(&Value::dict([("k", Value::text("v"))])),
            "<marshal><dictionary id=\"i2\"><string>k</string><string>v</string></dictionary></marshal>"
        );
    }

    #[test]
    fn a_reference_stands_for_an_earlier_container() {
        let document = b"<?xml version='1.0'?><marshal><list id=\"i2\"><dictionary id=\"i3\"/>\
            <reference id=\"i3\"/><string/></list></marshal>";
        assert_eq!(
            decode(document).unwrap(),
            Value::List(vec![Value::Dict(vec![]), Value::Dict(vec![]), Value::text("")])
        );
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for bad in [
            "",
            "done",
            "<marshal>",
            "<marshal/>",
            "<marshal><string>a</int></marshal>",
            "<marshal><foo/></marshal>",
            "<marshal><string>a</string></marshal>x",
            "<marshal><dictionary><string/></dictionary></marshal>",
            "<marshal><reference id=\"i7\"/></marshal>",
        ] {
            assert!(decode(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
