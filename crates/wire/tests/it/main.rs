//! The classic protocol against recorded traffic of the Python client and vectors of its library.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod authorization;
mod call;
mod document;
mod fixtures;
mod instance_xml;
mod marshal;
mod random;
mod refused;
mod usage;
