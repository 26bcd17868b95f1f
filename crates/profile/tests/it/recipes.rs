//! Each recipe: what it writes, what it offers to others, what it refuses.

mod files;
mod hosted;
mod instance;
mod monitoring;
mod programs;
mod schema;
mod secrets;
mod shared;
mod small;
mod supplied;
