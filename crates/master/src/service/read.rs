//! What can be read: documents of the `v1` face, each durable, and waiting for their change.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use slapos_core::{
    actor::{Actor, Deed, permit},
    names::{ComputerId, InstanceId, PersonId, Revision, SoftwareUrl, Timestamp, Title},
    refusal::Refusal,
    world::{Instance, Site, World},
};
use slapos_wire::v1;
use tokio::time::{Instant, timeout_at};

use super::{List, Piece, Service, ServiceError};
use crate::{clock::now, documents};

/// The longest that anybody may wait in one call.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// The cloud as it is at one revision.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) revision: Revision,
    /// All trees, oldest first.
    pub(crate) trees: Vec<v1::Tree>,
    /// All computers, in order of name.
    pub(crate) computers: Vec<v1::Computer>,
    /// Newest first.
    pub(crate) changes: Vec<Arc<v1::Change>>,
}

impl Service {
    /// How far the master is.
    pub async fn health(&self) -> Result<v1::Health, ServiceError> {
        let revision = self.read(|world| Ok(world.revision())).await?;
        Ok(v1::Health { version: env!("CARGO_PKG_VERSION").into(), revision })
    }

    /// Computers, in order of name.
    pub async fn computers(
        &self,
        piece: &Piece<ComputerId>,
    ) -> Result<List<v1::Computer>, ServiceError> {
        let show = |world: &World| {
            Ok(piece.of(sites(world, piece), |site| self.show_computer(world, site)))
        };
        self.read(show).await
    }

    /// One computer.
    pub async fn computer(&self, computer: &ComputerId) -> Result<v1::Computer, ServiceError> {
        self.read(|world| Ok(self.show_computer(world, world.site(computer)?))).await
    }

    /// A computer as a document, with what is known only in memory.
    pub(crate) fn show_computer(&self, world: &World, site: &Site) -> v1::Computer {
        let seen_at = self.inner.live.seen_at(&site.computer().id);
        v1::Computer { seen_at, ..documents::computer(world, site) }
    }

    /// The releases that are supplied somewhere or used by an instance, in order of URL.
    pub(crate) async fn releases(&self) -> Result<BTreeSet<SoftwareUrl>, ServiceError> {
        self.read(|world| {
            let supplied = world.sites().flat_map(Site::supplies).map(|it| &it.release);
            Ok(supplied.chain(world.instances().map(|it| &it.release)).cloned().collect())
        })
        .await
    }

    /// Instances, oldest first: all, those of a title, or the one of an identity.
    pub async fn instances(
        &self,
        title: Option<&Title>,
        id: Option<InstanceId>,
        piece: &Piece<InstanceId>,
    ) -> Result<List<v1::Instance>, ServiceError> {
        self.read(|world| Ok(chosen(world, title, id, piece, &self.silence()))).await
    }

    /// The tree below the root of a title: that of this person if there is one, else the oldest.
    pub async fn tree(&self, person: &PersonId, title: &Title) -> Result<v1::Tree, ServiceError> {
        self.read(|world| Ok(self.show_tree(world, titled_root(world, person, title)?))).await
    }

    /// The whole cloud at one revision, and its `limit` newest changes. Of memory only.
    pub(crate) async fn picture(&self, limit: usize) -> Result<Picture, ServiceError> {
        let look = |world: &World| {
            let roots = world.instances().filter(|it| it.is_root());
            Ok(Picture {
                revision: world.revision(),
                trees: roots.map(|root| self.show_tree(world, root)).collect(),
                computers: world.sites().map(|site| self.show_computer(world, site)).collect(),
                changes: Vec::new(),
            })
        };
        let seen = self.read(look).await?;
        Ok(Picture { changes: self.inner.hub.recent(seen.revision, limit), ..seen })
    }

    fn show_tree(&self, world: &World, root: &Instance) -> v1::Tree {
        let instances = documents::descend(world, root, &self.silence());
        let placed = instances.iter().filter_map(|it| {
            let (computer, partition) = (it.computer.as_ref()?, it.partition.as_ref()?);
            Some((it.id, self.inner.live.processes(computer, partition)))
        });
        let processes = placed.filter(|(_, processes)| !processes.is_empty()).collect();
        v1::Tree { instances, processes }
    }

    /// What the node of a computer must hear that is newer than a revision: at once if there is
    /// something, else as soon as there is, at the latest after `wait`.
    pub async fn watch(
        &self,
        actor: &Actor,
        computer: &ComputerId,
        since: Revision,
        wait: Duration,
    ) -> Result<v1::Watch, ServiceError> {
        let deadline = Instant::now() + wait.min(WAIT_MAX);
        self.read(|world| {
            permit(world, actor, Deed::SpeakFor(computer))?;
            world.site(computer).map(|_| ())
        })
        .await?;
        self.heard_from(computer);
        let _listening = self.inner.live.listens(computer);
        let mut changed = self.inner.hub.node(computer);
        let mut viewers = self.inner.hub.viewers();
        loop {
            changed.mark_unchanged();
            viewers.mark_unchanged();
            let observed = *viewers.borrow() > 0;
            let document = self
                .read(|world| Ok(documents::watch(world, world.site(computer)?, since, observed)));
            let document = document.await?;
            let news = document.complete
                || !document.partitions.is_empty()
                || !document.supplies.is_empty()
                || self.inner.live.must_hear(computer, observed);
            let over = async {
                tokio::select! {
                    _ = changed.changed() => false,
                    _ = viewers.changed() => false,
                    () = self.stopping() => true,
                }
            };
            if news || timeout_at(deadline, over).await.unwrap_or(true) {
                self.inner.live.tell(computer, observed);
                return Ok(document);
            }
        }
    }

    /// An instance as soon as it has changed after a revision, at the latest after `wait`.
    pub async fn wait_instance(
        &self,
        id: InstanceId,
        since: Revision,
        wait: Duration,
    ) -> Result<v1::Instance, ServiceError> {
        let deadline = Instant::now() + wait.min(WAIT_MAX);
        let waiter = self.inner.hub.wait_for(id);
        let show = |world: &World| Ok(self.show_instance(world, world.known_instance(id)?));
        loop {
            let revision = self.read(|world| Ok(world.known_instance(id)?.revision)).await?;
            let over = async {
                tokio::select! {
                    () = waiter.changed() => false,
                    () = self.stopping() => true,
                }
            };
            if revision > since || timeout_at(deadline, over).await.unwrap_or(true) {
                return self.read(show).await;
            }
        }
    }

    /// An instance as a document, with what is known only in memory.
    pub(crate) fn show_instance(&self, world: &World, it: &Instance) -> v1::Instance {
        documents::instance(world, it, &self.silence())
    }

    /// For how long the node of a computer has not been heard of, if that is long.
    fn silence(&self) -> impl Fn(&ComputerId) -> Option<Duration> {
        |computer| self.inner.live.silence(computer)
    }

    /// Keeps a sample of what runs on a computer, in memory only.
    pub async fn keep_usage(
        &self,
        actor: &Actor,
        computer: &ComputerId,
        usage: v1::Usage,
    ) -> Result<v1::Accepted, ServiceError> {
        let revision = self
            .read(|world| {
                permit(world, actor, Deed::SpeakFor(computer))?;
                world.site(computer)?;
                Ok(world.revision())
            })
            .await?;
        self.heard_from(computer);
        self.inner.live.sample(computer, usage);
        self.inner.hub.publish_usage(computer);
        Ok(v1::Accepted { revision, current: true, overtaken: false })
    }

    /// Notes that a computer was given what it has to do, as of a revision that is durable.
    pub(crate) fn give(&self, computer: &ComputerId, revision: Revision) {
        self.inner.live.give(computer, revision);
    }

    /// As of which revision a computer was last given what it has to do by an old protocol;
    /// `None`: not since the master began.
    pub(crate) fn given(&self, computer: &ComputerId) -> Option<Revision> {
        self.inner.live.given(computer)
    }

    /// When the node of a computer last called.
    pub(crate) fn seen_at(&self, computer: &ComputerId) -> Option<Timestamp> {
        self.inner.live.seen_at(computer)
    }

    /// Notes that the node of a computer, which exists, called.
    pub(crate) fn heard_from(&self, computer: &ComputerId) {
        self.inner.live.seen(computer, now());
    }
}

/// Instances, oldest first: all, those of a title, or the one of an identity.
pub(super) fn chosen(
    world: &World,
    title: Option<&Title>,
    id: Option<InstanceId>,
    piece: &Piece<InstanceId>,
    silence: &documents::Silence<'_>,
) -> List<v1::Instance> {
    let titled = |it: &&Instance| title.is_none_or(|title| it.title == *title);
    let beyond = |it: &&Instance| piece.after.is_none_or(|after| it.id > after);
    let chosen: Box<dyn Iterator<Item = &Instance>> = match (id, title, piece.after) {
        (Some(id), ..) => Box::new(world.instance(id).into_iter().filter(titled).filter(beyond)),
        (None, Some(title), _) => Box::new(world.titled(title).filter(beyond)),
        (None, None, Some(after)) => Box::new(world.instances_beyond(after)),
        (None, None, None) => Box::new(world.instances()),
    };
    piece.of(chosen, |it| documents::instance(world, it, silence))
}

/// The computers from where a piece begins.
pub(super) fn sites<'w>(
    world: &'w World,
    piece: &Piece<ComputerId>,
) -> Box<dyn Iterator<Item = &'w Site> + 'w> {
    match &piece.after {
        Some(after) => Box::new(world.sites_beyond(after)),
        None => Box::new(world.sites()),
    }
}

/// The root of a title: that of this person if there is one, else the oldest.
pub(crate) fn titled_root<'w>(
    world: &'w World,
    person: &PersonId,
    title: &Title,
) -> Result<&'w Instance, Refusal> {
    let own = world.root(person, title);
    let root = own.or_else(|| world.titled(title).find(|it| it.is_root()));
    root.ok_or_else(|| Refusal::UnknownTree(title.clone()))
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::atomic::{AtomicUsize, Ordering},
        task::{Context, Wake, Waker},
    };

    use slapos_core::{
        decide::{
            Answer, Ask, Format, FormatPartition, InstanceReport, Request, Requester, SupplyAsk,
            Wish,
        },
        names::{ReportedState, SupplyWish, WishedState},
        policy::Policy,
        world::Place,
    };

    use super::*;
    use crate::service::Origin;

    /// Counts how often a call is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn computer() -> ComputerId {
        "COMP-1".try_into().unwrap()
    }

    /// A node asks for what only nodes may, a person for all else.
    async fn ask(service: &Service, ask: Ask) -> Answer {
        let actor = match ask {
            Ask::Format(_) | Ask::Report(_) => Actor::Computer(computer()),
            _ => Actor::Operator(PersonId::admin()),
        };
        let show = |_: &World, answer: &Answer| answer.clone();
        service.act(Origin::Inside, |_| Ok((ask, actor)), show).await.unwrap()
    }

    fn started(it: &v1::Instance) -> Ask {
        Ask::Report(InstanceReport {
            place: Place { computer: computer(), partition: it.partition.clone().unwrap() },
            id: it.id,
            generation: it.generation,
            follows: None,
            state: ReportedState::Started,
            text: None,
            connection: None,
            shared: BTreeMap::new(),
            requested: None,
            promises: vec![],
        })
    }

    async fn request(service: &Service, title: &str) -> InstanceId {
        let request = Request {
            requester: Requester::Person(PersonId::admin()),
            title: title.try_into().unwrap(),
            release: "software/db".try_into().unwrap(),
            software_type: "default".try_into().unwrap(),
            parameters: None,
            placement: BTreeMap::new(),
            shared: false,
            state: None,
        };
        match ask(service, Ask::Request(request)).await {
            Answer::Instance(id) => id,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn whoever_waits_for_one_instance_is_not_woken_by_a_change_of_another() {
        let data = tempfile::TempDir::new().unwrap();
        let service = Service::open(&data.path().join("master.sqlite"), Policy::default()).unwrap();
        let partition = |name: &str| FormatPartition {
            name: name.try_into().unwrap(),
            addresses: vec![],
            interface: None,
            route: None,
            capabilities: vec![],
        };
        let partitions = vec![partition("slappart0"), partition("slappart1")];
        ask(&service, Ask::Format(Format { computer: computer(), partitions })).await;
        let release = "software/db".try_into().unwrap();
        let wish = SupplyWish::Available;
        let supply = SupplyAsk { computer: computer(), release, wish, again: false };
        ask(&service, Ask::Supply(supply)).await;
        let (own, other) = (request(&service, "own").await, request(&service, "other").await);
        let since = service.health().await.unwrap().revision;
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut waiting = Box::pin(service.wait_instance(own, since, WAIT_MAX));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let all = Piece::whole();
        let shown =
            async |id| service.instances(None, Some(id), &all).await.unwrap().items.remove(0);
        ask(&service, started(&shown(other).await)).await;
        ask(&service, Ask::Wish(Wish { id: other, state: WishedState::Stopped })).await;
        service.health().await.unwrap();
        assert_eq!(woken.0.load(Ordering::Relaxed), 0, "that was of no concern to it");
        ask(&service, started(&shown(own).await)).await;
        let told = waiting.await.unwrap();
        assert_eq!((told.id, told.reported), (own, Some(ReportedState::Started)));
        ask(&service, Ask::Wish(Wish { id: own, state: WishedState::Stopped })).await;
        let told = service.wait_instance(own, told.revision, WAIT_MAX).await.unwrap();
        assert_eq!((told.id, told.wished), (own, WishedState::Stopped));
    }
}
