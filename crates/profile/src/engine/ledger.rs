//! What an installation has done since the state file was written: lines that are appended before anything changes,
//! so that a run that is killed leaves nothing that no later run knows of.
//!
//! Beside the state file, and gone when that tells all. A line is on the disk for certain only after [`Ledger::sync`],
//! which comes before whatever takes long; a process that is killed loses none.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::state::{PartState, State};
use crate::error::{Error, Result};

/// The file, which does not exist while there is nothing to tell.
pub(super) struct Ledger {
    path: Utf8PathBuf,
    file: Option<File>,
    /// Paths of the parts at work that it or the state file tells of.
    known: BTreeSet<Utf8PathBuf>,
    /// Parts that it tells of.
    told: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// So a part is now: begun, without a signature, or finished.
    Part(PartState),
    /// The part may make something there.
    Path { part: String, path: Utf8PathBuf },
}

impl Ledger {
    /// Where the ledger of a state file is.
    pub(super) fn path_for(state_file: &Utf8Path) -> Utf8PathBuf {
        Utf8PathBuf::from(format!("{state_file}.ledger"))
    }

    pub(super) fn new(state_file: &Utf8Path) -> Self {
        Self {
            path: Self::path_for(state_file),
            file: None,
            known: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    /// Adds to the state what a run that was interrupted has told. False if there was none.
    pub(super) fn replay(state_file: &Utf8Path, state: &mut State) -> Result<bool> {
        let path = Self::path_for(state_file);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Error::io("read", &path, &error)),
        };
        // The last line may be half there, and after a loss of power more may be missing.
        let lines = text.split(|byte| *byte == b'\n').map(serde_json::from_slice);
        for line in lines.map_while(|line| line.ok()) {
            apply(line, state);
        }
        Ok(true)
    }

    /// Whether a run that was interrupted has left it.
    pub(super) fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// So the part is now.
    pub(super) fn part(&mut self, part: &PartState) -> Result<()> {
        self.known.extend(part.paths.iter().cloned());
        self.told.insert(part.name.clone());
        self.append(&Line::Part(part.clone()))
    }

    /// The paths that the state file has of a part.
    pub(super) fn knows(&mut self, paths: &[Utf8PathBuf]) {
        self.known.extend(paths.iter().cloned());
    }

    /// The part may make something there, and has not yet.
    pub(super) fn claim(&mut self, part: &str, path: &Utf8Path) -> Result<()> {
        if !self.known.insert(path.to_owned()) {
            return Ok(());
        }
        self.told.insert(part.to_owned());
        self.append(&Line::Path { part: part.to_owned(), path: path.to_owned() })
    }

    /// Whether it has a line of that part.
    pub(super) fn is_told_of(&self, part: &str) -> bool {
        self.told.contains(part)
    }

    /// Returns when all lines are on the disk.
    pub(super) fn sync(&self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let folder = File::open(self.path.parent().unwrap_or(Utf8Path::new("/")));
        let synced = file.sync_all().and_then(|()| folder?.sync_all());
        synced.map_err(|source| Error::io("write", &self.path, &source))
    }

    /// The state file tells all.
    pub(super) fn clear(&mut self) -> Result<()> {
        self.file = None;
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::io("remove", &self.path, &error))
            }
            _ => Ok(()),
        }
    }

    fn append(&mut self, line: &Line) -> Result<()> {
        let failed = |source: std::io::Error| Error::io("write", &self.path, &source);
        let mut text = serde_json::to_vec(line).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        if self.file.is_none() {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder).map_err(failed)?;
            }
            let file = File::options().create(true).append(true).mode(0o600).open(&self.path);
            self.file = Some(file.map_err(failed)?);
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(&text)).map_err(failed)
    }
}

fn apply(line: Line, state: &mut State) {
    match line {
        Line::Part(part) => match state.parts.iter_mut().find(|old| old.name == part.name) {
            Some(old) => state.left.extend(std::mem::replace(old, part).paths),
            None => state.parts.push(part),
        },
        Line::Path { part, path } => match state.parts.iter_mut().find(|old| old.name == part) {
            Some(old) => old.paths.push(path),
            None => state.left.push(path),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, signature: &str, path: &str) -> PartState {
        let (name, signature) = (name.to_owned(), signature.to_owned());
        PartState { name, signature, paths: vec![path.into()], ..PartState::default() }
    }

    #[test]
    fn what_was_told_is_added_to_the_state_up_to_the_first_broken_line() {
        let keeper = tempfile::tempdir().unwrap();
        let file = Utf8Path::from_path(keeper.path()).unwrap().join("state.json");
        let mut state = State::new(vec![part("a", "1", "/p/a")]);
        assert!(!Ledger::replay(&file, &mut state).unwrap());
        let mut ledger = Ledger::new(&file);
        ledger.clear().unwrap(); // nothing is there
        ledger.knows(&["/p/a".into()]);
        ledger.claim("a", "/p/a".into()).unwrap();
        assert!(!Ledger::path_for(&file).exists(), "what is known is not told again");
        ledger.part(&part("a", "2", "/p/a2")).unwrap();
        ledger.part(&part("b", "", "/p/b")).unwrap();
        ledger.claim("b", "/p/b2".into()).unwrap();
        ledger.sync().unwrap();
        ledger.file.as_mut().unwrap().write_all(b"{\"part\":{\"na").unwrap();
        assert!(Ledger::replay(&file, &mut state).unwrap());
        let told: Vec<_> = state.parts.iter().map(|part| (&*part.name, &*part.signature)).collect();
        assert_eq!(told, [("a", "2"), ("b", "")]);
        assert_eq!(state.parts[1].paths, ["/p/b", "/p/b2"]);
        assert_eq!(state.left, ["/p/a"]);
        ledger.clear().unwrap();
        assert!(!Ledger::replay(&file, &mut state).unwrap());
    }
}
