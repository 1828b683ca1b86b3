//! Sets of keys, each different one kept once, and what sets have in common kept once.
//!
//! A set is a Patricia tree over key numbers (Okasaki and Gill, "Fast Mergeable Integer Maps"), whose nodes are shared:
//! equal trees are one node. Of ten thousand sets of which each has one key more than the one before, as a history with
//! as many keys makes them, each costs a few nodes and not all its keys.

use rustc_hash::FxHashMap;

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

/// A part of a set. Bases are keys without their last six bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Node {
    Empty,
    /// Keys of one base, a bit each.
    Leaf {
        base: u32,
        bits: u64,
    },
    /// Bases that agree in all bits above `bit` and differ in it: those without it are left.
    Branch {
        bit: u32,
        prefix: u32,
        left: SetId,
        right: SetId,
    },
}

const LEAF_BITS: u32 = 6;

/// The bits of a base above `bit`.
fn above(base: u32, bit: u32) -> u32 {
    base & !(bit | (bit - 1))
}

/// All sets that occur. Most histories have a handful, whatever their length, so that the union of two is a look-up.
#[derive(Debug)]
pub struct KeySets {
    nodes: Vec<Node>,
    numbers: FxHashMap<Node, SetId>,
    unions: FxHashMap<(SetId, SetId), SetId>,
}

impl Default for KeySets {
    fn default() -> Self {
        Self { nodes: vec![Node::Empty], numbers: FxHashMap::default(), unions: FxHashMap::default() }
    }
}

impl KeySets {
    /// The set of these keys, in any order and as often as one likes.
    pub fn of(&mut self, mut keys: Vec<u32>) -> SetId {
        keys.sort_unstable();
        let mut leaves: Vec<(u32, u64)> = Vec::new();
        for key in keys {
            let (base, bit) = (key >> LEAF_BITS, 1 << (key & ((1 << LEAF_BITS) - 1)));
            match leaves.last_mut() {
                Some(last) if last.0 == base => last.1 |= bit,
                _ => leaves.push((base, bit)),
            }
        }
        self.build(&leaves)
    }

    /// The set of leaves in order.
    fn build(&mut self, leaves: &[(u32, u64)]) -> SetId {
        match *leaves {
            [] => SetId::EMPTY,
            [(base, bits)] => self.node(Node::Leaf { base, bits }),
            [(first, _), .., (last, _)] => {
                let bit = highest(first ^ last);
                let (left, right) = leaves.split_at(leaves.partition_point(|(base, _)| base & bit == 0));
                let (left, right) = (self.build(left), self.build(right));
                self.node(Node::Branch { bit, prefix: above(first, bit), left, right })
            }
        }
    }

    fn node(&mut self, node: Node) -> SetId {
        let next = SetId(self.nodes.len() as u32);
        let number = *self.numbers.entry(node).or_insert(next);
        if number == next {
            self.nodes.push(node);
        }
        number
    }

    fn at(&self, set: SetId) -> Node {
        self.nodes[set.0 as usize]
    }

    /// Its keys, in order.
    pub fn keys(&self, set: SetId) -> Keys<'_> {
        Keys { sets: self, next: Some(set).filter(|set| !set.is_empty()), pending: Vec::new(), base: 0, bits: 0 }
    }

    /// Whether it has a key.
    pub fn has(&self, mut set: SetId, key: u32) -> bool {
        let wanted = key >> LEAF_BITS;
        loop {
            match self.at(set) {
                Node::Empty => return false,
                Node::Leaf { base, bits } => {
                    return base == wanted && bits >> (key & ((1 << LEAF_BITS) - 1)) & 1 == 1;
                }
                Node::Branch { bit, left, right, .. } => set = if wanted & bit == 0 { left } else { right },
            }
        }
    }

    /// All of both. Cost: what they do not have in common, and nothing where it was asked for before.
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
        let both = self.merge(a, b);
        self.unions.insert(pair, both);
        both
    }

    /// No deeper than a base has bits.
    fn merge(&mut self, a: SetId, b: SetId) -> SetId {
        if a == b || b.is_empty() {
            return a;
        }
        let (one, other) = (self.at(a), self.at(b));
        match (one, other) {
            (Node::Empty, _) => b,
            (Node::Leaf { base, bits }, Node::Leaf { base: same, bits: more }) if base == same => {
                self.node(Node::Leaf { base, bits: bits | more })
            }
            (
                Node::Branch { bit, prefix, left, right },
                Node::Branch { bit: same, prefix: too, left: more_left, right: more_right },
            ) if (bit, prefix) == (same, too) => {
                let (left, right) = (self.merge(left, more_left), self.merge(right, more_right));
                self.node(Node::Branch { bit, prefix, left, right })
            }
            _ => match (self.put(one, b, other), self.put(other, a, one)) {
                (Some(set), _) | (None, Some(set)) => set,
                (None, None) => {
                    let (first, last) = (first_base(one), first_base(other));
                    let bit = highest(first ^ last);
                    let (left, right) = if first & bit == 0 { (a, b) } else { (b, a) };
                    self.node(Node::Branch { bit, prefix: above(first, bit), left, right })
                }
            },
        }
    }

    /// Puts a set into a branch, if all of it belongs below that.
    fn put(&mut self, branch: Node, set: SetId, node: Node) -> Option<SetId> {
        let Node::Branch { bit, prefix, left, right } = branch else { return None };
        let base = first_base(node);
        let is_lower = matches!(node, Node::Leaf { .. }) || matches!(node, Node::Branch { bit: own, .. } if own < bit);
        if !is_lower || above(base, bit) != prefix {
            return None;
        }
        let (left, right) =
            if base & bit == 0 { (self.merge(left, set), right) } else { (left, self.merge(right, set)) };
        Some(self.node(Node::Branch { bit, prefix, left, right }))
    }

    /// What `a` has and `b` has not, in order. Cost: where they differ.
    pub fn difference(&self, a: SetId, b: SetId) -> Vec<u32> {
        let mut found = Vec::new();
        self.add_difference(a, b, &mut found);
        found
    }

    fn add_difference(&self, a: SetId, b: SetId, found: &mut Vec<u32>) {
        if a == b {
            return;
        }
        match (self.at(a), self.at(b)) {
            (
                Node::Branch { bit, prefix, left, right },
                Node::Branch { bit: same, prefix: too, left: other_left, right: other_right },
            ) if (bit, prefix) == (same, too) => {
                self.add_difference(left, other_left, found);
                self.add_difference(right, other_right, found);
            }
            // Only one side of the other can have any of it.
            (one, Node::Branch { bit, prefix, left, right }) if is_below(one, bit, prefix) => {
                let side = if first_base(one) & bit == 0 { left } else { right };
                self.add_difference(a, side, found);
            }
            (Node::Branch { left, right, .. }, _) => {
                self.add_difference(left, b, found);
                self.add_difference(right, b, found);
            }
            _ => found.extend(self.keys(a).filter(|key| !self.has(b, *key))),
        }
    }
}

/// Whether all of a node belongs below a branch of this bit and prefix, on one side of it.
fn is_below(node: Node, bit: u32, prefix: u32) -> bool {
    match node {
        Node::Empty => false,
        Node::Leaf { base, .. } => above(base, bit) == prefix,
        Node::Branch { bit: own, prefix: base, .. } => own < bit && above(base, bit) == prefix,
    }
}

/// A base of a node: of a branch the lowest that it could have.
fn first_base(node: Node) -> u32 {
    match node {
        Node::Empty => 0,
        Node::Leaf { base, .. } => base,
        Node::Branch { prefix, .. } => prefix,
    }
}

/// The highest bit of a number that is not 0.
fn highest(bits: u32) -> u32 {
    1 << (31 - bits.leading_zeros().min(31))
}

/// The keys of a set, in order.
pub struct Keys<'a> {
    sets: &'a KeySets,
    next: Option<SetId>,
    pending: Vec<SetId>,
    base: u32,
    bits: u64,
}

impl Iterator for Keys<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        while self.bits == 0 {
            match self.sets.at(self.next.take().or_else(|| self.pending.pop())?) {
                Node::Empty => {}
                Node::Leaf { base, bits } => (self.base, self.bits) = (base, bits),
                Node::Branch { left, right, .. } => {
                    self.pending.push(right);
                    self.next = Some(left);
                }
            }
        }
        let key = self.base << LEAF_BITS | self.bits.trailing_zeros();
        self.bits &= self.bits - 1;
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn they_are_sets() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for round in 0..300 {
            let mut sets = KeySets::default();
            let most = [8, 64, 200, 5_000, u32::MAX][round % 5];
            let mut known: Vec<(SetId, BTreeSet<u32>)> = vec![(SetId::EMPTY, BTreeSet::new())];
            for _ in 0..40 {
                let made = if random.bool() {
                    let keys: Vec<u32> = (0..random.usize(..40)).map(|_| random.u32(..=most)).collect();
                    (sets.of(keys.clone()), keys.into_iter().collect())
                } else {
                    let (a, b) = (random.usize(..known.len()), random.usize(..known.len()));
                    (sets.union(known[a].0, known[b].0), &known[a].1 | &known[b].1)
                };
                known.push(made);
            }
            for (a, keys) in &known {
                assert!(sets.keys(*a).eq(keys.iter().copied()), "seed {seed}, round {round}");
                let some = random.u32(..=most);
                assert_eq!(sets.has(*a, some), keys.contains(&some), "seed {seed}, round {round}");
                for (b, others) in &known {
                    assert_eq!(a == b, keys == others, "seed {seed}, round {round}");
                    let difference: Vec<u32> = keys.difference(others).copied().collect();
                    assert_eq!(sets.difference(*a, *b), difference, "seed {seed}, round {round}");
                }
            }
        }
    }

    #[test]
    fn sets_that_grow_one_key_at_a_time_share_what_they_have_in_common() {
        let mut sets = KeySets::default();
        let mut all = SetId::EMPTY;
        for key in 0..20_000 {
            let one = sets.of(vec![key]);
            all = sets.union(all, one);
        }
        assert_eq!(sets.keys(all).count(), 20_000);
        assert!(sets.nodes.len() < 20_000 * 14, "{} nodes", sets.nodes.len());
    }
}
