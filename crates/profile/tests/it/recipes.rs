//! Each recipe: what it writes, what it offers to others, what it refuses.

mod files;
mod instance;
mod programs;
mod shared;
