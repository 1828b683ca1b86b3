//! Which trees hold which keys at which paths.
//!
//! The trees that lead to a carrier, with only those entries that do: a small copy of the repository's own sharing of
//! subtrees. Two commits are compared by walking their copies side by side, and equal subtrees are equal numbers. What
//! versions of a directory have in common is kept once as well: an entry is a number, and a directory a set of those.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::{Bits, Graph, KeySets, NodeKind, SetId};

/// Trees higher than this are cut; git itself goes to 2048 or 4096 (`core.maxTreeDepth`).
const HIGHEST: u32 = 4096;

/// So many trees and spots are looked at for one commit, and so many spots of one key are told. Trees can name each
/// other so that twenty of them make more paths than could ever be told.
const MOST_STEPS: usize = 100_000;
const MOST_SPOTS: usize = 10_000;
/// So many bytes of paths are put together for it: a name can be of any length, and stand above many others.
const MOST_BYTES: usize = 64 << 20;

/// A tree's copy; 0 is the one that holds nothing.
pub type NodeId = u32;

/// An entry of a tree, as the caller reads it.
#[derive(Clone, Debug)]
pub struct TreeItem {
    /// Its name.
    pub name: Box<[u8]>,
    /// The object it names, where there is one.
    pub object: Option<u32>,
}

/// The keys that objects and names have.
#[derive(Clone, Debug, Default)]
pub struct Carriers {
    /// Keys in a blob's content.
    pub blobs: HashMap<u32, SetId>,
    /// Keys in an entry's own name, by that: it says the same in every tree.
    pub names: HashMap<Arc<[u8]>, SetId>,
}

impl Carriers {
    /// Whether an entry of a tree has a key in its name or content, or leads to one.
    pub fn concern(&self, item: &TreeItem, leads: &Bits) -> bool {
        item.object.is_some_and(|object| self.blobs.contains_key(&object) || leads.has(object))
            || !self.of_name(&item.name).is_empty()
    }

    fn of_name(&self, name: &[u8]) -> SetId {
        self.names.get(name).copied().unwrap_or_default()
    }
}

/// One key at one path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The path.
    pub path: Vec<u8>,
    /// The key.
    pub key: u32,
    /// Whether it stands in the name and not in the content.
    pub in_name: bool,
    /// The blob, or for a name the tree that has the entry.
    pub object: u32,
}

/// An entry of a copy.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Item {
    name: Box<[u8]>,
    name_keys: SetId,
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Target {
    Nothing,
    Blob { object: u32, keys: SetId },
    Tree(NodeId),
}

#[derive(Debug, Default)]
struct Node {
    tree: u32,
    height: u32,
    keys: SetId,
    /// The numbers of its entries.
    items: SetId,
    /// Those in the tree's own order, where a name is there more than once, as in no sound tree.
    in_order: Option<Box<[u32]>>,
}

/// The copies of all trees that hold a key.
#[derive(Debug)]
pub struct Presence {
    nodes: Vec<Node>,
    /// Every different entry, and the sets of their numbers.
    items: Vec<Rc<Item>>,
    of_items: KeySets,
    of_tree: HashMap<u32, NodeId>,
    /// Trees that were cut because they are too high, or stand in themselves.
    pub too_deep: Vec<u32>,
    /// Whether there were more paths than are told.
    has_cut_paths: Cell<bool>,
}

impl Presence {
    /// Builds the copies of every tree that `leads` to a carrier. `read` gives a tree's entries; each tree is asked
    /// for once.
    pub fn build(
        graph: &Graph,
        leads: &Bits,
        carriers: &Carriers,
        sets: &mut KeySets,
        mut read: impl FnMut(u32) -> Vec<TreeItem>,
    ) -> Self {
        let mut presence = Self {
            nodes: vec![Node::default()],
            items: Vec::new(),
            of_items: KeySets::default(),
            of_tree: HashMap::new(),
            too_deep: Vec::new(),
            has_cut_paths: Cell::new(false),
        };
        let mut open: Vec<(u32, Vec<TreeItem>, usize)> = Vec::new();
        let mut numbers: HashMap<Rc<Item>, u32> = HashMap::new();
        // Once each: where an index lies about what stands where, a tree can hold itself.
        let mut opened = Bits::new(graph.len());
        for root in graph.objects() {
            if !leads.has(root) || !opened.insert(root) {
                continue;
            }
            open.push((root, read(root), 0));
            while let Some((tree, items, at)) = open.last_mut() {
                if let Some(item) = items.get(*at) {
                    *at += 1;
                    if let Some(object) = item.object
                        && graph.kind(object) == NodeKind::Tree
                        && leads.has(object)
                        && opened.insert(object)
                    {
                        open.push((object, read(object), 0));
                    }
                    continue;
                }
                let tree = *tree;
                if let Some((_, items, _)) = open.pop() {
                    presence.close(tree, items, &mut numbers, (graph, leads), carriers, sets);
                }
            }
        }
        presence
    }

    fn close(
        &mut self,
        tree: u32,
        items: Vec<TreeItem>,
        numbers: &mut HashMap<Rc<Item>, u32>,
        (graph, leads): (&Graph, &Bits),
        carriers: &Carriers,
        sets: &mut KeySets,
    ) {
        let mut node = Node { tree, ..Node::default() };
        // Put together once: the union of each few would be a set of its own.
        let (mut all, mut here): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        for TreeItem { name, object } in items {
            let mut target = Target::Nothing;
            if let Some(object) = object {
                if let Some(keys) = carriers.blobs.get(&object) {
                    target = Target::Blob { object, keys: *keys };
                } else if let Some(below) = self.of_tree.get(&object) {
                    target = Target::Tree(*below);
                } else if graph.kind(object) == NodeKind::Tree && leads.has(object) {
                    // It is open still.
                    self.too_deep.push(object);
                }
            }
            if let Target::Tree(below) = target
                && self.nodes[below as usize].height >= HIGHEST
            {
                self.too_deep.push(self.nodes[below as usize].tree);
                target = Target::Nothing;
            }
            let below = match target {
                Target::Nothing => SetId::EMPTY,
                Target::Blob { keys, .. } => keys,
                Target::Tree(below) => {
                    node.height = node.height.max(self.nodes[below as usize].height + 1);
                    self.nodes[below as usize].keys
                }
            };
            let name_keys = carriers.of_name(&name);
            if !name_keys.is_empty() || !below.is_empty() {
                all.extend(sets.keys(name_keys).chain(sets.keys(below)));
                here.push(self.number_of(Item { name, name_keys, target }, numbers));
            }
        }
        let number = if here.is_empty() { 0 } else { self.nodes.len() as NodeId };
        if number > 0 {
            node.keys = sets.of(all);
            node.in_order = self.has_name_twice(&here).then(|| here.clone().into());
            node.items = self.of_items.of(here);
            self.nodes.push(node);
        }
        self.of_tree.insert(tree, number);
    }

    fn number_of(&mut self, item: Item, numbers: &mut HashMap<Rc<Item>, u32>) -> u32 {
        if let Some(number) = numbers.get(&item) {
            return *number;
        }
        let (item, number) = (Rc::new(item), self.items.len() as u32);
        self.items.push(item.clone());
        numbers.insert(item, number);
        number
    }

    fn has_name_twice(&self, items: &[u32]) -> bool {
        let name = |item: &u32| &self.items[*item as usize].name;
        // As almost all are, but for folders among files.
        if items.is_sorted_by(|one, other| name(one) < name(other)) {
            return false;
        }
        let mut names: Vec<_> = items.iter().map(name).collect();
        names.sort_unstable();
        names.windows(2).any(|two| two[0] == two[1])
    }

    /// The entries of a copy.
    fn items(&self, node: &Node) -> impl Iterator<Item = &Item> {
        let in_order = node.in_order.iter().flatten().copied();
        let others = self.of_items.keys(if node.in_order.is_some() { SetId::EMPTY } else { node.items });
        in_order.chain(others).map(|item| &*self.items[item as usize])
    }

    /// Those that a copy has and none of `others` has. Cost: where they differ.
    fn items_without(&self, node: &Node, others: &[NodeId]) -> Vec<&Item> {
        let sets: Vec<SetId> = others.iter().map(|other| self.nodes[*other as usize].items).collect();
        let first = sets.first().copied().unwrap_or_default();
        let is_new = |item: &u32| !sets.iter().any(|set| self.of_items.has(*set, *item));
        let numbers = match &node.in_order {
            Some(items) => items.iter().copied().filter(is_new).collect(),
            None if sets.len() < 2 => self.of_items.difference(node.items, first),
            None => self.of_items.difference(node.items, first).into_iter().filter(is_new).collect(),
        };
        numbers.into_iter().map(|item| &*self.items[item as usize]).collect()
    }

    /// The copy of a tree; 0 where it holds nothing.
    pub fn node(&self, tree: u32) -> NodeId {
        self.of_tree.get(&tree).copied().unwrap_or_default()
    }

    /// The keys that a copy holds.
    pub fn keys(&self, node: NodeId) -> SetId {
        self.nodes[node as usize].keys
    }

    /// All spots of a copy.
    pub fn spots(&self, node: NodeId, sets: &KeySets) -> Vec<Spot> {
        self.difference(&[node], &[], sets)
    }

    /// The spots of one key in a copy, by path. Cost: the entries of the trees that lead to it.
    pub fn spots_of(&self, node: NodeId, key: u32, sets: &KeySets) -> Vec<Spot> {
        let mut spots = Vec::new();
        let mut pending = vec![(node, Vec::new())];
        let mut steps = 0;
        let bytes = Cell::new(0);
        while let Some((node, prefix)) = pending.pop() {
            steps += 1;
            let is_too_much = self.is_too_much(steps, MOST_STEPS) || self.is_too_much(spots.len(), MOST_SPOTS);
            if is_too_much || self.is_too_much(bytes.get(), MOST_BYTES) {
                break;
            }
            let node = &self.nodes[node as usize];
            if !sets.has(node.keys, key) {
                continue;
            }
            for item in self.items(node) {
                let path = || {
                    bytes.set(bytes.get() + prefix.len() + item.name.len());
                    if prefix.is_empty() { item.name.to_vec() } else { [&prefix, &b"/"[..], &item.name].concat() }
                };
                if sets.has(item.name_keys, key) {
                    spots.push(Spot { path: path(), key, in_name: true, object: node.tree });
                }
                match item.target {
                    Target::Blob { object, keys } if sets.has(keys, key) => {
                        spots.push(Spot { path: path(), key, in_name: false, object });
                    }
                    Target::Tree(below) if sets.has(self.nodes[below as usize].keys, key) => {
                        pending.push((below, path()))
                    }
                    _ => {}
                }
            }
        }
        spots.sort_unstable();
        spots
    }

    /// The spots that any copy of `have` holds and none of `without` does, by path. Cost: the entries that differ.
    pub fn difference(&self, have: &[NodeId], without: &[NodeId], sets: &KeySets) -> Vec<Spot> {
        let mut spots = Vec::new();
        let mut pending: Vec<(Vec<NodeId>, Vec<NodeId>, Vec<u8>)> = vec![(have.to_vec(), without.to_vec(), Vec::new())];
        let (mut steps, mut bytes) = (0, 0);
        while let Some((mut have, mut without, prefix)) = pending.pop() {
            steps += 1;
            if self.is_too_much(steps + spots.len(), MOST_STEPS) || self.is_too_much(bytes, MOST_BYTES) {
                break;
            }
            // Each of the others was met once for each of these: kept, they would be more by that at each level.
            for nodes in [&mut have, &mut without] {
                nodes.sort_unstable();
                nodes.dedup();
            }
            have.retain(|node| *node != 0 && !without.contains(node));
            let mut names: BTreeMap<&[u8], Differing<'_>> = BTreeMap::new();
            for node in &have {
                let node = &self.nodes[*node as usize];
                for item in self.items_without(node, &without) {
                    names.entry(&item.name).or_default().items.push((node.tree, item));
                }
            }
            self.add_others(&have, &without, &mut names);
            for (name, Differing { items, others }) in names {
                bytes += prefix.len() + name.len();
                if self.is_too_much(bytes, MOST_BYTES) {
                    break;
                }
                let path = if prefix.is_empty() { name.to_vec() } else { [&prefix, &b"/"[..], name].concat() };
                spots_at(&path, &items, &others, sets, &mut spots);
                let below = trees(items.iter().map(|(_, item)| *item));
                if !below.is_empty() {
                    pending.push((below, trees(others.into_iter()), path));
                }
            }
        }
        spots.sort_unstable();
        let mut of_key: HashMap<u32, usize> = HashMap::new();
        spots.retain(|spot| {
            let count = of_key.entry(spot.key).or_default();
            *count += 1;
            !self.is_too_much(*count, MOST_SPOTS)
        });
        spots
    }

    fn is_too_much(&self, count: usize, most: usize) -> bool {
        if count > most {
            self.has_cut_paths.set(true);
        }
        count > most
    }

    /// Whether trees made more paths than were looked at.
    pub fn has_cut_paths(&self) -> bool {
        self.has_cut_paths.get()
    }

    /// Adds what `without` has under the names at which `have` has something else.
    fn add_others<'a>(&'a self, have: &[NodeId], without: &[NodeId], names: &mut BTreeMap<&'a [u8], Differing<'a>>) {
        if names.is_empty() {
            return;
        }
        for node in have {
            let node = &self.nodes[*node as usize];
            for other in without.iter().map(|other| &self.nodes[*other as usize]) {
                // What both have is under no name at which they differ, unless a name is there twice.
                let differing: Vec<&Item> = match (&node.in_order, &other.in_order) {
                    (None, None) => {
                        let numbers = self.of_items.difference(other.items, node.items);
                        numbers.into_iter().map(|item| &*self.items[item as usize]).collect()
                    }
                    _ => self.items(other).collect(),
                };
                for item in differing {
                    if let Some(here) = names.get_mut(&*item.name) {
                        here.others.push(item);
                    }
                }
            }
        }
    }

    /// For every tree that holds a key, the tree and the blobs with a key right in it.
    pub fn directories(&self) -> impl Iterator<Item = (u32, impl Iterator<Item = u32>)> {
        self.nodes.iter().skip(1).map(|node| {
            let blobs = self.items(node).filter_map(|item| match item.target {
                Target::Blob { object, .. } => Some(object),
                _ => None,
            });
            (node.tree, blobs)
        })
    }
}

/// What stands under a name in the copies that are compared: in those of the one side what the other has not, and in those
/// of the other.
#[derive(Default)]
struct Differing<'a> {
    items: Vec<(u32, &'a Item)>,
    others: Vec<&'a Item>,
}

fn trees<'a>(items: impl Iterator<Item = &'a Item>) -> Vec<NodeId> {
    items
        .filter_map(|item| match item.target {
            Target::Tree(below) => Some(below),
            _ => None,
        })
        .collect()
}

fn spots_at(path: &[u8], items: &[(u32, &Item)], others: &[&Item], sets: &KeySets, spots: &mut Vec<Spot>) {
    let blob_keys = |item: &Item| match item.target {
        Target::Blob { keys, .. } => keys,
        _ => SetId::EMPTY,
    };
    // The same name twice in one tree, or in several trees that are compared at once: the first is told.
    let mut told: HashSet<(u32, bool)> = HashSet::new();
    let mut add = |key: u32, in_name: bool, object: u32| {
        if items.len() == 1 || told.insert((key, in_name)) {
            spots.push(Spot { path: path.to_vec(), key, in_name, object });
        }
    };
    for (tree, item) in items {
        for key in sets.keys(item.name_keys) {
            if !others.iter().any(|other| sets.has(other.name_keys, key)) {
                add(key, true, *tree);
            }
        }
        if let Target::Blob { object, keys } = item.target {
            for key in sets.keys(keys) {
                if !others.iter().any(|other| sets.has(blob_keys(other), key)) {
                    add(key, false, object);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Links;

    /// No repository has such trees, but a damaged index can say that a tree's content is another's.
    #[test]
    fn trees_that_hold_each_other_are_read_once() {
        let entries: [&[(&str, u32)]; 2] = [&[("a key", 2), ("below", 1)], &[("above", 0), ("self", 1)]];
        let mut links = Links::default();
        for (tree, entries) in (0..).zip(entries) {
            links.add_tree(tree, entries.iter().map(|entry| entry.1));
        }
        links.add(2, NodeKind::Blob, []);
        let graph = Graph::new(3, [links]);
        let mut sets = KeySets::default();
        let carriers = Carriers { blobs: [(2, sets.of(vec![7]))].into(), names: HashMap::new() };
        let mut targets = Bits::new(graph.len());
        targets.insert(2);
        let leads = graph.trees_leading_to(&targets);
        let mut reads = Vec::new();
        let presence = Presence::build(&graph, &leads, &carriers, &mut sets, |tree| {
            reads.push(tree);
            let item = |(name, object): &(&str, u32)| TreeItem { name: name.as_bytes().into(), object: Some(*object) };
            entries[tree as usize].iter().map(item).collect()
        });
        assert_eq!(reads, [0, 1]);
        assert_eq!(presence.too_deep, [0, 1], "that they stand in themselves is told");
        let paths: Vec<Vec<u8>> = presence.spots(presence.node(0), &sets).into_iter().map(|spot| spot.path).collect();
        assert_eq!(paths, [b"a key"]);
    }

    type Entries = Vec<(Box<[u8]>, u32)>;

    /// Each path with its keys, by opening everything.
    fn brute(graph: &Graph, trees: &[Entries], tree: u32, path: &[u8], found: &mut BTreeMap<Vec<u8>, HashSet<u32>>) {
        for (name, object) in &trees[tree as usize] {
            let path = if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() };
            match graph.kind(*object) {
                NodeKind::Tree => brute(graph, trees, *object, &path, found),
                _ => _ = found.entry(path).or_default().insert(*object),
            }
        }
    }

    /// As the parents of an octopus merge have them, each with another version of one file far down.
    #[test]
    fn many_versions_of_a_deep_tree_are_compared_level_by_level() {
        const DEEP: u32 = 60;
        const VERSIONS: u32 = 6;
        let tree = |version: u32, level: u32| version * DEEP + level;
        let blob = |version: u32| VERSIONS * DEEP + version;
        let mut links = Links::default();
        let below = |version: u32, level: u32| if level + 1 < DEEP { tree(version, level + 1) } else { blob(version) };
        for version in 0..VERSIONS {
            (0..DEEP).for_each(|level| links.add_tree(tree(version, level), [below(version, level)]));
            links.add(blob(version), NodeKind::Blob, []);
        }
        let graph = Graph::new((VERSIONS * (DEEP + 1)) as usize, [links]);
        let mut sets = KeySets::default();
        let blobs = (0..VERSIONS).map(|version| (blob(version), sets.of(vec![version]))).collect();
        let carriers = Carriers { blobs, names: HashMap::new() };
        let mut targets = Bits::new(graph.len());
        (0..VERSIONS).for_each(|version| _ = targets.insert(blob(version)));
        let leads = graph.trees_leading_to(&targets);
        let presence = Presence::build(&graph, &leads, &carriers, &mut sets, |tree| {
            vec![TreeItem { name: b"d"[..].into(), object: Some(below(tree / DEEP, tree % DEEP)) }]
        });
        let nodes: Vec<NodeId> = (0..VERSIONS).map(|version| presence.node(tree(version, 0))).collect();
        let (have, without) = nodes.split_at(VERSIONS as usize / 2);
        let keys: Vec<u32> = presence.difference(have, without, &sets).into_iter().map(|spot| spot.key).collect();
        assert_eq!(keys, [0, 1, 2]);
        assert!(!presence.has_cut_paths());
    }

    #[test]
    fn a_difference_is_what_opening_everything_tells() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut told, mut twice) = (0, 0);
        for round in 0..400 {
            // Trees of few names, blobs of one key each; a third of the rounds with names that are there twice.
            let (count, blobs) = (random.u32(1..12), random.u32(1..6));
            let mut trees: Vec<Entries> = Vec::new();
            for tree in 0..count {
                let mut entries: Entries = Vec::new();
                for name in [b"a", b"b", b"c", b"d"] {
                    let times = if round % 3 == 0 { random.usize(..3) } else { random.usize(..2) };
                    for _ in 0..times {
                        let below = tree > 0 && random.u8(..3) == 0;
                        let object = if below { random.u32(..tree) } else { count + random.u32(..blobs) };
                        entries.push((name.as_slice().into(), object));
                    }
                }
                trees.push(entries);
            }
            let mut links = Links::default();
            (0..).zip(&trees).for_each(|(tree, entries)| links.add_tree(tree, entries.iter().map(|entry| entry.1)));
            (count..count + blobs).for_each(|blob| links.add(blob, NodeKind::Blob, []));
            let graph = Graph::new((count + blobs) as usize, [links]);
            let mut sets = KeySets::default();
            // One of the blobs has no key.
            let carriers = Carriers {
                blobs: (count + 1..count + blobs).map(|blob| (blob, sets.of(vec![blob]))).collect(),
                names: HashMap::new(),
            };
            let mut targets = Bits::new(graph.len());
            carriers.blobs.keys().for_each(|blob| _ = targets.insert(*blob));
            let leads = graph.trees_leading_to(&targets);
            let presence = Presence::build(&graph, &leads, &carriers, &mut sets, |tree| {
                let item = |(name, object): &(Box<[u8]>, u32)| TreeItem { name: name.clone(), object: Some(*object) };
                trees[tree as usize].iter().map(item).collect()
            });
            twice += presence.nodes.iter().filter(|node| node.in_order.is_some()).count();
            for _ in 0..10 {
                let mut some =
                    |most: usize| -> Vec<u32> { (0..random.usize(..=most)).map(|_| random.u32(..count)).collect() };
                let (have, without) = (some(3), some(3));
                let all = |these: &[u32]| {
                    let mut found = BTreeMap::new();
                    these.iter().for_each(|tree| brute(&graph, &trees, *tree, b"", &mut found));
                    found
                };
                let (held, others) = (all(&have), all(&without));
                let mut expected: Vec<(Vec<u8>, u32)> = Vec::new();
                for (path, keys) in held {
                    let new = keys.iter().filter(|key| others.get(&path).is_none_or(|others| !others.contains(key)));
                    expected.extend(new.filter(|key| **key != count).map(|key| (path.clone(), *key)));
                }
                expected.sort();
                let nodes = |these: &[u32]| these.iter().map(|tree| presence.node(*tree)).collect::<Vec<_>>();
                let spots = presence.difference(&nodes(&have), &nodes(&without), &sets);
                let found: Vec<(Vec<u8>, u32)> = spots.into_iter().map(|spot| (spot.path, spot.key)).collect();
                assert_eq!(found, expected, "seed {seed}, round {round}: {have:?} without {without:?} of {trees:?}");
                told += found.len();
            }
        }
        assert!(told > 1000 && twice > 50, "{told} told, {twice} with a name twice");
    }
}
