//! What comes over the wire: old documents and forms, and the connection in its XML.

#![no_main]

use libfuzzer_sys::fuzz_target;
use slapos_wire::classic::{
    authorization,
    call::{Call, Endpoint, Form},
    document::{Answer, Computer, Partition},
    marshal, usage,
};
use slapos_wire::instance_xml;

fuzz_target!(|data: &[u8]| {
    let form = Form::decode(data);
    for endpoint in Endpoint::ALL {
        drop(Call::parse(*endpoint, &form));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    drop(marshal::decode(text));
    drop(usage::kind(text));
    drop(authorization::claimed_place(text));
    drop(Computer::decode(text));
    drop(Partition::decode(text));
    drop(Answer::decode(text));
    if let Ok(texts) = instance_xml::decode(text)
        && let Ok(written) = instance_xml::encode(&texts)
    {
        assert_eq!(instance_xml::decode(&written).expect("what is written can be read"), texts);
    }
});
