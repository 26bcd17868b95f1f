//! Methods of `bytes`: the few that templates need.

use super::text::{Codec, codec, part_of};
use super::{Table, wrong_receiver};
use crate::error::{Error, Result};
use crate::eval::Machine;
use crate::value::{Args, Value};

pub(super) const METHODS: Table = &[
    ("decode", decode),
    ("endswith", |_, value, args| {
        affix(value, args, "endswith", |bytes, part| bytes.ends_with(part))
    }),
    ("hex", |_, value, args| {
        let [] = args.exactly("hex")?;
        Ok(Value::from(this(value)?.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
    }),
    ("startswith", |_, value, args| {
        affix(value, args, "startswith", |bytes, part| bytes.starts_with(part))
    }),
];

pub(super) const REFUSED: &[&str] = &[
    "capitalize",
    "center",
    "count",
    "expandtabs",
    "find",
    "fromhex",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdigit",
    "islower",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];

fn this(value: &Value) -> Result<&[u8]> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        other => Err(wrong_receiver(other)),
    }
}

fn affix(value: &Value, args: Args, name: &str, test: fn(&[u8], &[u8]) -> bool) -> Result<Value> {
    let [part] = args.exactly(name)?;
    match &part {
        Value::Bytes(part) => Ok(Value::Bool(test(this(value)?, part))),
        other => Err(Error::type_error(format!(
            "{name} first arg must be bytes, not {}",
            other.type_name()
        ))),
    }
}

fn decode(_: &mut Machine<'_>, value: &Value, args: Args) -> Result<Value> {
    let [encoding, errors] = args.bind("decode", ["encoding", "errors"])?;
    if let Some(errors) = errors
        && part_of(&errors)? != "strict"
    {
        return Err(Error::unsupported(
            "`decode` with another treatment of errors than `strict` is not supported",
        ));
    }
    let (bytes, encoding) = (this(value)?, encoding.unwrap_or_else(|| Value::from("utf-8")));
    let name = part_of(&encoding)?;
    let fail = || Error::value_error(format!("'{name}' codec can't decode the bytes"));
    match codec(name)? {
        Codec::Latin1 => {
            Ok(Value::from(bytes.iter().map(|byte| char::from(*byte)).collect::<String>()))
        }
        Codec::Ascii if !bytes.is_ascii() => Err(fail()),
        Codec::Utf8 | Codec::Ascii => {
            std::str::from_utf8(bytes).map(Value::from).map_err(|_| fail())
        }
    }
}
