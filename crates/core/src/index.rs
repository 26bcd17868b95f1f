//! A map from a key to an ordered set, the shape of most indexes of the world.

use std::collections::{BTreeMap, BTreeSet};

/// Many values per key, both in order. Holds no empty set, so equal content is equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetMap<K, V>(BTreeMap<K, BTreeSet<V>>);

impl<K, V> Default for SetMap<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, V: Ord> SetMap<K, V> {
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.0.entry(key).or_default().insert(value);
    }

    pub(crate) fn remove(&mut self, key: &K, value: &V) {
        if let Some(values) = self.0.get_mut(key) {
            values.remove(value);
            if values.is_empty() {
                self.0.remove(key);
            }
        }
    }

    /// The values of a key, in order.
    pub(crate) fn of<'a>(
        &'a self,
        key: &K,
    ) -> impl DoubleEndedIterator<Item = &'a V> + use<'a, K, V> {
        self.0.get(key).into_iter().flatten()
    }

    /// How many values a key has.
    pub(crate) fn count(&self, key: &K) -> usize {
        self.0.get(key).map_or(0, BTreeSet::len)
    }

    pub(crate) fn has_key(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// The keys from one on, each with the first of its values.
    pub(crate) fn heads_from<'a>(
        &'a self,
        key: &K,
    ) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V> {
        self.0.range(key..).filter_map(|(key, values)| Some((key, values.first()?)))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }
}
