//! Other vendors' tokens: counts, and one place of each.

use std::collections::{HashMap, HashSet};

use super::content::Content;
use super::roots::Roots;
use crate::detect::Detector;
use crate::history::{Bits, NONE, NodeKind};
use crate::key::KeyId;
use crate::model::{Oid, Shown};
use crate::store::{ObjectIndex, Store, parse};

/// The tokens of one vendor in one repository.
pub(super) struct Found {
    pub(super) vendor: &'static str,
    pub(super) tokens: HashSet<KeyId>,
    pub(super) example: Oid,
    pub(super) path: Option<Shown>,
}

/// Counts by vendor, with the path of one example each.
pub(super) fn find(store: &Store, content: &Content, roots: &Roots, detector: &Detector) -> Vec<Found> {
    let mut found: Vec<(&'static str, HashSet<KeyId>, ObjectIndex)> = Vec::new();
    for (vendor, tokens) in &content.others {
        let ours = tokens.iter().filter(|(_, object)| roots.relevant.has(*object));
        if let Some((_, example)) = ours.clone().min_by_key(|(_, object)| *object) {
            found.push((vendor, ours.map(|(token, _)| *token).collect(), *example));
        }
    }
    let paths = paths(store, content, roots, found.iter().map(|(_, _, example)| *example).collect());
    let mut found: Vec<Found> = found
        .into_iter()
        .map(|(vendor, tokens, example)| Found {
            vendor,
            tokens,
            example: store.objects.oid(example),
            path: paths.get(&example).map(|path| detector.mask(path)),
        })
        .collect();
    found.sort_by_key(|found| found.vendor);
    found
}

/// A path of each of a few objects, found from below: a tree that names it, one that names that, up to a commit's. Cost:
/// a few looks at all links.
fn paths(
    store: &Store,
    content: &Content,
    roots: &Roots,
    wanted: HashSet<ObjectIndex>,
) -> HashMap<ObjectIndex, Vec<u8>> {
    const LEVELS: usize = 64;
    let (graph, mut found) = (&content.graph, HashMap::new());
    if wanted.is_empty() {
        return found;
    }
    let mut is_root = Bits::new(graph.len());
    for commit in graph.objects().filter(|object| graph.kind(*object) == NodeKind::Commit) {
        if let Some(&tree) = graph.links(commit).first().filter(|tree| **tree != NONE) {
            is_root.insert(tree);
        }
    }
    // A commit's own tree ends the search; any other must go on.
    let rank = |tree: ObjectIndex| (!is_root.has(tree), tree);
    let is_counted = |tree: &ObjectIndex| graph.kind(*tree) == NodeKind::Tree && roots.relevant.has(*tree);
    let mut is_wanted = Bits::new(graph.len());
    wanted.iter().for_each(|object| _ = is_wanted.insert(*object));
    let mut named_by: HashMap<ObjectIndex, ObjectIndex> = HashMap::new();
    graph.naming(&is_wanted, |tree, object| {
        if is_counted(&tree) {
            let first = named_by.entry(object).or_insert(tree);
            *first = std::cmp::min_by_key(*first, tree, |tree| rank(*tree));
        }
    });
    let mut bytes = Vec::new();
    for object in wanted {
        let (mut at, mut names, mut next) = (object, Vec::new(), named_by.get(&object).copied());
        while let Some(tree) = next.filter(|_| names.len() < LEVELS) {
            let Some(name) = name_in(store, content, tree, at, &mut bytes) else { break };
            names.push(name);
            at = tree;
            next = if is_root.has(at) {
                None
            } else {
                graph.trees_above(at).filter(is_counted).min_by_key(|tree| rank(*tree))
            };
        }
        if !names.is_empty() && is_root.has(at) {
            names.reverse();
            found.insert(object, names.join(&b'/'));
        }
    }
    found
}

fn name_in(
    store: &Store,
    content: &Content,
    tree: ObjectIndex,
    object: ObjectIndex,
    bytes: &mut Vec<u8>,
) -> Option<Vec<u8>> {
    content.read(store, tree, bytes).ok()?;
    let oid = store.objects.oid(object);
    let mut name = None;
    parse::tree(bytes, store.format, |entry| {
        if entry.oid == oid && name.is_none() {
            name = Some(entry.name.to_vec());
        }
    });
    name
}
