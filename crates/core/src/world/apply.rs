//! The only place where the world changes: entries of the journal come in, rows and indexes
//! follow, and what happened comes out for [`settle`](crate::settle).

use super::{
    Computer, Dictionary, Instance, Outcome, Partition, Place, Site, Supply, World,
    partitions::Slot,
};
use crate::{
    names::{ComputerId, InstanceId, Revision, SoftwareType, SoftwareUrl, Title, WishedState},
    write::{Entry, Write},
};

/// The writes do not fit the world: a damaged journal, or a defect of a decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The entry is not the next one.
    #[error("entry of revision {found} does not follow revision {last}", found = found.0, last = last.0)]
    Gap {
        /// The revision of the world.
        last: Revision,
        /// The revision of the entry.
        found: Revision,
    },
    /// A row belongs to something that does not exist.
    #[error("a row names {0}, which does not exist")]
    Missing(String),
    /// A partition would hold two instances, or go while it holds one.
    #[error("partition {place} already holds {occupant}")]
    Occupied {
        /// The partition.
        place: Place,
        /// Who lives there.
        occupant: InstanceId,
    },
}

/// What a write made happen, as far as something may follow from it. The order is the order in
/// which consequences are drawn.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// What is wished for an instance changed.
    Wished(InstanceId),
    /// An instance shall go.
    Leaves(InstanceId),
    /// An instance has less that holds it: no partition, or one child fewer.
    Unplaced(InstanceId),
    /// An instance is gone; this was its requester.
    Removed(InstanceId, Option<InstanceId>),
    /// The connection of an instance changed.
    Published(InstanceId),
    /// A partition lost its occupant.
    Freed(Place),
    /// An instance began to wait for a partition, or its conditions changed.
    Waits(InstanceId),
    /// An instance may serve shared ones.
    Hosts(InstanceId),
    /// What an instance serves changed: whom, or what these asked for.
    Burdened(InstanceId),
    /// A computer was asked to have a release, or has it.
    Promised(ComputerId, SoftwareUrl),
    /// A computer got room.
    Room(ComputerId),
}

impl World {
    /// Applies one entry of the journal.
    pub fn commit(&mut self, entry: &Entry) -> Result<(), ApplyError> {
        if entry.after() != self.revision || entry.revision <= self.revision {
            return Err(ApplyError::Gap { last: self.revision, found: entry.revision });
        }
        for write in &entry.writes {
            self.apply(write)?;
        }
        self.revision = entry.revision;
        Ok(())
    }

    /// The world that consists of these rows (computers before what is on them, partitions
    /// before instances) at a revision.
    pub fn from_rows(
        revision: Revision,
        rows: impl IntoIterator<Item = Write>,
    ) -> Result<Self, ApplyError> {
        let mut world = Self::default();
        for row in rows {
            world.apply(&row)?;
        }
        world.revision = revision;
        Ok(world)
    }

    /// All rows, in an order that [`World::from_rows`] takes.
    pub fn rows(&self) -> impl Iterator<Item = Write> {
        let sites = || self.sites.values();
        let computers = sites().map(|it| Write::PutComputer(it.computer.clone()));
        let slots = sites().flat_map(|it| it.slots.rows.values());
        let partitions = slots.map(|it| Write::PutPartition(it.row.clone()));
        let supplies = sites().flat_map(|it| it.supplies.values().cloned().map(Write::PutSupply));
        let instances = self.instances.rows.values().cloned().map(Box::new).map(Write::PutInstance);
        let tokens = self.tokens.values().cloned().map(Write::PutToken);
        computers.chain(partitions).chain(supplies).chain(instances).chain(tokens)
    }

    /// Applies one write and says what happened.
    pub(crate) fn apply(&mut self, write: &Write) -> Result<Vec<Effect>, ApplyError> {
        match write {
            Write::PutComputer(row) => Ok(self.put_computer(row)),
            Write::PutPartition(row) => self.put_partition(row),
            Write::RemovePartition(place) => self.remove_partition(place),
            Write::PutSupply(row) => self.put_supply(row),
            Write::RemoveSupply { computer, release } => self.remove_supply(computer, release),
            Write::PutInstance(row) => self.put_instance(row),
            Write::PutOutcome(outcome) => self.put_outcome(outcome),
            Write::RemoveInstance(id) => self.remove_instance(*id),
            Write::PutToken(token) => {
                self.tokens.insert(token.digest.clone(), token.clone());
                Ok(vec![])
            }
            Write::RemoveToken(digest) => {
                self.tokens.remove(digest);
                Ok(vec![])
            }
            Write::SkipRevisions { .. } => Ok(vec![]), // the entry itself says how far
        }
    }

    fn put_computer(&mut self, row: &Computer) -> Vec<Effect> {
        self.withdraw_offers(&row.id);
        let site = self.sites.entry(row.id.clone()).or_insert_with(|| Site::new(row.clone()));
        let described = site.computer.traits != row.traits;
        site.computer = row.clone();
        let mut effects = Vec::new();
        if site.takes_more() {
            effects.push(Effect::Room(row.id.clone()));
        }
        if described {
            let occupants = site.partitions().filter_map(|(_, id)| self.instances.rows.get(&id?));
            effects.extend(occupants.filter(|it| it.hosts()).map(|it| Effect::Hosts(it.id)));
        }
        self.make_offers(&row.id);
        effects
    }

    fn put_partition(&mut self, row: &Partition) -> Result<Vec<Effect>, ApplyError> {
        let occupant = self.site_mut(&row.place.computer)?.slot(&row.place.partition);
        let occupant = occupant.and_then(|slot| slot.occupant);
        let hears = occupant.and_then(|id| self.instance(id)).map(|it| it.told_in);
        let news_at = row.changed.max(hears.unwrap_or_default());
        self.put_slot(&row.place, Some(Slot { row: row.clone(), occupant, news_at }))?;
        let room = occupant.is_none() && !row.retired;
        Ok(if room { vec![Effect::Room(row.place.computer.clone())] } else { vec![] })
    }

    fn remove_partition(&mut self, place: &Place) -> Result<Vec<Effect>, ApplyError> {
        let slot = self.site_mut(&place.computer)?.slot(&place.partition);
        if let Some(occupant) = slot.and_then(|slot| slot.occupant) {
            return Err(ApplyError::Occupied { place: place.clone(), occupant });
        }
        self.put_slot(place, None)?;
        Ok(vec![])
    }

    fn put_supply(&mut self, row: &Supply) -> Result<Vec<Effect>, ApplyError> {
        self.site_mut(&row.computer)?;
        self.withdraw_offers(&row.computer);
        let site = self.site_mut(&row.computer)?;
        if let Some(old) = site.supplies.insert(row.release.clone(), row.clone()) {
            site.supply_changes.remove(&(old.wished_at, old.release));
        }
        site.supply_changes.insert((row.wished_at, row.release.clone()));
        self.supplied.entry(row.release.clone()).or_default().insert(row.computer.clone());
        self.make_offers(&row.computer);
        let promised = || Effect::Promised(row.computer.clone(), row.release.clone());
        Ok(if row.is_promising() { vec![promised()] } else { vec![] })
    }

    fn remove_supply(
        &mut self,
        computer: &ComputerId,
        release: &SoftwareUrl,
    ) -> Result<Vec<Effect>, ApplyError> {
        self.site_mut(computer)?;
        self.withdraw_offers(computer);
        let site = self.site_mut(computer)?;
        if let Some(old) = site.supplies.remove(release) {
            site.supply_changes.remove(&(old.wished_at, old.release));
        }
        if let Some(computers) = self.supplied.get_mut(release) {
            computers.remove(computer);
            if computers.is_empty() {
                self.supplied.remove(release);
            }
        }
        self.make_offers(computer);
        Ok(vec![])
    }

    fn put_instance(&mut self, row: &Instance) -> Result<Vec<Effect>, ApplyError> {
        if let Some(place) = &row.place {
            self.check_vacancy(place, row.id)?;
        }
        let old = self.instances.put(row.clone());
        self.ask_traits(old.as_ref(), Some(row));
        self.move_instance(row.id, old.as_ref(), Some(row))?;

        let was = |differs: &dyn Fn(&Instance) -> bool| old.as_ref().is_none_or(differs);
        let mut effects = Vec::new();
        if was(&|old| old.wished != row.wished) {
            effects.push(Effect::Wished(row.id));
            if row.wished == WishedState::Destroyed {
                effects.push(Effect::Leaves(row.id));
            }
        }
        if row.wished == WishedState::Destroyed && row.place.is_none() {
            effects.push(Effect::Unplaced(row.id));
        }
        let deserted = old.as_ref().filter(|old| old.requester != row.requester);
        effects.extend(deserted.and_then(|old| old.requester).map(Effect::Unplaced));
        if row.waits() && was(&|old| !old.waits() || old.class() != row.class()) {
            effects.push(Effect::Waits(row.id));
        }
        if old.as_ref().is_some_and(|old| old.connection != row.connection) {
            effects.push(Effect::Published(row.id));
        }
        if row.hosts() && was(&|old| !old.hosts() || old.service() != row.service()) {
            effects.push(Effect::Hosts(row.id));
        }
        effects.extend(burdened(old.as_ref(), Some(row)));
        let left = old.and_then(|old| old.place).filter(|place| row.place.as_ref() != Some(place));
        effects.extend(left.map(Effect::Freed));
        Ok(effects)
    }

    /// No index has anything of an outcome.
    fn put_outcome(&mut self, outcome: &Outcome) -> Result<Vec<Effect>, ApplyError> {
        let missing = || ApplyError::Missing(outcome.id.to_string());
        let row = self.instances.rows.get_mut(&outcome.id).ok_or_else(missing)?;
        let published = row.connection != outcome.connection;
        row.take(outcome.clone());
        Ok(if published { vec![Effect::Published(outcome.id)] } else { vec![] })
    }

    fn remove_instance(&mut self, id: InstanceId) -> Result<Vec<Effect>, ApplyError> {
        let Some(old) = self.instances.remove(id) else {
            return Ok(vec![]);
        };
        self.ask_traits(Some(&old), None);
        self.move_instance(id, Some(&old), None)?;
        let mut effects = vec![Effect::Removed(id, old.requester)];
        effects.extend(burdened(Some(&old), None));
        effects.extend(old.place.map(Effect::Freed));
        Ok(effects)
    }

    /// Keeps the offers true, when an instance is the first or the last to ask for its traits.
    fn ask_traits(&mut self, old: Option<&Instance>, new: Option<&Instance>) {
        let traits = |it: Option<&Instance>| it.map(|it| it.placement.traits.clone());
        let (old, new) = (traits(old).unwrap_or_default(), traits(new).unwrap_or_default());
        if old == new {
            return;
        }
        if !old.is_empty() && !self.instances.choosy.has_key(&old) {
            self.forget_traits(&old);
        }
        if self.instances.choosy.count(&new) == 1 {
            self.offer_traits(&new);
        }
    }

    /// Keeps what computers know of an instance true, when its place, release or wish changed.
    fn move_instance(
        &mut self,
        id: InstanceId,
        old: Option<&Instance>,
        new: Option<&Instance>,
    ) -> Result<(), ApplyError> {
        type Seen<'a> = (&'a Place, &'a SoftwareUrl, Revision);
        fn seen(it: &Instance) -> Option<Seen<'_>> {
            Some((it.place.as_ref()?, &it.release, it.told_in))
        }
        let (old, new) = (old.and_then(seen), new.and_then(seen));
        if old == new {
            return Ok(());
        }
        if let Some((place, release, _)) = old {
            self.site_mut(&place.computer)?.uses.remove(release, &id);
            self.set_occupant(place, None)?;
        }
        if let Some((place, release, told_in)) = new {
            self.site_mut(&place.computer)?.uses.insert(release.clone(), id);
            self.set_occupant(place, Some((id, told_in)))?;
        }
        Ok(())
    }

    fn set_occupant(
        &mut self,
        place: &Place,
        occupant: Option<(InstanceId, Revision)>,
    ) -> Result<(), ApplyError> {
        self.withdraw_offers(&place.computer);
        let there = self.site_mut(&place.computer)?.slots.occupy(&place.partition, occupant);
        self.make_offers(&place.computer);
        if there { Ok(()) } else { Err(ApplyError::Missing(place.to_string())) }
    }

    fn put_slot(&mut self, place: &Place, slot: Option<Slot>) -> Result<(), ApplyError> {
        self.withdraw_offers(&place.computer);
        self.site_mut(&place.computer)?.slots.put(&place.partition, slot);
        self.make_offers(&place.computer);
        Ok(())
    }

    fn check_vacancy(&self, place: &Place, id: InstanceId) -> Result<(), ApplyError> {
        let slot = self.sites.get(&place.computer).and_then(|site| site.slot(&place.partition));
        let slot = slot.ok_or_else(|| ApplyError::Missing(place.to_string()))?;
        match slot.occupant {
            Some(occupant) if occupant != id => {
                Err(ApplyError::Occupied { place: place.clone(), occupant })
            }
            _ => Ok(()),
        }
    }

    fn site_mut(&mut self, computer: &ComputerId) -> Result<&mut Site, ApplyError> {
        let missing = || ApplyError::Missing(format!("computer {computer}"));
        self.sites.get_mut(computer).ok_or_else(missing)
    }
}

/// The hosts for which a change of an instance is a change of what they serve.
fn burdened(old: Option<&Instance>, new: Option<&Instance>) -> Vec<Effect> {
    /// What a host sees of a shared instance.
    fn seen(it: &Instance) -> Option<(InstanceId, &Title, &SoftwareType, &Dictionary)> {
        let host = it.host.filter(|_| it.wished == WishedState::Started)?;
        Some((host, &it.title, &it.software_type, &it.parameters))
    }
    let (old, new) = (old.and_then(seen), new.and_then(seen));
    if old == new {
        return vec![];
    }
    [old, new].into_iter().flatten().map(|it| Effect::Burdened(it.0)).collect()
}
