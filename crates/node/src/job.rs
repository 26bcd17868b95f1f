//! What an evaluation is told: the profile, where, and the facts that it may know.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_core::names::{PartitionId, WishedState};
use slapos_profile::{Facts, Job, Purpose, Shared, Supply};
use slapos_wire::v1::{InstanceWish, SharedWish};

use crate::{clock, settings::Settings, software};

/// The installation of a release.
pub(crate) fn release(settings: &Settings, profile: &str, directory: &Utf8Path) -> Job {
    Job {
        profile: profile.to_owned(),
        directory: directory.to_owned(),
        state_file: directory.join(software::STATE),
        extra: section("buildout", [("directory", directory.as_str())]),
        secret: BTreeSet::new(),
        python: settings.python.clone(),
        purpose: Purpose::Software(Supply {
            cache: settings.cache_root.clone(),
            logs: directory.join(software::PART_LOGS),
            mirror: settings.mirror.clone(),
            keyring: settings.keyring.clone(),
            mirror_timeout_s: settings.mirror_timeout_s,
            now_unix_s: clock::now_unix_seconds(),
            http_proxy: settings.proxies.http.clone(),
            https_proxy: settings.proxies.https.clone(),
            no_proxy: settings.proxies.none.clone(),
        }),
    }
}

/// The instance of a partition: the release's instance profile, with the sections that SlapOS
/// appends to it.
pub(crate) fn instance(settings: &Settings, partition: &PartitionId, wish: &InstanceWish) -> Job {
    let directory = settings.partition_directory(partition);
    let release = settings.release_directory(&wish.software_release);
    let state = match wish.state {
        WishedState::Started => "started",
        WishedState::Stopped => "stopped",
        WishedState::Destroyed => "destroyed",
    };
    let bin = directory.join("sbin");
    let mut extra = section(
        "buildout",
        [("directory", directory.as_str()), ("bin-directory", bin.as_str()), ("offline", "true")],
    );
    extra.extend(section(
        "slap-connection",
        [
            ("computer-id", settings.computer.as_str()),
            ("partition-id", partition.as_str()),
            ("server-url", settings.master_url.as_str()),
            ("software-release-url", wish.software_release.as_str()),
            ("key-file", ""),
            ("cert-file", ""),
            ("requested", state),
            ("requested-state", state),
        ],
    ));
    let configured = settings.partitions.iter().find(|known| known.name == *partition);
    let addresses = configured.map(|known| known.addresses.as_slice()).unwrap_or_default();
    let of_family = |v4: bool| {
        addresses.iter().filter(|ip| ip.is_ipv4() == v4).map(ToString::to_string).collect()
    };
    Job {
        profile: instance_profile(&release).into_string(),
        state_file: directory.join(".slapgrid/installed.json"),
        directory,
        extra,
        secret: BTreeSet::new(),
        python: own_python(&release).or_else(|| settings.python.clone()),
        purpose: Purpose::Instance(Facts {
            computer: settings.computer.to_string(),
            partition: partition.to_string(),
            title: wish.title.to_string(),
            root_title: wish.root_title.to_string(),
            id: wish.id.to_string(),
            software_type: wish.software_type.to_string(),
            software_release: wish.software_release.to_string(),
            state: state.to_owned(),
            parameters: wish.parameters.clone(),
            ipv4: of_family(true),
            ipv6: of_family(false),
            timestamp: wish.generation.0.to_string(),
            shared: wish.shared.iter().map(shared).collect(),
            connection: wish.connection.clone(),
        }),
    }
}

/// The profile of instances, which old releases give another name.
fn instance_profile(release: &Utf8Path) -> Utf8PathBuf {
    let (profile, old) = (release.join("instance.cfg"), release.join("template.cfg"));
    if !profile.exists() && old.exists() { old } else { profile }
}

/// The Python of a release that has one, with the eggs that its profiles import.
pub(crate) fn own_python(release: &Utf8Path) -> Option<Utf8PathBuf> {
    Some(release.join("eggs/bin/python")).filter(|python| python.exists())
}

fn shared(guest: &SharedWish) -> Shared {
    Shared {
        reference: guest.id.to_string(),
        title: guest.title.to_string(),
        software_type: guest.software_type.to_string(),
        parameters: guest.parameters.clone(),
    }
}

fn section<const N: usize>(
    name: &str,
    options: [(&str, &str); N],
) -> BTreeMap<String, BTreeMap<String, String>> {
    let options = options.map(|(name, value)| (name.to_owned(), value.to_owned()));
    [(name.to_owned(), options.into_iter().collect())].into()
}
