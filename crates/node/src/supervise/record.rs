//! What the supervisor remembers on disk, below `<base>/lib/supervisor` (mode 0700).
//!
//! `wished.json` is the sets that shall run: durable before a request is answered, for boot.
//! `state.json` is the processes of this boot, for a supervisor that was killed: renamed into
//! place but not synced, since after a power cut its content means nothing anyway.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use slapos_atomic::{Keep, Mode, write_as};

use super::{Program, protocol::Exit};

/// The programs that shall run, by group.
pub(super) type Wished = BTreeMap<String, Vec<Program>>;

/// The processes of one boot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// Numbers and start times mean nothing in another boot.
    pub(super) boot: String,
    pub(super) processes: Vec<ProcessRecord>,
    pub(super) finished: Vec<FinishedRecord>,
}

/// A process, with all that is needed to end it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessRecord {
    pub(super) group: String,
    pub(super) program: Program,
    pub(super) pid: u32,
    /// In clock ticks since boot.
    pub(super) started: u64,
    pub(super) failures: u32,
}

/// A program of kind once that has ended in this boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FinishedRecord {
    pub(super) group: String,
    pub(super) program: Program,
    pub(super) exit: Exit,
}

/// The two files.
#[derive(Debug)]
pub(super) struct Records {
    directory: Utf8PathBuf,
}

impl Records {
    pub(super) fn open(base: &Utf8Path) -> io::Result<Self> {
        let directory = base.join("lib/supervisor");
        DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        Ok(Self { directory })
    }

    /// The sets that shall run. A file that cannot be read is an error: starting with nothing
    /// would forget what the operator relies on.
    pub(super) fn load_wished(&self) -> io::Result<Wished> {
        load(&self.wished_path())
    }

    pub(super) fn save_wished(&self, wished: &Wished) -> io::Result<()> {
        slapos_atomic::write(self.wished_path(), &serde_json::to_vec(wished)?, 0o600)
    }

    /// The processes, if they were recorded in this boot.
    pub(super) fn load_state(&self, boot: &str) -> State {
        let loaded: State = load(&self.directory.join("state.json")).unwrap_or_else(|error| {
            tracing::warn!(%error, "the record of running processes cannot be read");
            State::default()
        });
        if loaded.boot == boot { loaded } else { State::default() }
    }

    pub(super) fn save_state(&self, state: &State) -> io::Result<()> {
        let path = self.directory.join("state.json");
        write_as(path, &serde_json::to_vec(state)?, Mode::Exact(0o600), Keep::Renewable)
    }

    pub(super) fn wished_path(&self) -> Utf8PathBuf {
        self.directory.join("wished.json")
    }
}

fn load<T: DeserializeOwned + Default>(path: &Utf8Path) -> io::Result<T> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Program {
        let mut program = Program::new("p", vec!["/bin/p".into()], "/", "/log");
        program.environment.set("PASSWORD", "kept");
        program
    }

    #[test]
    fn what_was_saved_is_found_again_and_nobody_else_reads_it() {
        use std::os::unix::fs::MetadataExt;
        let directory = tempfile::tempdir().unwrap();
        let records = Records::open(Utf8Path::from_path(directory.path()).unwrap()).unwrap();
        assert_eq!(records.load_wished().unwrap(), Wished::new());
        assert_eq!(records.load_state("b"), State::default());

        let wished: Wished = [("g".to_owned(), vec![program()])].into();
        records.save_wished(&wished).unwrap();
        assert_eq!(records.load_wished().unwrap(), wished);

        let process = ProcessRecord {
            group: "g".into(),
            program: program(),
            pid: 7,
            started: 9,
            failures: 1,
        };
        let state = State { boot: "b".into(), processes: vec![process], finished: vec![] };
        records.save_state(&state).unwrap();
        assert_eq!(records.load_state("b"), state);
        assert_eq!(records.load_state("another boot"), State::default());
        for entry in fs::read_dir(&records.directory).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_broken_wish_is_an_error_and_a_broken_state_is_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let records = Records::open(Utf8Path::from_path(directory.path()).unwrap()).unwrap();
        for name in ["wished.json", "state.json"] {
            slapos_atomic::write(records.directory.join(name), b"{", 0o600).unwrap();
        }
        assert!(records.load_wished().is_err());
        assert_eq!(records.load_state("b"), State::default());
    }
}
