//! Programs of crates.io. It has only sources, so its own client builds them: cargo.
//!
//! A crate is pinned by version and checksum, and what it is made of by the `Cargo.lock` inside it. Nothing of it is
//! run, its build scripts included, before the checksum was compared.

use std::process::Command;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use slapos_debian::elf::Program;

use crate::engine::Teller;
use crate::error::{Code, Error, Result};
use crate::files;
use crate::process;
use crate::supply::Pin;

/// The longest that cargo may take for one crate.
const LIMIT: Duration = Duration::from_secs(3600);

/// Cargo, and what it needs to build.
#[derive(Debug)]
pub(crate) struct Tools {
    cargo: Utf8PathBuf,
    /// All of its environment.
    environment: Vec<(&'static str, String)>,
    limit: Duration,
}

impl Tools {
    /// Those of a tree of Debian packages. What they build, runs with the loader and libraries of another, `runtime`.
    pub(crate) fn of_debian(tools: &Utf8Path, runtime: &Utf8Path) -> Result<Self> {
        let cargo = tools.join("usr/bin/cargo");
        let program = Program::read(&files::read(&cargo)?).ok().flatten().ok_or_else(|| {
            Error::new(Code::Host, format!("{cargo} does not say where its libraries are"))
        })?;
        let there = |path: &str| path.replace(tools.as_str(), runtime.as_str());
        let (loader, libraries) = (there(&program.interpreter), there(&program.library_path));
        let flags = [
            format!("-Clinker={tools}/usr/bin/gcc"),
            format!("-Clink-arg=--sysroot={tools}"),
            format!("-Clink-arg=-Wl,--dynamic-linker={loader}"),
            format!("-Clink-arg=-Wl,--disable-new-dtags,-rpath,{libraries}"),
        ];
        let environment = vec![
            ("PATH", format!("{tools}/usr/bin")),
            ("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}")),
            ("CC", format!("{tools}/usr/bin/gcc")),
            ("CFLAGS", format!("--sysroot={tools}")),
        ];
        Ok(Self { cargo, environment, limit: LIMIT })
    }

    /// The same with these variables too.
    pub(crate) fn with(
        mut self,
        variables: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        self.environment.extend(variables);
        self
    }

    /// Puts the programs of a crate into `root/bin`. Downloads are kept in `home`; in `target` is what an interrupted
    /// build had made, and the next one takes up.
    ///
    /// # Errors
    /// `checksum`: the registry has another file. `command`: cargo failed, or took too long. Then none of its programs is there.
    pub(crate) fn install(
        &self,
        wanted: &Pin,
        home: &Utf8Path,
        target: &Utf8Path,
        root: &Utf8Path,
        teller: &mut Teller<'_>,
    ) -> Result<()> {
        let Pin { name, version, .. } = wanted;
        teller.step(&format!("download crate {name} {version}"), 0, 0);
        self.run(home, &["info", "--quiet", &format!("{name}@{version}")], wanted, teller)?;
        verify(wanted, home)?;
        teller.step(&format!("build crate {name} {version}"), 0, 0);
        let version = format!("={version}");
        let mut arguments = vec!["install", name, "--version", &version];
        arguments.extend(["--locked", "--force", "--no-track"]);
        arguments.extend(["--root", root.as_str(), "--target-dir", target.as_str()]);
        self.run(home, &arguments, wanted, teller)
    }

    fn run(
        &self,
        home: &Utf8Path,
        arguments: &[&str],
        wanted: &Pin,
        teller: &mut Teller<'_>,
    ) -> Result<()> {
        files::make_folder(home, 0o777)?;
        let mut command = Command::new(&self.cargo);
        command.args(arguments).current_dir(home).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (*name, value)));
        command.env("CARGO_HOME", home).env("CARGO_TERM_COLOR", "never");
        command.envs(process::authorities().map(|file| ("CARGO_HTTP_CAINFO", file)));
        let ended = process::run(&mut command, self.limit, teller);
        let ended = ended.map_err(|source| {
            Error::new(Code::Command, format!("cargo ({}) cannot be run: {source}", self.cargo))
        })?;
        let subject = format!("cargo, for crate {} {},", wanted.name, wanted.version);
        ended.insist(&subject).map_err(|error| {
            error.with_hint("it must reach crates.io; all that it said is in the part's log")
        })
    }
}

/// Compares what was downloaded with its pin; what is wrong is removed.
fn verify(wanted: &Pin, home: &Utf8Path) -> Result<()> {
    let Pin { name, version, hash } = wanted;
    let refused = |why: &str| {
        Error::new(Code::Checksum, format!("crate {name} {version} is refused: {why}"))
            .with_hint("software/supply/crates.toml pins it")
    };
    let mut found = false;
    for registry in files::entries(&home.join("registry/cache"))? {
        let path = registry.join(format!("{name}-{version}.crate"));
        if !path.exists() {
            continue;
        }
        let sources = home.join("registry/src").join(registry.file_name().unwrap_or_default());
        let source = sources.join(format!("{name}-{version}"));
        let sum = HEXLOWER.encode(&Sha256::digest(files::read(&path)?));
        if sum != *hash {
            for remains in [&path, &source] {
                files::remove_inside(home, remains)?;
            }
            return Err(refused(&format!("its SHA-256 is {sum}, and {hash} is wanted")));
        }
        // Without one cargo would take whatever versions are the latest.
        if !source.join("Cargo.lock").exists() {
            return Err(refused("it has no Cargo.lock, so what it is made of is not pinned"));
        }
        found = true;
    }
    if found { Ok(()) } else { Err(refused("cargo has not downloaded it")) }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::files::{Keep, Mode};

    /// A small one, of one other crate.
    fn kibi() -> Pin {
        let hash = "d9e6f87dddf9287d0127b625239b8f8ed1c8699c52ebfeb4cee38d813b6d2a33";
        Pin { name: "kibi".into(), version: "0.3.3".into(), hash: hash.into() }
    }

    /// The cargo that runs this test.
    fn tools(limit: Duration) -> Tools {
        let variable =
            |name| std::env::var_os(name).and_then(|text| OsString::into_string(text).ok());
        let cargo = Utf8PathBuf::from(variable("CARGO").unwrap());
        let path = format!("{}:{}", cargo.parent().unwrap(), variable("PATH").unwrap());
        // Quickly, if not well.
        let plain =
            [("CARGO_PROFILE_RELEASE_LTO", "off"), ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")];
        let environment = vec![("PATH", path)];
        Tools { cargo, environment, limit }.with(plain.map(|(name, text)| (name, text.to_owned())))
    }

    struct Place {
        _folder: tempfile::TempDir,
        path: Utf8PathBuf,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = Utf8Path::from_path(folder.path()).unwrap().to_owned();
            Self { _folder: folder, path }
        }

        fn install(&self, tools: &Tools, wanted: &Pin) -> Result<()> {
            let [home, target, root] = ["home", "target", "root"].map(|name| self.path.join(name));
            tools.install(wanted, &home, &target, &root, &mut Teller::default())
        }

        fn program(&self) -> Utf8PathBuf {
            self.path.join("root/bin/kibi")
        }
    }

    #[test]
    fn an_interrupted_build_is_taken_up() {
        let place = Place::new();
        // Compiles nothing before somebody ends it.
        let rustc = place.path.join("rustc");
        let text = "#!/bin/sh\ncase $* in *--emit*) exec sleep 10;; esac\nexec rustc \"$@\"\n";
        files::put(&rustc, text.as_bytes(), Mode::Runnable, Keep::Renewable).unwrap();
        let tools_that_hang = tools(Duration::from_secs(3)).with([("RUSTC", rustc.into_string())]);
        let error = place.install(&tools_that_hang, &kibi()).unwrap_err();
        assert!(error.to_string().contains("took too long"), "{error}");
        assert!(!place.program().exists());

        place.install(&tools(LIMIT), &kibi()).unwrap();
        let said = Command::new(place.program()).arg("--version").output().unwrap().stdout;
        assert_eq!(String::from_utf8_lossy(&said), "kibi 0.3.3\n");
    }

    #[test]
    fn another_crate_than_the_pinned_one_is_refused_and_leaves_nothing() {
        let place = Place::new();
        let (right, wrong) = (kibi(), Pin { hash: "0".repeat(64), ..kibi() });
        let error = place.install(&tools(LIMIT), &wrong).unwrap_err();
        assert_eq!(error.code(), Code::Checksum);
        let text = error.to_string();
        assert!(text.contains("crate kibi 0.3.3 is refused"), "{text}");
        assert!(text.contains(&right.hash) && text.contains(&wrong.hash), "{text}");
        assert!(!place.path.join("root").exists());
        for kind in ["cache", "src"] {
            for registry in files::entries(&place.path.join("home/registry").join(kind)).unwrap() {
                assert_eq!(files::entries(&registry).unwrap(), [""; 0], "{registry}");
            }
        }
        let unknown = Pin { name: "slapos-no-such-crate".into(), ..right };
        let error = place.install(&tools(LIMIT), &unknown).unwrap_err();
        assert_eq!(error.code(), Code::Command);
        assert!(error.to_string().contains("slapos-no-such-crate"), "{error}");
    }
}
