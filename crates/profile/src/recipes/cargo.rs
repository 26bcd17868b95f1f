//! Parts that programs of crates.io take the place of: a tree of Debian packages with what such programs run with, and in
//! its `usr/bin` the programs, which cargo builds.
//!
//! Cargo and a C compiler come from Debian too, into a workshop beside the tree, which is removed when all is built.
//! Nothing of the host is needed.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use slapos_debian::{Request, Settings};

use super::Recipe;
use super::debian::{debian_error, settings, unpack};
use crate::cargo::Tools;
use crate::engine::{Scope, Slow, Stop, Teller, Work};
use crate::error::{Code, Error, Result};
use crate::job::{Purpose, Supply};
use crate::supply::Pin;

/// Libraries of every program of Rust.
const LIBRARIES: [&str; 2] = ["libc6", "libgcc-s1"];
/// For the parts of crates that are C, and to link.
const COMPILER: [&str; 2] = ["gcc", "libc6-dev"];

struct Built {
    pins: &'static [Pin],
    tree: Utf8PathBuf,
    supply: Supply,
    settings: Settings,
}

/// A part that is the programs of these crates, in the tree.
pub(super) fn programs(
    scope: &mut Scope<'_, '_>,
    pins: &'static [Pin],
    tree: Utf8PathBuf,
) -> Result<Box<dyn Recipe>, Stop> {
    let Purpose::Software(supply) = &scope.job().purpose else {
        let fault =
            scope.fault("recipe", Code::Unsupported, "crates can only be installed by a release");
        return Err(fault.with_hint("move this part into software.cfg").into());
    };
    let settings = settings(supply).map_err(|error| debian_error(&error))?;
    let names = pins.iter().map(|pin| format!("{}@{}", pin.name, pin.version));
    // Other versions are another part.
    scope.set("crates", names.collect::<Vec<_>>().join(" "));
    Ok(Box::new(Built { pins, tree, supply: supply.clone(), settings }))
}

impl Recipe for Built {
    fn slow(&mut self, same: bool) -> Option<Slow> {
        if same {
            return None;
        }
        let workshop = Utf8PathBuf::from(format!("{}.workshop", self.tree));
        let (pins, tree) = (self.pins, self.tree.clone());
        let (supply, settings) = (self.supply.clone(), self.settings.clone());
        let owns = vec![tree.clone(), workshop.clone()];
        Some(Slow::new(owns, move |teller| {
            // What an interrupted step has left there is taken up.
            let built = build(pins, &tree, &workshop, &supply, &settings, teller);
            let removed = fs::remove_dir_all(&workshop);
            built?;
            removed.map_err(|source| Error::io("remove", &workshop, &source))
        }))
    }

    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.changed(&self.tree);
        work.record(&self.tree);
        Ok(())
    }

    fn update(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.keep();
        Ok(())
    }
}

fn build(
    pins: &[Pin],
    tree: &Utf8Path,
    workshop: &Utf8Path,
    supply: &Supply,
    settings: &Settings,
    teller: &mut Teller<'_>,
) -> Result<()> {
    let request = Request::new(LIBRARIES, tree);
    unpack(&request, settings, teller).map_err(|error| debian_error(&error))?;
    let (tools, target) = (workshop.join("tools"), workshop.join("target"));
    self::tools(&tools, settings, teller)?;
    let tools = Tools::of_debian(&tools, tree)?.with(proxies(supply));
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

fn proxies(supply: &Supply) -> impl Iterator<Item = (&'static str, String)> {
    let known = [
        ("http_proxy", &supply.http_proxy),
        ("https_proxy", &supply.https_proxy),
        ("no_proxy", &supply.no_proxy),
    ];
    known.map(|(name, proxy)| proxy.clone().map(|proxy| (name, proxy))).into_iter().flatten()
}
