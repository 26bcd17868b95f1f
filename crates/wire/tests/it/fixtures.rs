//! Reads `tests/fixtures`, which has a README of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use slapos_wire::classic::marshal::{Class, Object, Value};

/// One recorded exchange.
#[derive(Debug, Deserialize)]
pub(crate) struct Exchange {
    pub(crate) name: String,
    pub(crate) request: Request,
    pub(crate) response: Response,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// The exchanges of one file.
pub(crate) fn exchanges(file: &str) -> Vec<Exchange> {
    read(file)
}

/// All exchanges of the classic protocol.
pub(crate) fn classic() -> Vec<Exchange> {
    let mut all = exchanges("slapproxy-classic.json");
    all.extend(exchanges("production.json"));
    all.retain(|exchange| !exchange.request.path.starts_with("/hateoas"));
    all
}

/// The vectors of the Python library.
pub(crate) fn codec() -> serde_json::Value {
    read("codec.json")
}

fn read<T: DeserializeOwned>(file: &str) -> T {
    let path = format!("{}/tests/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    serde_json::from_str(&text).expect(&path)
}

/// The value of a tagged vector.
pub(crate) fn value(tagged: &serde_json::Value) -> Value {
    let (tag, content) = tagged.as_object().unwrap().iter().next().unwrap();
    let text = || content.as_str().unwrap();
    let items = || content.as_array().unwrap().iter().map(value).collect::<Vec<_>>();
    match tag.as_str() {
        "none" => Value::None,
        "bool" => Value::Bool(content.as_bool().unwrap()),
        "int" => Value::Int(text().parse().unwrap()),
        "float" => Value::Float(text().parse().unwrap()),
        "string" => Value::Text(text().to_owned()),
        "tuple" => Value::Tuple(items()),
        "list" => Value::List(items()),
        "set" => Value::Set(items()),
        "dictionary" => {
            let pair = |pair: &serde_json::Value| (value(&pair[0]), value(&pair[1]));
            Value::Dictionary(content.as_array().unwrap().iter().map(pair).collect())
        }
        "object" => {
            assert_eq!(content["module"], Class::MODULE);
            let class = Class::from_wire_name(content["class"].as_str().unwrap()).unwrap();
            let (Value::Tuple(arguments), Value::Dictionary(state)) =
                (value(&content["initargs"]), value(&content["state"]))
            else {
                panic!("an object is a tuple and a dictionary");
            };
            Value::Object(Box::new(Object { class, arguments, state }))
        }
        other => panic!("unknown tag {other}"),
    }
}
