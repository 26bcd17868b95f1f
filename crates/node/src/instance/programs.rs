//! The programs of a partition: what its profile laid out in `etc/service` and `etc/run`.

use std::{fs, io, os::unix::fs::PermissionsExt};

use camino::Utf8PathBuf;
use slapos_core::names::{PartitionId, SoftwareUrl};

use crate::{
    confine,
    settings::Settings,
    supervise::{Kind, Program},
};

/// How long a service may take to stop before it is killed, in milliseconds; as SlapOS has it.
const GRACE_MS: u64 = 60_000;

/// Lists the programs of a partition in order of name: files of `etc/service` are watched, files
/// of `etc/run` run once. What is not an executable file is left out.
pub(crate) fn list(
    settings: &Settings,
    partition: &PartitionId,
    release: &SoftwareUrl,
) -> io::Result<Vec<Program>> {
    let home = settings.partition_directory(partition);
    let logs = settings.log_directory(partition);
    let mut programs = Vec::new();
    for (folder, kind) in [("etc/run", Kind::Once), ("etc/service", Kind::Watched)] {
        for path in executables(&home.join(folder))? {
            let name = path.file_name().unwrap_or_default().to_owned();
            programs.push(Program {
                log: logs.join(format!("{}.log", service_name(&name))),
                name,
                command: vec![path.into_string()],
                directory: home.clone(),
                environment: confine::environment(&home),
                user: confine::partition_user(settings, partition),
                sandbox: Some(confine::partition_sandbox(settings, partition, release)),
                kind,
                stop_signal: crate::sys::StopSignal::Term,
                grace_ms: GRACE_MS,
            });
        }
    }
    Ok(programs)
}

fn executables(folder: &camino::Utf8Path) -> io::Result<Vec<Utf8PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let Ok(path) = Utf8PathBuf::try_from(entry?.path()) else {
            continue; // no profile can write such a name
        };
        let hidden = path.file_name().is_none_or(|name| name.starts_with('.'));
        let Ok(facts) = fs::metadata(&path) else {
            continue;
        };
        if !hidden && facts.is_file() && facts.permissions().mode() & 0o111 != 0 {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The name of a program without the hash of its configuration: `mariadbd-<32 digits>` → `mariadbd`.
pub fn service_name(program: &str) -> &str {
    match program.rsplit_once('-') {
        Some((name, hash))
            if hash.len() == 32 && hash.chars().all(|digit| digit.is_ascii_hexdigit()) =>
        {
            name
        }
        _ => program,
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    use super::*;

    #[test]
    fn only_executable_files_with_a_proper_name_are_programs() {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in
            [(&b"web"[..], 0o755), (b"plain", 0o644), (b".hidden", 0o755), (b"odd-\xff", 0o755)]
        {
            let path = folder.path().join(OsStr::from_bytes(name));
            fs::File::create(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let folder = camino::Utf8Path::from_path(folder.path()).unwrap();
        assert_eq!(executables(folder).unwrap(), [folder.join("web")]);
        assert!(executables(&folder.join("missing")).unwrap().is_empty());
    }

    #[test]
    fn the_hash_of_the_configuration_is_not_part_of_a_services_name() {
        let table = [
            ("mariadbd-0123456789abcdef0123456789abcdef", "mariadbd"),
            ("php-fpm", "php-fpm"),
            ("php-fpm-0123456789abcdef0123456789abcdef", "php-fpm"),
            ("a-0123", "a-0123"),
        ];
        for (program, name) in table {
            assert_eq!(service_name(program), name);
        }
    }
}
