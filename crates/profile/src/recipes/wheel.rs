//! Parts that wheels of PyPI take the place of whose programs are no Python: unpacked into a folder of their own by pip,
//! with the node's Python.

use std::process::Command;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::Recipe;
use super::made::{self, Made};
use crate::engine::{Scope, Stop, Teller};
use crate::error::{Code, Error, Result};
use crate::files::{self, Keep, Mode};
use crate::job::Supply;
use crate::process;
use crate::supply::Pin;

/// The longest that one step may take.
const LIMIT: Duration = Duration::from_secs(1800);

/// A part that is a folder with what is in these wheels.
pub(super) fn unpacked(
    scope: &mut Scope<'_, '_>,
    pins: &'static [Pin],
    folder: Utf8PathBuf,
) -> Result<Box<dyn Recipe>, Stop> {
    let supply = made::supply(scope, "wheels")?.clone();
    let Some(python) = scope.job().python.clone() else {
        let fault =
            scope.fault("recipe", Code::Unsupported, "wheels need Python, and this node has none");
        return Err(fault.with_hint("install python3 and python3-venv, or set `python`").into());
    };
    Ok(Made::boxed(folder.clone(), move |teller| unpack(pins, &python, &supply, &folder, teller)))
}

/// Makes the folder.
pub(super) fn unpack(
    pins: &[Pin],
    python: &Utf8Path,
    supply: &Supply,
    folder: &Utf8Path,
    teller: &mut Teller<'_>,
) -> Result<()> {
    let workshop = made::workshop(folder); // with a pip: not every Python has one
    teller.step("get pip", 0, 0);
    run(Command::new(python).args(["-m", "venv", "--clear", workshop.as_str()]), teller)?;
    let line = |pin: &Pin| format!("{}=={} --hash=sha256:{}\n", pin.name, pin.version, pin.hash);
    let list = workshop.join("wheels.txt");
    let text: String = pins.iter().map(line).collect();
    files::put(&list, text.as_bytes(), Mode::Plain, Keep::Renewable)?;
    teller.step("install wheels", 0, 0);
    let mut pip = Command::new(workshop.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    pip.args(["--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile"]);
    pip.args(["--cache-dir", supply.cache.join("pip").as_str(), "-r", list.as_str()]);
    pip.args(["--upgrade", "--target", folder.as_str()]); // over what an interrupted step has left
    pip.args(process::authorities().into_iter().flat_map(|file| ["--cert", file]));
    run(&mut pip, teller)
}

fn run(command: &mut Command, teller: &mut Teller<'_>) -> Result<()> {
    let ended = process::run(command, LIMIT, teller);
    let ended = ended.map_err(|source| Error::io("run", "Python", &source))?;
    ended.insist("pip").map_err(|error| {
        error.with_hint(
            "the node's Python needs `venv` (Debian: python3-venv) and reaches the index that pip is configured for",
        )
    })
}
