//! Typed documents against recorded answers.

use std::{collections::BTreeMap, sync::Arc};

use slapos_core::{
    names::{SupplyWish, Timestamp, WishedState},
    world::Place,
};
use slapos_wire::classic::document::{
    Address, Answer, Certificate, Computer, Instance, Partition, Route, SharedInstance, Status,
    Subject, Supply, encode_addresses, encode_new_computer, encode_no_status, encode_releases,
    http_date,
};

use crate::fixtures::{self, Exchange};

/// The good answers of one endpoint in one file.
fn answers(file: &str, endpoint: &str) -> Vec<Exchange> {
    let mut all = fixtures::exchanges(file);
    all.retain(|exchange| {
        exchange.request.path == format!("/{endpoint}") && exchange.response.status == 200
    });
    assert!(!all.is_empty(), "{endpoint}");
    all
}

#[test]
fn answers_in_production_form_are_written_again_byte_for_byte() {
    type Again = fn(&str) -> String;
    let table: [(&str, Again); 3] = [
        ("getFullComputerInformation", |text| Computer::decode(text).unwrap().encode().unwrap()),
        ("registerComputerPartition", |text| Partition::decode(text).unwrap().encode().unwrap()),
        ("requestComputerPartition", |text| Answer::decode(text).unwrap().encode().unwrap()),
    ];
    for (endpoint, again) in table {
        for exchange in answers("production.json", endpoint) {
            let body = exchange.response.body;
            assert_eq!(again(&body), body, "{}", exchange.name);
        }
    }
}

#[test]
fn small_answers_are_written_byte_for_byte() {
    let only = |endpoint| answers("production.json", endpoint).remove(0).response.body;
    let pem = |name: &str| {
        format!(
            "Certificate:\n    Data:\n        Version: 3 (0x2)\n        Subject: O=SlapOS, \
             CN={name}/emailAddress=admin@example.com\n-----BEGIN CERTIFICATE-----\nQUJDREVG\n\
             -----END CERTIFICATE-----\n"
        )
    };
    let key = "placeholder of the private key of COMP-1\n".to_owned();
    let address = |address: &str| Address { interface: "slaptap0".into(), address: address.into() };
    let release =
        |version| format!("https://software.example.com/hello/{version}/software.cfg").try_into();
    let heard = Timestamp(1_795_413_907_000_000);
    let status = Status {
        subject: Subject::Computer,
        reference: "COMP-1".into(),
        user: "COMP-1".into(),
        text: "#access COMP-1".into(),
        state: String::new(),
        created_at: heard,
        since: heard,
        is_silent_for_5_minutes: false,
        is_silent_for_15_minutes: false,
    };
    let table = [
        ("requestComputer", encode_new_computer(&"COMP-2".try_into().unwrap())),
        (
            "getHostingSubscriptionIpList",
            encode_addresses(&["10.0.0.1", "2001:db8::2"].map(address)),
        ),
        (
            "getSoftwareReleaseListFromSoftwareProduct",
            encode_releases(&["1.0", "0.9"].map(|version| release(version).unwrap())),
        ),
        ("generateComputerCertificate", Certificate { certificate: pem("COMP-1"), key }.encode()),
        ("getComputerStatus", status.encode()),
    ];
    for (endpoint, written) in table {
        assert_eq!(written.unwrap(), only(endpoint), "{endpoint}");
    }
    assert_eq!(
        encode_no_status("COMP-1").unwrap(),
        "<marshal><dictionary id=\"i2\"><string>no_data</string><int>1</int><string>text</string>\
         <string>#error no data found for COMP-1</string></dictionary></marshal>"
    );
}

#[test]
fn every_recorded_answer_of_a_slapproxy_is_read() {
    let file = "slapproxy-classic.json";
    for exchange in answers(file, "getFullComputerInformation") {
        if exchange.response.body.contains("_computer_partition_list") {
            let computer = Computer::decode(&exchange.response.body).unwrap();
            assert_eq!(computer.computer.as_str(), "COMP-1", "{}", exchange.name);
        }
    }
    for exchange in answers(file, "registerComputerPartition") {
        let partition = Partition::decode(&exchange.response.body).unwrap();
        assert_eq!(partition.place.computer.as_str(), "COMP-1", "{}", exchange.name);
    }
    for exchange in answers(file, "requestComputerPartition") {
        let answer = Answer::decode(&exchange.response.body).unwrap();
        // Of shared instances it tells neither.
        let (wished, timestamp) = (answer.instance.wished, answer.instance.timestamp);
        assert_eq!(wished.is_some(), timestamp.is_some(), "{}", exchange.name);
    }
}

#[test]
fn a_slapproxy_and_its_shared_instances_are_understood() {
    let all = answers("slapproxy-classic.json", "getFullComputerInformation");
    let exchange = all.iter().find(|exchange| exchange.name.starts_with("157-")).unwrap();
    let computer = Computer::decode(&exchange.response.body).unwrap();
    assert!(computer.partitions[3].instance.is_none());
    assert_eq!(computer.supplies[0].wished, SupplyWish::Available);
    let host = computer.partitions[1].instance.as_ref().unwrap();
    assert_eq!(host.id.as_deref(), Some("COMP-1-slappart1"));
    assert_eq!(host.wished, Some(WishedState::Started));
    assert_eq!(*host.parameters, BTreeMap::from([("port".into(), "8080".into())]));
    assert_eq!(host.timestamp, Some(Timestamp(1_795_413_343_663_132)));
    let shared = SharedInstance {
        id: "_my-site".into(),
        title: "_my-site".try_into().unwrap(),
        software_type: "frontend".try_into().unwrap(),
        timestamp: None,
        values: BTreeMap::from([
            ("custom_domain".into(), "www.example.com".into()),
            ("url".into(), "http://10.0.0.1:8080/".into()),
        ]),
    };
    assert_eq!(host.shared[0], shared);
}

/// A computer like those in use: every partition has an instance with a few of everything.
fn large(partitions: usize) -> Computer {
    let computer = || "COMP-1".try_into().unwrap();
    let release = || "https://software.example.com/hello/1.0/software.cfg".try_into().unwrap();
    let instance = |number: usize| Instance {
        id: Some(format!("SOFTINST-{number}")),
        wished: Some(WishedState::Started),
        software_release: release(),
        software_type: "mysql".try_into().unwrap(),
        title: Some(format!("database {number}").try_into().unwrap()),
        root_title: Some("wiki".try_into().unwrap()),
        root_short_title: String::new(),
        parameters: BTreeMap::from([("_".into(), "{\"name\": \"<wiki>\"}".into())]).into(),
        connection: BTreeMap::from([("_".into(), "{\"url\": \"mysql://10.0.0.1/\"}".into())])
            .into(),
        placement: BTreeMap::from([("computer_guid".into(), "COMP-1".into())]),
        addresses: vec![Address { interface: "tap".into(), address: "10.0.0.1".into() }; 2],
        routes: vec![Route {
            interface: "route_tap".into(),
            address: "10.0.4.2".into(),
            gateway: "10.0.4.1".into(),
            netmask: "255.255.255.0".into(),
            network: "10.0.4.0".into(),
        }],
        shared: vec![],
        timestamp: Some(Timestamp(1_767_225_600_123_456)),
    };
    let partition = |number: usize| Partition {
        place: Place {
            computer: computer(),
            partition: format!("slappart{number}").try_into().unwrap(),
        },
        instance: Some(instance(number)),
        status: Some("#access Instance correctly started".into()),
        is_synced: false,
    };
    Computer {
        computer: computer(),
        partitions: (0..partitions).map(partition).collect(),
        supplies: vec![Supply { software_release: release(), wished: SupplyWish::Available }],
    }
}

#[test]
fn a_large_computer_reads_back_as_it_was() {
    let computer = large(100);
    assert_eq!(Computer::decode(&computer.encode().unwrap()).unwrap(), computer);
}

#[test]
fn what_the_master_says_wins_over_parameters() {
    let mut computer = large(1);
    let instance = computer.partitions[0].instance.as_mut().unwrap();
    for key in ["a", "ip_list", "slap_computer_id", "timestamp", "zone"] {
        Arc::make_mut(&mut instance.parameters).insert(key.into(), "mine".into());
    }
    let read = Computer::decode(&computer.encode().unwrap()).unwrap();
    let read = read.partitions[0].instance.as_ref().unwrap();
    assert_eq!(read.parameters.keys().collect::<Vec<_>>(), ["_", "a", "zone"]);
    assert_eq!(read.addresses.len(), 2);
}

#[test]
fn an_error_names_the_attribute() {
    let computer = large(1).encode().unwrap();
    let partition = "`_computer_partition_list.0.";
    let table = [
        ("<string>started</string>", "<string>going</string>", "_requested_state`: is not one of"),
        ("<string>10.0.0.1</string>", "<none/>", "_parameter_dict.ip_list.0.1`: is none, a text"),
        (">mysql<", "><", "_parameter_dict.slap_software_type`: `` is not a valid software type"),
    ];
    for (right, wrong, wanted) in table {
        let error = Computer::decode(&computer.replacen(right, wrong, 1)).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.starts_with(&format!("{partition}{wanted}")), "{cause}");
    }
    let other = encode_addresses(&[]).unwrap();
    let error = Computer::decode(&other).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "is a list, an object `Computer` was expected");
}

#[test]
fn a_certificate_keeps_its_key_out_of_logs() {
    let certificate = Certificate { certificate: "public".into(), key: "secret".into() };
    assert!(!format!("{certificate:?}").contains("secret"));
}

#[test]
fn dates() {
    let table = [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        (1_795_413_907, "Mon, 23 Nov 2026 06:05:07 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    ];
    for (seconds, wanted) in table {
        assert_eq!(http_date(Timestamp(seconds * 1_000_000 + 999_999)), wanted);
    }
}
