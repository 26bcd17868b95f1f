//! What every XML reader and writer of this crate shares: one strict event reader, and which
//! characters XML can hold.
//!
//! The reader refuses what is not well-formed, and also document types, unknown entities and what
//! is nested too deeply, so that no document costs more than its own length.

use std::borrow::Cow;

use quick_xml::{
    Reader as Events,
    events::{BytesStart, Event as Raw},
};

/// A document that cannot be read. It says where and why, and repeats none of its texts, which
/// may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: {cause}")]
pub struct BadXml {
    /// How far the reader was, in bytes from the beginning.
    pub at: usize,
    /// What is wrong there.
    pub cause: String,
}

/// Whether XML 1.0 has no way to hold this character.
pub fn is_forbidden(character: char) -> bool {
    matches!(character, '\0'..'\t' | '\x0b' | '\x0c' | '\x0e'..' ' | '\u{fffe}' | '\u{ffff}')
}

/// What a [`Reader`] meets.
pub(crate) enum Event<'a> {
    /// A start tag; an empty element is this and then [`Event::Close`].
    Open(Element<'a>),
    /// The end of the innermost open element.
    Close,
    /// A piece of text, all references resolved; several may follow each other.
    Text(Cow<'a, str>),
    /// The document is complete.
    End,
}

/// One start tag.
pub(crate) struct Element<'a>(BytesStart<'a>);

impl Element<'_> {
    /// The name, without its namespace's prefix.
    pub(crate) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// The value of one attribute, `None` when it is not there.
    pub(crate) fn attribute(&self, name: &str) -> Result<Option<String>, String> {
        for attribute in self.0.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            if attribute.key.local_name().into_inner() == name {
                let value = attribute
                    .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                    .map_err(|error| error.to_string())?;
                check_characters(&value)?;
                return Ok(Some(value.into_owned()));
            }
        }
        Ok(None)
    }
}

/// Reads one document, event by event.
pub(crate) struct Reader<'a> {
    events: Events<&'a [u8]>,
    open: usize,
    deepest: usize,
    had_root: bool,
}

impl<'a> Reader<'a> {
    /// A reader that refuses more than `deepest` elements inside each other.
    pub(crate) fn new(text: &'a str, deepest: usize) -> Self {
        let mut events = Events::from_str(text);
        events.config_mut().expand_empty_elements = true;
        Self { events, open: 0, deepest, had_root: false }
    }

    /// An error at the place where the reader is.
    pub(crate) fn bad(&self, cause: impl Into<String>) -> BadXml {
        let at = usize::try_from(self.events.buffer_position()).unwrap_or(usize::MAX);
        BadXml { at, cause: cause.into() }
    }

    /// The next event.
    ///
    /// # Errors
    /// When the document is not well-formed, or has what this reader refuses.
    pub(crate) fn next(&mut self) -> Result<Event<'a>, BadXml> {
        loop {
            let event = self.events.read_event();
            let text = match event.map_err(|error| self.bad(error.to_string()))? {
                Raw::Start(element) => return self.start(element).map(Event::Open),
                Raw::End(_) => {
                    self.open -= 1;
                    return Ok(Event::Close);
                }
                Raw::Eof if self.open > 0 => return Err(self.bad("the document is cut off")),
                Raw::Eof if !self.had_root => return Err(self.bad("there is no element")),
                Raw::Eof => return Ok(Event::End),
                Raw::DocType(_) => return Err(self.bad("a document type is not accepted")),
                Raw::Comment(_) | Raw::Decl(_) | Raw::PI(_) | Raw::Empty(_) => continue,
                Raw::Text(text) => text.xml10_content(),
                Raw::CData(text) => text.xml10_content(),
                Raw::GeneralRef(reference) => Cow::Owned(
                    resolve(&reference.into_inner()).map_err(|cause| self.bad(cause))?.to_string(),
                ),
            };
            check_characters(&text).map_err(|cause| self.bad(cause))?;
            if self.open > 0 {
                return Ok(Event::Text(text));
            }
            if !is_blank(&text) {
                return Err(self.bad("text outside of the document's element"));
            }
        }
    }

    fn start(&mut self, element: BytesStart<'a>) -> Result<Element<'a>, BadXml> {
        if self.open == 0 && self.had_root {
            return Err(self.bad("a second document follows the first"));
        }
        if self.open == self.deepest {
            let deepest = self.deepest;
            return Err(self.bad(format!("more than {deepest} elements inside each other")));
        }
        self.had_root = true;
        self.open += 1;
        Ok(Element(element))
    }
}

/// Whether a text is only what may stand between elements.
pub(crate) fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

/// The character that `&reference;` stands for.
fn resolve(reference: &str) -> Result<char, String> {
    let number = match reference.strip_prefix('#') {
        Some(number) => match number.strip_prefix('x') {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
            None => number.parse(),
        },
        None => {
            return match reference {
                "lt" => Ok('<'),
                "gt" => Ok('>'),
                "amp" => Ok('&'),
                "quot" => Ok('"'),
                "apos" => Ok('\''),
                _ => Err("a reference to an unknown entity".into()),
            };
        }
    };
    let character = number.ok().and_then(char::from_u32);
    character.ok_or_else(|| "a reference to a character that does not exist".into())
}

fn check_characters(text: &str) -> Result<(), String> {
    // nothing that is forbidden has only such bytes, of which one instruction looks at many
    if text.bytes().fold(true, |all, byte| all & (b' '..0xef).contains(&byte)) {
        return Ok(());
    }
    match text.chars().find(|character| is_forbidden(*character)) {
        Some(character) => {
            Err(format!("the character U+{:04X}, which XML forbids", character as u32))
        }
        None => Ok(()),
    }
}
