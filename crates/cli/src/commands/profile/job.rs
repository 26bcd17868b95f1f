//! What a profile is told that runs without a node.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_profile::{Facts, Job, Options, Purpose, Supply};

use super::locate;
use crate::{commands::request::pair, error::Failure, settings};

/// A profile, and the directory that it lays out.
#[derive(Debug, clap::Args)]
pub(super) struct Given {
    /// The profile: a path or URL; `software*.cfg` is a release, any other an instance
    #[arg(value_name = "FILE")]
    profile: String,
    /// The profile is a release, whatever its name
    #[arg(long)]
    release: bool,
    /// The directory that it lays out; its state is there too, where a node keeps it
    #[arg(long, value_name = "DIR")]
    directory: Utf8PathBuf,
    /// Of an instance: its type, an entry of the release
    #[arg(long = "type", value_name = "TYPE", default_value = "default")]
    software_type: String,
    /// Of an instance: its parameters
    #[arg(long, value_name = "KEY=VALUE", num_args = 1.., value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// Of an instance: its addresses
    #[arg(long, value_name = "ADDRESS", num_args = 1.., default_values = ["127.0.0.1", "::1"])]
    address: Vec<std::net::IpAddr>,
}

impl Given {
    /// The same job as a node would give, but for what only a master knows.
    pub(super) fn job(&self) -> Result<Job, Failure> {
        let (profile, _) = locate(&self.profile)?;
        let directory = camino::absolute_utf8(&self.directory)?;
        Ok(if self.release || is_release(&profile) {
            release(profile, directory)
        } else {
            self.instance(profile, directory)
        })
    }

    fn instance(&self, profile: String, directory: Utf8PathBuf) -> Job {
        let bin = directory.join("sbin");
        let connection =
            ["computer-id", "partition-id", "server-url", "software-release-url", "key-file"];
        let connection = connection.into_iter().chain(["cert-file"]).map(|name| (name, ""));
        let connection =
            connection.chain([("requested", "started"), ("requested-state", "started")]);
        let addresses = |v4: bool| {
            let family = self.address.iter().filter(|ip| ip.is_ipv4() == v4);
            family.map(ToString::to_string).collect()
        };
        let title = directory.file_name().unwrap_or_default().to_owned();
        Job {
            profile,
            state_file: directory.join(".slapgrid/installed.json"),
            extra: BTreeMap::from([
                section(
                    "buildout",
                    [("directory", directory.as_str()), ("bin-directory", bin.as_str())],
                ),
                section("slap-connection", connection),
            ]),
            secret: BTreeSet::new(),
            directory,
            python: settings::usual_python(),
            purpose: Purpose::Instance(Facts {
                title: title.clone(),
                root_title: title,
                software_type: self.software_type.clone(),
                state: "started".to_owned(),
                parameters: self.parameters.iter().cloned().collect(),
                ipv4: addresses(true),
                ipv6: addresses(false),
                ..Facts::default()
            }),
        }
    }
}

fn is_release(profile: &str) -> bool {
    let name = profile.rsplit('/').next().unwrap_or_default();
    name.starts_with("software") && name.ends_with(".cfg")
}

fn release(profile: String, directory: Utf8PathBuf) -> Job {
    Job {
        profile,
        state_file: directory.join(".installed.json"),
        extra: BTreeMap::from([section("buildout", [("directory", directory.as_str())])]),
        secret: BTreeSet::new(),
        purpose: Purpose::Software(Supply {
            logs: directory.join(".log"),
            now_unix_s: u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default(),
            http_proxy: settings::from_environment("http_proxy"),
            https_proxy: settings::from_environment("https_proxy"),
            no_proxy: settings::from_environment("no_proxy"),
            ..Supply::kept_in(&directory.join(".cache"))
        }),
        directory,
        python: settings::usual_python(),
    }
}

fn section<'a>(
    name: &str,
    options: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> (String, Options) {
    let options = options.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    (name.to_owned(), options.collect())
}

/// A check: the directory that the profile would lay out does not exist.
pub(super) fn checked(profile: &str, as_release: bool, folder: &Utf8Path) -> Job {
    let directory = folder.join("(directory)");
    if as_release || is_release(profile) {
        return Job { extra: BTreeMap::new(), ..release(profile.to_owned(), directory) };
    }
    Job {
        profile: profile.to_owned(),
        state_file: directory.join(".installed.json"),
        directory,
        extra: BTreeMap::new(),
        secret: BTreeSet::new(),
        python: settings::usual_python(),
        purpose: Purpose::Instance(Facts::default()),
    }
}
