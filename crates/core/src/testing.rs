//! A small cloud for tests: asks in one line, and after each ask the invariants.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    actor::Actor,
    decide::{
        Answer, Ask, DecideError, Format, FormatPartition, InstanceReport, Request, Requester,
        SupplyAsk, SupplyReport, Wish, decide,
    },
    explain::{Cause, explain},
    names::{
        ComputerId, Generation, InstanceId, PersonId, ReportedState, SoftwareType, SoftwareUrl,
        SupplyState, SupplyWish, Timestamp, Title, WishedState,
    },
    policy::Policy,
    refusal::Refusal,
    world::{Dictionary, Instance, Place, Promise, Site, World},
    write::Entry,
};

#[derive(Debug, Default)]
pub(crate) struct Cloud {
    pub(crate) world: World,
    replayed: World,
    now: u64,
}

pub(crate) fn computer(name: &str) -> ComputerId {
    name.try_into().unwrap()
}

pub(crate) fn release(name: &str) -> SoftwareUrl {
    name.try_into().unwrap()
}

pub(crate) fn title(name: &str) -> Title {
    name.try_into().unwrap()
}

pub(crate) fn admin() -> PersonId {
    PersonId::admin()
}

pub(crate) fn operator() -> Actor {
    Actor::Operator(admin())
}

pub(crate) fn texts(pairs: &[(&str, &str)]) -> Dictionary {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn wanted(requester: Requester, name: &str, url: &str) -> Request {
    Request {
        requester,
        title: title(name),
        release: release(url),
        software_type: SoftwareType::default_type(),
        parameters: None,
        placement: Dictionary::new(),
        shared: false,
        state: Some(WishedState::Started),
    }
}

/// What a computer's node is shown: the computer, its partitions, who lives there, with the title
/// of its root, and whom they serve; its releases.
fn shown<'w>(world: &'w World, site: &'w Site) -> impl PartialEq + 'w {
    let living = |id| {
        let it = world.instance(id)?;
        Some((it, &world.instance(it.root)?.title, world.served(id).collect::<Vec<_>>()))
    };
    let partitions = site.partitions().map(|(row, occupant)| (row, occupant.and_then(living)));
    (site.computer(), partitions.collect::<Vec<_>>(), site.supplies().collect::<Vec<_>>())
}

impl Cloud {
    /// A cloud with other rules.
    pub(crate) fn under(policy: Policy) -> Self {
        let world = World::default().with_policy(policy.clone());
        let replayed = World::default().with_policy(policy);
        Self { world, replayed, now: 0 }
    }

    /// Decides, then checks that replay, rebuild and occupancy agree.
    pub(crate) fn ask(
        &mut self,
        ask: &Ask,
        actor: &Actor,
    ) -> Result<(Answer, Option<Entry>), Refusal> {
        self.now += 1;
        let before = self.world.clone();
        let decided = decide(&mut self.world, ask, actor, "test", Timestamp(self.now));
        let (answer, entry) = match decided {
            Ok(decided) => decided,
            Err(DecideError::Refused(refusal)) => {
                assert_eq!(self.world, before, "a refusal changes nothing");
                return Err(refusal);
            }
            Err(DecideError::Broken(error)) => panic!("{error} after {ask:?}"),
        };
        match &entry {
            Some(entry) => {
                self.replayed.commit(entry).expect("an entry can be replayed");
                self.check_touched(&before, entry);
            }
            None => assert_eq!(self.world, before, "no entry, no change"),
        }
        assert_eq!(self.replayed, self.world, "replay gives the same world");
        self.check();
        Ok((answer, entry))
    }

    /// Whatever changed on a computer, the entry says that it did.
    fn check_touched(&self, before: &World, entry: &Entry) {
        let touched: BTreeSet<_> = self.world.touched(entry).collect();
        for site in self.world.sites() {
            let id = &site.computer().id;
            let was = before.site(id).ok().map(|site| shown(before, site));
            assert!(
                was == Some(shown(&self.world, site)) || touched.contains(id),
                "{id} changed silently: {entry:?}"
            );
        }
    }

    fn check(&self) {
        let world = &self.world;
        let rebuilt = World::from_rows(world.revision(), world.rows()).expect("rows fit");
        let rebuilt = rebuilt.with_policy(world.policy().clone());
        assert_eq!(rebuilt, *world, "indexes equal a rebuild");
        let mut taken = BTreeSet::new();
        for it in world.instances() {
            if let Some(place) = &it.place {
                assert!(taken.insert(place.clone()), "{place} holds two instances");
                assert_eq!(world.occupant(place).unwrap().id, it.id);
            }
            if let Some(host) = it.host {
                assert!(it.shared && it.place.is_none(), "{} has a partition and a host", it.id);
                let host = world.instance(host).expect("a host exists");
                assert_ne!(host.wished, WishedState::Destroyed, "{} keeps a host that goes", it.id);
            }
            assert!(it.is_root() || world.ancestors(it.id).any(|above| above.id == it.root));
        }
    }

    pub(crate) fn format(&mut self, name: &str, partitions: usize) {
        let names = (0..partitions).map(|number| format!("slappart{number}"));
        let names: Vec<_> = names.collect();
        self.format_as(name, &names.iter().map(|it| (it.as_str(), None)).collect::<Vec<_>>());
    }

    pub(crate) fn format_as(&mut self, name: &str, partitions: &[(&str, Option<&str>)]) {
        let partitions = partitions.iter().map(|(name, capability)| FormatPartition {
            name: (*name).try_into().unwrap(),
            addresses: vec![[127, 0, 0, 1].into()],
            interface: None,
            route: None,
            capabilities: capability.iter().map(|it| (*it).to_owned()).collect(),
        });
        let partitions = partitions.collect();
        let ask = Ask::Format(Format { computer: computer(name), partitions });
        self.ask(&ask, &Actor::Computer(computer(name))).unwrap();
    }

    pub(crate) fn supply(
        &mut self,
        url: &str,
        name: &str,
        wish: SupplyWish,
    ) -> Result<Answer, Refusal> {
        let ask = SupplyAsk { computer: computer(name), release: release(url), wish, again: false };
        self.ask(&Ask::Supply(ask), &operator()).map(|it| it.0)
    }

    pub(crate) fn supply_is(
        &mut self,
        url: &str,
        name: &str,
        state: SupplyState,
        text: &str,
    ) -> Answer {
        let site = self.world.site(&computer(name)).unwrap();
        let generation = site.supply(&release(url)).map_or(Generation(0), |it| it.generation);
        let ask = Ask::SupplyReport(SupplyReport {
            computer: computer(name),
            release: release(url),
            generation,
            follows: None,
            state,
            text: Some(text.to_owned()),
            percent: None,
        });
        self.ask(&ask, &Actor::Computer(computer(name))).unwrap().0
    }

    /// The release is wished and installed on the computer.
    pub(crate) fn install(&mut self, url: &str, name: &str) {
        self.supply(url, name, SupplyWish::Available).unwrap();
        self.supply_is(url, name, SupplyState::Available, "");
    }

    pub(crate) fn request(&mut self, request: Request) -> Result<Option<InstanceId>, Refusal> {
        let actor = match &request.requester {
            Requester::Person(person) => Actor::Operator(person.clone()),
            Requester::Instance(id) => Actor::Instance(*id),
        };
        Ok(match self.ask(&Ask::Request(request), &actor)?.0 {
            Answer::Instance(id) => Some(id),
            _ => None,
        })
    }

    pub(crate) fn root(&mut self, name: &str, url: &str) -> InstanceId {
        self.request(wanted(Requester::Person(admin()), name, url)).unwrap().unwrap()
    }

    pub(crate) fn child(&mut self, of: InstanceId, name: &str, url: &str) -> InstanceId {
        self.request(wanted(Requester::Instance(of), name, url)).unwrap().unwrap()
    }

    /// A shared instance that an instance requests.
    pub(crate) fn shared(&mut self, of: InstanceId, name: &str, url: &str) -> InstanceId {
        let request = wanted(Requester::Instance(of), name, url);
        self.request(Request { shared: true, ..request }).unwrap().unwrap()
    }

    pub(crate) fn wish(&mut self, id: InstanceId, state: WishedState) -> Result<Answer, Refusal> {
        self.ask(&Ask::Wish(Wish { id, state }), &operator()).map(|it| it.0)
    }

    pub(crate) fn it(&self, id: InstanceId) -> &Instance {
        self.world.instance(id).unwrap()
    }

    pub(crate) fn place(&self, id: InstanceId) -> Option<String> {
        self.it(id).place.as_ref().map(Place::to_string)
    }

    pub(crate) fn why(&self, id: InstanceId) -> Option<Cause> {
        explain(&self.world, self.it(id))
    }

    pub(crate) fn code(&self, id: InstanceId) -> Option<&'static str> {
        self.why(id).map(|cause| cause.code)
    }

    /// A report about the present wish, edited.
    pub(crate) fn report(
        &mut self,
        id: InstanceId,
        state: ReportedState,
        edit: impl FnOnce(&mut InstanceReport),
    ) -> (Answer, Option<Entry>) {
        let it = self.it(id);
        let place = it.place.clone().expect("it has a place");
        let mut report = InstanceReport {
            place,
            id,
            generation: it.generation,
            follows: None,
            state,
            text: None,
            connection: None,
            shared: BTreeMap::new(),
            requested: None,
            promises: vec![],
        };
        edit(&mut report);
        let actor = Actor::Computer(report.place.computer.clone());
        self.ask(&Ask::Report(report), &actor).unwrap()
    }

    /// It is up, its promises are green, and it published this.
    pub(crate) fn up(&mut self, id: InstanceId, connection: &[(&str, &str)]) -> Option<Entry> {
        let connection = Some(texts(connection));
        self.report(id, ReportedState::Started, |it| {
            it.connection = connection;
            it.promises = vec![promise("listens", true)];
        })
        .1
    }

    pub(crate) fn gone(&mut self, id: InstanceId) -> Answer {
        self.report(id, ReportedState::Destroyed, |_| ()).0
    }
}

pub(crate) fn promise(name: &str, ok: bool) -> Promise {
    let message = if ok { "fine" } else { "connection refused\nsecond line" };
    Promise { name: name.into(), ok, message: message.into() }
}
