//! A Debian package and its closure: fetched, verified, unpacked and made relocatable.
//!
//! No root, no apt, no dpkg, no gpgv, no patchelf: the packages end in one directory (the *tree*),
//! whose programs run from there with their own loader and libraries.
//!
//! ```no_run
//! use slapos_debian::{Request, Settings, install};
//!
//! let request = Request::new(["hello"], "/srv/software/hello");
//! let settings = Settings::new("/srv/cache", std::time::SystemTime::now());
//! let installed = install(&request, &settings, &mut |_progress| ())?;
//! println!("{} packages in {}", installed.lock.debs.len(), installed.tree);
//! # Ok::<(), slapos_debian::Error>(())
//! ```
//!
//! The way of one installation, each file once: [`sources`] (whence) → [`index`] (what there is;
//! [`verify`] its signature) → [`resolve`] (which packages) → [`lock`] → [`fetch`] and [`cache`]
//! (the debs) → [`unpack`] → [`elf`] (programs find their own loader) → `install` renames the
//! finished tree into its place.
//!
//! # Never
//! - Runs a maintainer script, or any program at all.
//! - Reads the clock or the environment: both come in through [`Settings`].
//! - Touches package manager state of the host; its apt configuration is only read.
//!
//! # Invariants
//! - Nothing is unpacked whose SHA256 does not follow from a verified signature or from a lock.
//! - A tree under its final name is complete: it is built beside it and renamed.
//! - Same request, same index, same tree.

mod apt_conf;
mod build;
pub mod cache;
mod deb822;
pub mod elf;
mod error;
pub mod fetch;
mod forward;
pub mod index;
mod install;
pub mod lock;
mod names;
mod proxy;
mod relation;
mod release;
pub mod resolve;
mod settings;
pub mod sources;
mod tree;
pub mod unpack;
pub mod verify;
pub mod version;

pub use error::{Error, Ways};
pub use install::{Installed, Origin, Progress, install};
pub use lock::Lock;
pub use proxy::ProxyEnvironment;
pub use settings::{DEFAULT_STUBS, Limits, Mirror, Request, Settings};
