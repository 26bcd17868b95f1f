//! Values and documents at random.

use proptest::prelude::*;
use slapos_wire::{
    classic::{
        authorization::claimed_place,
        call::{Call, Endpoint, Form},
        document::{Answer, Computer, Partition},
        marshal::{Class, Object, Value, decode},
        usage,
    },
    instance_xml, is_forbidden,
};

use crate::fixtures;

fn text() -> impl Strategy<Value = String> {
    let usual = proptest::string::string_regex("[a-c_]{0,4}").unwrap();
    let markup = proptest::string::string_regex("(&|;|<|>|amp|lt|\"|'|\r|\n|\t| ){0,6}").unwrap();
    let any = any::<String>().prop_map(|text| text.replace(is_forbidden, ""));
    prop_oneof![usual, markup, any]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i128>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        text().prop_map(Value::Text),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 64, 6, |inner| {
        let items = prop::collection::vec(inner.clone(), 0..6);
        let key = prop_oneof![4 => text().prop_map(Value::Text), 1 => scalar()];
        let members = prop::collection::vec((key, inner), 0..6);
        prop_oneof![
            items.clone().prop_map(Value::Tuple),
            items.clone().prop_map(Value::List),
            items.clone().prop_map(Value::Set),
            members.clone().prop_map(Value::Dictionary),
            (items, members).prop_map(|(arguments, state)| {
                Value::Object(Box::new(Object { class: Class::Instance, arguments, state }))
            }),
        ]
    })
}

/// A document after a few accidents.
fn mutated() -> impl Strategy<Value = String> {
    damaged(value().prop_map(|value| value.encode().unwrap()))
}

/// A text after a few accidents.
fn damaged(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let accident = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>());
    (text, prop::collection::vec(accident, 1..6)).prop_map(|(text, accidents)| {
        if text.is_empty() {
            return text;
        }
        let mut bytes = text.into_bytes();
        for (from, to, kind) in accidents {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            match kind % 4 {
                0 => bytes[from] = kind,
                1 => bytes.swap(from, to),
                2 => bytes.truncate(from.max(1)),
                _ => {
                    let piece = bytes[from.min(to)..from.max(to)].to_vec();
                    bytes.splice(from..from, piece);
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// One part of any recorded exchange.
fn recorded(part: fn(fixtures::Exchange) -> String) -> impl Strategy<Value = String> {
    prop::sample::select(fixtures::classic().into_iter().map(part).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn what_was_written_reads_back(value in value()) {
        let written = value.encode().unwrap();
        prop_assert!(written.is_ascii());
        let read = decode(&written).unwrap();
        // Equal keys of different dictionaries may have been dropped: compare from here on.
        let again = read.encode().unwrap();
        prop_assert_eq!(format!("{:?}", decode(&again).unwrap()), format!("{:?}", read));
    }

    #[test]
    fn a_text_reads_back_as_it_was(text in text()) {
        let value = Value::Text(text);
        prop_assert_eq!(decode(&value.encode().unwrap()).unwrap(), value);
    }

    #[test]
    fn a_damaged_document_is_read_or_refused(document in mutated()) {
        if let Ok(value) = decode(&document) {
            prop_assert!(value.encode().is_ok());
        }
        drop(instance_xml::decode(&document));
    }

    #[test]
    fn damaged_calls_and_answers_are_understood_or_refused(
        call in damaged(recorded(|exchange| exchange.request.body)),
        answer in damaged(recorded(|exchange| exchange.response.body)),
        text in text(),
    ) {
        let form = Form::decode(call.as_bytes());
        for endpoint in Endpoint::ALL {
            drop(Call::parse(*endpoint, &form));
        }
        drop(Computer::decode(&answer));
        drop(Partition::decode(&answer));
        drop(Answer::decode(&answer));
        drop(usage::kind(&answer));
        drop(claimed_place(&format!("X-SlapPartition computer_id={text}")));
    }

    #[test]
    fn instance_xml_reads_back(texts in prop::collection::btree_map(text(), text(), 0..6)) {
        let written = instance_xml::encode(&texts).unwrap();
        prop_assert_eq!(instance_xml::decode(&written).unwrap(), texts);
    }
}
