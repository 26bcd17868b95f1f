//! Instance XML: vectors, both ways.

use std::collections::BTreeMap;

use slapos_wire::{
    classic::marshal::{Unwritable, Value},
    instance_xml::{decode, encode},
};

use crate::fixtures;

type Texts = BTreeMap<String, String>;

#[test]
fn every_vector_is_written_and_read_back() {
    for vector in fixtures::codec()["dict2xml"].as_array().unwrap() {
        let Value::Dictionary(members) = fixtures::value(&vector["value"]) else {
            panic!("{} is no dictionary", vector["name"]);
        };
        let texts: Texts =
            members.into_iter().map(|(key, value)| (key.into_text(), value.into_text())).collect();
        let xml = vector["xml"].as_str().unwrap();
        assert_eq!(encode(&texts).unwrap(), xml, "{}", vector["name"]);
        // Where Python reads back nothing, we read back an empty text.
        let members = vector["read_back"].as_object().unwrap().iter();
        let read_back: Texts = members
            .map(|(name, text)| (name.clone(), text.as_str().unwrap_or_default().to_owned()))
            .collect();
        assert_eq!(decode(xml).unwrap(), read_back, "{}", vector["name"]);
    }
}

#[test]
fn unusual_documents_are_read() {
    for vector in fixtures::codec()["xml2dict"].as_array().unwrap() {
        let found = decode(vector["xml"].as_str().unwrap());
        let pairs = vector["value"].as_array().unwrap().iter();
        let wanted: Option<Texts> = pairs
            .map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned())))
            .collect();
        // Python gives a parameter without a name the name `None`; nobody could write it again.
        assert_eq!(found.ok(), wanted, "{}", vector["name"]);
    }
}

#[test]
fn what_is_no_document_is_refused() {
    for text in ["hello", "<instance>", "<instance><parameter id=\"a\">&b;</parameter></instance>"]
    {
        assert!(decode(text).is_err(), "{text}");
    }
    let texts = Texts::from([("a".into(), "\u{1}".into())]);
    assert_eq!(encode(&texts), Err(Unwritable('\u{1}')));
}
