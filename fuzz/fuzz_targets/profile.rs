//! A profile of somebody else: reading, merging and checking it ends, and every fault can be told.

#![no_main]

use std::collections::BTreeMap;

use camino::Utf8Path;
use libfuzzer_sys::fuzz_target;
use slapos_profile::{
    Facts, Host, HostError, Job, Progress, Purpose, RequestAnswer, RequestAsk, annotate, check,
};

/// Gives the profile under one URL and its second half under another; knows nothing else.
struct Texts<'t>(&'t str);

const PROFILE: &str = "http://fuzz/a.cfg";

impl Host for Texts<'_> {
    fn fetch(&mut self, url: &str) -> Result<Vec<u8>, HostError> {
        let text = match url {
            PROFILE => self.0,
            "http://fuzz/b.cfg" => self.0.split_once("\n#\n").map_or("", |(_, rest)| rest),
            _ => return Err(HostError { message: "nothing there".into(), hint: None }),
        };
        Ok(text.as_bytes().to_vec())
    }

    fn request(&mut self, _ask: &RequestAsk) -> Result<RequestAnswer, HostError> {
        Err(HostError { message: "a check asks for nothing".into(), hint: None })
    }

    fn progress(&mut self, _progress: &Progress) {}
}

fuzz_target!(|text: &str| {
    let directory = Utf8Path::new("/nonexistent/fuzz");
    if let Err(error) = annotate(PROFILE, directory, &mut Texts(text)) {
        assert!(!error.report().is_empty());
    }
    let job = Job {
        profile: PROFILE.into(),
        directory: directory.into(),
        state_file: directory.join("state.json"),
        extra: BTreeMap::new(),
        python: None,
        purpose: Purpose::Instance(Facts::default()),
    };
    for fault in check(&job, &mut Texts(text)).faults {
        assert!(!fault.to_string().is_empty());
    }
});
