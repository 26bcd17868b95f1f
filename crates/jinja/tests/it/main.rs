//! Integration tests of the templates.

mod values;
