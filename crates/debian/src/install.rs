//! One installation, from request to finished tree.
//!
//! The tree is built beside its final place, with programs bound to the final path, and renamed
//! when it is whole; so an interruption leaves nothing under the final name, and the next try
//! finds its downloads in the cache. A text inside, `.slapos-debian`, tells what the tree is.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::cache::Cache;
use crate::elf::Program;
use crate::fetch::{self, Client};
use crate::index::Index;
use crate::lock::{Deb, Lock};
use crate::resolve;
use crate::sources::{Source, read_text, sources};
use crate::tree::Tree;
use crate::unpack::{self, Entry};
use crate::{Error, Request, Settings};

/// Name of the text, inside a tree, that says whose it is and what is in it.
const MARKER: &str = ".slapos-debian";

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
    let built = build(
        request,
        settings,
        &obtained.lock,
        &cache,
        &building,
        progress,
    );
    if built.is_err() {
        // Frees the space again; the error of building is the one to tell.
        drop(std::fs::remove_dir_all(&building));
    }
    built?;
    drop(claim);
    Ok(Installed {
        tree: request.tree.clone(),
        ..obtained
    })
}

/// A tree's path is written into programs, where `:` separates and `$` begins a variable.
fn check_name(tree: &Utf8Path) -> Result<(), Error> {
    let bad = |problem| {
        Err(Error::BadTree {
            path: tree.to_owned(),
            problem,
        })
    };
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
        let lock = text
            .split_once('\n')
            .filter(|(place, _)| *place == tree.as_str());
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
    Ok(Installed {
        tree: Utf8PathBuf::new(),
        lock,
        origin,
        downloaded_bytes,
    })
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
    let debs: Result<Vec<Deb>, Error> = closure
        .iter()
        .map(|&number| packages.get(number).deb())
        .collect();
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
        return Err(Error::Mismatch {
            url: deb.path.clone(),
            problem,
        });
    }
    // The mirror whose index named the deb first, then the others: archives are merged at times.
    let urls = |deb: &Deb| {
        let (own, others): (Vec<&Source>, Vec<&Source>) = sources
            .iter()
            .partition(|source| source.suite.trim_end_matches('/') == deb.suite);
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
        progress(Progress::Download {
            done_bytes,
            total_bytes,
            package,
        });
    };
    fetch::fetch(debs, &urls, client, cache, settings.downloads, &mut heard)
}

/// Builds the tree in `building` and renames it.
fn build(
    request: &Request,
    settings: &Settings,
    lock: &Lock,
    cache: &Cache,
    building: &Utf8Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Error> {
    let former = beside(&request.tree, "former");
    for leftover in [building, &former] {
        remove_tree(leftover)?;
    }
    let stage = building.join(".stage");
    std::fs::create_dir_all(&stage).map_err(|error| Error::io("create", &stage, error))?;
    let contents = unpack_all(&lock.debs, settings, cache, &stage, progress)?;
    let mut tree = Tree::new(building);
    for (deb, entries) in lock.debs.iter().zip(contents) {
        tree.add(&deb.name, entries)?;
    }
    tree.concatenate_certificates()?;
    patch_all(&tree, building, request, settings, progress)?;
    remove_tree(&stage)?;
    let marker = format!("{}\n{lock}", request.tree);
    crate::lock::write_atomically(&building.join(MARKER), marker.as_bytes())?;
    let root = std::fs::File::open(building).map_err(|error| Error::io("open", building, error))?;
    rustix::fs::syncfs(&root).map_err(|error| Error::io("write", building, error.into()))?;
    let replaced = request.tree.exists();
    if replaced {
        std::fs::rename(&request.tree, &former)
            .map_err(|error| Error::io("rename", &request.tree, error))?;
    }
    if let Err(error) = std::fs::rename(building, &request.tree) {
        if replaced {
            // Best effort: back to the tree that was there.
            drop(std::fs::rename(&former, &request.tree));
        }
        return Err(Error::io("rename to", &request.tree, error));
    }
    remove_tree(&former)
}

/// Unpacks on all cores; the answer is in the order of `debs`.
fn unpack_all(
    debs: &[Deb],
    settings: &Settings,
    cache: &Cache,
    stage: &Utf8Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Vec<Entry>>, Error> {
    // The largest first, so that no core is left with it at the end.
    let mut order: Vec<usize> = (0..debs.len()).collect();
    order.sort_by_key(|&number| std::cmp::Reverse(debs[number].size));
    let unpack_one = |number: usize| {
        let deb = &debs[number];
        let file = cache.deb(deb)?.ok_or_else(|| Error::Mismatch {
            url: cache.deb_path(deb).into_string(),
            problem: "the file in the cache changed after it was verified".to_owned(),
        })?;
        unpack::unpack(
            &file,
            &deb.name,
            &stage.join(number.to_string()),
            &settings.limits,
        )
    };
    let results = on_all_cores(
        &order,
        &|&number| (number, unpack_one(number)),
        &mut |done, total| {
            progress(Progress::Unpack { done, total });
        },
    );
    let mut contents = vec![Vec::new(); debs.len()];
    for (number, entries) in results {
        contents[number] = entries?;
    }
    Ok(contents)
}

/// Binds every program of the tree in `building` to its final path.
fn patch_all(
    tree: &Tree,
    building: &Utf8Path,
    request: &Request,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Error> {
    let directories = library_directories(&settings.architecture);
    let directories: Vec<String> = directories
        .into_iter()
        .filter(|directory| tree.has_directory(directory))
        .collect();
    let programs = tree.programs();
    let patch = |path: &&str| patch_one(tree, building, path, &request.tree, &directories);
    let results = on_all_cores(&programs, &patch, &mut |done, total| {
        progress(Progress::Patch { done, total });
    });
    results.into_iter().collect()
}

fn patch_one(
    tree: &Tree,
    building: &Utf8Path,
    path: &str,
    root: &Utf8Path,
    directories: &[String],
) -> Result<(), Error> {
    let at = building.join(path);
    let io = |step| {
        let at = at.clone();
        move |error| Error::io(step, &at, error)
    };
    let broken = |problem| Error::Elf {
        path: root.join(path),
        problem,
    };
    let image = std::fs::read(&at).map_err(io("read"))?;
    let Some(program) = Program::read(&image).map_err(broken)? else {
        return Ok(());
    };
    let interpreter = program.interpreter.trim_start_matches('/');
    let candidates = [interpreter.to_owned(), format!("usr/{interpreter}")];
    let Some(interpreter) = candidates
        .iter()
        .find(|candidate| tree.file(candidate).is_some())
    else {
        return Ok(()); // a tree without libc6 runs with the host's
    };
    let library_path = library_path(root, directories, &program.library_path);
    let patched = program
        .patched(&image, root.join(interpreter).as_str(), &library_path)
        .map_err(broken)?;
    let Some(patched) = patched else {
        return Ok(());
    };
    let old = std::fs::metadata(&at).map_err(io("read"))?;
    let temporary = building.join(".stage").join(path.replace('/', "%"));
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create_new(&temporary)?;
        write_sparsely(&mut file, &patched)?;
        file.set_permissions(old.permissions())?;
        file.set_modified(old.modified()?)?;
        std::fs::rename(&temporary, &at)
    };
    write().map_err(io("write"))
}

/// Writes all but pages of zeros, of which a patched program may have many before its end.
fn write_sparsely(file: &mut std::fs::File, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    const PAGE: usize = 64 << 10;
    for (number, page) in bytes.chunks(PAGE).enumerate() {
        if page.iter().any(|&byte| byte != 0) {
            file.write_all_at(page, (number * PAGE) as u64)?;
        }
    }
    file.set_len(bytes.len() as u64)
}

/// The tree's own directories, then those that the program asked for, inside the tree.
fn library_path(root: &Utf8Path, directories: &[String], asked: &str) -> String {
    let mut paths: Vec<String> = directories
        .iter()
        .map(|directory| root.join(directory).into_string())
        .collect();
    for path in asked.split(':').filter(|path| !path.is_empty()) {
        let inner = if path.starts_with('/') {
            format!("{root}{path}")
        } else {
            path.to_owned()
        };
        if !paths.contains(&inner) {
            paths.push(inner);
        }
    }
    paths.join(":")
}

/// Where Debian keeps libraries, in both of its layouts.
fn library_directories(architecture: &str) -> Vec<String> {
    let triplet = match architecture {
        "amd64" => "x86_64-linux-gnu",
        "arm64" => "aarch64-linux-gnu",
        "ppc64el" => "powerpc64le-linux-gnu",
        other => &format!("{other}-linux-gnu"),
    };
    vec![format!("lib/{triplet}"), format!("usr/lib/{triplet}")]
}

/// Runs `work` over `items` with a thread per core; the answers come in any order.
fn on_all_cores<I: Sync, O: Send>(
    items: &[I],
    work: &(dyn Fn(&I) -> O + Sync),
    heard: &mut dyn FnMut(usize, usize),
) -> Vec<O> {
    let next = AtomicUsize::new(0);
    let (sender, answers) = mpsc::channel();
    let worker = |sender: mpsc::Sender<O>| {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed))
            && sender.send(work(item)).is_ok()
        {}
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores.min(items.len()) {
            let sender = sender.clone();
            scope.spawn(|| worker(sender));
        }
        drop(sender);
        let mut outputs = Vec::with_capacity(items.len());
        for output in answers {
            outputs.push(output);
            heard(outputs.len(), items.len());
        }
        outputs
    })
}

/// A hidden name beside the tree.
fn beside(tree: &Utf8Path, what: &str) -> Utf8PathBuf {
    tree.with_file_name(format!(".{}.{what}", tree.file_name().unwrap_or_default()))
}

fn remove_tree(path: &Utf8Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", path, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_paths_stay_in_the_tree() {
        let directories = ["lib/t".to_owned(), "usr/lib/t".to_owned()];
        let table = [
            ("", "/r/lib/t:/r/usr/lib/t"),
            (
                "/usr/lib/t/private:$ORIGIN/../x",
                "/r/lib/t:/r/usr/lib/t:/r/usr/lib/t/private:$ORIGIN/../x",
            ),
            ("/usr/lib/t::", "/r/lib/t:/r/usr/lib/t"),
        ];
        for (asked, wished) in table {
            assert_eq!(
                library_path("/r".into(), &directories, asked),
                wished,
                "{asked}"
            );
        }
    }

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
