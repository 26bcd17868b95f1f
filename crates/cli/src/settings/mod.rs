//! Settings: configuration files, read once, turned into values.
//!
//! Files and variables are those of the Python command line (`slapos.cfg`, `slapos-client.cfg`).
//! An unknown setting is named, not swallowed.

mod file;
mod proxy;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_core::names::ComputerId;
use slapos_node::settings::{PartitionSettings, Proxies, Settings, Users};

use self::file::File;
pub(crate) use self::proxy::{Given, proxy};
use crate::error::{Exit, Failure};

/// Where a client finds its master.
#[derive(Debug, Clone)]
pub(crate) struct ClientSettings {
    /// Address of the master.
    pub(crate) master_url: String,
}

/// A mirror of Debian packages as a person gives it: `URL [SUITE [COMPONENT ...]]`.
pub(crate) fn mirror(text: &str) -> Result<String, String> {
    let url = text.split_whitespace().next().unwrap_or_default();
    let parsed: Option<ureq::http::Uri> = url.parse().ok();
    let usable = match (url.split_once(':'), parsed.as_ref().and_then(|uri| uri.host())) {
        (Some(("http" | "https", _)), Some(host)) => !host.is_empty(),
        (Some(("file", path)), _) => path.starts_with('/'),
        _ => false,
    };
    let rule = "use http://HOST/PATH, https://... or file:///PATH, and in the same quotes, if \
                needed, the suite and its components";
    if usable { Ok(text.to_owned()) } else { Err(rule.into()) }
}

/// A file of keys as a person gives it.
pub(crate) fn keyring(text: &str) -> Result<Utf8PathBuf, String> {
    match Utf8Path::new(text).canonicalize_utf8() {
        Ok(path) if path.is_file() => Ok(path),
        Ok(_) => Err("this is no file".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// A variable of the environment, unless it is empty.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(crate) fn from_environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

/// Reads the client's settings from the file `given` (`--cfg`), else from the one that
/// `SLAPOS_CLIENT_CONFIGURATION` names, else from `~/.slapos/slapos-client.cfg`. Also returns what
/// it did not understand.
pub(crate) fn client(given: Option<&Utf8Path>) -> Result<(ClientSettings, Vec<String>), Failure> {
    let path = client_path(given).ok_or_else(|| {
        Failure::new(Exit::Usage, "no configuration file").hint("give one with --cfg FILE")
    })?;
    let file = File::read(&path).map_err(|failure| {
        failure.hint(
            "name another one with SLAPOS_CLIENT_CONFIGURATION (`slapos demo` prints the line \
             that sets it), or with --cfg FILE",
        )
    })?;
    let master_url = master_url(&file)?;
    Ok((ClientSettings { master_url }, file.unknown()))
}

/// The address of the master.
fn master_url(file: &File) -> Result<String, Failure> {
    let url = file.need("slapos", "master_url")?;
    let parsed: Option<ureq::http::Uri> = url.parse().ok();
    let usable = parsed.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    let rule = "not a URL; use http://HOST:PORT or https://HOST";
    if usable { Ok(url.to_owned()) } else { Err(file.wrong("slapos", "master_url", url, rule)) }
}

/// True when the node of a computer is on this machine, as far as files tell: those that the
/// client's file names, or the one in the usual place, if it is a computer of the same master.
pub(crate) fn is_here(given: Option<&Utf8Path>, computer: &ComputerId) -> bool {
    let Some(client) = client_path(given).and_then(|path| File::read(&path).ok()) else {
        return false;
    };
    let named = client.get("slapos", "nodes").unwrap_or_default().split_whitespace();
    let mut nodes: Vec<Utf8PathBuf> = named.map(Into::into).collect();
    if nodes.is_empty() {
        nodes.push(node_path(None));
    }
    let of_node = |node: &File, name| node.get("slapos", name).map(str::to_owned);
    nodes.iter().filter_map(|path| File::read(path).ok()).any(|node| {
        of_node(&node, "computer_id").as_deref() == Some(computer.as_str())
            && of_node(&node, "master_url") == of_node(&client, "master_url")
    })
}

fn client_path(given: Option<&Utf8Path>) -> Option<Utf8PathBuf> {
    given
        .map(Utf8Path::to_owned)
        .or_else(|| from_environment("SLAPOS_CLIENT_CONFIGURATION").map(Into::into))
        .or_else(client_in_home)
}

fn client_in_home() -> Option<Utf8PathBuf> {
    let home = Utf8PathBuf::from_path_buf(std::env::home_dir()?).ok()?;
    Some(home.join(".slapos/slapos-client.cfg"))
}

/// Reads the settings of all nodes on this machine that somebody asks about: of the node whose file
/// is `given` (`--cfg`) or that `SLAPOS_CONFIGURATION` names; or of those that a client's file
/// names: the one `given`, else that of `SLAPOS_CLIENT_CONFIGURATION` or the one in the home
/// directory, if there is one; else of the node that has its file in the usual place. Also returns
/// what was not understood. A fault in any of these files is an error.
pub(crate) fn nodes(
    given: Option<&Utf8Path>,
    program: &Utf8Path,
    is_root: bool,
) -> Result<(Vec<Settings>, Vec<String>), Failure> {
    let of_client = || {
        let named = from_environment("SLAPOS_CLIENT_CONFIGURATION").map(Into::into);
        named.or_else(|| client_in_home().filter(|path| path.exists()))
    };
    let node_given = given.is_some() || from_environment("SLAPOS_CONFIGURATION").is_some();
    let client = if node_given { None } else { of_client() };
    let file = File::read(&client.clone().unwrap_or_else(|| node_path(given)))?;
    let named = file.get("slapos", "nodes").unwrap_or_default().split_whitespace();
    let files = named.map(|path| File::read(path.into())).collect::<Result<Vec<_>, _>>()?;
    let (files, mut unknown) = match (files.is_empty(), client) {
        (false, _) => (files, file.unknown()),
        (true, None) => (vec![file], vec![]),
        (true, Some(_)) => (vec![File::read(&node_path(None))?], file.unknown()),
    };
    let mut all = Vec::new();
    for file in files {
        all.push(node_of(&file, program.to_owned(), is_root)?);
        unknown.extend(file.unknown());
    }
    Ok((all, unknown))
}

/// Reads a node's settings from the file `given` (`--cfg`), else from the one that
/// `SLAPOS_CONFIGURATION` names, else from `/etc/opt/slapos/slapos.cfg`. `program` is the running
/// program. Also returns what it did not understand.
pub(crate) fn node(
    given: Option<&Utf8Path>,
    program: Utf8PathBuf,
    is_root: bool,
) -> Result<(Settings, Vec<String>), Failure> {
    let file = File::read(&node_path(given))?;
    Ok((node_of(&file, program, is_root)?, file.unknown()))
}

fn node_of(file: &File, program: Utf8PathBuf, is_root: bool) -> Result<Settings, Failure> {
    let computer = file.need("slapos", "computer_id")?;
    let computer = computer
        .try_into()
        .map_err(|error| file.wrong("slapos", "computer_id", computer, error))?;
    let instance_root = Utf8PathBuf::from(file.need("slapos", "instance_root")?);
    let base = instance_root.parent().unwrap_or(&instance_root).to_owned();
    let var_root = file.get("slapos", "var_root").map_or_else(|| base.join("var"), Into::into);
    // not in `var_root`, where nobody but the node's own user may go
    let cache_root =
        file.get("slapos", "cache_root").map_or_else(|| base.join("cache"), Into::into);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Settings {
        computer,
        master_url: master_url(file)?,
        software_root: file.need("slapos", "software_root")?.into(),
        instance_root,
        cache_root,
        shipped_root: base.join("shipped"),
        var_root,
        partitions: partitions(file)?,
        users: if is_root { Some(users(file)?) } else { None },
        installations_max: at_once(file, "installations_max", processors)?,
        evaluations_max: at_once(file, "evaluations_max", 2 * processors)?,
        python: python(file)?,
        mirror: file.get("slapos", "mirror").map(Into::into),
        keyring: given_file(file, "keyring")?,
        mirror_timeout_s: mirror_timeout(file)?,
        proxies: Proxies {
            http: from_environment("http_proxy"),
            https: from_environment("https_proxy"),
            none: from_environment("no_proxy"),
        },
        program,
    })
}

/// The configuration file of this computer.
pub(crate) fn node_path(given: Option<&Utf8Path>) -> Utf8PathBuf {
    given
        .map(Utf8Path::to_owned)
        .or_else(|| from_environment("SLAPOS_CONFIGURATION").map(Into::into))
        .unwrap_or_else(|| "/etc/opt/slapos/slapos.cfg".into())
}

/// How many may run at the same time: at least one.
fn at_once(file: &File, name: &str, default: usize) -> Result<usize, Failure> {
    match file.number::<usize>("slapos", name)? {
        Some(0) => Err(file.wrong("slapos", name, "0", "nothing would ever run")),
        given => Ok(given.unwrap_or(default)),
    }
}

/// How many seconds a mirror may be silent.
fn mirror_timeout(file: &File) -> Result<Option<u64>, Failure> {
    match file.number("slapos", "mirror_timeout")? {
        Some(0) => Err(file.wrong("slapos", "mirror_timeout", "0", "no mirror answers at once")),
        given => Ok(given),
    }
}

/// The interpreter for recipes that are not native: a given one must be there.
fn python(file: &File) -> Result<Option<Utf8PathBuf>, Failure> {
    Ok(given_file(file, "python")?.or_else(usual_python))
}

/// A file that a setting of the node names: it must be there.
fn given_file(file: &File, name: &str) -> Result<Option<Utf8PathBuf>, Failure> {
    match file.get("slapos", name) {
        Some(given) if Utf8Path::new(given).is_file() => Ok(Some(given.into())),
        Some(given) => Err(file.wrong("slapos", name, given, "there is no such file")),
        None => Ok(None),
    }
}

/// The interpreter of this computer.
pub(crate) fn usual_python() -> Option<Utf8PathBuf> {
    let usual = ["/usr/bin/python3", "/usr/local/bin/python3"].map(Utf8Path::new);
    usual.into_iter().find(|path| path.is_file()).map(ToOwned::to_owned)
}

/// The numbers of the system users; the defaults lie in the range that systemd sets aside for
/// users without an entry in `/etc/passwd`.
fn users(file: &File) -> Result<Users, Failure> {
    let software = file.number("slapos", "software_user")?.unwrap_or(61_900);
    let first_partition = file.number("slapos", "partition_user")?.unwrap_or(62_000);
    Ok(Users { software, first_partition })
}

/// `partition_amount` partitions, each with its own address out of `ipv4_local_network`, and out of
/// `ipv6_local_network` if that is set.
fn partitions(file: &File) -> Result<Vec<PartitionSettings>, Failure> {
    let amount: u32 = file.number("slapformat", "partition_amount")?.unwrap_or(10);
    let base = file.get("slapformat", "partition_base_name").unwrap_or("slappart");
    let name = "ipv4_local_network";
    let text = file.get("slapformat", name).unwrap_or("127.1.0.0/16");
    let (network, host_bits) = network(text)
        .ok_or_else(|| file.wrong("slapformat", name, text, "use e.g. 127.1.0.0/16"))?;
    if u64::from(amount) + 2 > 1 << host_bits {
        return Err(file.wrong(
            "slapformat",
            name,
            text,
            format!("too small for {amount} partitions"),
        ));
    }
    let ipv6 = ipv6_addresses(file, amount)?;
    (0..amount)
        .map(|place| {
            let name = format!("{base}{place}");
            let ipv4 = IpAddr::V4(Ipv4Addr::from_bits(network + place + 1));
            let ipv6 = ipv6.iter().map(|first| {
                IpAddr::V6(Ipv6Addr::from_bits(first.0 + u128::from(place) * first.1))
            });
            Ok(PartitionSettings {
                name: name.as_str().try_into().map_err(|error| {
                    file.wrong("slapformat", "partition_base_name", base, error)
                })?,
                addresses: [ipv4].into_iter().chain(ipv6).collect(),
                capabilities: Vec::new(),
            })
        })
        .collect()
}

/// The first partition's IPv6 address and the step to the next one's. A network of a single address, such as
/// `::1/128`, is that of all partitions.
fn ipv6_addresses(file: &File, amount: u32) -> Result<Option<(u128, u128)>, Failure> {
    let name = "ipv6_local_network";
    let Some(text) = file.get("slapformat", name) else { return Ok(None) };
    let parts = text.split_once('/').and_then(|(address, prefix)| {
        let address: Ipv6Addr = address.parse().ok()?;
        let free = 128u32.checked_sub(prefix.parse().ok()?).filter(|free| *free < 128)?;
        Some((address.to_bits() >> free << free, free))
    });
    let (network, free) = parts
        .ok_or_else(|| file.wrong("slapformat", name, text, "use e.g. fd00::/64 or ::1/128"))?;
    if free == 0 {
        return Ok(Some((network, 0)));
    }
    if u128::from(amount) + 1 > 1 << free {
        let reason = format!("too small for {amount} partitions");
        return Err(file.wrong("slapformat", name, text, reason));
    }
    Ok(Some((network + 1, 1)))
}

/// `a.b.c.d/n` as the first address and the number of bits that are free.
fn network(text: &str) -> Option<(u32, u32)> {
    let (address, prefix) = text.split_once('/')?;
    let address: Ipv4Addr = address.parse().ok()?;
    let free = 32u32.checked_sub(prefix.parse().ok()?).filter(|free| (1..32).contains(free))?;
    Some((address.to_bits() >> free << free, free))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Settings, Vec<String>), Failure> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file.as_file(), text.as_bytes()).unwrap();
        node(Some(Utf8Path::from_path(file.path()).unwrap()), "slapos".into(), false)
    }

    const MINIMAL: &str = "[slapos]\nmaster_url = http://127.0.0.1:1\ncomputer_id = COMP-1\n\
                           software_root = /x/software\ninstance_root = /x/instance\n";

    #[test]
    fn partitions_get_their_names_and_one_address_each() {
        let text = format!(
            "{MINIMAL}[slapformat]\npartition_amount = 2\nipv4_local_network = 127.9.8.77/24\n"
        );
        let (settings, unknown) = read(&text).unwrap();
        let seen: Vec<_> = settings
            .partitions
            .iter()
            .map(|partition| format!("{} {}", partition.name, partition.addresses[0]))
            .collect();
        assert_eq!(seen, ["slappart0 127.9.8.1", "slappart1 127.9.8.2"]);
        for (network, addresses) in [
            ("fd00::/64", ["fd00::1", "fd00::2"]),
            ("::1/128", ["::1", "::1"]),
            ("fd00::8/126", ["fd00::9", "fd00::a"]),
        ] {
            let (settings, _) = read(&format!("{text}ipv6_local_network = {network}\n")).unwrap();
            let seen = settings.partitions.iter().map(|known| known.addresses[1].to_string());
            assert_eq!(seen.collect::<Vec<_>>(), addresses, "{network}");
        }
        assert_eq!(settings.var_root, "/x/var");
        assert!(unknown.is_empty());
    }

    #[test]
    fn a_mirror_has_a_scheme_and_a_host() {
        let table = [
            ("http://deb.example.org/debian", true),
            ("https://[::1]:8/debian bookworm main contrib", true),
            ("file:///srv/debian bookworm", true),
            ("deb.example.org/debian", false),
            ("ftp://deb.example.org/debian", false),
            ("http://", false),
            ("", false),
        ];
        for (text, usable) in table {
            assert_eq!(mirror(text).is_ok(), usable, "{text}");
        }
    }

    #[test]
    fn an_unknown_setting_is_named_and_one_of_the_python_tools_is_not() {
        let text = format!("{MINIMAL}key_file = /k\ncolour = red\n");
        let unknown = read(&text).unwrap().1;
        assert!(
            unknown[0].starts_with("[slapos] colour (") && unknown[0].ends_with(":7)"),
            "{unknown:?}"
        );
        assert_eq!(unknown.len(), 1);
    }

    #[test]
    fn an_unknown_section_is_named_once() {
        let text = format!("{MINIMAL}[slapso]\ncolour = red\nsize = 3\n[networkcache]\na = b\n");
        let unknown = read(&text).unwrap().1;
        assert!(unknown[0].starts_with("[slapso] (") && unknown[0].ends_with(":6)"), "{unknown:?}");
        assert_eq!(unknown.len(), 1);
    }

    #[test]
    fn faults_name_file_line_section_and_rule() {
        let table = [
            ("#\n[slapos]\ncomputer_id = C\n", ":2 does not set `instance_root` in [slapos]"),
            ("", "does not set `computer_id` in [slapos]"),
            (
                &format!("{MINIMAL}installations_max = 0\n"),
                ":6: [slapos] installations_max = 0: nothing would ever run",
            ),
            (
                &MINIMAL.replace("http://127.0.0.1:1", "nonsense"),
                ":2: [slapos] master_url = nonsense: not a URL",
            ),
            (&MINIMAL.replace("COMP-1", "a b"), ":3: [slapos] computer_id = a b: "),
            (
                &format!("{MINIMAL}[slapformat]\npartition_amount = many\n"),
                ":7: [slapformat] partition_amount = many: not a number",
            ),
            (
                &format!(
                    "{MINIMAL}[slapformat]\npartition_amount = 300\nipv4_local_network = 127.0.1.0/24\n"
                ),
                ":8: [slapformat] ipv4_local_network = 127.0.1.0/24: too small for 300 partitions",
            ),
            (
                &format!(
                    "{MINIMAL}[slapformat]\npartition_amount = 4\nipv6_local_network = fd00::/126\n"
                ),
                "too small for 4 partitions",
            ),
        ];
        for (text, expected) in table {
            let failure = read(text).unwrap_err();
            assert!(failure.chain[0].contains(expected), "{:?}", failure.chain);
            assert_eq!(failure.exit, Exit::Usage);
        }
        let failure = read(&format!("{MINIMAL}nothing\n[slapformat]\n")).unwrap_err();
        assert!(failure.chain[0].ends_with(":6"), "{:?}", failure.chain);
    }
}
