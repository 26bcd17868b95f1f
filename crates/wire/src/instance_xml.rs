//! Parameters and connections as the small XML documents in which masters keep them.
//!
//! `<instance>` holds one `<parameter id="...">` for each text. An empty text reads back as
//! nothing there; here both are the empty text.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    classic::marshal::Unwritable,
    xml::{BadXml, Event, Reader, is_forbidden},
};

/// The deepest nesting that is read; the format itself needs two.
const DEEPEST: usize = 64;

/// The document of these texts, in order of name.
///
/// # Errors
/// When a text has a character that XML cannot hold.
pub fn encode(texts: &BTreeMap<String, String>) -> Result<String, Unwritable> {
    let mut out = String::from("<?xml version='1.0' encoding='utf-8'?>\n");
    if texts.is_empty() {
        out.push_str("<instance/>\n");
        return Ok(out);
    }
    out.push_str("<instance>\n");
    for (name, text) in texts {
        out.push_str("  <parameter id=\"");
        escape(&mut out, name, true)?;
        out.push_str("\">");
        escape(&mut out, text, false)?;
        out.push_str("</parameter>\n");
    }
    out.push_str("</instance>\n");
    Ok(out)
}

/// The texts of a document; an empty one has none. A name that comes twice has both its texts,
/// with a blank between them. What is not a parameter is passed over.
///
/// # Errors
/// When the document is not well-formed, or a parameter has no name.
pub fn decode(text: &str) -> Result<BTreeMap<String, String>, BadXml> {
    let mut texts = BTreeMap::<String, String>::new();
    if text.is_empty() {
        return Ok(texts);
    }
    let mut reader = Reader::new(text, DEEPEST);
    let mut depth = 0;
    // The parameter that is open, and its text up to the first element in it.
    let mut parameter: Option<(String, String)> = None;
    let mut had_element = false;
    loop {
        match reader.next()? {
            Event::Open(element) => {
                depth += 1;
                had_element = depth > 2;
                if depth == 2 && element.name() == "parameter" {
                    let id = element.attribute("id").map_err(|cause| reader.bad(cause))?;
                    let id = id.ok_or_else(|| reader.bad("a parameter without `id`"))?;
                    parameter = Some((id, String::new()));
                }
            }
            Event::Text(piece) => {
                if let Some((_, text)) = parameter.as_mut().filter(|_| !had_element) {
                    text.push_str(&piece);
                }
            }
            Event::Close => {
                depth -= 1;
                if depth == 1
                    && let Some((name, text)) = parameter.take()
                {
                    texts
                        .entry(name)
                        .and_modify(|all| {
                            all.push(' ');
                            all.push_str(&text);
                        })
                        .or_insert(text);
                }
            }
            Event::End => return Ok(texts),
        }
    }
}

fn escape(out: &mut String, text: &str, is_attribute: bool) -> Result<(), Unwritable> {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if is_attribute => out.push_str("&quot;"),
            '\t' | '\n' if is_attribute => reference(out, character),
            '\r' => reference(out, character),
            _ if is_forbidden(character) => return Err(Unwritable(character)),
            _ => out.push(character),
        }
    }
    Ok(())
}

fn reference(out: &mut String, character: char) {
    write!(out, "&#{};", character as u32).expect("a text takes everything");
}
