//! The header with which a client says for which partition it speaks.

use slapos_wire::classic::authorization::claimed_place;

use crate::{call::place, fixtures};

#[test]
fn every_recorded_authorization_is_understood() {
    for exchange in fixtures::classic() {
        if let Some(header) = exchange.request.headers.get("Authorization") {
            let claimed = claimed_place(header).unwrap().unwrap();
            assert_eq!(claimed.computer.as_str(), "COMP-1", "{}", exchange.name);
        }
    }
}

#[test]
fn a_claim_is_read_with_and_without_blanks() {
    let slappart0 = Some(place("slappart0"));
    let table = [
        (
            "X-SlapPartition computer_id=COMP-1, computer_partition_id=slappart0",
            Ok(slappart0.clone()),
        ),
        (
            "x-slappartition computer_id=COMP-1,computer_partition_id=slappart0",
            Ok(slappart0.clone()),
        ),
        (
            "X-SLAPPARTITION  computer_partition_id = slappart0 , computer_id = COMP-1 ",
            Ok(slappart0),
        ),
        ("Bearer computer_id=COMP-1", Ok(None)),
        ("", Ok(None)),
        ("X-SlapPartition", Err("has no `computer_id`")),
        ("X-SlapPartition computer_id=COMP-1", Err("has no `computer_partition_id`")),
        ("X-SlapPartition computer_id=, computer_partition_id=a", Err("has a bad `computer_id`")),
    ];
    for (header, wanted) in table {
        match (claimed_place(header), wanted) {
            (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{header}"),
            (Err(error), Err(wanted)) => assert!(error.to_string().ends_with(wanted), "{error}"),
            (found, _) => panic!("{header}: {found:?}"),
        }
    }
}
