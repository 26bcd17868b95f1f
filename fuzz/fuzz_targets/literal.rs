//! Values in their texts: what is read and written comes back as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use slapos_jinja::Value;

fuzz_target!(|text: &str| {
    if let Ok(value) = Value::parse_literal(text) {
        let shown = value.repr().expect("a literal can be shown");
        match Value::parse_literal(&shown) {
            Ok(again) => assert_eq!(again.repr().ok(), Some(shown)),
            // Python shows a float that is too large as `inf`, and cannot read that either.
            Err(error) => assert!(shown.contains("inf"), "{shown} cannot be read: {error}"),
        }
        drop(value.to_json());
    }
    if let Ok(value) = Value::from_json(text) {
        let written = value.to_json().expect("what came from JSON can be written");
        let again = Value::from_json(&written).expect("what is written can be read");
        assert_eq!(again.to_json().ok(), Some(written));
    }
});
