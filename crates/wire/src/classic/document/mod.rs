//! What masters answer, as typed documents, in the form of the production master.
//!
//! What is written has every attribute that the Python client may ask for. What is read may come
//! from a Python slapproxy, which leaves some of them out.

mod answer;
mod certificate;
mod computer;
mod instance;
mod lists;
mod partition;
mod status;

use super::{
    marshal::{Class, Object, Value, decode},
    read::Misfit,
};
use crate::xml::BadXml;

pub use answer::Answer;
pub use certificate::Certificate;
pub use computer::{Computer, Supply, encode_new_computer};
pub use instance::{Instance, SharedInstance};
pub use lists::{Address, Route, encode_addresses, encode_releases};
pub use partition::Partition;
pub use status::{Status, Subject, encode_no_status, http_date, no_status_to_json};

/// A master's answer that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDocument {
    /// It is not marshalled XML.
    #[error("the document is not marshalled XML")]
    Xml(#[from] BadXml),
    /// It is, but says something else than what was asked for.
    #[error("the document is not as expected")]
    Shape(#[from] Misfit),
}

/// The attributes of the one object of a document.
fn object_of(text: &str, class: Class) -> Result<Object, BadDocument> {
    Ok(object(decode(text)?, class)?)
}

fn object(value: Value, class: Class) -> Result<Object, Misfit> {
    match value {
        Value::Object(object) if object.class == class => Ok(*object),
        other => Err(Misfit::kind(&format!("an object `{}`", class.wire_name()), &other)),
    }
}
