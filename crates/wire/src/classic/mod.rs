//! The classic protocol of SlapOS, which the Python `slapos.core` speaks: forms in, marshalled
//! XML out.
//!
//! Pure: bytes to types and back. The old words of the protocol (`computer_guid`,
//! `slave_reference`, ...) exist here only as keys on the wire.

pub mod authorization;
pub mod call;
pub mod document;
pub mod marshal;
mod read;
pub mod usage;
mod words;

pub use read::Misfit;
