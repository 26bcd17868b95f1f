//! The exchanges with the production master. Its answers were made by hand, about one small world:
//! here that world is made first.

use slapos_wire::classic::marshal::{Object, Value, decode};

use super::exchange::{Request, Response, call};

const RELEASE: &str = "https://software.example.com/hello/1.0/software.cfg";

const PLACE: [(&str, &str); 2] =
    [("computer_id", "COMP-1"), ("computer_partition_id", "slappart0")];

/// Exchanges with a master that does not know the computer yet.
pub(super) const UNKNOWN: &[u16] = &[4, 26, 27, 39];

/// The calls that make the world of the recorded answers.
pub(super) fn world() -> Vec<Request> {
    let wiki = texts(&[("_", r#"{"name": "wiki"}"#)]);
    let here = texts(&[("computer_guid", "COMP-1"), ("retention_delay", "0.0")]);
    let site = texts(&[("url", "http://10.0.0.1:8080/")]);
    let (none, connection) = (texts(&[]), texts(&[("_", r#"{"url": "mysql://10.0.0.1/"}"#)]));
    let domain = texts(&[("domain", "my-site.example.com")]);
    let ask = |title, parameters, placement, shared| {
        vec![
            ("software_release", RELEASE),
            ("software_type", "mysql"),
            ("partition_reference", title),
            ("partition_parameter_xml", parameters),
            ("filter_xml", placement),
            ("shared_xml", shared),
        ]
    };
    let (yes, no) = ("<marshal><bool>1</bool></marshal>", "<marshal><bool>0</bool></marshal>");
    vec![
        call("loadComputerConfigurationFromXML", &[("xml", &format())]),
        call(
            "supplySupply",
            &[("url", RELEASE), ("computer_id", "COMP-1"), ("state", "available")],
        ),
        call("requestComputerPartition", &ask("my-db", &wiki, &here, no)),
        call("requestComputerPartition", &ask("my-site", &site, &none, yes)),
        call(
            "setComputerPartitionConnectionXml",
            &[&PLACE[..], &[("connection_xml", &connection)]].concat(),
        ),
        call(
            "setComputerPartitionConnectionXml",
            &[&PLACE[..], &[("connection_xml", &domain), ("slave_reference", "SOFTINST-4")]]
                .concat(),
        ),
        call("startedComputerPartition", &PLACE),
    ]
}

/// The calls before an exchange that bring the world to what its answer tells.
pub(super) fn before(number: u16) -> Vec<Request> {
    let failed = [&PLACE[..], &[("error_log", "boom")]].concat();
    match number {
        18 => vec![call("softwareInstanceError", &failed)],
        // exchange 29 formatted it otherwise
        41 => vec![call("loadComputerConfigurationFromXML", &[("xml", &format())])],
        _ => vec![],
    }
}

/// What of a recorded answer contradicts the request to which it was made by hand.
fn contradicts(number: u16) -> &'static [&'static str] {
    match number {
        41 => &["_parameter_dict", "_filter_dict", "slave_instance_list", "_connection_dict"],
        43 => &["_parameter_dict", "_filter_dict", "root_instance_title"],
        18 => &["_connection_dict"], // another one was published meanwhile, in exchange 12
        _ => &[],
    }
}

/// What differs in two documents, identities and times aside.
pub(super) fn differences(number: u16, recorded: &Response, ours: &Response) -> Vec<String> {
    let plain = |body: &str| plain(decode(body).expect(body), contradicts(number));
    let (recorded, found) = (plain(&recorded.body), plain(&ours.body));
    if recorded == found { vec![] } else { vec![format!("{found:?}\nrecorded {recorded:?}")] }
}

fn plain(value: Value, without: &[&str]) -> Value {
    let all = |items: Vec<Value>| items.into_iter().map(|it| plain(it, without)).collect();
    let named = |members: Vec<(Value, Value)>| {
        let kept = members
            .into_iter()
            .filter(|(key, _)| !matches!(key, Value::Text(key) if without.contains(&key.as_str())));
        let mut members: Vec<_> = kept.collect();
        for (key, value) in &mut members {
            let is_time = matches!(key, Value::Text(key) if ["timestamp", "created_at", "since"].contains(&key.as_str()));
            *value = if is_time {
                Value::None
            } else {
                plain(std::mem::replace(value, Value::None), without)
            };
        }
        members
    };
    match value {
        Value::Text(text) if text.starts_with("SOFTINST-") => Value::Text("SOFTINST-".into()),
        Value::List(items) => Value::List(all(items)),
        Value::Tuple(items) => Value::Tuple(all(items)),
        Value::Dictionary(members) => Value::Dictionary(named(members)),
        Value::Object(object) => {
            let Object { class, arguments, state } = *object;
            Value::Object(Box::new(Object {
                class,
                arguments: all(arguments),
                state: named(state),
            }))
        }
        other => other,
    }
}

fn texts(pairs: &[(&str, &str)]) -> String {
    dictionary(pairs.iter().map(|(key, text)| (*key, Value::Text((*text).into()))).collect())
        .encode()
        .unwrap()
}

fn dictionary(members: Vec<(&str, Value)>) -> Value {
    let members = members.into_iter().map(|(key, value)| (Value::Text(key.into()), value));
    Value::Dictionary(members.collect())
}

/// Two partitions; the first one has a network behind its tap interface.
fn format() -> String {
    let text = |text: &str| Value::Text(text.into());
    let partition = |number: u8, tap: Vec<(&str, Value)>| {
        let address = |address: String| {
            dictionary(vec![("addr", Value::Text(address)), ("netmask", text("255.255.255.255"))])
        };
        dictionary(vec![
            ("reference", Value::Text(format!("slappart{number}"))),
            (
                "address_list",
                Value::List(vec![
                    address(format!("10.0.0.{}", number + 1)),
                    address(format!("2001:db8::{}", number + 2)),
                ]),
            ),
            ("tap", dictionary(tap)),
        ])
    };
    let routed = vec![
        ("name", text("slaptap0")),
        ("ipv4_addr", text("10.0.4.2")),
        ("ipv4_gateway", text("10.0.4.1")),
        ("ipv4_netmask", text("255.255.255.0")),
        ("ipv4_network", text("10.0.4.0")),
    ];
    let partitions = vec![partition(0, routed), partition(1, vec![("name", text("slaptap1"))])];
    let computer = dictionary(vec![
        ("reference", text("COMP-1")),
        ("partition_list", Value::List(partitions)),
    ]);
    computer.encode().unwrap()
}
