//! Integration tests of the templates.

#[cfg(test)]
mod builtins;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod generator;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod modules;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod real;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod render;
#[cfg(test)]
mod values;

#[path = "../../../../testing/skip.rs"]
mod skip;
