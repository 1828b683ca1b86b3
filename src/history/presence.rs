//! Which trees hold which keys at which paths.
//!
//! The trees that lead to a carrier, with only those entries that do: a small copy of the repository's own sharing of
//! subtrees. Two commits are compared by walking their copies side by side, and equal subtrees are equal numbers.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};

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
    pub name: Vec<u8>,
    /// The object it names, where there is one.
    pub object: Option<u32>,
}

/// The keys that objects and names have.
#[derive(Clone, Debug, Default)]
pub struct Carriers {
    /// Keys in a blob's content.
    pub blobs: HashMap<u32, SetId>,
    /// Keys in an entry's own name, by tree and name.
    pub names: HashMap<(u32, Vec<u8>), SetId>,
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

#[derive(Debug)]
struct Item {
    name: Box<[u8]>,
    name_keys: SetId,
    target: Target,
}

#[derive(Clone, Copy, Debug)]
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
    /// Sorted by name. A malformed tree may have a name more than once.
    items: Vec<Item>,
}

/// The copies of all trees that hold a key.
#[derive(Debug)]
pub struct Presence {
    nodes: Vec<Node>,
    of_tree: HashMap<u32, NodeId>,
    /// Trees that were cut because they are too high.
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
            of_tree: HashMap::new(),
            too_deep: Vec::new(),
            has_cut_paths: Cell::new(false),
        };
        let mut open: Vec<(u32, Vec<TreeItem>, usize)> = Vec::new();
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
                    presence.close(tree, items, carriers, sets);
                }
            }
        }
        presence
    }

    fn close(&mut self, tree: u32, items: Vec<TreeItem>, carriers: &Carriers, sets: &mut KeySets) {
        let mut node = Node { tree, ..Node::default() };
        // Put together once: the union of each few would be a set of its own.
        let mut all: Vec<u32> = Vec::new();
        for item in items {
            let target = match item.object {
                Some(object) if carriers.blobs.contains_key(&object) => {
                    Target::Blob { object, keys: carriers.blobs[&object] }
                }
                Some(object) => self.of_tree.get(&object).map_or(Target::Nothing, |below| Target::Tree(*below)),
                None => Target::Nothing,
            };
            let name_keys = carriers.names.get(&(tree, item.name.clone())).copied().unwrap_or_default();
            let target = match target {
                Target::Tree(below) if self.nodes[below as usize].height >= HIGHEST => {
                    self.too_deep.push(self.nodes[below as usize].tree);
                    Target::Nothing
                }
                other => other,
            };
            let below = match target {
                Target::Nothing => SetId::EMPTY,
                Target::Blob { keys, .. } => keys,
                Target::Tree(below) => {
                    node.height = node.height.max(self.nodes[below as usize].height + 1);
                    self.nodes[below as usize].keys
                }
            };
            if !name_keys.is_empty() || !below.is_empty() {
                all.extend(sets.keys(name_keys).chain(sets.keys(below)));
                node.items.push(Item { name: item.name.into(), name_keys, target });
            }
        }
        node.keys = sets.of(all);
        node.items.sort_by(|a, b| a.name.cmp(&b.name));
        let number = if node.items.is_empty() { 0 } else { self.nodes.len() as NodeId };
        if number > 0 {
            self.nodes.push(node);
        }
        self.of_tree.insert(tree, number);
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
            for item in &node.items {
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
        while let Some((mut have, without, prefix)) = pending.pop() {
            steps += 1;
            if self.is_too_much(steps + spots.len(), MOST_STEPS) || self.is_too_much(bytes, MOST_BYTES) {
                break;
            }
            have.sort_unstable();
            have.dedup();
            have.retain(|node| *node != 0 && !without.contains(node));
            let mut names: BTreeMap<&[u8], Vec<(u32, &Item)>> = BTreeMap::new();
            for node in have {
                let node = &self.nodes[node as usize];
                for item in &node.items {
                    names.entry(&item.name).or_default().push((node.tree, item));
                }
            }
            for (name, items) in names {
                bytes += prefix.len() + name.len();
                if self.is_too_much(bytes, MOST_BYTES) {
                    break;
                }
                let others: Vec<&Item> = without.iter().flat_map(|node| self.items_named(*node, name)).collect();
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

    fn items_named(&self, node: NodeId, name: &[u8]) -> &[Item] {
        let items = &self.nodes[node as usize].items;
        let from = items.partition_point(|item| &*item.name < name);
        let to = from + items[from..].partition_point(|item| &*item.name == name);
        &items[from..to]
    }

    /// For every tree that holds a key, the tree and the blobs with a key right in it.
    pub fn directories(&self) -> impl Iterator<Item = (u32, impl Iterator<Item = u32>)> {
        self.nodes.iter().skip(1).map(|node| {
            let blobs = node.items.iter().filter_map(|item| match item.target {
                Target::Blob { object, .. } => Some(object),
                _ => None,
            });
            (node.tree, blobs)
        })
    }
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
            let item =
                |(name, object): &(&str, u32)| TreeItem { name: name.as_bytes().to_vec(), object: Some(*object) };
            entries[tree as usize].iter().map(item).collect()
        });
        assert_eq!(reads, [0, 1]);
        let paths: Vec<Vec<u8>> = presence.spots(presence.node(0), &sets).into_iter().map(|spot| spot.path).collect();
        assert_eq!(paths, [b"a key"]);
    }
}
