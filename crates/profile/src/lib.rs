//! The SlapOS profile language: reader, engine, recipes.
//!
//! A profile is sections of options that refer to each other; sections with a `recipe` are parts. [`run`] evaluates
//! one profile and lays out one directory: a release from a `software.cfg`, or a partition from an `instance.cfg`.
//! [`plan`] tells what that would do, [`check`] tells all faults without effects, [`annotate`] what was read.
//!
//! ```text
//! text ─▶ extends ─▶ read ─▶ merge ─▶ section ─▶ engine ─▶ recipes ─▶ files
//!         which      lines,  = += -=  macros     values,   one file
//!         files      places                      order,    each
//!                                                waiting
//! ```
//!
//! Whatever lies outside of the directory goes through [`Host`]: fetching a URL, requesting an instance, telling
//! progress. Publishing is no effect: the [`Outcome`] carries what is to be published.
//!
//! # Never
//! - Prints, reads settings or environment, looks at the clock.
//! - Removes anything outside of the directory, or anything that no part recorded.
//! - Lets a secret (a generated password, a connection value) into state or messages.

mod annotate;
mod cargo;
mod eggs;
mod engine;
pub mod environment;
mod error;
mod extends;
mod files;
mod host;
mod job;
mod location;
mod merge;
mod outcome;
mod process;
mod python;
mod read;
mod recipe_host;
mod recipes;
pub mod schema;
mod section;
mod supply;
mod value;

pub use annotate::{Annotated, AnnotatedOption, annotate};
pub use eggs::{Eggs, OtherVersion};
pub use engine::{
    Checked, CheckedPart, FileChange, Intent, Means, Plan, Step, check, plan, run, template_of,
};
pub use error::{Code, Error, Fault, Place, Result};
pub use host::{Host, HostError, PartProgress, Progress, RequestAnswer, RequestAsk};
pub use job::{Facts, Job, Options, Purpose, Shared, Supply};
pub use outcome::{Action, Input, Look, Outcome, PartReport, Waiting, unchanged};
pub use supply::Origin;

/// Whether this program itself can install parts of a recipe, such as `slapos.cookbook:wrapper`.
pub fn is_native(recipe: &str) -> bool {
    recipes::find(recipe).is_some()
}
