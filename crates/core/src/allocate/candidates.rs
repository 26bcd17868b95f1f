//! Which computers could take an instance now: those that are open, have the release available
//! and have a free partition, by release and capability, best first.

use super::{placement::Class, score::Score};
use crate::{
    index::SetMap,
    names::{ComputerId, SoftwareUrl},
    world::{AllocationScope, Site, World},
};

/// What a computer can offer: a release, and the capability of a free partition (`None`: for
/// requests that name none).
type Offer = (SoftwareUrl, Option<String>);

/// The offers of all computers, best computer first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Offers {
    best: SetMap<Offer, Score>,
    by_computer: SetMap<ComputerId, Offer>,
}

impl Offers {
    /// The best computer for a class of requests, if any will do.
    pub(crate) fn best(&self, class: &Class) -> Option<&ComputerId> {
        self.best.of(&offer(class)).next().map(|score| &score.computer)
    }

    /// That computer, if it will do for this class of requests.
    pub(crate) fn by_computer<'a>(
        &self,
        class: &Class,
        computer: &'a ComputerId,
    ) -> Option<&'a ComputerId> {
        self.by_computer.has(computer, &offer(class)).then_some(computer)
    }

    /// What a computer offers, in order.
    pub(crate) fn of(&self, computer: &ComputerId) -> impl Iterator<Item = &Offer> {
        self.by_computer.of(computer)
    }
}

fn offer(class: &Class) -> Offer {
    (class.release.clone(), class.capability.clone())
}

fn offers_of(site: &Site) -> Vec<Offer> {
    if site.computer.allocation != AllocationScope::Open {
        return vec![];
    }
    let ready = site.supplies.values().filter(|supply| supply.is_ready());
    let free = || site.slots.free.keys();
    ready.flat_map(|it| free().map(|capability| (it.release.clone(), capability.clone()))).collect()
}

impl World {
    /// Takes the offers of a computer back, before something changes there.
    pub(crate) fn withdraw_offers(&mut self, computer: &ComputerId) {
        let Some(site) = self.sites.get(computer) else {
            return;
        };
        let score = score(site);
        for offer in offers_of(site) {
            self.offers.best.remove(&offer, &score);
            self.offers.by_computer.remove(computer, &offer);
        }
    }

    /// Makes the offers of a computer, after something changed there.
    pub(crate) fn make_offers(&mut self, computer: &ComputerId) {
        let Some(site) = self.sites.get(computer) else {
            return;
        };
        let score = score(site);
        for offer in offers_of(site) {
            self.offers.best.insert(offer.clone(), score.clone());
            self.offers.by_computer.insert(computer.clone(), offer);
        }
    }
}

fn score(site: &Site) -> Score {
    Score { busy_partitions: site.slots.busy, computer: site.computer.id.clone() }
}
