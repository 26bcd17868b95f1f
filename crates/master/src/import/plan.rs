//! In which order what a slapproxy knew is asked for: computers, their releases, roots, what these
//! requested, shared instances. Pure.

use std::collections::{BTreeMap, VecDeque};

use slapos_core::{
    decide::{Adopt, Ask, Format, FormatPartition, Request, Requester, SupplyAsk},
    names::{BadName, InstanceId, PersonId, SoftwareType, SupplyWish, WishedState},
    world::{Dictionary, Place},
};
use slapos_wire::{
    classic::marshal::{Value, decode},
    instance_xml,
};

use super::{
    ImportError, Imported,
    slapproxy::{Database, Instance, Partition, Shared},
};

/// One ask, with a name for what it is about.
pub(super) struct Step {
    pub(super) ask: Ask,
    pub(super) what: String,
}

/// What is still to be asked.
pub(super) struct Plan<'d> {
    person: PersonId,
    asks: VecDeque<Step>,
    /// Instances whose requester is not there yet.
    instances: VecDeque<(&'d Partition, &'d Instance)>,
    shared: VecDeque<&'d Shared>,
    database: &'d Database,
    /// Who lives where, as far as asked for: by computer and partition.
    here: BTreeMap<(&'d str, &'d str), InstanceId>,
    /// The one whose identity comes next.
    asked: Option<(&'d str, &'d str)>,
    /// Roots by title.
    roots: BTreeMap<&'d str, InstanceId>,
    imported: Imported,
}

impl<'d> Plan<'d> {
    pub(super) fn new(database: &'d Database, person: PersonId) -> Result<Self, ImportError> {
        let instances = database.partitions.iter();
        let instances = instances.filter_map(|it| Some((it, it.instance.as_ref()?)));
        // roots first, and nobody before who asked
        let (roots, children): (Vec<_>, Vec<_>) = instances.partition(|(_, it)| it.root.is_empty());
        let mut plan = Self {
            person,
            asks: VecDeque::new(),
            instances: roots.into_iter().chain(children).collect(),
            shared: database.shared.iter().collect(),
            database,
            here: BTreeMap::new(),
            asked: None,
            roots: BTreeMap::new(),
            imported: Imported::default(),
        };
        plan.computers()?;
        plan.releases()?;
        Ok(plan)
    }

    pub(super) fn person(&self) -> &PersonId {
        &self.person
    }

    pub(super) fn imported(self) -> Imported {
        self.imported
    }

    /// The instance that was asked for last has this identity.
    pub(super) fn lives(&mut self, id: InstanceId) {
        if let Some(place) = self.asked.take() {
            self.here.insert(place, id);
            let partitions = &self.database.partitions;
            let partition =
                partitions.iter().find(|it| (it.computer.as_str(), it.name.as_str()) == place);
            if let Some(it) =
                partition.and_then(|it| it.instance.as_ref()).filter(|it| it.root.is_empty())
            {
                self.roots.insert(&it.title, id);
            }
        }
    }

    /// The next ask; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Step>, ImportError> {
        if let Some(step) = self.asks.pop_front() {
            return Ok(Some(step));
        }
        if let Some((partition, it)) = self.next_instance() {
            return self.instance(partition, it).map(Some);
        }
        while let Some(it) = self.shared.pop_front() {
            if let Some(step) = self.tenant(it)? {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    fn computers(&mut self) -> Result<(), ImportError> {
        let mut computers: BTreeMap<&str, Vec<&Partition>> = BTreeMap::new();
        for computer in &self.database.computers {
            computers.entry(computer).or_default();
        }
        for partition in &self.database.partitions {
            computers.entry(&partition.computer).or_default().push(partition);
        }
        self.imported.computers = computers.len();
        self.imported.partitions = self.database.partitions.len();
        for (computer, partitions) in computers {
            let what = format!("computer `{computer}`");
            let partitions = partitions.into_iter().map(formatted).collect::<Result<_, _>>()?;
            let format = Format { computer: name(&what, computer)?, partitions };
            self.asks.push_back(Step { ask: Ask::Format(format), what });
        }
        Ok(())
    }

    fn releases(&mut self) -> Result<(), ImportError> {
        for release in &self.database.releases {
            let what = format!("release `{}` on `{}`", release.url, release.computer);
            if !self.database.partitions.iter().any(|it| it.computer == release.computer)
                && !self.database.computers.contains(&release.computer)
            {
                self.imported.notes.push(format!("{what} is left out: the computer is unknown"));
                continue;
            }
            let ask = SupplyAsk {
                computer: name(&what, &release.computer)?,
                release: name(&what, &release.url)?,
                wish: SupplyWish::Available,
                again: false,
            };
            self.imported.releases += 1;
            self.asks.push_back(Step { ask: Ask::Supply(ask.clone()), what: what.clone() });
            if release.state == "destroyed" {
                let ask = SupplyAsk { wish: SupplyWish::Destroyed, ..ask };
                self.asks.push_back(Step { ask: Ask::Supply(ask), what });
            }
        }
        Ok(())
    }

    /// An instance whose requester is there already; any, when all wait for each other.
    fn next_instance(&mut self) -> Option<(&'d Partition, &'d Instance)> {
        let waits = |(partition, it): &(&'d Partition, &'d Instance)| {
            let asked_by = (partition.computer.as_str(), it.requester.as_str());
            let still = self.instances.iter().any(|(other, _)| {
                (other.computer.as_str(), other.name.as_str()) == asked_by
                    && other.name != partition.name
            });
            !it.root.is_empty() && still
        };
        let ready = self.instances.iter().position(|it| !waits(it)).unwrap_or(0);
        self.instances.remove(ready)
    }

    fn instance(
        &mut self,
        partition: &'d Partition,
        it: &'d Instance,
    ) -> Result<Step, ImportError> {
        let place = format!("partition `{}` of `{}`", partition.name, partition.computer);
        let what = format!("instance `{}` in {place}", it.title);
        let request = Request {
            requester: self.requester(&what, &it.root, &partition.computer, &it.requester),
            title: name(&what, &it.title)?,
            release: name(&what, &it.release)?,
            software_type: software_type(&what, &it.software_type)?,
            parameters: Some(texts(&what, &it.parameters)?),
            placement: Dictionary::new(),
            shared: false,
            state: Some(state(&what, &it.state)?),
        };
        let place = Place {
            computer: name(&what, &partition.computer)?,
            partition: name(&what, &partition.name)?,
        };
        let connection = texts(&what, &it.connection)?;
        self.asked = Some((&partition.computer, &partition.name));
        self.imported.instances += 1;
        Ok(Step { ask: Ask::Adopt(Adopt { request, place, connection }), what })
    }

    /// A shared instance; `None` when its host is leaving, or does not serve it any more: then it was
    /// destroyed.
    fn tenant(&mut self, it: &'d Shared) -> Result<Option<Step>, ImportError> {
        let what = format!("shared instance `{}`", it.reference);
        let host = self.database.partitions.iter();
        let mut host = host.filter(|host| host.computer == it.computer && host.name == it.host);
        let host = host.next().and_then(|host| host.instance.as_ref());
        let Some(host) = host.filter(|host| host.state != "destroyed") else {
            return Ok(None);
        };
        let Some(mut values) = served(&what, host, &it.reference)? else {
            return Ok(None);
        };
        let asked_type = values.remove("slap_software_type").unwrap_or_default();
        let asked_type = if asked_type.is_empty() { &host.software_type } else { &asked_type };
        let (root, title) = self.split(&it.reference);
        let request = Request {
            requester: self.requester(&what, root, &it.computer, &it.requester),
            title: name(&what, title)?,
            release: name(&what, &host.release)?,
            software_type: software_type(&what, asked_type)?,
            parameters: Some(values),
            placement: Dictionary::new(),
            shared: true,
            state: Some(WishedState::Started),
        };
        let place =
            Place { computer: name(&what, &it.computer)?, partition: name(&what, &it.host)? };
        let connection = texts(&what, &it.connection)?;
        self.imported.shared += 1;
        Ok(Some(Step { ask: Ask::Adopt(Adopt { request, place, connection }), what }))
    }

    /// Who requested: the instance in that partition, else the root of the tree, else the person.
    fn requester(&mut self, what: &str, root: &str, computer: &str, partition: &str) -> Requester {
        if root.is_empty() {
            return Requester::Person(self.person.clone());
        }
        let Some(top) = self.roots.get(root) else {
            self.imported
                .notes
                .push(format!("{what} is a root now: its own, `{root}`, is not there"));
            return Requester::Person(self.person.clone());
        };
        let same_tree = |it: &&Partition| {
            it.instance
                .as_ref()
                .is_some_and(|it| it.root == root || it.root.is_empty() && it.title == root)
        };
        let mut partitions = self.database.partitions.iter();
        let asked = partitions.find(|it| it.computer == computer && it.name == partition);
        let asked = asked.filter(same_tree);
        let asked = asked.and_then(|it| self.here.get(&(it.computer.as_str(), it.name.as_str())));
        Requester::Instance(*asked.unwrap_or(top))
    }

    /// Root and title of a shared instance. The longest title of a root that fits is meant.
    fn split<'r>(&self, reference: &'r str) -> (&'r str, &'r str) {
        let roots = self.roots.keys().filter(|root| {
            reference.strip_prefix(**root).is_some_and(|rest| rest.starts_with('_'))
        });
        let length = roots.map(|root| root.len()).max().unwrap_or(0);
        let title = &reference[length..];
        (&reference[..length], title.strip_prefix('_').unwrap_or(title))
    }
}

fn formatted(partition: &Partition) -> Result<FormatPartition, ImportError> {
    let what = format!("partition `{}` of `{}`", partition.name, partition.computer);
    let address = |(_, address): &(String, String)| {
        let why = || format!("`{address}` is not an IP address");
        address.parse().map_err(|_| ImportError::Content { what: what.clone(), why: why() })
    };
    Ok(FormatPartition {
        name: name(&what, &partition.name)?,
        addresses: partition.addresses.iter().map(address).collect::<Result<_, _>>()?,
        interface: partition.addresses.first().map(|(interface, _)| interface.clone()),
        route: None,
        capabilities: vec![],
    })
}

/// The parameters of a shared instance, as its host knows them; `None` when it does not.
fn served(what: &str, host: &Instance, reference: &str) -> Result<Option<Dictionary>, ImportError> {
    if host.serves.is_empty() {
        return Ok(None);
    }
    let items = match decode(&host.serves) {
        Ok(Value::List(items)) => items,
        Ok(_) => vec![],
        Err(error) => {
            return Err(ImportError::Content { what: what.to_owned(), why: error.to_string() });
        }
    };
    let known = items.into_iter().filter_map(|item| match item {
        Value::Dictionary(members) => {
            let texts = members.into_iter().map(|(key, value)| match value {
                Value::None => (key.into_text(), String::new()),
                value => (key.into_text(), value.into_text()),
            });
            Some(texts.collect::<Dictionary>())
        }
        _ => None,
    });
    let mut known = known.filter(|it| it.get("slave_reference").is_some_and(|it| it == reference));
    Ok(known.next().map(|mut values| {
        values.remove("slave_reference");
        values.remove("slave_title");
        values
    }))
}

fn name<T>(what: &str, text: &str) -> Result<T, ImportError>
where
    T: for<'t> TryFrom<&'t str, Error = BadName>,
{
    let content =
        |error: BadName| ImportError::Content { what: what.to_owned(), why: error.to_string() };
    T::try_from(text).map_err(content)
}

fn software_type(what: &str, text: &str) -> Result<SoftwareType, ImportError> {
    if text.is_empty() { Ok(SoftwareType::default_type()) } else { name(what, text) }
}

fn texts(what: &str, xml: &str) -> Result<Dictionary, ImportError> {
    instance_xml::decode(xml)
        .map_err(|error| ImportError::Content { what: what.to_owned(), why: error.to_string() })
}

fn state(what: &str, word: &str) -> Result<WishedState, ImportError> {
    match word {
        "started" => Ok(WishedState::Started),
        "stopped" => Ok(WishedState::Stopped),
        "destroyed" => Ok(WishedState::Destroyed),
        _ => {
            let why = format!("`{word}` is no state");
            Err(ImportError::Content { what: what.to_owned(), why })
        }
    }
}
