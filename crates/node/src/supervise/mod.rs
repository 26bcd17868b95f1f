//! Keeps the processes of a computer running, apart from the agent.
//!
//! [`server`] is a small separate process, one per node. The agent, which may be restarted or
//! upgraded at any moment, tells it by [`client`] which programs a partition shall run; it starts,
//! watches, restarts and stops them. It knows nothing of masters, profiles or promises.
//!
//! ```text
//!            apply               spawned, recorded            stop, changed, vanished
//! (unknown) -------> starting -----------------> running ---------------------------> stopping -> gone
//!                       ^                           | exit
//!                       |   delay 0, 0.5 s .. 30 s  v
//!                       +------------------------ waiting      (kind once: finished)
//! ```
//!
//! # Invariants
//! - One supervisor per base directory (a lock), one process per program, one group per process.
//! - A process is recorded on disk before it may become the program; so a supervisor that was
//!   killed at any moment finds every process again, by number and start time.
//! - The set that shall run is durable before the request is answered, and runs again after boot
//!   without any master.
//! - Values of environments appear in the record files (mode 0600) only: no answer, event or log.
//!
//! Start at [`server::run`] and [`client::Client`].

mod backoff;
mod board;
pub mod client;
mod difference;
mod environment;
mod groups;
mod keep;
mod process;
pub mod protocol;
mod record;
pub mod server;

pub(crate) use backoff::STEADY_AFTER;
pub use client::{Client, ClientError, Events, ensure_running};
pub use environment::Environment;
pub use protocol::{Event, Exit, Kind, Program, ProgramState, ProgramStatus, Request, Response};
pub use server::{Error, SupervisorSettings, run};
