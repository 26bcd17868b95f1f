//! The condition of a section header, such as `[name:linux and platform.machine() == "x86_64"]`.
//!
//! A part of Python's expressions: names, texts, integers, tuples, lists, comparisons, `and or not`, subscripts,
//! and the few calls that profiles make. `and` and `or` leave alone what they do not need, as in Python.
//! The names describe this machine and a Python 3.11, the version that profiles may assume here.

mod evaluate;
mod machine;
mod parse;
mod value;

use std::collections::BTreeMap;

/// The truth of a condition; an error is a sentence about what is not understood.
pub(super) fn evaluate(text: &str) -> Result<bool, String> {
    let text = text.replace("\\x23", "#").replace("\\x3b", ";");
    let expression = parse::parse(&text)?;
    Ok(evaluate::evaluate(&expression, &mut BTreeMap::new())?.truth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_profiles() {
        let machine = std::env::consts::ARCH;
        let table = [
            ("python3".to_owned(), Ok(true)),
            ("python2".into(), Ok(false)),
            ("python311".into(), Ok(true)),
            ("pypy or posix".into(), Ok(true)),
            ("not (python3 and linux)".into(), Ok(false)),
            (format!("linux and platform.machine() == \"{machine}\""), Ok(true)),
            ("platform.machine() in ('sparc', 'vax')".into(), Ok(false)),
            ("not linux or platform.machine() not in ['vax']".into(), Ok(true)),
            ("sys.version_info < (3,10)".into(), Ok(false)),
            ("sys.version_info >= (3, 8)".into(), Ok(true)),
            ("(2, 7) < sys.version_info[:2] <= (3, 11)".into(), Ok(true)),
            ("sys.version_info[0] == 3".into(), Ok(true)),
            ("python_version >= \"3.8\"".into(), Ok(true)),
            ("python_version < '3.10'".into(), Ok(false)),
            ("sys.platform != 'win32'".into(), Ok(true)),
            ("multiarch.endswith('-linux-gnu')".into(), Ok(true)),
            ("'\\x23' == '#'".into(), Ok(true)),
            ("open('/no/such').read()".into(), Err(())),
            ("python3 python3".into(), Err(())),
            ("(linux".into(), Err(())),
            ("'a' < 1".into(), Err(())),
            ("'a".into(), Err(())),
            ("[1, 2][5] == 1".into(), Err(())),
            ("__import__('os').system('true')".into(), Err(())),
            (String::new(), Err(())),
            ("(".repeat(5000), Err(())),
            ("not ".repeat(5000) + "linux", Err(())),
        ];
        for (text, expected) in table {
            assert_eq!(evaluate(&text).map_err(|_| ()), expected, "{text}");
        }
    }

    /// Three conditions of real profiles that ask the machine.
    #[test]
    fn conditions_that_look_at_the_machine() {
        let board = "os.path.isdir('/no/such') and os.access('/proc/device-tree/model', os.R_OK) \
                     and 'OLinuXino' in open('/proc/device-tree/model').read()";
        assert_eq!(evaluate(board), Ok(false));
        assert_eq!(
            evaluate("[int(q) for q in platform.release().split(\".\")[:2]]<[4,14]"),
            Ok(false),
            "nobody runs this on Linux 4.13"
        );
        let debian = "sys.version_info < (3, 10) or (platform.freedesktop_os_release()['ID'] == 'debian' \
                      and int(platform.freedesktop_os_release()['VERSION_ID']) < 12)";
        if std::path::Path::new("/etc/os-release").exists() {
            evaluate(debian).unwrap();
        }
    }
}
