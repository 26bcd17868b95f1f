//! The value model as an embedding program sees it.

use slapos_jinja::Value;

#[test]
fn json_passes_through() {
    let json = serde_json::json!({"a": [1, 2.5, null, true], "b": {"c": "é"}});
    let value = Value::from(&json);
    assert_eq!(serde_json::Value::try_from(&value).unwrap(), json);
    assert_eq!(value.repr().unwrap(), "{'a': [1, 2.5, None, True], 'b': {'c': 'é'}}");
}

#[test]
fn equal_numbers_are_one_key() {
    let dict = Value::parse_literal("{1: 'a', 1.0: 'b', True: 'c', '1': 'd'}").unwrap();
    assert_eq!(dict.repr().unwrap(), "{1: 'c', '1': 'd'}");
}
