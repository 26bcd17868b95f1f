//! Python's `hashlib`: the hash functions that it always has.

use std::cell::RefCell;
use std::rc::Rc;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::{bytes_of, functions, text_of};
use crate::error::{Error, Result};
use crate::functions::builtin;
use crate::value::{Args, Object, Value};

type Hash = fn(&[u8]) -> Vec<u8>;

const HASHES: [(&str, Hash); 6] = [
    ("md5", |data| Md5::digest(data).to_vec()),
    ("sha1", |data| Sha1::digest(data).to_vec()),
    ("sha224", |data| Sha224::digest(data).to_vec()),
    ("sha256", |data| Sha256::digest(data).to_vec()),
    ("sha384", |data| Sha384::digest(data).to_vec()),
    ("sha512", |data| Sha512::digest(data).to_vec()),
];

pub(super) fn module() -> Value {
    let new = builtin("new", |_, args| {
        let [name, data] = args.bind("new", ["name", "data"])?;
        let name = name.unwrap_or(Value::None);
        hasher(text_of(&name, "new")?, data)
    });
    functions(
        "hashlib",
        [
            ("md5", builtin("md5", |_, args| of("md5", args))),
            ("new", new),
            ("sha1", builtin("sha1", |_, args| of("sha1", args))),
            ("sha224", builtin("sha224", |_, args| of("sha224", args))),
            ("sha256", builtin("sha256", |_, args| of("sha256", args))),
            ("sha384", builtin("sha384", |_, args| of("sha384", args))),
            ("sha512", builtin("sha512", |_, args| of("sha512", args))),
        ],
    )
}

fn of(name: &str, args: Args) -> Result<Value> {
    // Whether it is for security decides nothing here.
    let [data, _usedforsecurity] = args.bind(name, ["string", "usedforsecurity"])?;
    hasher(name, data)
}

fn hasher(name: &str, data: Option<Value>) -> Result<Value> {
    let Some((name, hash)) = HASHES.iter().find(|(known, _)| *known == name) else {
        return Err(Error::value_error(format!("unsupported hash type {name}")));
    };
    let data =
        data.map_or(Ok(Vec::new()), |data| bytes_of(&data, name).map(|data| data.to_vec()))?;
    Ok(Value::Object(Rc::new(Hasher { name, hash: *hash, data: Rc::new(RefCell::new(data)) })))
}

/// What was hashed so far; the texts of templates are short.
struct Hasher {
    name: &'static str,
    hash: Hash,
    data: Rc<RefCell<Vec<u8>>>,
}

impl Object for Hasher {
    fn type_name(&self) -> &str {
        "HASH"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>> {
        let (hash, data) = (self.hash, Rc::clone(&self.data));
        Ok(Some(match name {
            "name" => Value::from(self.name),
            "digest" => Value::function("digest", move |_, _| {
                Ok(Value::from(hash(&data.borrow()).as_slice()))
            }),
            "hexdigest" => Value::function("hexdigest", move |_, _| {
                let digits = hash(&data.borrow())
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>();
                Ok(Value::from(digits))
            }),
            "update" => Value::function("update", move |arguments, _| {
                let [more] = arguments else {
                    return Err(Error::type_error("update() takes one argument"));
                };
                data.borrow_mut().extend_from_slice(&bytes_of(more, "update")?);
                Ok(Value::None)
            }),
            _ => return Ok(None),
        }))
    }

    fn names(&self) -> Vec<Rc<str>> {
        ["digest", "hexdigest", "name", "update"].map(Rc::from).to_vec()
    }
}
