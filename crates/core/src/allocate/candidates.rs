//! Which computers could take an instance now: those that are open, were asked to have the
//! release, did not fail to install it, and have a free partition; best first.

use super::{
    placement::{Class, Traits, has_all},
    score::Score,
};
use crate::{
    index::SetMap,
    names::{ComputerId, SoftwareUrl},
    policy::{Places, Policy},
    world::{Site, World},
};

/// What a computer can offer: a release (`None`: any, where the policy asks for none), the
/// capability of a free partition (`None`: for requests that name none), and traits that somebody
/// asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offer {
    release: Option<SoftwareUrl>,
    capability: Option<String>,
    traits: Traits,
}

/// The offers of all computers, best computer first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Offers(SetMap<Offer, Score>);

impl Offers {
    /// The computers that offer what a class of requests needs, best first.
    pub(crate) fn best(&self, policy: &Policy, class: &Class) -> impl Iterator<Item = &ComputerId> {
        let offer = Offer {
            release: (policy.places == Places::Supplied).then(|| class.release.clone()),
            capability: class.capability.clone(),
            traits: class.traits.clone(),
        };
        self.0.of(&offer).map(|score| &score.computer)
    }

    fn make(&mut self, policy: &Policy, site: &Site, traits: &Traits) {
        for (offer, score) in offers(policy, site, traits) {
            self.0.insert(offer, score);
        }
    }

    fn withdraw(&mut self, policy: &Policy, site: &Site, traits: &Traits) {
        for (offer, score) in offers(policy, site, traits) {
            self.0.remove(&offer, &score);
        }
    }
}

/// The offers of a computer to requests that ask for these traits.
fn offers(policy: &Policy, site: &Site, traits: &Traits) -> Vec<(Offer, Score)> {
    if !site.takes_more() || !has_all(&site.computer.traits, traits) {
        return vec![];
    }
    let releases: Vec<_> = match policy.places {
        Places::Anywhere => vec![(None, false)],
        Places::Supplied => {
            let supplies = site.supplies.values().filter(|supply| supply.is_promising());
            supplies.map(|it| (Some(it.release.clone()), !it.is_ready())).collect()
        }
    };
    let offers = releases.into_iter().flat_map(|(release, building)| {
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
    /// True when a computer offers what a class of requests needs.
    pub(crate) fn is_offered(&self, site: &Site, class: &Class) -> bool {
        let supply = site.supply(&class.release);
        let supplied = self.policy.places == Places::Anywhere
            || supply.is_some_and(|supply| supply.is_promising());
        supplied
            && site.takes_more()
            && has_all(&site.computer.traits, &class.traits)
            && site.slots.free.has_key(&class.capability)
    }

    /// Takes the offers of a computer back, before something changes there.
    pub(crate) fn withdraw_offers(&mut self, computer: &ComputerId) {
        let Some(site) = self.sites.get(computer) else {
            return;
        };
        self.offers.withdraw(&self.policy, site, &Traits::new());
        for traits in self.instances.choosy.keys() {
            self.offers.withdraw(&self.policy, site, traits);
        }
    }

    /// Makes the offers of a computer, after something changed there.
    pub(crate) fn make_offers(&mut self, computer: &ComputerId) {
        let Some(site) = self.sites.get(computer) else {
            return;
        };
        self.offers.make(&self.policy, site, &Traits::new());
        for traits in self.instances.choosy.keys() {
            self.offers.make(&self.policy, site, traits);
        }
    }

    /// Makes all offers anew, after the policy changed.
    pub(crate) fn renew_offers(&mut self) {
        self.offers = Offers::default();
        for computer in self.sites.keys().cloned().collect::<Vec<_>>() {
            self.make_offers(&computer);
        }
    }

    /// Somebody asks for these traits for the first time.
    pub(crate) fn offer_traits(&mut self, traits: &Traits) {
        for site in self.sites.values() {
            self.offers.make(&self.policy, site, traits);
        }
    }

    /// Nobody asks for these traits any more.
    pub(crate) fn forget_traits(&mut self, traits: &Traits) {
        for site in self.sites.values() {
            self.offers.withdraw(&self.policy, site, traits);
        }
    }
}
