//! Settings of `slapos proxy start`: those of the Python slapproxy, from the same slapos.cfg.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, ToSocketAddrs},
};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_core::{
    names::{BadName, ComputerId, SoftwareUrl},
    world::Place,
};
use slapos_master::OtherMasterSettings;

use super::{File, file::MULTIMASTER, node_path};
use crate::error::Failure;

/// Settings of the Python slapproxy for what ours does not do, and why.
const UNUSED: &[(&str, &str)] = &[
    (
        "public_directory_path",
        "the page shows no files of instances; let a service of the instance serve them",
    ),
    (
        "shacache_content_directory",
        "the networkcache is in DATABASE_URI.slapos/networkcache, and always served",
    ),
    (
        "shacache_metadata_directory",
        "the networkcache is in DATABASE_URI.slapos/networkcache, and always served",
    ),
    (
        "shacache_signing_key_path",
        "an entry is kept as it was signed by whoever uploaded it; give its key to the nodes",
    ),
    ("shacache_upstream_cache_url", UPSTREAM),
    ("shacache_upstream_dir_url", UPSTREAM),
];

const UPSTREAM: &str = "this master fetches nothing from elsewhere; name the other cache in \
                        [networkcache] of the nodes";

/// True for a setting of the slapproxy that ours has no use for.
pub(super) fn is_unused(section: &str, name: &str) -> bool {
    // written with hyphens in its example file
    let name = name.replace('-', "_");
    section == "slapproxy" && UNUSED.iter().any(|(unused, _)| *unused == name)
}

/// The settings in a file that have no effect, a sentence each.
fn unused(file: &File) -> Vec<String> {
    let given = |name: &str| {
        let hyphens = name.replace('_', "-");
        file.get("slapproxy", name).or_else(|| file.get("slapproxy", &hyphens)).is_some()
    };
    let sentence = |(name, why): &(&str, &str)| format!("[slapproxy] {name} has no effect: {why}");
    UNUSED.iter().filter(|(name, _)| given(name)).map(sentence).collect()
}

/// What the single-node proxy is started with.
#[derive(Debug)]
pub(crate) struct ProxySettings {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// The database of the Python slapproxy, or where it would be.
    pub(crate) database: Utf8PathBuf,
    /// Where instances go whose request names no computer.
    pub(crate) computer: ComputerId,
    /// The release of each software product.
    pub(crate) products: BTreeMap<String, SoftwareUrl>,
    /// The directory of local releases.
    pub(crate) release_root: Option<Utf8PathBuf>,
    /// The masters to which requests are passed on.
    pub(crate) masters: Vec<OtherMasterSettings>,
    /// Settings that were given and have no effect, a sentence each.
    pub(crate) unused: Vec<String>,
}

/// What the command line says over the file.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Given {
    /// The database of the slapproxy, as in [slapproxy] database_uri
    #[arg(short = 'u', long, value_name = "FILE")]
    pub(crate) database_uri: Option<Utf8PathBuf>,
    /// The address to listen on, as in [slapproxy] host
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// The port to listen on, as in [slapproxy] port
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// The directory of local releases, as in [slapproxy] local_software_release_root
    #[arg(long, value_name = "DIR")]
    pub(crate) local_software_release_root: Option<Utf8PathBuf>,
}

impl ProxySettings {
    /// The directory of the state: beside the database of the Python slapproxy, which stays as it
    /// is.
    pub(crate) fn data(&self) -> Utf8PathBuf {
        Utf8PathBuf::from(format!("{}.slapos", self.database))
    }
}

/// Reads the settings of the proxy from the file `given` (`--cfg`), else from the one that
/// `SLAPOS_CONFIGURATION` names, else from `/etc/opt/slapos/slapos.cfg`. Also returns what it did not
/// understand.
pub(crate) fn proxy(
    cfg: Option<&Utf8Path>,
    given: &Given,
) -> Result<(ProxySettings, Vec<String>), Failure> {
    let file = File::read(&node_path(cfg))?;
    let settings = ProxySettings {
        listen: listen(&file, given)?,
        database: match &given.database_uri {
            Some(path) => path.clone(),
            None => either(&file, "database_uri")?.into(),
        },
        computer: {
            let computer = either(&file, "computer_id")?;
            let wrong = |error| file.wrong("slapos", "computer_id", computer, error);
            computer.try_into().map_err(wrong)?
        },
        products: products(&file)?,
        masters: masters(&file)?,
        unused: unused(&file),
        release_root: given
            .local_software_release_root
            .clone()
            .or_else(|| optional(&file, "local_software_release_root").map(Utf8PathBuf::from)),
    };
    Ok((settings, file.unknown()))
}

/// A setting of the proxy may be in either section.
fn optional<'f>(file: &'f File, name: &str) -> Option<&'f str> {
    file.get("slapproxy", name).or_else(|| file.get("slapos", name))
}

fn either<'f>(file: &'f File, name: &str) -> Result<&'f str, Failure> {
    optional(file, name).map_or_else(|| file.need("slapproxy", name), Ok)
}

fn listen(file: &File, given: &Given) -> Result<SocketAddr, Failure> {
    let host = given.host.as_deref().map_or_else(|| either(file, "host"), Ok)?;
    let port = match given.port {
        Some(port) => port,
        None => {
            let text = either(file, "port")?;
            text.parse().map_err(|_| file.wrong("slapproxy", "port", text, "not a port"))?
        }
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = (bare, port).to_socket_addrs().map(|mut all| all.next());
    found.ok().flatten().ok_or_else(|| file.wrong("slapproxy", "host", host, "not an address"))
}

/// One product a line: its name, a blank, the URL of its release.
fn products(file: &File) -> Result<BTreeMap<String, SoftwareUrl>, Failure> {
    let name = "software_product_list";
    let mut products = BTreeMap::new();
    for line in optional(file, name).unwrap_or_default().lines().map(str::trim) {
        if line.is_empty() {
            continue;
        }
        let bad = |why: String| file.wrong("slapproxy", name, line, why);
        let (product, release) =
            line.split_once(char::is_whitespace).ok_or_else(|| bad("use NAME URL".into()))?;
        let release = release.trim().try_into();
        let release = release.map_err(|error: BadName| bad(error.to_string()))?;
        products.insert(product.to_owned(), release);
    }
    Ok(products)
}

/// A section for each of the other masters, with its URL in the name.
fn masters(file: &File) -> Result<Vec<OtherMasterSettings>, Failure> {
    let sections = file.sections();
    sections
        .filter_map(|section| Some((section, section.strip_prefix(MULTIMASTER)?)))
        .map(|(section, url)| {
            let read = |name: &str| -> Result<Option<Vec<u8>>, Failure> {
                let Some(path) = file.get(section, name) else { return Ok(None) };
                let bytes = std::fs::read(path);
                bytes.map(Some).map_err(|error| file.wrong(section, name, path, error))
            };
            let name = "software_release_list";
            let lines = file.get(section, name).unwrap_or_default().lines().map(str::trim);
            let releases = lines.filter(|line| !line.is_empty()).map(|line| {
                line.try_into().map_err(|error: BadName| file.wrong(section, name, line, error))
            });
            let requester = match (file.get(section, "computer"), file.get(section, "partition")) {
                (Some(computer), Some(partition)) => {
                    let computer = computer
                        .try_into()
                        .map_err(|error| file.wrong(section, "computer", computer, error))?;
                    let partition = partition
                        .try_into()
                        .map_err(|error| file.wrong(section, "partition", partition, error))?;
                    Some(Place { computer, partition })
                }
                (None, None) => None,
                (Some(_), None) => return Err(file.missing(section, "partition")),
                (None, Some(_)) => return Err(file.missing(section, "computer")),
            };
            Ok(OtherMasterSettings {
                url: url.to_owned(),
                releases: releases.collect::<Result<_, _>>()?,
                requester,
                certificate: match (read("cert")?, read("key")?) {
                    (Some(certificate), Some(key)) => Some((certificate, key)),
                    (None, None) => None,
                    (Some(_), None) => return Err(file.missing(section, "key")),
                    (None, Some(_)) => return Err(file.missing(section, "cert")),
                },
                authorities: read("ca")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, given: &Given) -> Result<(ProxySettings, Vec<String>), Failure> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file.as_file(), text.as_bytes()).unwrap();
        proxy(Some(Utf8Path::from_path(file.path()).unwrap()), given)
    }

    const USUAL: &str = "[slapos]\nmaster_url = http://127.0.0.1:4000/\ncomputer_id = COMP-1\n\
        software_root = /srv/soft\n[slapproxy]\nhost = 127.0.0.1\nport = 4000\n\
        database_uri = /srv/proxy.db\nsoftware_product_list =\n  hello http://h/1/software.cfg\n\n\
        \x20 bye /srv/bye/software.cfg\nlocal_software_release_root = /srv\n\
        [networkcache]\ndownload-cache-url = http://cache\n";

    #[test]
    fn the_settings_of_the_python_slapproxy_are_understood() {
        let (settings, unknown) = read(USUAL, &Given::default()).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:4000");
        assert_eq!(settings.data(), "/srv/proxy.db.slapos");
        assert_eq!(settings.computer.as_str(), "COMP-1");
        let products: Vec<_> = settings.products.iter().collect();
        assert_eq!(
            format!("{products:?}"),
            r#"[("bye", "/srv/bye/software.cfg"), ("hello", "http://h/1/software.cfg")]"#
        );
        assert_eq!(settings.release_root.as_deref(), Some(Utf8Path::new("/srv")));
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn other_masters_have_a_section_each() {
        let section = "[multimaster/http://other:5000/]\nsoftware_release_list =\n  http://h/a\n  \
            http://h/b\ncomputer = COMP-9\npartition = slappart3\n";
        let text = format!("{USUAL}[multimaster/http://third/]\n{section}");
        let (settings, unknown) = read(&text, &Given::default()).unwrap();
        let [third, other] = &settings.masters[..] else { panic!("{settings:?}") };
        assert_eq!((third.url.as_str(), third.releases.len()), ("http://third/", 0));
        let place = other.requester.as_ref().unwrap().to_string();
        assert_eq!(
            (other.url.as_str(), place.as_str()),
            ("http://other:5000/", "slappart3 of COMP-9")
        );
        assert_eq!(other.releases.len(), 2);
        assert!(unknown.is_empty(), "{unknown:?}");
        let half = text.replace("partition = slappart3\n", "");
        let failure = read(&half, &Given::default()).unwrap_err();
        assert!(
            failure.chain[0]
                .contains("does not set `partition` in [multimaster/http://other:5000/]")
        );
    }

    #[test]
    fn what_a_slapproxy_would_do_and_ours_does_not_is_named_with_the_reason() {
        let unused = "public_directory_path = /srv/public\nshacache-content-directory = /srv/c\n\
                      shacache_upstream_cache_url = http://h/\n";
        let text = USUAL.replace("[slapproxy]\n", &format!("[slapproxy]\n{unused}"));
        let (settings, unknown) = read(&text, &Given::default()).unwrap();
        let begins: Vec<_> =
            settings.unused.iter().map(|it| it.split(':').next().unwrap()).collect();
        let expected =
            ["public_directory_path", "shacache_content_directory", "shacache_upstream_cache_url"]
                .map(|name| format!("[slapproxy] {name} has no effect"));
        assert_eq!(begins, expected);
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn the_command_line_comes_first() {
        let given = Given {
            host: Some("[::1]".into()),
            port: Some(1),
            database_uri: Some("/x/y.db".into()),
            local_software_release_root: Some("/z".into()),
        };
        let (settings, _) = read(USUAL, &given).unwrap();
        assert_eq!(settings.listen.to_string(), "[::1]:1");
        assert_eq!(
            (settings.data().as_str(), settings.release_root.unwrap().as_str()),
            ("/x/y.db.slapos", "/z")
        );
    }

    #[test]
    fn faults_name_file_section_and_rule() {
        let table = [
            ("host = 127.0.0.1\n", "host = no such host\n", "[slapproxy] host = no such host: "),
            ("port = 4000\n", "port = many\n", "[slapproxy] port = many: not a port"),
            ("database_uri = /srv/proxy.db\n", "", "does not set `database_uri` in [slapproxy]"),
            ("  hello http://h/1/software.cfg\n", "  hello\n", "hello: use NAME URL"),
        ];
        for (from, to, expected) in table {
            let text = USUAL.replace(from, to);
            let failure = read(&text, &Given::default()).unwrap_err();
            assert!(failure.chain[0].contains(expected), "{:?}", failure.chain);
        }
    }
}
