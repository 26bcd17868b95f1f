//! Marshalled XML: vectors, recorded bodies, limits.

use slapos_wire::classic::marshal::{Limits, Unwritable, Value, decode, decode_within};

use crate::fixtures;

fn vectors(kind: &str) -> Vec<(String, serde_json::Value)> {
    let codec = fixtures::codec();
    let named =
        |vector: &serde_json::Value| (vector["name"].as_str().unwrap().to_owned(), vector.clone());
    codec[kind].as_array().unwrap().iter().map(named).collect()
}

fn xml(vector: &serde_json::Value) -> &str {
    vector["xml"].as_str().unwrap()
}

/// What a value is once it was written and read: dictionaries are in order.
fn in_order(value: &Value) -> Value {
    decode(&value.encode().unwrap()).unwrap()
}

#[test]
fn every_vector_is_written_as_python_writes_it() {
    for (name, vector) in vectors("encode") {
        let value = fixtures::value(&vector["value"]);
        assert_eq!(value.encode().unwrap(), xml(&vector), "{name}");
    }
}

#[test]
fn every_vector_is_read_and_written_again() {
    for (name, vector) in vectors("encode") {
        let value = decode(xml(&vector)).unwrap();
        assert_eq!(value, in_order(&fixtures::value(&vector["value"])), "{name}");
        assert_eq!(value.encode().unwrap(), xml(&vector), "{name}");
    }
}

#[test]
fn what_others_write_is_read() {
    for kind in ["decode", "references"] {
        for (name, vector) in vectors(kind) {
            let value = decode(xml(&vector)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(value, fixtures::value(&vector["value"]), "{name}");
        }
    }
}

#[test]
fn what_python_refuses_is_refused() {
    for (name, vector) in vectors("decode_error") {
        assert!(decode(xml(&vector)).is_err(), "{name}");
    }
    for (name, vector) in vectors("encode_error") {
        let value = fixtures::value(&vector["value"]);
        let Value::Text(text) = &value else { panic!("{name} is no text") };
        let character = text.chars().next().unwrap();
        assert_eq!(value.encode(), Err(Unwritable(character)), "{name}");
    }
}

#[test]
fn every_recorded_body_is_read_and_written_again() {
    let mut count = 0;
    for exchange in fixtures::classic() {
        let body = exchange.response.body;
        if body.starts_with("<marshal>") {
            assert_eq!(decode(&body).unwrap().encode().unwrap(), body, "{}", exchange.name);
            count += 1;
        }
    }
    assert_eq!(count, 78);
}

#[test]
fn an_error_says_where_and_why() {
    let table = [
        ("", "at byte 0: there is no element"),
        ("<marshal/>", "at byte 10: the document has no value"),
        ("<list/>", "at byte 7: the document is not a `marshal` element"),
        ("<marshal><int>5", "at byte 15: the document is cut off"),
        ("<marshal><int>5</int></marshal>x", "text outside of the document's element"),
        ("<marshal><int>5</int></marshal><a/>", "a second document follows the first"),
        (
            "<marshal><int>five</int></marshal>",
            "at byte 24: not a whole number of at most 128 bits",
        ),
        ("<marshal><int><int>5</int></int></marshal>", "inside a value that is only text"),
        ("<marshal><list>x</list></marshal>", "text between values"),
        ("<marshal><string>&#0;</string></marshal>", "the character U+0000, which XML forbids"),
        ("<marshal><string>&x;</string></marshal>", "a reference to an unknown entity"),
        ("<!DOCTYPE a []><marshal><none/></marshal>", "a document type is not accepted"),
        ("<marshal><list id=\"i2\"><reference id=\"i2\"/></list></marshal>", "not there before it"),
        ("<marshal><dictionary><list/><none/></dictionary></marshal>", "a list cannot be a key"),
        (
            "<marshal><object module=\"os\" class=\"Computer\"/></marshal>",
            "the class `os.Computer` is not accepted",
        ),
    ];
    for (document, wanted) in table {
        let error = decode(document).expect_err(document).to_string();
        assert!(error.contains(wanted), "{document}: {error}");
    }
}

#[test]
fn a_dictionary_may_stand_alone() {
    let alone = "<dictionary><string>a</string><int>1</int></dictionary>";
    assert_eq!(decode(alone), decode(&format!("<marshal>{alone}</marshal>")));
}

#[test]
fn of_a_key_that_comes_twice_the_last_value_counts() {
    let pair = |key: &str, value| format!("<string>{key}</string><int>{value}</int>");
    let all = [pair("b", 1), pair("a", 2), pair("b", 3), pair("a", 4), pair("b", 5)].concat();
    let value = decode(&format!("<dictionary>{all}</dictionary>")).unwrap();
    let text = |text: &str| Value::Text(text.into());
    let wanted = vec![(text("a"), Value::Int(4)), (text("b"), Value::Int(5))];
    assert_eq!(value, Value::Dictionary(wanted));
}

#[test]
fn a_document_beyond_a_limit_is_refused() {
    let limits = Limits { bytes: 1000, depth: 4, values: 10 };
    let nested = |depth| {
        format!("<marshal>{}{}</marshal>", "<tuple>".repeat(depth), "</tuple>".repeat(depth))
    };
    let wide = |count| format!("<marshal><tuple>{}</tuple></marshal>", "<none/>".repeat(count));
    let long = |length| format!("<marshal><string>{}</string></marshal>", "x".repeat(length));
    let table = [
        (nested(3), None),
        (nested(4), Some("more than 4 elements inside each other")),
        (wide(8), None),
        (wide(9), Some("too many values")),
        (long(900), None),
        (long(1000), Some("longer than 1000 bytes")),
    ];
    for (document, wanted) in table {
        let error = decode_within(&document, limits).err().map(|error| error.to_string());
        let fits = match (&error, wanted) {
            (None, None) => true,
            (Some(error), Some(wanted)) => error.contains(wanted),
            _ => false,
        };
        assert!(fits, "{document}: {error:?}");
    }
}

#[test]
fn references_do_not_blow_up() {
    // Each list holds the one before ten times: ten to the thirtieth values, were they copied.
    let mut lists = "<list id=\"i0\"><string>x</string></list>".to_owned();
    for level in 1..30 {
        let before = format!("<reference id=\"i{}\"/>", level - 1).repeat(10);
        lists += &format!("<list id=\"i{level}\">{before}</list>");
    }
    let error = decode(&format!("<marshal><tuple>{lists}</tuple></marshal>")).unwrap_err();
    assert!(error.to_string().contains("too many values"), "{error}");
}

#[test]
fn python_text_of_other_values() {
    let text = |text: &str| Value::Text(text.into());
    let table = [
        (text("as it is"), "as it is"),
        (Value::None, "None"),
        (Value::Bool(true), "True"),
        (Value::Float(1e16), "1e+16"),
        (Value::Float(0.0001), "0.0001"),
        (Value::Float(0.000_012), "1.2e-05"),
        (Value::Float(-0.0), "-0.0"),
        (Value::Float(f64::NAN), "nan"),
        (Value::Tuple(vec![Value::Int(1)]), "(1,)"),
        (Value::List(vec![text("it's"), text("a\n\u{1b}\\")]), "[\"it's\", 'a\\n\\x1b\\\\']"),
        (Value::Set(vec![]), "set()"),
    ];
    for (value, wanted) in table {
        assert_eq!(value.into_text(), wanted);
    }
}
