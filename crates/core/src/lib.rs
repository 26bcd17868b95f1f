//! The pure decisions of a SlapOS cloud.
pub mod names;
