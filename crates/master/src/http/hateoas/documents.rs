//! HATEOAS documents, made from the world. Pure.

use serde_json::{Map, Value, json};
use slapos_core::{
    names::{PersonId, Timestamp, Title, WishedState},
    policy::OldNames,
    world::{Computer, Dictionary, Instance, Site, Supply, World},
};
use slapos_wire::{classic::document::no_status_to_json, instance_xml};

use crate::http::status;

/// Where the search and the documents are, and who asks. `here` is the URL of this document.
pub(super) fn root(here: &str, person: &PersonId) -> Value {
    json!({
        "title": "Hateoas",
        "_links": {
            "self": {"href": here},
            "me": {"href": format!("urn:jio:get:person_module/{person}"), "name": person},
            // no `limit`: clients would ask for 40, and show these as if they were all
            "raw_search": link(here, "search{&query,select_list*}", "Raw Search"),
            "traverse": link(here, "traverse{&relative_url,view}", "Traverse"),
        },
    })
}

fn link(here: &str, mode: &str, name: &str) -> Value {
    json!({"href": format!("{here}?mode={mode}"), "name": name, "templated": true})
}

/// The answer to a search. Each row has the wanted properties that its subject has.
pub(super) fn found(rows: Vec<Row>, wanted: &[&str]) -> Value {
    let rows = rows.into_iter().map(|mut row| {
        let address = format!("urn:jio:get:{}", row.relative_url);
        let wanted = wanted.iter().filter_map(|name| Some((*name, row.properties.remove(*name)?)));
        let mut shown: Map<_, _> = wanted.map(|(name, value)| (name.to_owned(), value)).collect();
        shown.insert("_links".into(), json!({"self": {"href": address}}));
        Value::from(shown)
    });
    json!({"_embedded": {"contents": rows.collect::<Vec<_>>()}})
}

/// One thing that a search found, with all its properties.
pub(super) struct Row {
    relative_url: String,
    properties: Map<String, Value>,
}

impl Row {
    fn new(relative_url: String, properties: Value) -> Self {
        let Value::Object(mut properties) = properties else {
            unreachable!("properties have names");
        };
        properties.insert("relative_url".into(), relative_url.clone().into());
        Self { relative_url, properties }
    }

    /// A tree, by its root.
    pub(super) fn tree(root: &Instance) -> Self {
        let properties = json!({
            "uid": root.id.0,
            "title": root.title,
            "reference": root.id,
            "portal_type": "Instance Tree",
            "url_string": root.release,
        });
        Self::new(format!("instance_tree_module/{}", root.id), properties)
    }

    /// A computer.
    pub(super) fn computer(row: &Computer) -> Self {
        let properties = json!({
            "title": title(row),
            "reference": row.id,
            "portal_type": "Compute Node",
        });
        Self::new(format!("compute_node_module/{}", row.id), properties)
    }

    /// An instance.
    pub(super) fn instance(world: &World, it: &Instance) -> Self {
        let properties = json!({
            "uid": it.id.0,
            "title": it.title,
            "reference": it.id,
            "portal_type": if it.shared { "Slave Instance" } else { "Software Instance" },
            "url_string": it.release,
            "text_content": xml(&it.parameters),
            "getConnectionXmlAsDict": *it.connection,
            "SoftwareInstance_getNewsDict": news(world, it),
        });
        Self::new(format!("software_instance_module/{}", it.id), properties)
    }

    /// A release on a computer.
    pub(super) fn supply(row: &Supply) -> Self {
        let properties = json!({
            "uid": row.generation,
            "portal_type": "Software Installation",
            "url_string": row.release,
            "SoftwareInstallation_getNewsDict": status::supply(row).to_json(),
        });
        let number = row.generation.0;
        Self::new(format!("software_installation_module/{}-{number}", row.computer), properties)
    }
}

/// The document of a tree, by its root.
pub(super) fn tree(world: &World, root: &Instance) -> Value {
    let instances = world.tree(root.id).map(|it| news(world, it));
    let news = json!({
        "portal_type": "Instance Tree",
        "reference": root.id,
        "title": root.title,
        "monitor_url": "",
        "instance": instances.collect::<Vec<_>>(),
    });
    document("Instance Tree", "InstanceTree_viewAsHateoas", instance_fields(world, root, news))
}

/// The document of an instance.
pub(super) fn instance(world: &World, it: &Instance) -> Value {
    let kind = if it.shared { "Slave Instance" } else { "Software Instance" };
    document(kind, "SoftwareInstance_viewAsHateoas", instance_fields(world, it, news(world, it)))
}

fn instance_fields(world: &World, it: &Instance, news: Value) -> Vec<Field> {
    let connection = it.connection.iter();
    let connection = connection.map(|(k, v)| json!({"connection_key": k, "connection_value": v}));
    vec![
        ("title", "StringField", json!(it.title)),
        ("reference", "StringField", json!(it.id)),
        ("slap_state", "StringField", json!(state_word(world, it))),
        ("text_content", "TextAreaField", json!(xml(&it.parameters))),
        ("url_string", "StringField", json!(it.release)),
        ("source_reference", "StringField", json!(it.software_type)),
        ("root_slave", "IntegerField", json!(u8::from(it.shared))),
        ("connection_parameter_list", "StringField", connection.collect()),
        ("news", "StringField", news),
    ]
}

/// The document of a computer whose node last called at a time.
pub(super) fn computer(world: &World, site: &Site, seen_at: Option<Timestamp>) -> Value {
    let computer = &site.computer().id;
    let said = match seen_at {
        Some(at) => status::computer(computer, at).to_json(),
        None => no_status_to_json(computer.as_str()),
    };
    let partitions = site.partitions().filter_map(|(row, occupant)| {
        Some((row.place.partition.to_string(), news(world, world.instance(occupant?)?)))
    });
    let news = json!({"computer": said, "partition": partitions.collect::<Map<_, _>>()});
    let fields = vec![
        ("title", "StringField", json!(title(site.computer()))),
        ("reference", "StringField", json!(computer)),
        ("capacity_scope", "StringField", json!(site.computer().allocation)),
        ("news", "StringField", news),
    ];
    document("Compute Node", "ComputeNode_viewAsHateoas", fields)
}

/// The document of the person who asks.
pub(super) fn person(person: &PersonId) -> Value {
    let fields = vec![("reference", "StringField", json!(person))];
    document("Person", "Person_viewAsHateoas", fields)
}

/// Name, kind and value of a field.
type Field = (&'static str, &'static str, Value);

fn document(kind: &str, form: &str, fields: Vec<Field>) -> Value {
    let mut view = Map::new();
    let form = json!({"type": "StringField", "key": "form_id", "default": form});
    view.insert("form_id".into(), form);
    for (name, kind, value) in fields {
        let field = json!({"type": kind, "key": format!("field_my_{name}"), "default": value});
        view.insert(format!("my_{name}"), field);
    }
    json!({"_links": {"type": {"name": kind}}, "_embedded": {"_view": view}})
}

/// What was last said of an instance.
fn news(world: &World, it: &Instance) -> Value {
    let status = world.place_of(it).and_then(|place| status::instance(it, place));
    status.map_or_else(|| no_status_to_json(&it.id.to_string()), |status| status.to_json())
}

/// The word for what is wished: as the production master says it, or as the single-node proxy.
fn state_word(world: &World, it: &Instance) -> &'static str {
    match (world.policy().old_names, it.wished) {
        (OldNames::Identity, WishedState::Started) => "start_requested",
        (OldNames::Identity, WishedState::Stopped) => "stop_requested",
        (OldNames::Identity, WishedState::Destroyed) => "destroy_requested",
        (OldNames::Place, WishedState::Started) => "started",
        (OldNames::Place, WishedState::Stopped) => "stopped",
        (OldNames::Place, WishedState::Destroyed) => "destroyed",
    }
}

/// What people call a computer: its title if it has one.
pub(super) fn title(computer: &Computer) -> &str {
    computer.title.as_ref().map_or(computer.id.as_str(), Title::as_str)
}

/// Parameters as instance XML; nothing when they hold what XML cannot.
fn xml(parameters: &Dictionary) -> Option<String> {
    instance_xml::encode(parameters).ok()
}
