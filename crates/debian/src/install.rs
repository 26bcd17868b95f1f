//! One installation, from request to finished tree.
//!
//! The tree is built beside its final place, with programs bound to the final path, and renamed
//! when it is whole; so an interruption leaves nothing under the final name, and the next try
//! finds its downloads in the cache. A text inside, `.slapos-debian`, tells what the tree is.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use crate::build::{beside, build};
use crate::cache::Cache;
use crate::fetch::{self, Client};
use crate::index::Index;
use crate::lock::{Deb, Lock};
use crate::resolve;
use crate::sources::{Source, read_text, sources};
use crate::{Error, Request, Settings};

/// Name of the text, inside a tree, that says whose it is and what is in it.
pub(crate) const MARKER: &str = ".slapos-debian";

/// How far an installation is. Phases come in this order; those with nothing to do are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Indexes of sources are fetched and verified.
    Index {
        /// Sources done.
        done: usize,
        /// Sources in all.
        total: usize,
    },
    /// The closure is computed.
    Resolve,
    /// Debs are fetched.
    Download {
        /// Bytes present, those from the cache included.
        done_bytes: u64,
        /// Bytes of all debs.
        total_bytes: u64,
        /// The package of which something arrived just now.
        package: &'a str,
    },
    /// Debs are unpacked.
    Unpack {
        /// Debs done.
        done: usize,
        /// Debs in all.
        total: usize,
    },
    /// Programs are bound to the tree.
    Patch {
        /// Programs done.
        done: usize,
        /// Programs in all.
        total: usize,
    },
}

impl Progress<'_> {
    /// One word for the phase, for a person.
    pub fn phase(&self) -> &'static str {
        match self {
            Self::Index { .. } => "index",
            Self::Resolve => "resolve",
            Self::Download { .. } => "download",
            Self::Unpack { .. } => "unpack",
            Self::Patch { .. } => "patch",
        }
    }
}

/// A finished tree.
#[derive(Debug, Clone)]
pub struct Installed {
    /// Its directory.
    pub tree: Utf8PathBuf,
    /// Exactly what is in it.
    pub lock: Lock,
    /// How it came to be.
    pub origin: Origin,
    /// Bytes of debs that were downloaded just now.
    pub downloaded_bytes: u64,
}

/// Where the list of packages came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The tree was there already, whole, and answers the request.
    Present,
    /// The request's lock.
    Lock,
    /// The index.
    Index,
    /// The index, since the request's lock could not serve, for this reason: a person should hear.
    Renewed(String),
}

/// Makes the tree of `request`: all packages fetched, verified, unpacked, bound to their place.
///
/// Several processes may install at the same time, even the same tree. Blocks; run it on a thread.
///
/// # Errors
/// See [`Error`]. The former tree, if there was one, is still there after every error.
pub fn install(
    request: &Request,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Installed, Error> {
    check_name(&request.tree)?;
    let cache = Cache::open(&settings.cache, settings.now)?;
    let claim = cache.claim_tree(&request.tree)?;
    if let Some(lock) = present(request, settings)? {
        return Ok(Installed {
            tree: request.tree.clone(),
            lock,
            origin: Origin::Present,
            downloaded_bytes: 0,
        });
    }
    let client = Client::new(settings)?;
    let obtained = obtain(request, settings, &client, &cache, progress)?;
    let building = beside(&request.tree, "building");
    let built = build(request, settings, &obtained.lock, &cache, &building, progress);
    if built.is_err() {
        // Frees the space again; the error of building is the one to tell.
        drop(std::fs::remove_dir_all(&building));
    }
    built?;
    drop(claim);
    Ok(Installed { tree: request.tree.clone(), ..obtained })
}

/// A tree's path is written into programs, where `:` separates and `$` begins a variable.
fn check_name(tree: &Utf8Path) -> Result<(), Error> {
    let bad = |problem| Err(Error::BadTree { path: tree.to_owned(), problem });
    if !tree.is_absolute() || tree.file_name().is_none() {
        return bad("it is not an absolute path with a name");
    }
    if tree.as_str().contains([':', '$', '\n']) {
        return bad("the path may not contain `:`, `$` or a line end");
    }
    Ok(())
}

/// The lock of the tree, if it is whole and answers; an error if the directory is not ours.
fn present(request: &Request, settings: &Settings) -> Result<Option<Lock>, Error> {
    let tree = &request.tree;
    if let Some(text) = read_text(&tree.join(MARKER))? {
        let lock = text.split_once('\n').filter(|(place, _)| *place == tree.as_str());
        let lock = lock.and_then(|(_, text)| Lock::parse(text).ok());
        let wished = |lock: &Lock| match &request.lock {
            Some(wished) if wished.answers(request, &settings.architecture) => wished == lock,
            _ => lock.answers(request, &settings.architecture),
        };
        return Ok(lock.filter(wished));
    }
    match tree.read_dir_utf8() {
        Ok(mut entries) => match entries.next() {
            None => Ok(None),
            Some(_) => Err(Error::NotOurs(tree.clone())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            Err(Error::NotOurs(tree.clone()))
        }
        Err(error) => Err(Error::io("read", tree, error)),
    }
}

/// Decides on the debs and brings them into the cache.
fn obtain(
    request: &Request,
    settings: &Settings,
    client: &Client,
    cache: &Cache,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Installed, Error> {
    let sources = sources(request, settings);
    let known: &[Source] = sources.as_deref().unwrap_or_default();
    let mut origin = Origin::Index;
    if let Some(lock) = &request.lock {
        if lock.answers(request, &settings.architecture) {
            match download(&lock.debs, known, settings, client, cache, progress) {
                Ok(downloaded_bytes) => {
                    let lock = lock.clone();
                    return Ok(Installed {
                        tree: Utf8PathBuf::new(),
                        lock,
                        origin: Origin::Lock,
                        downloaded_bytes,
                    });
                }
                Err(Error::NotFound { url }) => {
                    origin = Origin::Renewed(format!("the mirror no longer has {url}"));
                }
                Err(error) => return Err(error),
            }
        } else {
            origin = Origin::Renewed("the lock answers another request".to_owned());
        }
    }
    let sources = sources?;
    let lock = decide(request, settings, &sources, client, cache, progress)?;
    let downloaded_bytes = download(&lock.debs, &sources, settings, client, cache, progress)?;
    Ok(Installed { tree: Utf8PathBuf::new(), lock, origin, downloaded_bytes })
}

/// The closure by the index of today.
fn decide(
    request: &Request,
    settings: &Settings,
    sources: &[Source],
    client: &Client,
    cache: &Cache,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Lock, Error> {
    let mut heard = |done, total| progress(Progress::Index { done, total });
    let index = Index::load(sources, settings, client, cache, &mut heard)?;
    progress(Progress::Resolve);
    let packages = index.packages();
    let asked: BTreeSet<String> = request.packages.iter().cloned().collect();
    let closure = resolve::resolve(&packages, &asked, &request.stubs)?;
    let debs: Result<Vec<Deb>, Error> =
        closure.iter().map(|&number| packages.get(number).deb()).collect();
    Ok(Lock {
        architecture: settings.architecture.clone(),
        suite: request.suite.clone(),
        packages: asked,
        stubs: request.stubs.clone(),
        debs: debs?,
    })
}

fn download(
    debs: &[Deb],
    sources: &[Source],
    settings: &Settings,
    client: &Client,
    cache: &Cache,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<u64, Error> {
    if let Some(deb) = debs.iter().find(|deb| deb.size > settings.limits.deb_bytes) {
        let problem = format!("{} bytes are more than a package may have", deb.size);
        return Err(Error::Mismatch { url: deb.path.clone(), problem });
    }
    // The mirror whose index named the deb first, then the others: archives are merged at times.
    let urls = |deb: &Deb| {
        let (own, others): (Vec<&Source>, Vec<&Source>) =
            sources.iter().partition(|source| source.suite.trim_end_matches('/') == deb.suite);
        let mut urls: Vec<String> = Vec::new();
        for source in own.into_iter().chain(others) {
            let url = format!("{}/{}", source.url, deb.path);
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        urls
    };
    let mut heard = |package: &str, done_bytes, total_bytes| {
        progress(Progress::Download { done_bytes, total_bytes, package });
    };
    fetch::fetch(debs, &urls, client, cache, settings.downloads, &mut heard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_programs_cannot_carry_are_refused() {
        for (tree, wished) in [
            ("/srv/a", true),
            ("srv/a", false),
            ("/", false),
            ("/srv/a:b", false),
            ("/srv/$a", false),
        ] {
            assert_eq!(check_name(tree.into()).is_ok(), wished, "{tree}");
        }
    }
}
