//! What goes over the wire, as types.
//!
//! Pure but for `client`, which holds the only input and output of this crate.

pub mod client;
pub mod v1;
