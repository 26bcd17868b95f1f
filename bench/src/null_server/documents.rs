//! Canned documents, as long as those of a real master.

use bytes::Bytes;

use crate::marshal::{Value, encode};

const RELEASE: &str = "https://lab.example.com/software/software-1/software.cfg";

pub(super) struct Documents {
    computers: u64,
    pub(super) computer: Bytes,
    pub(super) partition: Bytes,
    /// The answer to a request, cut where the names of computer and partition go.
    allocation: [String; 3],
}

impl Documents {
    pub(super) fn new(computers: u64, partitions: u64) -> Self {
        let state = Value::dict([
            ("_computer_id", Value::text("C")),
            ("_computer_partition_list", Value::List((0..partitions).map(partition).collect())),
            ("_software_release_list", Value::List(vec![])),
        ]);
        let computer = Value::object("Computer", vec![Value::text("C")], state);
        Self {
            computers: computers.max(1),
            computer: encode(&computer).into(),
            partition: encode(&partition(0)).into(),
            allocation: allocation_parts(),
        }
    }

    /// The answer to a request: a partition of its own for each number.
    pub(super) fn allocation(&self, number: u64, computer: Option<&str>) -> Bytes {
        let [before, between, after] = &self.allocation;
        let mut out = String::with_capacity(before.len() + between.len() + after.len() + 64);
        out.push_str(before);
        match computer {
            Some(name) => out.push_str(name),
            None => out.push_str(&format!("SLCOMP-{:06}", number % self.computers)),
        }
        out.push_str(between);
        out.push_str(&format!("slappart{number}"));
        out.push_str(after);
        out.into()
    }
}

fn allocation_parts() -> [String; 3] {
    const COMPUTER: &str = "(computer)";
    const PARTITION: &str = "(partition)";
    let address = |a| Value::Tuple(vec![Value::text("slaptap0"), Value::text(a)]);
    let state = Value::dict([
        ("_connection_dict", Value::dict([])),
        (
            "_parameter_dict",
            Value::dict([
                ("_", Value::text("z".repeat(500))),
                ("timestamp", Value::text("1795411754.3747096")),
            ]),
        ),
        ("_requested_state", Value::text("started")),
        ("connection_xml", Value::None),
        ("ip_list", Value::List(vec![address("10.0.0.2"), address("2001:db8::2")])),
        ("slap_computer_id", Value::text(COMPUTER)),
        ("slap_computer_partition_id", Value::text(PARTITION)),
        ("slap_server_url", Value::text("http://127.0.0.1")),
        ("slap_software_release_url", Value::text(RELEASE)),
        ("slap_software_type", Value::text("default")),
    ]);
    let document = encode(&Value::object("SoftwareInstance", vec![], state));
    let (before, rest) = document.split_once(COMPUTER).expect("it was put there");
    let (between, after) = rest.split_once(PARTITION).expect("after the computer");
    [before, between, after].map(str::to_owned)
}

fn partition(number: u64) -> Value<'static> {
    let name = format!("slappart{number}");
    let text = |text: &str| Value::text(text.to_owned());
    let address = |a| Value::Tuple(vec![text("slaptap0"), text(a)]);
    let parameters = Value::dict([
        ("_", Value::text("y".repeat(400))),
        ("full_address_list", Value::List(vec![])),
        ("instance_title", text("title")),
        ("ip_list", Value::List(vec![address("10.0.0.1"), address("2001:db8::1")])),
        ("root_instance_title", text("title")),
        ("slap_computer_id", text("C")),
        ("slap_computer_partition_id", text(&name)),
        ("slap_software_release_url", text(RELEASE)),
        ("slap_software_type", text("default")),
        ("slave_instance_list", Value::List(vec![])),
        ("timestamp", text("1795411754.3747096")),
    ]);
    let release = Value::dict([
        ("_computer_guid", text("C")),
        ("_software_instance_list", Value::List(vec![])),
        ("_software_release", text(RELEASE)),
    ]);
    let state = Value::dict([
        ("_computer_id", text("C")),
        ("_connection_dict", Value::dict([("_", Value::text("x".repeat(240)))])),
        ("_instance_guid", Value::text(format!("C-{name}"))),
        ("_need_modification", Value::Int(1)),
        ("_partition_id", text(&name)),
        ("_parameter_dict", parameters),
        ("_request_dict", Value::None),
        ("_requested_state", text("started")),
        (
            "_software_release_document",
            Value::object("SoftwareRelease", vec![text(RELEASE), text("C")], release),
        ),
    ]);
    Value::object("ComputerPartition", vec![text("C"), Value::text(name), Value::None], state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers;

    #[test]
    fn the_canned_documents_are_what_a_master_would_answer() {
        let documents = Documents::new(2, 3);
        let (name, partitions) = answers::computer(&documents.computer).unwrap();
        assert_eq!((name.as_str(), partitions.len()), ("C", 3));
        for (number, asked, computer) in [(7, None, "SLCOMP-000001"), (8, Some("X"), "X")] {
            let place = answers::allocation(&documents.allocation(number, asked)).unwrap().place;
            assert_eq!(place.computer, computer);
            assert_eq!(place.partition, format!("slappart{number}"));
        }
    }
}
