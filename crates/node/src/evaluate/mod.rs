//! Evaluates one profile in a process of its own, which runs as the partition's user.
//!
//! ```text
//!  agent (parent.rs)                        child (child.rs, `slapos node evaluate`)
//!    Job            ───────────────────▶      profile engine runs
//!                   ◀───────────────────      Request, Environment, Progress ...
//!    Answer, Made   ───────────────────▶
//!                   ◀───────────────────      Done or Failed, then it ends
//! ```
//!
//! The agent never evaluates a profile itself: see `docs/decisions/0001-evaluation-in-a-child.md`.

mod child;
mod fetch;
mod layout;
mod parent;
mod protocol;

pub use child::child_main;
pub use fetch::fetch;
pub(crate) use parent::{Serve, evaluate};
