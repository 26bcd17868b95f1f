//! Integration tests of the templates.

mod differential;
mod generator;
mod limits;
mod reference;
mod render;
mod values;
