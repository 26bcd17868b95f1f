//! The marshalled XML of the classic protocol: values, in both directions.
//!
//! Texts are escaped twice, dictionaries are sorted, containers are numbered, and everything is
//! ASCII; what we write is byte for byte what the Python library writes. What we read may be
//! written otherwise (pretty-printed, without numbers, escaped once) within [`Limits`].

mod decode;
mod encode;
mod python;
mod value;

pub use decode::{Limits, decode, decode_within};
pub use encode::{Members, Unwritable, Writer, document};
pub use value::{Class, Object, Value};

impl Value {
    /// The document that holds this value.
    ///
    /// # Errors
    /// When a text has a character that XML cannot hold.
    pub fn encode(&self) -> Result<String, Unwritable> {
        document(|writer| writer.value(self))
    }
}
