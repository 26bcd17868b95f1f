//! Python's `base64`.

use ::base64::Engine;
use ::base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE};

use super::{bytes_of, functions};
use crate::error::{Error, Result};
use crate::functions::builtin;
use crate::value::{Args, Value};

pub(super) fn module() -> Value {
    functions(
        "base64",
        [
            ("b64decode", builtin("b64decode", |_, args| decode(args, "b64decode", &STANDARD))),
            ("b64encode", builtin("b64encode", |_, args| encode(args, "b64encode", &STANDARD))),
            (
                "standard_b64decode",
                builtin("standard_b64decode", |_, args| {
                    decode(args, "standard_b64decode", &STANDARD)
                }),
            ),
            (
                "standard_b64encode",
                builtin("standard_b64encode", |_, args| {
                    encode(args, "standard_b64encode", &STANDARD)
                }),
            ),
            (
                "urlsafe_b64decode",
                builtin("urlsafe_b64decode", |_, args| {
                    decode(args, "urlsafe_b64decode", &URL_SAFE)
                }),
            ),
            (
                "urlsafe_b64encode",
                builtin("urlsafe_b64encode", |_, args| {
                    encode(args, "urlsafe_b64encode", &URL_SAFE)
                }),
            ),
        ],
    )
}

fn encode(args: Args, name: &str, alphabet: &GeneralPurpose) -> Result<Value> {
    let [data] = args.exactly(name)?;
    Ok(Value::from(alphabet.encode(bytes_of(&data, name)?).as_bytes()))
}

fn decode(args: Args, name: &str, alphabet: &GeneralPurpose) -> Result<Value> {
    let [data] = args.exactly(name)?;
    let data = match &data {
        Value::Str(text) => text.as_bytes().into(),
        other => bytes_of(other, name)?,
    };
    match alphabet.decode(&data) {
        Ok(bytes) => Ok(Value::from(bytes.as_slice())),
        // Python skips what is no letter of base64; that is nearly always a mistake.
        Err(error) => Err(Error::value_error(format!("{name}(): {error}"))),
    }
}
