//! Which computers could take an instance now: those that are open, were asked to have the
//! release, did not fail to install it, and have a free partition; best first.

use super::{
    placement::{Class, Traits, has_all},
    score::Score,
};
use crate::{
    index::SetMap,
    names::{ComputerId, SoftwareUrl},
    world::{Site, World},
};

/// What a computer can offer: a release (`None`: whatever it is), the capability of a free
/// partition (`None`: for requests that name none), and traits that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offer {
    pub(crate) release: Option<SoftwareUrl>,
    pub(crate) capability: Option<String>,
    pub(crate) traits: Traits,
}

/// The offers of all computers, best computer first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Offers {
    best: SetMap<Offer, Score>,
    by_computer: SetMap<ComputerId, Offer>,
}

impl Offers {
    /// The computers that offer this, best first.
    pub(crate) fn best(&self, offer: &Offer) -> impl Iterator<Item = &ComputerId> {
        self.best.of(offer).map(|score| &score.computer)
    }

    /// True when a computer offers this.
    pub(crate) fn has(&self, computer: &ComputerId, offer: &Offer) -> bool {
        self.by_computer.has(computer, offer)
    }

    /// What a computer offers, in order.
    pub(crate) fn of(&self, computer: &ComputerId) -> impl Iterator<Item = &Offer> {
        self.by_computer.of(computer)
    }

    fn make(&mut self, site: &Site, traits: &Traits) {
        for (offer, score) in offers(site, traits) {
            self.by_computer.insert(site.computer.id.clone(), offer.clone());
            self.best.insert(offer, score);
        }
    }

    fn withdraw(&mut self, site: &Site, traits: &Traits) {
        for (offer, score) in offers(site, traits) {
            self.by_computer.remove(&site.computer.id, &offer);
            self.best.remove(&offer, &score);
        }
    }
}

/// The offers of a computer to requests that ask for these traits.
fn offers(site: &Site, traits: &Traits) -> Vec<(Offer, Score)> {
    if !site.takes_more() || !has_all(&site.computer.traits, traits) {
        return vec![];
    }
    let promising = site.supplies.values().filter(|supply| supply.is_promising());
    let releases = promising.map(|it| (Some(it.release.clone()), !it.is_ready()));
    let any = std::iter::once((None, false));
    let releases = any.chain(releases);
    let offers = releases.flat_map(|(release, building)| {
        let score = Score {
            building,
            busy_partitions: site.slots.busy,
            computer: site.computer.id.clone(),
        };
        site.slots.free.keys().map(move |capability| {
            let capability = capability.clone();
            let offer = Offer { release: release.clone(), capability, traits: traits.clone() };
            (offer, score.clone())
        })
    });
    offers.collect()
}

impl World {
    /// What an instance of this class needs to be offered.
    pub(crate) fn offer_for(&self, class: &Class) -> Offer {
        let supplied = self.policy.places == crate::policy::Places::Supplied;
        Offer {
            release: supplied.then(|| class.release.clone()),
            capability: class.capability.clone(),
            traits: class.traits.clone(),
        }
    }

    /// Takes the offers of a computer back, before something changes there.
    pub(crate) fn withdraw_offers(&mut self, computer: &ComputerId) {
        let Some(site) = self.sites.get(computer) else {
            return;
        };
        self.offers.withdraw(site, &Traits::new());
        for traits in self.instances.choosy.keys() {
            self.offers.withdraw(site, traits);
        }
    }

    /// Makes the offers of a computer, after something changed there.
    pub(crate) fn make_offers(&mut self, computer: &ComputerId) {
        let Some(site) = self.sites.get(computer) else {
            return;
        };
        self.offers.make(site, &Traits::new());
        for traits in self.instances.choosy.keys() {
            self.offers.make(site, traits);
        }
    }

    /// Somebody asks for these traits for the first time.
    pub(crate) fn offer_traits(&mut self, traits: &Traits) {
        for site in self.sites.values() {
            self.offers.make(site, traits);
        }
    }

    /// Nobody asks for these traits any more.
    pub(crate) fn forget_traits(&mut self, traits: &Traits) {
        for site in self.sites.values() {
            self.offers.withdraw(site, traits);
        }
    }
}
