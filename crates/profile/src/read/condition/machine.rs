//! What the names and functions of conditions mean on this machine.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::value::Value;

/// Version of Python that profiles may assume.
const PYTHON: [i64; 3] = [3, 11, 2];

/// How much of a file a condition may read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The value of a name, which may be dotted.
pub(super) fn name(name: &str) -> Option<Value> {
    let machine = std::env::consts::ARCH;
    if let Some(digits) = name.strip_prefix("python").filter(|digits| digits.parse::<u32>().is_ok())
    {
        let current = [format!("{}", PYTHON[0]), format!("{}{}", PYTHON[0], PYTHON[1])];
        return Some(Value::Bool(current.iter().any(|version| version == digits)));
    }
    Some(match name {
        "True" | "linux" | "posix" | "cpython" => Value::Bool(true),
        "bits64" => Value::Bool(usize::BITS == 64),
        "bits32" => Value::Bool(usize::BITS == 32),
        "little_endian" => Value::Bool(cfg!(target_endian = "little")),
        "big_endian" => Value::Bool(cfg!(target_endian = "big")),
        "False" | "windows" | "cygwin" | "solaris" | "macosx" | "pypy" | "jython"
        | "ironpython" => Value::Bool(false),
        "multiarch" => Value::text(format!("{machine}-linux-gnu")),
        "sys.platform" | "sys_platform" => Value::text("linux"),
        "os.name" | "os_name" => Value::text("posix"),
        "platform_machine" => Value::text(machine),
        "platform_system" => Value::text("Linux"),
        "implementation_name" => Value::text("cpython"),
        "platform_python_implementation" => Value::text("CPython"),
        "sys.version_info" => Value::Items(PYTHON.map(Value::Int).to_vec()),
        "python_version" => Value::Version(PYTHON[..2].to_vec()),
        "python_full_version" | "implementation_version" => Value::Version(PYTHON.to_vec()),
        "os.R_OK" => Value::Int(4),
        _ => return None,
    })
}

/// The result of a function of a module, or a built-in one; `None` if there is none of that name.
pub(super) fn call(name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
    let path = || match arguments {
        [Value::Text(path), ..] => Path::new(path),
        _ => Path::new(""),
    };
    Some(match name {
        "platform.machine" => Ok(Value::text(std::env::consts::ARCH)),
        "platform.system" => Ok(Value::text("Linux")),
        "platform.python_implementation" => Ok(Value::text("CPython")),
        "platform.release" => Ok(Value::text(rustix::system::uname().release().to_string_lossy())),
        "platform.freedesktop_os_release" => os_release(),
        "os.path.exists" => Ok(Value::Bool(path().exists())),
        "os.path.isdir" => Ok(Value::Bool(path().is_dir())),
        "os.path.isfile" => Ok(Value::Bool(path().is_file())),
        "os.access" => Ok(Value::Bool(File::open(path()).is_ok())),
        "open" => content(path()).map(Value::Text),
        "int" => {
            match arguments {
                [Value::Text(text)] => text.trim().parse().map(Value::Int).map_err(|_| {
                    format!("the condition takes `{text}` for a number, which it is not")
                }),
                [Value::Int(number)] => Ok(Value::Int(*number)),
                _ => Err("int() takes a text".into()),
            }
        }
        _ => return None,
    })
}

fn content(path: &Path) -> Result<String, String> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut text))
        .map_err(|error| format!("the condition reads {}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn os_release() -> Result<Value, String> {
    let text = content(Path::new("/etc/os-release"))?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let table: BTreeMap<String, String> = pairs
        .map(|(key, value)| (key.to_owned(), value.trim_matches(['"', '\'']).to_owned()))
        .collect();
    Ok(Value::Table(table))
}
