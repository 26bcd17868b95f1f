//! What a recipe may do when it is installed: write, record, tell.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::Inputs;
use super::ledger::Ledger;
use super::plan::{Draft, FileChange};
use crate::error::{Error, Result};
use crate::files::{self, Keep, Mode};
use crate::host::Host;
use crate::location::is_url;
use crate::outcome::Outcome;

/// The installation of one part.
pub(crate) struct Work<'w> {
    pub(crate) host: &'w mut dyn Host,
    /// Section name.
    pub(crate) part: &'w str,
    /// All that is written lies in it.
    directory: &'w Utf8Path,
    pub(super) outcome: &'w mut Outcome,
    pub(super) inputs: &'w mut Inputs,
    pub(super) recorded: Vec<Utf8PathBuf>,
    /// What it may have made.
    pub(super) claimed: Vec<Utf8PathBuf>,
    /// Hears of paths before anything is made there; a plan makes nothing.
    pub(super) ledger: Option<&'w mut Ledger>,
    pub(super) written: Vec<Utf8PathBuf>,
    pub(super) keep: bool,
    /// Files of former installations. They go when something else needs their place.
    pub(super) stale: BTreeSet<Utf8PathBuf>,
    /// Something came from a URL: whether it changes cannot be seen here.
    pub(super) fetched: bool,
    /// In a plan: what would have been written before; nothing is written.
    pub(super) draft: Option<&'w mut Draft>,
    /// In a plan: what this part would write.
    pub(super) drafted: Vec<FileChange>,
}

impl<'w> Work<'w> {
    pub(super) fn new(
        host: &'w mut dyn Host,
        part: &'w str,
        directory: &'w Utf8Path,
        outcome: &'w mut Outcome,
        inputs: &'w mut Inputs,
    ) -> Self {
        Self {
            host,
            part,
            directory,
            outcome,
            inputs,
            recorded: Vec::new(),
            claimed: Vec::new(),
            ledger: None,
            written: Vec::new(),
            keep: false,
            stale: BTreeSet::new(),
            fetched: false,
            draft: None,
            drafted: Vec::new(),
        }
    }
}

impl Work<'_> {
    /// Writes a file, if it differs, and records it.
    pub(crate) fn write(&mut self, path: &Utf8Path, content: &[u8], mode: Mode) -> Result<()> {
        files::insist_inside(self.directory, path)?;
        self.record(path)?;
        self.put(path, content, mode, Keep::Renewable)
    }

    /// Writes a file that uninstalling leaves alone.
    pub(crate) fn write_unrecorded(
        &mut self,
        path: &Utf8Path,
        content: &[u8],
        mode: Mode,
        keep: Keep,
    ) -> Result<()> {
        files::insist_inside(self.directory, path)?;
        self.put(path, content, mode, keep)
    }

    /// Writes a file that lies inside, or drafts it.
    fn put(&mut self, path: &Utf8Path, content: &[u8], mode: Mode, keep: Keep) -> Result<()> {
        self.written.push(path.to_owned());
        let Some(draft) = &mut self.draft else {
            if let Some(folder) = path.parent() {
                make_way(&self.stale, folder)?;
            }
            if files::put(path, content, mode, keep)? {
                self.changed(path);
            }
            return Ok(());
        };
        if files::differs(path, content, mode) {
            let before = std::fs::read_to_string(path).ok();
            let after = String::from_utf8(content.to_vec()).ok();
            self.drafted.push(FileChange { path: path.to_owned(), before, after });
        }
        draft.insert(path.to_owned(), content.to_vec());
        Ok(())
    }

    /// Makes a link, or another one of one that is there, and records it.
    pub(crate) fn link(&mut self, link: &Utf8Path, target: &Utf8Path) -> Result<()> {
        files::insist_inside(self.directory, link)?;
        make_way(&self.stale, link)?;
        files::only_a_link(link)?; // what is somebody's is not recorded
        self.record(link)?;
        if files::put_link(link, target)? {
            self.changed(link);
        }
        Ok(())
    }

    /// Makes a folder and its parents, `mode` less the umask for those that are new.
    pub(crate) fn folder(&mut self, path: &Utf8Path, mode: u32) -> Result<()> {
        self.written.push(path.to_owned());
        make_way(&self.stale, path)?;
        if files::make_folder(path, mode)? {
            self.changed(path);
        }
        Ok(())
    }

    /// The content of a path or URL.
    pub(crate) fn read(&mut self, place: &str) -> Result<Vec<u8>> {
        let drafted = self.draft.as_ref().and_then(|draft| draft.get(Utf8Path::new(place)));
        if let Some(content) = drafted {
            return Ok(content.clone());
        }
        self.fetched |= is_url(place);
        super::read_location(self.host, self.inputs, place)
    }

    /// Remembers that a path was read.
    pub(crate) fn depends_on(&mut self, path: &Utf8Path) {
        self.exists(path);
    }

    /// Whether something is at a path; that it appears or vanishes is noticed.
    pub(crate) fn exists(&mut self, path: &Utf8Path) -> bool {
        super::is_there(self.inputs, path)
    }

    /// Remembers that this part owns a path: uninstalling removes it. Must come before anything is made there.
    pub(crate) fn record(&mut self, path: &Utf8Path) -> Result<()> {
        self.recorded.push(path.to_owned());
        self.claim(path)
    }

    /// Remembers that this part is about to make something there, in case it does not come to its end.
    pub(crate) fn claim(&mut self, path: &Utf8Path) -> Result<()> {
        self.claimed.push(path.to_owned());
        let part = self.part;
        self.ledger.as_mut().map_or(Ok(()), |ledger| ledger.claim(part, path))
    }

    /// Remembers that a path was written.
    pub(crate) fn changed(&mut self, path: &Utf8Path) {
        self.outcome.changed.push(path.to_owned());
    }

    /// Keeps what the last run recorded.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }

    /// Remembers what the instance publishes; the last publisher wins.
    pub(crate) fn publish(&mut self, connection: BTreeMap<String, String>) {
        self.outcome.connection = Some(connection);
    }

    /// Remembers what it publishes for a shared instance; the last publisher wins.
    pub(crate) fn publish_for(&mut self, reference: &str, connection: BTreeMap<String, String>) {
        self.outcome.shared.insert(reference.to_owned(), connection);
    }

    /// Takes over what another profile did.
    pub(crate) fn adopt(&mut self, other: Outcome) {
        let part = self.part;
        self.outcome.parts.extend(other.parts.into_iter().map(|mut report| {
            report.name = format!("{part}/{}", report.name);
            report
        }));
        self.outcome.connection = other.connection.or(self.outcome.connection.take());
        self.outcome.shared.extend(other.shared);
        self.outcome.requested.extend(other.requested);
        self.outcome.waiting.extend(other.waiting);
        self.outcome.changed.extend(other.changed);
        self.outcome.recorded.extend(other.recorded);
        self.outcome.inputs.extend(other.inputs);
    }
}

/// Removes the former file in whose place `path`, which is no file, or a folder above it shall be.
fn make_way(stale: &BTreeSet<Utf8PathBuf>, path: &Utf8Path) -> Result<()> {
    let former = path.ancestors().find(|place| stale.contains(*place) && place.is_file());
    former.map_or(Ok(()), |file| {
        std::fs::remove_file(file).map_err(|source| Error::io("remove", file, &source))
    })
}
