//! From debs in the cache to a tree under its final name.
//!
//! Everything happens in a directory beside the final one; the last step renames it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::cache::Cache;
use crate::elf::Program;
use crate::install::{MARKER, Progress};
use crate::lock::{Deb, Lock};
use crate::tree::Tree;
use crate::unpack::{self, Entry};
use crate::{Error, Request, Settings};

/// Builds the tree in `building` and renames it.
pub(crate) fn build(
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
    crate::lock::write(&building.join(MARKER), marker.as_bytes())?;
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
        unpack::unpack(&file, &deb.name, &stage.join(number.to_string()), &settings.limits)
    };
    let results =
        on_all_cores(&order, &|&number| (number, unpack_one(number)), &mut |done, total| {
            progress(Progress::Unpack { done, total });
        });
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
    let directories: Vec<String> =
        directories.into_iter().filter(|directory| tree.has_directory(directory)).collect();
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
    let broken = |problem| Error::Elf { path: root.join(path), problem };
    let image = std::fs::read(&at).map_err(io("read"))?;
    let Some(program) = Program::read(&image).map_err(broken)? else {
        return Ok(());
    };
    let interpreter = program.interpreter.trim_start_matches('/');
    let candidates = [interpreter.to_owned(), format!("usr/{interpreter}")];
    let Some(interpreter) = candidates.iter().find(|candidate| tree.file(candidate).is_some())
    else {
        return Ok(()); // a tree without libc6 runs with the host's
    };
    let library_path = library_path(root, directories, &program.library_path);
    let patched =
        program.patched(&image, root.join(interpreter).as_str(), &library_path).map_err(broken)?;
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
    let mut paths: Vec<String> =
        directories.iter().map(|directory| root.join(directory).into_string()).collect();
    for path in asked.split(':').filter(|path| !path.is_empty()) {
        let inner = if path.starts_with('/') { format!("{root}{path}") } else { path.to_owned() };
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
pub(crate) fn beside(tree: &Utf8Path, what: &str) -> Utf8PathBuf {
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
            assert_eq!(library_path("/r".into(), &directories, asked), wished, "{asked}");
        }
    }
}
