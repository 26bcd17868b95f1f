//! Instances: each partition has a task that owns all that the node knows of it.

mod memory;
mod programs;
mod requests;
mod task;

pub(crate) use memory::{Evaluated, Memory, forget, path as memory_path, recall, remember};
pub(crate) use programs::list as list_programs;
pub use programs::service_name;
pub(crate) use requests::Requests;
pub(crate) use task::{Nudge, Partition, run};
