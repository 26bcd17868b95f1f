//! Usage reports: XML documents that masters keep as they are.

use crate::xml::{BadXml, Event, Reader};

/// The deepest nesting that is read; the formats need five.
const DEEPEST: usize = 64;

/// The two formats of usage reports, told apart by their outermost element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was used on a computer: `journal`. Masters receive this one.
    Computer,
    /// What one instance used: `consumption`. It stays on the node, which makes journals of it.
    Instance,
}

/// The kind of a report. Only that it is well-formed and what its outermost element is are
/// looked at; what is in it is not.
///
/// # Errors
/// When it is not well-formed, or is something else.
pub fn kind(report: &str) -> Result<Kind, BadXml> {
    let mut reader = Reader::new(report, DEEPEST);
    let mut kind = None;
    loop {
        match (reader.next()?, kind) {
            (Event::Open(element), None) => match element.name() {
                "journal" => kind = Some(Kind::Computer),
                "consumption" => kind = Some(Kind::Instance),
                _ => return Err(reader.bad("neither a `journal` nor a `consumption`")),
            },
            (Event::End, Some(kind)) => return Ok(kind),
            _ => {}
        }
    }
}
