//! Calls that are refused: the error says which field of which endpoint, and why.

use std::error::Error;

use crate::call::parse;

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn an_error_names_endpoint_field_and_cause() {
    let request = "partition_reference=a&software_release=/b&";
    let table = [
        ("computerBang", "", "computer_id", "missing-field", "the field is missing"),
        (
            "supplySupply",
            "url=/a&computer_id=None&state=available",
            "computer_id",
            "missing-field",
            "",
        ),
        (
            "supplySupply",
            "url=/a&computer_id=C&state=on",
            "state",
            "unknown-state",
            "the word in the field is not one of",
        ),
        (
            "supplySupply",
            "url=a b&computer_id=C&state=available",
            "url",
            "bad-name",
            "not a valid software release",
        ),
        (
            "requestComputerPartition",
            &format!("{request}state=<marshal/>"),
            "state",
            "not-marshalled",
            "at byte 10: the document has no value",
        ),
        (
            "requestComputerPartition",
            &format!("{request}state=<marshal><string>on</string></marshal>"),
            "state",
            "unknown-state",
            "",
        ),
        (
            "requestComputerPartition",
            &format!("{request}shared_xml=<marshal><string>1</string></marshal>"),
            "shared_xml",
            "wrong-shape",
            "is a text, a bool was expected",
        ),
        (
            "requestComputerPartition",
            &format!("{request}filter_xml=<marshal><list/></marshal>"),
            "filter_xml",
            "wrong-shape",
            "is a list, a dictionary was expected",
        ),
        (
            "requestComputerPartition",
            &format!("{request}computer_id=C"),
            "computer_partition_id",
            "missing-field",
            "",
        ),
        (
            "registerComputerPartition",
            "computer_reference=C",
            "computer_partition_reference",
            "missing-field",
            "",
        ),
        ("loadComputerConfigurationFromXML", "", "xml", "missing-field", ""),
        (
            "loadComputerConfigurationFromXML",
            "xml=<dictionary><string>reference</string><string>C</string>\
             <string>partition_list</string><list><dictionary><string>reference</string><int>1</int>\
             </dictionary></list></dictionary>",
            "xml",
            "wrong-shape",
            "`partition_list.0.reference`: is an int, a text was expected",
        ),
        (
            "getSoftwareReleaseListFromSoftwareProduct",
            "",
            "software_product_reference",
            "missing-field",
            "",
        ),
    ];
    for (endpoint, fields, field, code, cause) in table {
        let error = parse(endpoint, fields).expect_err(fields);
        assert_eq!((error.field, error.code()), (field, code), "{endpoint} {fields}");
        assert!(error.to_string().contains(endpoint) && error.to_string().contains(field));
        let source = error.source().unwrap().to_string();
        assert!(source.contains(cause), "{endpoint} {fields}: {source}");
        assert!(!error.hint().is_empty());
    }
}
