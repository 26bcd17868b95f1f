//! Calls of the classic protocol, as old clients make them.

use std::time::Duration;

use serde_json::Value as Json;
use slapos_wire::classic::{
    document::{Answer, Computer},
    marshal::Value,
};

/// A client of the classic protocol.
pub(crate) struct Classic {
    agent: ureq::Agent,
    url: String,
}

/// What was answered: status and body.
pub(crate) type Answered = (u16, String);

impl Classic {
    pub(crate) fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .proxy(None)
            .build();
        Self { agent: config.into(), url: url.to_owned() }
    }

    pub(crate) fn get(&self, endpoint: &str, fields: &[(&str, &str)]) -> Answered {
        let call = self.agent.get(format!("{}/{endpoint}", self.url));
        answered(call.query_pairs(fields.iter().copied()).call().unwrap())
    }

    pub(crate) fn post(&self, endpoint: &str, fields: &[(&str, &str)]) -> Answered {
        self.post_with(endpoint, fields, &[])
    }

    pub(crate) fn post_with(
        &self,
        endpoint: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answered {
        let mut call = self.agent.post(format!("{}/{endpoint}", self.url));
        for (name, value) in headers {
            call = call.header(*name, *value);
        }
        answered(call.send_form(fields.iter().copied()).unwrap())
    }

    /// A call of the JSON-RPC protocol, e.g. `post.v0.software_instance`.
    pub(crate) fn json_rpc(&self, method: &str, input: &Json) -> (u16, Json) {
        let call = self.agent.post(format!("{}/slapos.{method}", self.url));
        let (status, body) = answered(call.send_json(input).unwrap());
        (status, serde_json::from_str(&body).unwrap())
    }

    /// Formats a computer with so many partitions.
    pub(crate) fn format(&self, computer: &str, partitions: usize) {
        let list = (0..partitions).map(|number| {
            dictionary(vec![
                ("reference", Value::Text(format!("slappart{number}"))),
                (
                    "address_list",
                    Value::List(vec![dictionary(vec![
                        ("addr", Value::Text(format!("10.0.0.{}", number + 1))),
                        ("netmask", Value::Text("255.255.255.255".into())),
                    ])]),
                ),
                ("tap", dictionary(vec![("name", Value::Text(format!("tap{number}")))])),
            ])
        });
        let xml = dictionary(vec![
            ("reference", Value::Text(computer.into())),
            ("address", Value::Text("10.0.0.1".into())),
            ("netmask", Value::Text("255.255.255.0".into())),
            ("partition_list", Value::List(list.collect())),
        ]);
        let xml = xml.encode().unwrap();
        let answered = self.post("loadComputerConfigurationFromXML", &[("xml", &xml)]);
        assert_eq!(answered.0, 200, "{answered:?}");
    }

    /// Everything about a computer.
    pub(crate) fn computer(&self, computer: &str) -> Computer {
        let (status, body) = self.get("getFullComputerInformation", &[("computer_id", computer)]);
        assert_eq!(status, 200, "{body}");
        Computer::decode(&body).unwrap()
    }

    pub(crate) fn request(&self, ask: &Ask<'_>) -> Result<Answer, Answered> {
        match self.answered(ask) {
            (200, body) => Ok(Answer::decode(&body).unwrap()),
            other => Err(other),
        }
    }

    /// The same, as it comes.
    pub(crate) fn answered(&self, ask: &Ask<'_>) -> Answered {
        let texts = |pairs: &[(&'static str, &str)]| {
            let texts = pairs.iter().map(|(key, text)| (*key, Value::Text((*text).to_owned())));
            dictionary(texts.collect()).encode().unwrap()
        };
        let (parameters, placement) = (texts(ask.parameters), texts(ask.placement));
        let state = ask.state.map_or(Value::None, |state| Value::Text(state.into()));
        let (state, shared) = (state.encode().unwrap(), Value::Bool(ask.shared).encode().unwrap());
        let mut fields = vec![
            ("software_release", ask.release),
            ("software_type", ask.software_type),
            ("partition_reference", ask.title),
            ("partition_parameter_xml", &parameters),
            ("filter_xml", &placement),
            ("state", &state),
            ("shared_xml", &shared),
        ];
        let mut headers = ask.headers.to_vec();
        let claim;
        if let Some((computer, partition)) = ask.from {
            fields.extend([("computer_id", computer), ("computer_partition_id", partition)]);
            claim = format!(
                "X-SlapPartition computer_id={computer}, computer_partition_id={partition}"
            );
            headers.push(("Authorization", &claim));
        }
        self.post_with("requestComputerPartition", &fields, &headers)
    }
}

/// What is requested.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) title: &'a str,
    pub(crate) release: &'a str,
    pub(crate) software_type: &'a str,
    pub(crate) parameters: &'a [(&'static str, &'a str)],
    pub(crate) placement: &'a [(&'static str, &'a str)],
    pub(crate) state: Option<&'a str>,
    pub(crate) shared: bool,
    /// The partition that asks.
    pub(crate) from: Option<(&'a str, &'a str)>,
    pub(crate) headers: &'a [(&'a str, &'a str)],
}

impl<'a> Ask<'a> {
    pub(crate) fn new(title: &'a str, release: &'a str) -> Self {
        Self {
            title,
            release,
            software_type: "default",
            parameters: &[],
            placement: &[],
            state: None,
            shared: false,
            from: None,
            headers: &[],
        }
    }
}

pub(crate) fn dictionary(members: Vec<(&'static str, Value)>) -> Value {
    let members = members.into_iter().map(|(key, value)| (Value::Text(key.into()), value));
    Value::Dictionary(members.collect())
}

fn answered(response: ureq::http::Response<ureq::Body>) -> Answered {
    let (parts, mut body) = response.into_parts();
    (parts.status.as_u16(), body.read_to_string().unwrap())
}
