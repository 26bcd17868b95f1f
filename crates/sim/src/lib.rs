//! Whole clouds under simulated time and faults: for development only.
//!
//! One master, three computers and two people live on one timeline. Everything by chance comes
//! from a seed, so that a run which fails can be run again exactly. What decides is real: the
//! master is [`slapos_core`], what a node hears is the document of [`slapos_master`], and each pass
//! over a partition is planned by [`slapos_node::plan`]. What only carries (network, disk, files,
//! processes, profiles) is modelled here, and can be made to fail: messages are lost, doubled, late
//! and out of order, links are cut, the master dies with a torn end of its journal, its disk fails a
//! sync, another master takes over while it still writes, agents and whole computers die, clocks jump.
//!
//! After every event [`invariants`] are looked at; when the faults are over, the cloud must come to
//! rest with everything as it was wished. That real disks and processes behave as the models is
//! shown elsewhere, by killing real ones.
//!
//! Start at [`run`].

mod cloud;
mod invariants;
mod master;
mod network;
mod node;
mod person;

pub use self::{
    cloud::{Story, run},
    invariants::Violation,
};

/// A defect that a run can be given, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// The master answers before its answer is durable.
    AnswerEarly,
    /// A node says that an instance is gone, and empties the partition afterwards.
    ReportBeforeWipe,
    /// The master answers a watch without what changed.
    ForgetNews,
    /// A master that was taken over goes on writing (rule R1 of the store).
    WriteWhenDeposed,
    /// After a sync that failed, the master takes the next one for the truth (R5).
    GoOnAfterFailedSync,
    /// A master reads the journal before it takes over, and not then (R6).
    ReadBeforeTakeover,
    /// The master calls it done when what shall be destroyed is not there (R8).
    CallAbsentDone,
}
