//! Names and bodies of a made-up fleet.
//!
//! Everything is a function of the seed and an index: the same arguments, the same requests.

use crate::{
    form::Form,
    marshal::{Value, encode},
};

/// The fleet that a master is told about, and how its instances are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    pub(crate) seed: u64,
    pub(crate) computer_prefix: String,
    pub(crate) computers: u64,
    /// Partitions of each computer.
    pub(crate) partitions: u64,
    pub(crate) release: String,
    /// This very release for every instance, instead of four made from `release`.
    pub(crate) exact_release: Option<String>,
    pub(crate) software_type: String,
    pub(crate) placement: Placement,
    pub(crate) parameter_bytes: usize,
    pub(crate) connection_bytes: usize,
}

/// Which computer a request names.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Placement {
    /// instance i asks for computer i mod C
    Spread,
    /// instance i asks for computer i / P: fills one computer after the other
    Fill,
    /// no computer named: the master chooses
    Any,
}

/// A partition of a computer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) computer: String,
    pub(crate) partition: String,
}

impl Place {
    /// How the instance there says who it is when it asks.
    pub(crate) fn authorization(&self) -> String {
        let Self { computer, partition } = self;
        format!("X-SlapPartition computer_id={computer}, computer_partition_id={partition}")
    }

    /// FNV-1a of both names, never zero.
    pub(crate) fn digest(&self) -> u64 {
        let bytes = self.computer.bytes().chain([b'/']).chain(self.partition.bytes());
        let mixed = |digest: u64, byte| (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        bytes.fold(0xcbf2_9ce4_8422_2325, mixed) | 1
    }
}

/// One request for an instance.
pub(crate) struct Ask<'a> {
    pub(crate) title: &'a str,
    pub(crate) parameters: &'a str,
    pub(crate) computer: Option<&'a str>,
    pub(crate) state: &'a str,
    pub(crate) shared: bool,
    /// The instance that asks; `None`: a person.
    pub(crate) requester: Option<&'a Place>,
}

impl Fleet {
    pub(crate) fn computer(&self, number: u64) -> String {
        format!("{}{number:06}", self.computer_prefix)
    }

    pub(crate) fn title(&self, instance: u64) -> String {
        format!("sl{:x}-{instance}", self.seed)
    }

    /// Partitions in all.
    pub(crate) fn capacity(&self) -> u64 {
        self.computers * self.partitions
    }

    /// The computer that an instance asks for.
    pub(crate) fn computer_for(&self, instance: u64) -> Option<String> {
        match self.placement {
            Placement::Spread => Some(self.computer(instance % self.computers)),
            Placement::Fill => Some(self.computer(instance / self.partitions % self.computers)),
            Placement::Any => None,
        }
    }

    /// One of four releases: a fleet shares a few.
    pub(crate) fn release_for(&self, instance: u64) -> String {
        match &self.exact_release {
            Some(release) => release.clone(),
            None => format!("{}/software-{}/software.cfg", self.release, instance % 4),
        }
    }

    pub(crate) fn parameters(&self, instance: u64) -> String {
        json_filler(mix(self.seed, instance), self.parameter_bytes, "")
    }

    /// What an instance publishes; another revision, another value.
    pub(crate) fn connection(&self, instance: u64, revision: u64) -> String {
        let host = instance & 0xffff;
        let port = 1024 + instance % 60_000;
        let lead = format!(
            r#""revision": "{revision}", "url": "https://[2001:db8::{host:x}]:{port}/?a=1&b=2""#
        );
        json_filler(mix(self.seed, instance), self.connection_bytes, &lead)
    }

    /// What a computer says of itself and its partitions when it registers.
    pub(crate) fn format_document(&self, computer: u64) -> String {
        encode(&Value::dict([
            ("reference", Value::text(self.computer(computer))),
            ("address", Value::text(ipv4(computer))),
            ("netmask", Value::text("255.255.255.0")),
            ("ipv6_interface", Value::None),
            ("software_root", Value::text("/opt/slapgrid")),
            ("software_user", Value::text("slapsoft")),
            ("instance_root", Value::text("/srv/slapgrid")),
            ("instance_storage_home", Value::None),
            (
                "partition_list",
                Value::List((0..self.partitions).map(|p| partition_format(computer, p)).collect()),
            ),
        ]))
    }

    /// The body of a request.
    pub(crate) fn request_body(&self, instance: u64, ask: &Ask<'_>) -> String {
        let parameters = encode(&Value::dict([("_", Value::text(ask.parameters))]));
        let placement =
            encode(&Value::dict(ask.computer.map(|c| ("computer_guid", Value::text(c)))));
        let mut form = Form::with_capacity(2048);
        if let Some(place) = ask.requester {
            append_place(&mut form, place);
        }
        form.append_pair("software_release", &self.release_for(instance))
            .append_pair("software_type", &self.software_type)
            .append_pair("partition_reference", ask.title)
            .append_pair("shared_xml", &encode(&Value::Bool(ask.shared)))
            .append_pair("partition_parameter_xml", &parameters)
            .append_pair("filter_xml", &placement)
            .append_pair("state", &encode(&Value::text(ask.state)))
            .finish()
    }

    /// The body of a person's request for an instance.
    pub(crate) fn root_body(&self, instance: u64, state: &str) -> String {
        self.body(instance, state, &self.parameters(instance))
    }

    /// The same with other parameters, which belong to the revision.
    pub(crate) fn changed_body(&self, instance: u64, revision: u64) -> String {
        let lead = format!("\"revision\": \"{revision}\"");
        let parameters = json_filler(mix(self.seed, instance), self.parameter_bytes, &lead);
        self.body(instance, "started", &parameters)
    }

    fn body(&self, instance: u64, state: &str, parameters: &str) -> String {
        let computer = self.computer_for(instance);
        let ask = Ask {
            title: &self.title(instance),
            parameters,
            computer: computer.as_deref(),
            state,
            shared: false,
            requester: None,
        };
        self.request_body(instance, &ask)
    }
}

/// The body that makes a computer's partitions known.
pub(crate) fn format_body(document: &str) -> String {
    Form::with_capacity(document.len() * 2).append_pair("xml", document).finish()
}

/// The body that makes a release available on a computer.
pub(crate) fn supply_body(release: &str, computer: &str) -> String {
    Form::with_capacity(256)
        .append_pair("url", release)
        .append_pair("computer_id", computer)
        .append_pair("state", "available")
        .finish()
}

/// The body with which an instance publishes, for itself or for a shared one that it serves.
pub(crate) fn publish_body(place: &Place, connection: &str, shared: Option<&str>) -> String {
    let document = encode(&Value::dict([("_", Value::text(connection))]));
    let mut form = Form::with_capacity(1024);
    append_place(&mut form, place);
    form.append_pair("connection_xml", &document)
        .append_pair("slave_reference", shared.unwrap_or("None"))
        .finish()
}

/// The body of a report about a partition.
pub(crate) fn report_body(place: &Place) -> String {
    let mut form = Form::with_capacity(256);
    append_place(&mut form, place);
    form.finish()
}

fn append_place(form: &mut Form, place: &Place) {
    form.append_pair("computer_id", &place.computer)
        .append_pair("computer_partition_id", &place.partition);
}

/// splitmix64: the number that belongs to a seed and an index.
pub(crate) fn mix(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn ipv4(number: u64) -> String {
    format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

fn partition_format(computer: u64, partition: u64) -> Value<'static> {
    let network = format!("2001:db8:{:x}:{:x}", computer >> 16 & 0xffff, computer & 0xffff);
    let address = |address: String, netmask: &'static str| {
        Value::dict([("addr", Value::text(address)), ("netmask", Value::text(netmask))])
    };
    let user = Value::dict([
        ("name", Value::text(format!("slapuser{partition}"))),
        ("additional_group_list", Value::List(vec![Value::text("kvm")])),
    ]);
    let addresses = vec![
        address(ipv4(partition), "255.255.255.255"),
        address(
            format!("{network}::{:x}", partition + 2),
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ),
    ];
    let range = Value::dict([
        ("addr", Value::text(format!("{network}:{:x}::", partition + 1))),
        ("prefixlen", Value::Int(80)),
    ]);
    let tap_keys = [
        ["ipv4_addr", "ipv4_netmask", "ipv4_gateway", "ipv4_network"],
        ["ipv6_addr", "ipv6_netmask", "ipv6_gateway", "ipv6_network"],
    ];
    let tap = tap_keys.into_iter().flatten().map(|key| (key, Value::text("")));
    let tap = Value::dict(tap.chain([("name", Value::text(format!("slaptap{partition}")))]));
    Value::dict([
        ("reference", Value::text(format!("slappart{partition}"))),
        ("path", Value::text(format!("/srv/slapgrid/slappart{partition}"))),
        ("user", user),
        ("address_list", Value::List(addresses)),
        ("ipv6_range", range),
        ("tap", tap),
        ("tun", Value::None),
        ("external_storage_list", Value::List(vec![])),
        ("capability_list", Value::List(vec![])),
    ])
}

/// An object of about so many bytes that looks like parameters: `{LEAD, "key-abc": "3f2a…", …}`.
fn json_filler(seed: u64, bytes: usize, lead: &str) -> String {
    const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";
    let mut out = String::with_capacity(bytes + 64);
    out.push('{');
    out.push_str(lead);
    let mut number = 0;
    while out.len() + 2 < bytes {
        if out.len() > 1 {
            out.push_str(", ");
        }
        out.push_str("\"key-");
        for place in [1, 26, 676] {
            out.push(char::from(LETTERS[number / place % 26]));
        }
        out.push_str("\": \"");
        let value = mix(seed, number as u64);
        for digit in 0..16 {
            out.push(char::from(b"0123456789abcdef"[(value >> (4 * digit) & 15) as usize]));
        }
        out.push('"');
        number += 1;
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marshal::decode;

    fn fleet() -> Fleet {
        Fleet {
            seed: 7,
            computer_prefix: "C".into(),
            computers: 3,
            partitions: 4,
            release: "https://r".into(),
            exact_release: None,
            software_type: "default".into(),
            placement: Placement::Spread,
            parameter_bytes: 300,
            connection_bytes: 200,
        }
    }

    #[test]
    fn a_body_follows_from_the_seed_and_says_what_is_asked() {
        let fleet = fleet();
        let body = fleet.root_body(5, "started");
        assert_eq!(body, fleet.root_body(5, "started"));
        let fields: Vec<(String, String)> =
            form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let field = |key: &str| &fields.iter().find(|(name, _)| name == key).unwrap().1;
        let parameters = decode(field("partition_parameter_xml").as_bytes()).unwrap();
        assert_eq!(parameters.get_text("_").unwrap(), fleet.parameters(5));
        let placement = decode(field("filter_xml").as_bytes()).unwrap();
        assert_eq!(placement.get_text("computer_guid"), Some("C000002"));
    }

    #[test]
    fn parameters_and_connections_are_objects_of_the_wished_size() {
        let fleet = fleet();
        for (text, bytes) in [(fleet.parameters(5), 300), (fleet.connection(5, 1), 200)] {
            assert!(
                serde_json::from_str::<serde_json::Value>(&text).unwrap().is_object(),
                "{text}"
            );
            assert!((bytes - 2..bytes + 32).contains(&text.len()), "{text}");
        }
    }

    #[test]
    fn a_computer_registers_all_its_partitions() {
        let document = fleet().format_document(1);
        let computer = decode(document.as_bytes()).unwrap();
        assert_eq!(computer.get_text("reference"), Some("C000001"));
        assert_eq!(computer.get("partition_list").unwrap().items().len(), 4);
    }
}
