//! Usage reports: the recorded ones, and what is none.

use slapos_wire::classic::{call::Form, usage};

use crate::fixtures;

#[test]
fn usage_reports_are_told_apart() {
    let mut reports = 0;
    for exchange in fixtures::classic() {
        if exchange.request.path == "/useComputer" {
            let form = Form::decode(exchange.request.body.as_bytes());
            let report = form.get("use_string").unwrap();
            assert_eq!(usage::kind(report), Ok(usage::Kind::Computer), "{}", exchange.name);
            reports += 1;
        }
    }
    assert_eq!(reports, 3);
    assert_eq!(usage::kind("<consumption/>"), Ok(usage::Kind::Instance));
    for wrong in ["", "<journal>", "<other/>", "<other><journal/></other>"] {
        assert!(usage::kind(wrong).is_err(), "{wrong}");
    }
}
