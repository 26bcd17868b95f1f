//! Calls: every recorded request.

use std::collections::BTreeMap;

use slapos_core::{
    names::{ReportedState, SupplyState, SupplyWish, WishedState},
    world::Place,
};
use slapos_wire::classic::{
    call::{BadCall, Call, Endpoint, Form, Method, ReleasesOf, Request},
    document::Route,
};

use crate::fixtures::{self, Exchange};

/// Understands fields as they are in a query or a body.
pub(crate) fn parse(endpoint: &str, fields: &str) -> Result<Call, BadCall> {
    Call::parse(Endpoint::of_name(endpoint).expect(endpoint), &Form::decode(fields.as_bytes()))
}

/// Understands the request of a recorded exchange; `None` when it goes to no endpoint.
fn understand(exchange: &Exchange) -> Option<Result<Call, BadCall>> {
    let request = &exchange.request;
    let endpoint = Endpoint::of_name(request.path.strip_prefix('/')?)?;
    let (method, fields) = match endpoint.method() {
        Method::Get => ("GET", &request.query),
        Method::Post => ("POST", &request.body),
    };
    (request.method == method).then(|| Call::parse(endpoint, &Form::decode(fields.as_bytes())))
}

fn recorded(name: &str) -> Call {
    let all = fixtures::exchanges("slapproxy-classic.json");
    let exchange = all.iter().find(|exchange| exchange.name.starts_with(name)).unwrap();
    understand(exchange).unwrap().unwrap()
}

pub(crate) fn place(partition: &str) -> Place {
    Place { computer: "COMP-1".try_into().unwrap(), partition: partition.try_into().unwrap() }
}

const RELEASE: &str = "https://software.example.com/hello/1.0/software.cfg";

#[test]
fn every_recorded_request_is_understood() {
    // Those that were meant to be wrong.
    let wrong = BTreeMap::from([
        ("307-error-missing-argument-requestComputerPartition", "missing-field"),
        ("310-error-bad-xml-loadComputerConfigurationFromXML", "not-marshalled"),
        ("311-error-bad-state-supplySupply", "unknown-state"),
    ]);
    let elsewhere = [
        "308-error-wrong-method-supplySupply",
        "309-error-no-such-path-getSomethingElse",
        "313-run-id-getRunId",
        "314-root-redirect",
    ];
    let mut met = Vec::new();
    for exchange in fixtures::classic() {
        let name = exchange.name.as_str();
        match understand(&exchange) {
            None => assert!(elsewhere.iter().any(|known| known[..4] == name[..4]), "{name}"),
            Some(Ok(_)) => assert!(!wrong.contains_key(name), "{name}"),
            Some(Err(error)) => assert_eq!(wrong.get(name), Some(&error.code()), "{name}: {error}"),
        }
        met.extend(Endpoint::of_name(&exchange.request.path[1..]));
    }
    let never_recorded: Vec<_> =
        Endpoint::ALL.iter().filter(|endpoint| !met.contains(endpoint)).collect();
    assert_eq!(never_recorded, [&Endpoint::SupplyStatus]);
}

#[test]
fn fields_that_nobody_knows_change_nothing() {
    for mut exchange in fixtures::classic() {
        let Some(Ok(call)) = understand(&exchange) else { continue };
        for fields in [&mut exchange.request.query, &mut exchange.request.body] {
            fields.push_str("&colour=red&colour=&=");
        }
        assert_eq!(understand(&exchange).unwrap().unwrap(), call, "{}", exchange.name);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn recorded_requests_mean_what_they_mean() {
    let computer = || "COMP-1".try_into().unwrap();
    let release = || RELEASE.try_into().unwrap();
    let texts = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    };
    let table = [
        ("013-", Call::Computer(computer())),
        ("042-", Call::Partition(place("slappart0"))),
        (
            "006-",
            Call::Supply {
                computer: computer(),
                software_release: release(),
                wished: SupplyWish::Available,
            },
        ),
        (
            "020-",
            Call::SupplyReport {
                computer: computer(),
                software_release: release(),
                state: SupplyState::Building,
                text: None,
            },
        ),
        (
            "048-",
            Call::Request(Box::new(Request {
                requester: Some(place("slappart0")),
                title: "database".try_into().unwrap(),
                software_release: release(),
                software_type: "mysql".try_into().unwrap(),
                parameters: texts(&[("_", "{\"name\": \"wiki\", \"charset\": \"utf8mb4\"}")]),
                placement: texts(&[("computer_guid", "COMP-1")]),
                wished: Some(WishedState::Started),
                is_shared: false,
                project: None,
            })),
        ),
        (
            "184-",
            Call::Publish {
                place: place("slappart0"),
                connection: texts(&[
                    ("empty", ""),
                    ("note", "first <line>\nsecond"),
                    ("url", "http://[2001:db8::2]:80/?a=1&b=2"),
                ]),
                shared: None,
            },
        ),
        (
            "185-",
            Call::Publish {
                place: place("slappart1"),
                connection: texts(&[("domain", "x.example.com")]),
                shared: Some("_my-site".into()),
            },
        ),
        (
            "051-",
            Call::RelatedInstances {
                place: place("slappart0"),
                titles: vec!["database".try_into().unwrap()],
            },
        ),
        (
            "193-",
            Call::InstanceReport {
                place: place("slappart0"),
                state: ReportedState::Error,
                text: Some("slave trouble".into()),
                shared: Some("_my-site".into()),
            },
        ),
        (
            "194-",
            Call::InstanceBang {
                place: place("slappart0"),
                message: Some("process crashed".into()),
            },
        ),
        (
            "196-",
            Call::Rename {
                place: place("slappart0"),
                title: "my-new-wiki".try_into().unwrap(),
                shared: None,
            },
        ),
        ("204-", Call::ComputerBang { computer: computer(), message: Some("please".into()) }),
        ("210-", Call::Releases(ReleasesOf::Product("hello".into()))),
        ("212-", Call::Releases(ReleasesOf::Release(release()))),
    ];
    for (name, wanted) in table {
        assert_eq!(recorded(name), wanted, "{name}");
    }
}

#[test]
fn a_computer_tells_its_partitions() {
    let Call::Format(configuration) = recorded("012-") else { panic!("another call") };
    assert_eq!(configuration.computer.as_str(), "COMP-1");
    assert_eq!(configuration.slapos_version.as_deref(), Some("1.26.1"));
    let [first, .., last] = configuration.partitions.as_slice() else { panic!("no partitions") };
    assert_eq!(first.interface(), "slaptap0");
    assert_eq!(first.route(), None);
    assert_eq!(
        first.addresses,
        ["10.0.0.1", "2001:db8::2"].map(|text| text.parse::<std::net::IpAddr>().unwrap())
    );
    assert_eq!(last.capabilities, ["gpu", "big"]);
}

#[test]
fn a_tap_with_addresses_is_a_route() {
    let entry = |key: &str, text: &str| format!("<string>{key}</string><string>{text}</string>");
    let tap = [
        entry("ipv4_addr", "10.0.4.2"),
        entry("ipv4_gateway", "10.0.4.1"),
        entry("ipv4_netmask", "255.255.255.0"),
        entry("ipv4_network", "10.0.4.0"),
        entry("name", "tap0"),
    ]
    .concat();
    // The dictionary stands alone, and what a newer node may add is passed over.
    let xml = format!(
        "<dictionary>{}<string>new</string><none/><string>partition_list</string><list>\
         <dictionary>{}<string>tap</string><dictionary>{tap}</dictionary></dictionary>\
         <dictionary>{}</dictionary></list></dictionary>",
        entry("reference", "COMP-1"),
        entry("reference", "slappart0"),
        entry("reference", "slappart1"),
    );
    let fields = format!("xml={}", xml.replace('+', "%2B"));
    let Call::Format(configuration) = parse("loadComputerConfigurationFromXML", &fields).unwrap()
    else {
        panic!("another call");
    };
    let route = Route {
        interface: "route_tap0".into(),
        address: "10.0.4.2".into(),
        gateway: "10.0.4.1".into(),
        netmask: "255.255.255.0".into(),
        network: "10.0.4.0".into(),
    };
    let [first, second] = configuration.partitions.as_slice() else { panic!("two partitions") };
    assert_eq!(first.route(), Some(route));
    assert_eq!((second.route(), second.interface()), (None, "slappart1"));
}

#[test]
fn what_is_not_said_has_its_usual_meaning() {
    let fields = "partition_reference=db&software_release=/a.cfg&software_type=None&\
                  partition_parameter_xml=&unknown=1&computer_id=None";
    let Call::Request(request) = parse("requestComputerPartition", fields).unwrap() else {
        panic!("another call");
    };
    let usual = Request {
        requester: None,
        title: "db".try_into().unwrap(),
        software_release: "/a.cfg".try_into().unwrap(),
        software_type: "default".try_into().unwrap(),
        parameters: BTreeMap::new(),
        placement: BTreeMap::new(),
        wished: None,
        is_shared: false,
        project: None,
    };
    assert_eq!(*request, usual);
    for (none, wanted) in [("None", None), ("NONE", None), ("", None), ("no", Some("no"))] {
        let fields = format!("computer_id=COMP-1&message={none}");
        let wanted = Call::ComputerBang {
            computer: "COMP-1".try_into().unwrap(),
            message: wanted.map(str::to_owned),
        };
        assert_eq!(parse("computerBang", &fields).unwrap(), wanted);
    }
}

#[test]
fn other_values_are_kept_as_python_text() {
    let fields = "computer_id=COMP-1&computer_partition_id=p&connection_xml=<dictionary>\
                  <string>port</string><int>80</int><string>none</string><none/></dictionary>";
    let Call::Publish { connection, .. } =
        parse("setComputerPartitionConnectionXml", fields).unwrap()
    else {
        panic!("another call");
    };
    let wanted = [("none", "None"), ("port", "80")];
    assert!(connection.iter().map(|(name, text)| (name.as_str(), text.as_str())).eq(wanted));
}

#[test]
fn a_name_leads_to_its_endpoint_and_back() {
    for endpoint in Endpoint::ALL {
        assert_eq!(Endpoint::of_name(endpoint.name()), Some(*endpoint));
    }
    assert_eq!(Endpoint::of_name("getRunId"), None);
    assert_eq!(Endpoint::Request.to_string(), "requestComputerPartition");
}

#[test]
fn a_request_that_is_passed_on_is_the_same_request() {
    let mut met = 0;
    for exchange in fixtures::classic() {
        if let Some(Ok(Call::Request(request))) = understand(&exchange) {
            let form = request.encode().unwrap();
            let again = parse("requestComputerPartition", &form).unwrap();
            assert_eq!(again, Call::Request(request), "{}", exchange.name);
            met += 1;
        }
    }
    assert!(met > 20, "{met}");
}
