//! What there is: the package indexes of all sources, verified, in memory.
//!
//! `InRelease` → signature → hash of `Packages` → its stanzas. The fields that matter are kept in
//! the cache under the hash of the index that they come from, so that an unchanged index costs
//! neither a download nor a decompression.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cache::Cache;
use crate::fetch::Client;
use crate::lock::{Deb, is_inner_path, is_sha256};
use crate::release::{IndexFile, Release};
use crate::sources::Source;
use crate::{Error, Limits, Settings, deb822, verify, version};

/// The fields that are kept of each stanza.
const KEPT: [&str; 9] = [
    "Package",
    "Version",
    "Architecture",
    "Depends",
    "Pre-Depends",
    "Provides",
    "Filename",
    "Size",
    "SHA256",
];

/// The texts of all package indexes.
#[derive(Debug, Default)]
pub struct Index(Vec<Part>);

/// One `Packages` file, reduced to the fields that are kept.
#[derive(Debug)]
struct Part {
    suite: String,
    automatic: bool,
    text: String,
}

/// One package of the index; all values are its stanza's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Package<'a> {
    /// Name.
    pub name: &'a str,
    /// Debian version.
    pub version: &'a str,
    /// Architecture or `all`.
    pub architecture: &'a str,
    pub(crate) depends: &'a str,
    pub(crate) pre_depends: &'a str,
    pub(crate) provides: &'a str,
    path: &'a str,
    size: &'a str,
    sha256: &'a str,
    suite: &'a str,
    automatic: bool,
}

/// The packages of an [`Index`], findable by name.
#[derive(Debug, Default)]
pub struct Packages<'a> {
    all: Vec<Package<'a>>,
    /// Best first: automatic suites, then the higher version, then the earlier source.
    by_name: HashMap<&'a str, Vec<usize>>,
    /// Providers of a name, sorted by their names.
    providers: HashMap<&'a str, Vec<Provider<'a>>>,
}

/// A package that stands for another name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provider<'a> {
    pub(crate) package: usize,
    /// The version that it provides, if it says so.
    pub(crate) version: Option<&'a str>,
}

impl Index {
    /// Fetches and verifies the indexes of `sources`; `progress` hears how many of them are done.
    ///
    /// # Errors
    /// The first failure: an index that cannot be had or verified is never left out silently.
    pub fn load(
        sources: &[Source],
        settings: &Settings,
        client: &Client,
        cache: &Cache,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, Error> {
        let next = AtomicUsize::new(0);
        let (sender, results) = std::sync::mpsc::channel();
        let worker = |sender: std::sync::mpsc::Sender<_>| {
            let take = || {
                let number = next.fetch_add(1, Ordering::Relaxed);
                sources.get(number).map(|source| (number, source))
            };
            while let Some((number, source)) = take()
                && sender.send((number, load_source(source, settings, client, cache))).is_ok()
            {
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..settings.downloads.clamp(1, sources.len().max(1)) {
                let sender = sender.clone();
                scope.spawn(|| worker(sender));
            }
            drop(sender);
            let mut loaded: Vec<Option<Vec<Part>>> = sources.iter().map(|_| None).collect();
            progress(0, sources.len());
            for (done, (number, parts)) in results.iter().enumerate() {
                loaded[number] = Some(parts?);
                progress(done + 1, sources.len());
            }
            Ok(Self(loaded.into_iter().flatten().flatten().collect()))
        })
    }

    /// An index from the text of one `Packages` file.
    ///
    /// # Errors
    /// [`Error::Format`].
    pub fn from_text(suite: &str, text: &str) -> Result<Self, Error> {
        let text = reduce(text);
        Ok(Self(vec![Part { suite: suite.to_owned(), automatic: true, text }]))
    }

    /// The packages, findable by name.
    pub fn packages(&self) -> Packages<'_> {
        let mut packages = Packages::default();
        for part in &self.0 {
            packages
                .all
                .extend(deb822::stanzas(&part.text).map(|stanza| Package::parse(stanza, part)));
        }
        for (number, package) in packages.all.iter().enumerate() {
            packages.by_name.entry(package.name).or_default().push(number);
        }
        let all = &packages.all;
        for numbers in packages.by_name.values_mut() {
            numbers.sort_by(|&a, &b| {
                let by_version = || version::compare(all[b].version, all[a].version);
                all[b].automatic.cmp(&all[a].automatic).then_with(by_version)
            });
            // Several sources may carry the same version: the first one stands for it.
            numbers.dedup_by_key(|&mut number| all[number].version);
        }
        let mut best: Vec<usize> = packages.by_name.values().map(|numbers| numbers[0]).collect();
        best.sort_by_key(|&number| all[number].name);
        for package in best {
            for relation in crate::relation::groups(all[package].provides).flatten() {
                let version = relation.constraint.map(|(_, version)| version);
                packages
                    .providers
                    .entry(relation.name)
                    .or_default()
                    .push(Provider { package, version });
            }
        }
        packages
    }
}

impl<'a> Package<'a> {
    fn parse(stanza: &'a str, part: &'a Part) -> Self {
        let mut package = Self { suite: &part.suite, automatic: part.automatic, ..Self::default() };
        for (name, value) in deb822::fields(stanza) {
            match name {
                "Package" => package.name = value,
                "Version" => package.version = value,
                "Architecture" => package.architecture = value,
                "Depends" => package.depends = value,
                "Pre-Depends" => package.pre_depends = value,
                "Provides" => package.provides = value,
                "Filename" => package.path = value,
                "Size" => package.size = value,
                "SHA256" => package.sha256 = value,
                _ => (),
            }
        }
        package
    }

    /// The file that holds this package.
    ///
    /// # Errors
    /// [`Error::Format`] when the index gives no safe path, size or SHA256.
    pub fn deb(&self) -> Result<Deb, Error> {
        let bad = |problem: &str| Error::format(format!("index entry of {}", self.name), problem);
        let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if ![self.name, self.version, self.architecture, self.suite].into_iter().all(word) {
            return Err(bad("name, version or architecture is not one word"));
        }
        let path = self.path.trim_start_matches("./");
        if !is_inner_path(path) {
            return Err(bad("its Filename leaves the mirror"));
        }
        if !is_sha256(self.sha256) {
            return Err(bad("it has no SHA256"));
        }
        Ok(Deb {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            architecture: self.architecture.to_owned(),
            path: path.to_owned(),
            size: self.size.parse().map_err(|_| bad("its Size is not a number"))?,
            sha256: self.sha256.to_owned(),
            suite: self.suite.to_owned(),
        })
    }
}

impl<'a> Packages<'a> {
    /// Versions of a package, the preferred one first.
    pub(crate) fn named(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Packages that provide `name`, sorted by their own names.
    pub(crate) fn providers(&self, name: &str) -> &[Provider<'a>] {
        self.providers.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn get(&self, number: usize) -> Package<'a> {
        self.all[number]
    }

    /// All names, for suggestions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.by_name.keys().copied()
    }

    /// How many packages there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

fn load_source(
    source: &Source,
    settings: &Settings,
    client: &Client,
    cache: &Cache,
) -> Result<Vec<Part>, Error> {
    let flat = source.suite.ends_with('/');
    let base = match (flat, source.suite.trim_matches(['/', '.'])) {
        (false, _) => format!("{}/dists/{}", source.url, source.suite),
        (true, "") => source.url.clone(),
        (true, directory) => format!("{}/{directory}", source.url),
    };
    let name = format!("{base}/InRelease");
    let keys = verify::Keys::load(&source.signed_by, &settings.apt_root, &name)?;
    let document = client.text(&name, settings.limits.index_bytes)?;
    let release = Release::parse(&name, &verify::verify(&document, &keys, settings.now, &name)?)?;
    if client.checks_dates() {
        release.check_date(&name, settings.now)?;
    }
    let mut parts = Vec::new();
    for file in wanted_files(&release, source, settings, flat, &name)? {
        let text = load_packages(&base, file, release.by_hash, &settings.limits, client, cache)?;
        parts.push(Part {
            suite: source.suite.trim_end_matches('/').to_owned(),
            automatic: !release.not_automatic,
            text,
        });
    }
    Ok(parts)
}

fn wanted_files<'r>(
    release: &'r Release,
    source: &Source,
    settings: &Settings,
    flat: bool,
    name: &str,
) -> Result<Vec<&'r IndexFile>, Error> {
    let missing = |what: &str| Error::format(name, format!("it lists no Packages file for {what}"));
    if flat {
        let file = release.packages("").or_else(|| release.packages("./"));
        return Ok(vec![file.ok_or_else(|| missing("this directory"))?]);
    }
    let architecture = &settings.architecture;
    let mut files = Vec::new();
    for component in &source.components {
        let own = release.packages(&format!("{component}/binary-{architecture}/"));
        files.push(own.ok_or_else(|| missing(&format!("{component} on {architecture}")))?);
        if release.all_is_apart {
            files.extend(release.packages(&format!("{component}/binary-all/")));
        }
    }
    Ok(files)
}

/// The reduced text of one index, from the cache or else from the mirror.
fn load_packages(
    base: &str,
    file: &IndexFile,
    by_hash: bool,
    limits: &Limits,
    client: &Client,
    cache: &Cache,
) -> Result<String, Error> {
    if let Some(text) = cache.index(&file.sha256)? {
        return Ok(text);
    }
    let plain = format!("{base}/{}", file.path);
    if file.size > limits.index_bytes {
        let problem = format!("{} bytes are too many for an index", file.size);
        return Err(Error::Mismatch { url: plain, problem });
    }
    let fetch = |url: &str| client.bytes(url, file.size, &file.sha256);
    let hashed = match plain.rsplit_once('/') {
        Some((directory, _)) if by_hash => {
            fetch(&format!("{directory}/by-hash/SHA256/{}", file.sha256))
        }
        _ => Err(Error::NotFound { url: plain.clone() }),
    };
    let bytes = match hashed {
        Err(Error::NotFound { .. }) => fetch(&plain)?,
        other => other?,
    };
    let text = decompress(&file.path, &bytes, limits.index_bytes)
        .map_err(|error| Error::format(&plain, error.to_string()))?;
    let reduced = reduce(&text);
    cache.put_index(&file.sha256, &reduced)?;
    Ok(reduced)
}

fn decompress(path: &str, bytes: &[u8], most: u64) -> std::io::Result<String> {
    let mut text = Vec::new();
    let read = match path.rsplit_once('.') {
        Some((_, "xz")) => {
            liblzma::read::XzDecoder::new_multi_decoder(bytes).take(most).read_to_end(&mut text)?
        }
        Some((_, "gz")) => {
            flate2::read::MultiGzDecoder::new(bytes).take(most).read_to_end(&mut text)?
        }
        _ => bytes.take(most).read_to_end(&mut text)?,
    };
    if read as u64 == most {
        return Err(std::io::Error::other("unpacked, it is larger than an index may be"));
    }
    String::from_utf8(text).map_err(std::io::Error::other)
}

/// Keeps, of each stanza, the fields that resolving and fetching need.
fn reduce(text: &str) -> String {
    let mut reduced = String::with_capacity(text.len() / 2);
    for stanza in deb822::stanzas(text) {
        for (name, value) in deb822::fields(stanza) {
            if KEPT.contains(&name) {
                let value = value.replace('\n', ""); // a continuation begins with a space
                writeln!(reduced, "{name}: {value}").expect("a String takes every text");
            }
        }
        reduced.push('\n');
    }
    reduced
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Package: a\nVersion: 1\nArchitecture: all\nDescription: x\n y\nDepends: b,\n c\n\
        Filename: ./pool/a.deb\nSize: 5\nSHA256: abababababababababababababababababababababababababababababababab\n\n\
        Package: a\nVersion: 1.10\nProvides: v (= 3), w\n\n\
        Package: a\nVersion: 1.9\n";

    #[test]
    fn packages_are_found_best_version_first() {
        let index = Index::from_text("sid", TEXT).unwrap();
        let packages = index.packages();
        let versions: Vec<_> =
            packages.named("a").iter().map(|&n| packages.get(n).version).collect();
        assert_eq!(versions, ["1.10", "1.9", "1"]);
        assert_eq!(packages.providers("v")[0].version, Some("3"));
        assert_eq!(packages.providers("w")[0].version, None);
        assert_eq!((packages.len(), packages.is_empty()), (3, false));
        let first = packages.get(packages.named("a")[2]);
        assert_eq!(first.depends, "b, c");
        assert_eq!(first.deb().unwrap().path, "pool/a.deb");
        assert_eq!(first.deb().unwrap().size, 5);
    }

    #[test]
    fn an_entry_that_is_unsafe_is_refused() {
        let table = [
            ("pool/a.deb", "../a.deb", "leaves the mirror"),
            ("pool/a.deb", "/pool/a.deb", "leaves the mirror"),
            ("pool/a.deb", "pool/a.deb?x", "leaves the mirror"),
            ("abab", "../b", "no SHA256"),
            ("Size: 5", "Size: -5", "not a number"),
            ("Version: 1\n", "Version: 1 2\n", "not one word"),
        ];
        for (from, to, wished) in table {
            let index = Index::from_text("sid", &TEXT.replacen(from, to, 1)).unwrap();
            let packages = index.packages();
            let problem = packages.get(0).deb().unwrap_err().to_string();
            assert!(problem.contains(wished), "{to}: {problem}");
        }
    }

    #[test]
    fn backports_come_last() {
        let part = |suite: &str, automatic, version: &str| Part {
            suite: suite.to_owned(),
            automatic,
            text: format!("Package: a\nVersion: {version}\n"),
        };
        let index = Index(vec![
            part("backports", false, "3"),
            part("stable", true, "1"),
            part("updates", true, "2"),
        ]);
        let packages = index.packages();
        let versions: Vec<_> =
            packages.named("a").iter().map(|&n| packages.get(n).version).collect();
        assert_eq!(versions, ["2", "1", "3"]);
    }
}
