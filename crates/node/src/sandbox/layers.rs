//! Which layers of confinement are in force on this machine.

use std::fs;

use landlock::{ABI, AccessFs, LandlockStatus, Ruleset, RulesetAttr};
use serde::{Deserialize, Serialize};

/// The layers, as `node status` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layers {
    /// Files, and the ports of installations, by Landlock.
    pub landlock: LandlockLayer,
    /// Each partition can have a system user of its own: the node is root.
    pub users: bool,
    /// Limits and accounting by control groups.
    pub cgroup: CgroupLayer,
    /// Programs cannot gain privileges; always in force.
    pub no_new_privileges: bool,
}

/// What the kernel's Landlock can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LandlockLayer {
    /// Not built in, or not enabled at boot.
    Absent,
    /// Files are confined; ports are not (versions 1 to 3).
    Files {
        /// The version of the kernel's interface.
        abi: i32,
    },
    /// Files are confined, and installations may bind no TCP port (version 4 and later). The
    /// programs of a partition may bind any: the kernel does not tell addresses apart.
    FilesAndPorts {
        /// The version of the kernel's interface.
        abi: i32,
    },
}

/// What control groups of version 2 can do for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CgroupLayer {
    /// No hierarchy of version 2 is mounted.
    Absent,
    /// It is mounted, but the group that we are in is not ours to divide.
    NotDelegated,
    /// We may make groups below our own; limits are not set yet.
    Delegated,
}

/// Looks at the machine. Reads only.
pub fn report() -> Layers {
    Layers {
        landlock: landlock_status().map_or(LandlockLayer::Absent, landlock_layer),
        users: crate::sys::whoami() == 0,
        cgroup: cgroup_layer(),
        no_new_privileges: true,
    }
}

/// The kernel tells what it can only to one that restricts itself, for ever: a thread does, which
/// then ends.
fn landlock_status() -> Option<LandlockStatus> {
    let probe = || {
        let rules = Ruleset::default().handle_access(AccessFs::MakeBlock).ok()?.create().ok()?;
        Some(rules.restrict_self().ok()?.landlock)
    };
    std::thread::spawn(probe).join().ok()?
}

fn landlock_layer(status: LandlockStatus) -> LandlockLayer {
    let LandlockStatus::Available { effective_abi, kernel_abi } = status else {
        return LandlockLayer::Absent;
    };
    let abi = kernel_abi.unwrap_or(effective_abi as i32);
    if effective_abi >= ABI::V4 {
        LandlockLayer::FilesAndPorts { abi }
    } else {
        LandlockLayer::Files { abi }
    }
}

fn cgroup_layer() -> CgroupLayer {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let Some(directory) = own_cgroup(&own, &mounts) else {
        return CgroupLayer::Absent;
    };
    let processes = format!("{directory}/cgroup.procs");
    match rustix::fs::access(processes.as_str(), rustix::fs::Access::WRITE_OK) {
        Ok(()) => CgroupLayer::Delegated,
        Err(_) => CgroupLayer::NotDelegated,
    }
}

/// The directory of our own group of version 2, from the texts of `/proc/self/cgroup` and
/// `/proc/self/mounts`.
fn own_cgroup(own: &str, mounts: &str) -> Option<String> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mount = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        (kind == "cgroup2").then_some(place)
    })?;
    Some(format!("{mount}{}", path.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_group_is_found_in_a_pure_and_in_a_hybrid_hierarchy() {
        let pure = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
        let hybrid = "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let table = [
            ("0::/user.slice/a\n", pure, Some("/sys/fs/cgroup/user.slice/a")),
            ("4:cpu:/x\n0::/\n", hybrid, Some("/sys/fs/cgroup/unified")),
            ("4:cpu:/x\n", hybrid, None),
            ("0::/a\n", "proc /proc proc rw 0 0\n", None),
        ];
        for (own, mounts, wanted) in table {
            assert_eq!(own_cgroup(own, mounts).as_deref(), wanted, "{own:?} {mounts:?}");
        }
    }

    #[test]
    fn the_version_decides_what_is_confined() {
        let available =
            |effective_abi| LandlockStatus::Available { effective_abi, kernel_abi: None };
        let table = [
            (LandlockStatus::NotEnabled, LandlockLayer::Absent),
            (LandlockStatus::NotImplemented, LandlockLayer::Absent),
            (available(ABI::V3), LandlockLayer::Files { abi: 3 }),
            (available(ABI::V4), LandlockLayer::FilesAndPorts { abi: 4 }),
        ];
        for (status, wanted) in table {
            assert_eq!(landlock_layer(status), wanted, "{status:?}");
        }
    }
}
