//! The master: keeps what exists, decides what is asked, tells who must hear of it.
//!
//! A request goes through once: `http` parses, [`service::Service`] decides with `slapos_core`
//! and waits until the [`store`] has made it durable, `hub` wakes whoever is concerned, `http`
//! renders. The policy is in `slapos_core`; here is only the shell around it.
//!
//! # Invariants
//! - Nothing leaves before the revision that it is based on is durable.
//! - No lock is held across input or output.
//! - A failed commit ends the process, and recovery is the normal start; only a full disk does not:
//!   then what is not durable is given up, and changes are refused until there is room.

mod authority;
mod clock;
mod data_dir;
pub mod documents;
mod forward;
pub mod http;
mod hub;
pub mod import;
mod live;
mod page;
mod release_root;
mod serve;
pub mod service;
pub mod store;
pub mod upkeep;

pub use self::{
    authority::Authority,
    forward::{BadOtherMaster, OtherMaster, OtherMasterSettings},
    http::{FaceSettings, NETWORKCACHE_KEYS, router},
    release_root::ReleaseRootError,
    serve::{Open, ServeError, ServeSettings, serve},
};
