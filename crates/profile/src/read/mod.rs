//! From the text of one file to its sections. Pure; does not follow `extends` and merges nothing.
//!
//! Start at [`lines::parse`]. The rules are those of zc.buildout, with places kept.

pub(crate) mod condition;
pub(crate) mod lines;
pub(crate) mod place;

pub(crate) use lines::{Change, Layer, NEEDS, parse};
pub(crate) use place::{Line, Raw, Source, Spot};
