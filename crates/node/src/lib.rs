//! The agent of one computer.
//!
//! It formats partitions, installs software releases, evaluates instance profiles, keeps
//! processes running and checks promises, always by the same three moves: observe, plan,
//! execute. It never decides what belongs on the computer (the master does) and never stops a
//! service because the master is away.
//!
//! Start at [`agent`].

pub mod agent;
mod calls;
mod clock;
mod confine;
pub mod evaluate;
mod execute;
pub mod files;
pub mod format;
pub mod instance;
mod job;
mod live;
pub mod log;
mod observe;
pub mod plan;
pub mod promise;
mod report;
pub mod sandbox;
pub mod settings;
mod software;
mod steady;
pub mod stop;
pub mod supervise;
pub mod sys;
#[cfg(test)]
#[path = "../../../testing/traced.rs"]
mod traced;
pub mod usage;
mod watch;
