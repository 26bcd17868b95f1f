//! Parts that programs of crates.io take the place of: a tree of Debian packages with what such programs run with, and in
//! its `usr/bin` the programs, which cargo builds.
//!
//! Cargo and a C compiler come from Debian too, into a workshop beside the tree, which is removed when all is built.
//! Nothing of the host is needed.

use camino::{Utf8Path, Utf8PathBuf};
use slapos_debian::{Request, Settings};

use super::Recipe;
use super::debian::{debian_error, settings, unpack};
use super::made::{self, Made};
use crate::cargo::Tools;
use crate::engine::{Scope, Stop, Teller};
use crate::error::Result;
use crate::job::Supply;
use crate::supply::Pin;

/// Libraries of every program of Rust.
const LIBRARIES: [&str; 2] = ["libc6", "libgcc-s1"];
/// For the parts of crates that are C, and to link.
const COMPILER: [&str; 2] = ["gcc", "libc6-dev"];

/// A part that is the programs of these crates, in the tree.
pub(super) fn programs(
    scope: &mut Scope<'_, '_>,
    pins: &'static [Pin],
    tree: Utf8PathBuf,
) -> Result<Box<dyn Recipe>, Stop> {
    let supply = made::supply(scope, "crates")?.clone();
    let settings = settings(&supply).map_err(|error| debian_error(&error))?;
    Ok(Made::boxed(tree.clone(), move |teller| build(pins, &tree, &supply, &settings, teller)))
}

fn build(
    pins: &[Pin],
    tree: &Utf8Path,
    supply: &Supply,
    settings: &Settings,
    teller: &mut Teller<'_>,
) -> Result<()> {
    let request = Request::new(LIBRARIES, tree);
    unpack(&request, settings, teller).map_err(|error| debian_error(&error))?;
    let workshop = made::workshop(tree);
    let (tools, target) = (workshop.join("tools"), workshop.join("target"));
    self::tools(&tools, settings, teller)?;
    let tools = Tools::of_debian(&tools, tree)?.with(supply.proxies());
    let home = supply.cache.join("cargo");
    for pin in pins {
        tools.install(pin, &home, &target, &tree.join("usr"), teller)?;
    }
    Ok(())
}

/// Makes the tree of tools, with the newest cargo that there is: Debian has one under another name, for its browsers.
fn tools(tree: &Utf8Path, settings: &Settings, teller: &mut Teller<'_>) -> Result<()> {
    let with = |cargo| Request::new(COMPILER.into_iter().chain([cargo]), tree);
    let made = match unpack(&with("cargo-web"), settings, teller) {
        Err(slapos_debian::Error::Unresolved { .. }) => unpack(&with("cargo"), settings, teller),
        made => made,
    };
    made.map_err(|error| debian_error(&error))
}
