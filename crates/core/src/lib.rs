//! The pure decisions of a SlapOS cloud: what exists, who may ask what, and what follows.
//!
//! Time, identity and names come in as values; what changes goes out as values. Nothing here
//! touches a clock, a disk, a socket or chance, and no result depends on the order of a hash map:
//! the same world and the same ask always give the same answer and the same writes.
//!
//! Start at [`decide::decide`]; what is known is [`world::World`].

pub mod actor;
pub mod allocate;
pub mod decide;
pub mod explain;
mod index;
pub mod names;
pub mod policy;
pub mod refusal;
mod settle;
pub mod world;
pub mod write;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;
