//! From a value to its document.

use std::fmt::Write as _;

use super::Value;

/// The document of a value.
pub(crate) fn encode(value: &Value<'_>) -> String {
    let mut encoder = Encoder { out: String::with_capacity(256), last_id: 1 };
    encoder.out.push_str("<marshal>");
    encoder.value(value);
    encoder.out.push_str("</marshal>");
    encoder.out
}

struct Encoder {
    out: String,
    /// Containers are numbered; the reference begins with 2.
    last_id: u32,
}

impl Encoder {
    fn value(&mut self, value: &Value<'_>) {
        match value {
            Value::None => self.out.push_str("<none/>"),
            Value::Bool(yes) => self.plain("bool", u8::from(*yes)),
            Value::Int(number) => self.plain("int", number),
            Value::Float(number) => self.plain("float", format_args!("{number:?}")),
            Value::Text(text) => {
                self.out.push_str("<string>");
                escape_twice(&mut self.out, text);
                self.out.push_str("</string>");
            }
            Value::List(items) => {
                let id = self.next_id();
                self.push(format_args!("<list id=\"i{id}\">"));
                items.iter().for_each(|item| self.value(item));
                self.out.push_str("</list>");
            }
            Value::Tuple(items) => {
                self.out.push_str("<tuple>");
                items.iter().for_each(|item| self.value(item));
                self.out.push_str("</tuple>");
            }
            Value::Dict(entries) => {
                let id = self.next_id();
                self.push(format_args!("<dictionary id=\"i{id}\">"));
                for (key, value) in entries {
                    self.value(key);
                    self.value(value);
                }
                self.out.push_str("</dictionary>");
            }
            Value::Object { class, arguments, state } => {
                let id = self.next_id();
                self.push(format_args!(
                    "<object id=\"i{id}\" module=\"slapos.slap.slap\" class=\"{class}\">"
                ));
                self.value(arguments);
                self.value(state);
                self.out.push_str("</object>");
            }
        }
    }

    fn plain(&mut self, tag: &str, value: impl std::fmt::Display) {
        self.push(format_args!("<{tag}>{value}</{tag}>"));
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("a string takes everything");
    }

    fn next_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }
}

/// Both escapes in one go.
fn escape_twice(out: &mut String, text: &str) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'&' => "&amp;amp;",
            b'<' => "&amp;lt;",
            b'>' => "&amp;gt;",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        out.push_str(escaped);
        from = at + 1;
    }
    out.push_str(&text[from..]);
}
