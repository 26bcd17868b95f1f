//! What goes over the wire, as types.
//!
//! Pure but for `client`, which holds the only input and output of this crate.

pub mod classic;
pub mod client;
pub mod instance_xml;
pub mod v1;
mod xml;

pub use xml::{BadXml, is_forbidden};
