//! Texts that are handed on to old clients, which read them as XML.

use slapos_core::world::Dictionary;
use slapos_wire::is_forbidden;

/// A text holds a character that XML has no way to write. The text itself may be secret.
#[derive(Debug, thiserror::Error)]
#[error("{field}.{} holds U+{:04X}, which XML cannot hold", name.escape_debug(), u32::from(*character))]
pub(crate) struct Unwritable {
    field: &'static str,
    name: String,
    character: char,
}

impl Unwritable {
    /// What the asker can do.
    pub(crate) const HINT: &str = "old clients read it as XML: encode it, e.g. as base64 or JSON";
}

/// Refuses texts that old clients could not be told.
pub(super) fn check(field: &'static str, texts: &Dictionary) -> Result<(), Unwritable> {
    for (name, text) in texts {
        if let Some(character) = name.chars().chain(text.chars()).find(|c| is_forbidden(*c)) {
            let name = name.chars().take(80).collect();
            return Err(Unwritable { field, name, character });
        }
    }
    Ok(())
}

/// A text for people with what XML cannot hold replaced, e.g. the colours of an error's output.
pub(super) fn writable(text: &str) -> String {
    text.replace(is_forbidden, "\u{fffd}")
}
