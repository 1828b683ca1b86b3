//! Sets of keys, each different one kept once.

use std::collections::HashMap;

/// A set's number; equal sets have equal numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetId(u32);

impl SetId {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// Whether it is the empty set.
    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }
}

/// All sets that occur. Most histories have a handful, whatever their length, so that the union of two is a look-up.
#[derive(Debug)]
pub struct KeySets {
    sets: Vec<Box<[u32]>>,
    numbers: HashMap<Box<[u32]>, SetId>,
    unions: HashMap<(SetId, SetId), SetId>,
}

impl Default for KeySets {
    fn default() -> Self {
        let empty: Box<[u32]> = Box::default();
        Self { sets: vec![empty.clone()], numbers: HashMap::from([(empty, SetId::EMPTY)]), unions: HashMap::new() }
    }
}

impl KeySets {
    /// The set of these keys, in any order and as often as one likes.
    pub fn of(&mut self, mut keys: Vec<u32>) -> SetId {
        keys.sort_unstable();
        keys.dedup();
        if let Some(number) = self.numbers.get(keys.as_slice()) {
            return *number;
        }
        let number = SetId(self.sets.len() as u32);
        let keys: Box<[u32]> = keys.into();
        self.sets.push(keys.clone());
        self.numbers.insert(keys, number);
        number
    }

    /// Its keys, in order.
    pub fn keys(&self, set: SetId) -> &[u32] {
        &self.sets[set.0 as usize]
    }

    /// Whether it has a key.
    pub fn has(&self, set: SetId, key: u32) -> bool {
        self.keys(set).binary_search(&key).is_ok()
    }

    /// All of both.
    pub fn union(&mut self, a: SetId, b: SetId) -> SetId {
        if a == b || b.is_empty() {
            return a;
        }
        if a.is_empty() {
            return b;
        }
        let pair = (a.min(b), a.max(b));
        if let Some(known) = self.unions.get(&pair) {
            return *known;
        }
        let both = self.of([self.keys(a), self.keys(b)].concat());
        self.unions.insert(pair, both);
        both
    }

    /// What `a` has and `b` has not.
    pub fn difference(&self, a: SetId, b: SetId) -> Vec<u32> {
        if a == b {
            return Vec::new();
        }
        self.keys(a).iter().copied().filter(|key| !self.has(b, *key)).collect()
    }
}
