//! Where packages come from: the host's own apt configuration, or a mirror given by setting.
//!
//! Reads `.sources` and `.list` files; never asks a mirror that neither the host nor the settings
//! name. Sources of kinds that this crate does not speak (such as `cdrom:`) are skipped and logged.

use camino::{Utf8Path, Utf8PathBuf};

use crate::deb822;
use crate::{Error, Mirror, Request, Settings};

/// One suite of one mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Directory that holds `dists` and `pool`, without trailing slash.
    pub url: String,
    /// Suite; ends with `/` for a flat repository.
    pub suite: String,
    /// Components; empty for a flat repository.
    pub components: Vec<String>,
    /// Whose signature is accepted.
    pub signed_by: SignedBy,
}

/// Whose signature is accepted: all empty means the keys that the host trusts for any source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignedBy {
    /// Keyring files.
    pub files: Vec<Utf8PathBuf>,
    /// Fingerprints, upper case; if any, only these keys count.
    pub fingerprints: Vec<String>,
    /// Keys written into the source itself.
    pub inline: Option<String>,
}

/// The sources that serve `request`, in the order of the configuration.
///
/// # Errors
/// [`Error::NoSources`] when there is none, [`Error::NoSuite`] when a mirror lacks its suite,
/// [`Error::AptConfig`] and [`Error::Io`] when the configuration cannot be read.
pub fn sources(request: &Request, settings: &Settings) -> Result<Vec<Source>, Error> {
    let host = host_sources(&settings.apt_root, &settings.architecture)?;
    let host_suite = host_suite(&host, &settings.apt_root)?;
    let mut found = match (&settings.mirror, &request.suite) {
        (Some(mirror), wished) => {
            vec![mirror_source(mirror, wished.clone().or(host_suite), settings)?]
        }
        (None, Some(wished)) => with_suite(host, host_suite.as_deref().unwrap_or_default(), wished),
        (None, None) => host,
    };
    if let Some(keyring) = &settings.keyring {
        for source in &mut found {
            source.signed_by = SignedBy { files: vec![keyring.clone()], ..SignedBy::default() };
        }
    }
    if found.is_empty() {
        return Err(Error::NoSources { looked_at: settings.apt_root.join("etc/apt") });
    }
    Ok(found)
}

fn mirror_source(
    mirror: &Mirror,
    suite: Option<String>,
    settings: &Settings,
) -> Result<Source, Error> {
    let suite = mirror.suite.clone().or(suite);
    let keyring = settings.apt_root.join("usr/share/keyrings/debian-archive-keyring.gpg");
    Ok(Source {
        url: mirror.url.trim_end_matches('/').to_owned(),
        suite: suite.ok_or_else(|| Error::NoSuite { url: mirror.url.clone() })?,
        components: mirror.components.clone(),
        signed_by: SignedBy {
            files: if keyring.exists() { vec![keyring] } else { Vec::new() },
            ..SignedBy::default()
        },
    })
}

/// The host's distribution among its sources: its code name, else the first source's suite.
fn host_suite(sources: &[Source], root: &Utf8Path) -> Result<Option<String>, Error> {
    let release = read_text(&root.join("etc/os-release"))?.unwrap_or_default();
    let code_name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let code_name = code_name.map(|name| name.trim_matches('"'));
    let known = sources.iter().find(|source| Some(source.suite.as_str()) == code_name);
    Ok(known.or(sources.first()).map(|source| source.suite.clone()))
}

/// The sources of suite `host` and of its companions (`host-updates`, …), for suite `wished`.
fn with_suite(sources: Vec<Source>, host: &str, wished: &str) -> Vec<Source> {
    let rename = |mut source: Source| {
        let companion = source.suite.strip_prefix(host)?;
        if !companion.is_empty() && !companion.starts_with('-') {
            return None;
        }
        source.suite = format!("{wished}{companion}");
        Some(source)
    };
    sources.into_iter().filter_map(rename).collect()
}

/// All binary package sources below `root/etc/apt` for `architecture`.
fn host_sources(root: &Utf8Path, architecture: &str) -> Result<Vec<Source>, Error> {
    let etc = root.join("etc/apt");
    let mut files = vec![etc.join("sources.list")];
    files.extend(configuration_files(&etc.join("sources.list.d"), &["list", "sources"])?);
    let mut found: Vec<Source> = Vec::new();
    for path in files {
        let text = read_text(&path)?.unwrap_or_default();
        let parsed = match path.extension() {
            Some("sources") => Ok(parse_deb822(&text, architecture)),
            _ => parse_one_line(&text, architecture),
        };
        let parsed = parsed.map_err(|(line, problem)| Error::AptConfig { path, line, problem })?;
        for mut source in parsed {
            let Some(url) = reachable_url(&source.url, root)? else {
                tracing::warn!(
                    url = source.url,
                    "skipped a source of a kind that is not supported"
                );
                continue;
            };
            source.url = url;
            let below_root = |file: Utf8PathBuf| root.join(file.as_str().trim_start_matches('/'));
            source.signed_by.files = source.signed_by.files.into_iter().map(below_root).collect();
            if !found.contains(&source) {
                found.push(source);
            }
        }
    }
    Ok(found)
}

/// The URL to ask; a `mirror+file:` list is replaced by its first mirror; `None` if unsupported.
fn reachable_url(url: &str, root: &Utf8Path) -> Result<Option<String>, Error> {
    if let Some(path) = url.strip_prefix("mirror+file:") {
        let list = read_text(&root.join(path.trim_start_matches('/')))?.unwrap_or_default();
        let first = list.lines().filter_map(|line| line.split_whitespace().next());
        return Ok(first
            .filter(|word| !word.starts_with('#'))
            .map(|word| word.trim_end_matches('/').to_owned())
            .next());
    }
    let spoken = ["http://", "https://", "file:"].iter().any(|scheme| url.starts_with(scheme));
    Ok(spoken.then(|| url.trim_end_matches('/').to_owned()))
}

/// Parses a `.sources` file.
fn parse_deb822(text: &str, architecture: &str) -> Vec<Source> {
    let text: String =
        text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    let mut found = Vec::new();
    for stanza in deb822::stanzas(&text) {
        let words = |name| deb822::field(stanza, name).unwrap_or_default().split_whitespace();
        let enabled = !matches!(words("Enabled").next(), Some("no" | "false" | "0"));
        let architectures: Vec<&str> = words("Architectures").collect();
        if !enabled
            || !words("Types").any(|kind| kind == "deb")
            || !fits(&architectures, architecture)
        {
            continue;
        }
        for url in words("URIs") {
            for suite in words("Suites") {
                found.push(Source {
                    url: url.to_owned(),
                    suite: suite.replace("$(ARCH)", architecture),
                    components: words("Components").map(str::to_owned).collect(),
                    signed_by: SignedBy::parse(
                        deb822::field(stanza, "Signed-By").unwrap_or_default(),
                    ),
                });
            }
        }
    }
    found
}

/// Parses a `.list` file; an error tells line and problem.
fn parse_one_line(text: &str, architecture: &str) -> Result<Vec<Source>, (usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some(rest) = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t']))
        else {
            continue;
        };
        let bad = |problem: &str| (number + 1, format!("{problem}: `{line}`"));
        let (options, rest) = match rest.trim_start().strip_prefix('[') {
            Some(inner) => inner.split_once(']').ok_or_else(|| bad("`[` is never closed"))?,
            None => ("", rest),
        };
        let option = |name: &str| {
            let named = |word: &'_ str| {
                word.split_once('=').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
            };
            options
                .split_whitespace()
                .find(|word| named(word))
                .and_then(|word| word.split_once('='))
                .map(|(_, v)| v)
        };
        let architectures: Vec<&str> =
            option("arch").map(|list| list.split(',').collect()).unwrap_or_default();
        if !fits(&architectures, architecture) {
            continue;
        }
        let mut words = rest.split_whitespace();
        let (Some(url), Some(suite)) = (words.next(), words.next()) else {
            return Err(bad("wanted `deb URL SUITE COMPONENT ...`"));
        };
        found.push(Source {
            url: url.to_owned(),
            suite: suite.replace("$(ARCH)", architecture),
            components: words.map(str::to_owned).collect(),
            signed_by: SignedBy::parse(option("signed-by").unwrap_or_default()),
        });
    }
    Ok(found)
}

fn fits(architectures: &[&str], architecture: &str) -> bool {
    architectures.is_empty() || architectures.contains(&architecture)
}

impl SignedBy {
    /// Reads the value of `Signed-By`: files, fingerprints, or a key block whose empty lines are dots.
    fn parse(value: &str) -> Self {
        if value.contains("-----BEGIN") {
            let line = |line: &str| match line.trim() {
                "." => "\n".to_owned(),
                other => format!("{other}\n"),
            };
            return Self { inline: Some(value.lines().map(line).collect()), ..Self::default() };
        }
        let mut signed_by = Self::default();
        for word in value.split([',', ' ', '\n', '\t']).filter(|word| !word.is_empty()) {
            if word.starts_with('/') {
                signed_by.files.push(Utf8PathBuf::from(word));
            } else {
                signed_by.fingerprints.push(word.trim_end_matches('!').to_ascii_uppercase());
            }
        }
        signed_by
    }
}

/// The files of a configuration directory that apt would read, sorted; absent is empty.
pub(crate) fn configuration_files(
    directory: &Utf8Path,
    extensions: &[&str],
) -> Result<Vec<Utf8PathBuf>, Error> {
    let entries = match directory.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", directory, error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Error::io("read", directory, error))?.into_path();
        let hidden = path.file_name().is_none_or(|name| name.starts_with('.'));
        if !hidden && extensions.contains(&path.extension().unwrap_or_default()) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The text of a small file, `None` if there is none.
pub(crate) fn read_text(path: &Utf8Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief(sources: &[Source]) -> Vec<String> {
        let one = |s: &Source| format!("{} {} {}", s.url, s.suite, s.components.join("+"));
        sources.iter().map(one).collect()
    }

    #[test]
    fn sources_files_are_read() {
        let text = "# the host\nTypes: deb deb-src\n# old: http://x\nURIs: http://m/debian\n\
                    Suites: bookworm bookworm-updates\nComponents: main\n contrib\nSigned-By: /k/a.gpg\n\n\
                    Enabled: no\nTypes: deb\nURIs: http://off/\nSuites: x\n\n\
                    Types: deb-src\nURIs: http://src/\nSuites: x\n\n\
                    Types: deb\nURIs: http://arm/\nSuites: x\nArchitectures: arm64\n\n\
                    types: deb\nuris: http://flat\nsuites: ./\nSigned-By:\n -----BEGIN PGP\n .\n abc\n";
        let found = parse_deb822(text, "amd64");
        let wished = [
            "http://m/debian bookworm main+contrib",
            "http://m/debian bookworm-updates main+contrib",
            "http://flat ./ ",
        ];
        assert_eq!(brief(&found), wished);
        assert_eq!(found[0].signed_by.files, ["/k/a.gpg"]);
        assert_eq!(found[2].signed_by.inline.as_deref(), Some("-----BEGIN PGP\n\nabc\n"));
    }

    #[test]
    fn list_files_are_read() {
        let text = "deb http://m/debian bookworm main contrib # note\n#deb http://no x main\n\
                    deb-src http://m/debian bookworm main\n\
                    deb [ arch=amd64,i386 signed-by=/k/a.gpg,/k/b.gpg ] http://two/$(ARCH) sid/$(ARCH)/\n\
                    deb [arch=arm64] http://arm x main\n";
        let found = parse_one_line(text, "amd64").unwrap();
        assert_eq!(
            brief(&found),
            ["http://m/debian bookworm main+contrib", "http://two/$(ARCH) sid/amd64/ "]
        );
        assert_eq!(found[1].signed_by.files, ["/k/a.gpg", "/k/b.gpg"]);
        assert_eq!(parse_one_line("\ndeb http://m", "amd64").unwrap_err().0, 2);
        assert_eq!(parse_one_line("deb [a http://m x", "amd64").unwrap_err().0, 1);
    }

    #[test]
    fn another_suite_takes_the_companions_along_and_drops_strangers() {
        let source = |suite: &str| Source {
            url: "http://m".to_owned(),
            suite: suite.to_owned(),
            components: Vec::new(),
            signed_by: SignedBy::default(),
        };
        let host = ["bookworm", "bookworm-security", "bookwormish", "nodistro"].map(source);
        let seen = with_suite(host.to_vec(), "bookworm", "trixie");
        assert_eq!(seen, ["trixie", "trixie-security"].map(source));
    }

    #[test]
    fn fingerprints_are_told_from_files() {
        let signed_by = SignedBy::parse("/k/a.gpg, abCD12!");
        assert_eq!(signed_by.files, ["/k/a.gpg"]);
        assert_eq!(signed_by.fingerprints, ["ABCD12"]);
    }
}
