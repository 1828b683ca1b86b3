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

/// A path of each of a few objects, found from below: the trees that name it, the trees that name those, up to a
/// commit's. Cost: one look at all links for each level.
fn paths(
    store: &Store,
    content: &Content,
    roots: &Roots,
    wanted: HashSet<ObjectIndex>,
) -> HashMap<ObjectIndex, Vec<u8>> {
    const LEVELS: usize = 64;
    let graph = &content.graph;
    let mut is_root = Bits::new(graph.len());
    for commit in (0..store.objects.len() as u32).filter(|object| graph.kind(*object) == NodeKind::Commit) {
        if let Some(&tree) = graph.links(commit).first().filter(|tree| **tree != NONE) {
            is_root.insert(tree);
        }
    }
    // The object that is looked for now, what it is for, and the names below it.
    let mut open: HashMap<ObjectIndex, Vec<(ObjectIndex, Vec<u8>)>> =
        wanted.into_iter().map(|object| (object, vec![(object, Vec::new())])).collect();
    let mut done = HashMap::new();
    let mut bytes = Vec::new();
    for _ in 0..LEVELS {
        if open.is_empty() {
            break;
        }
        let mut is_open = Bits::new(graph.len());
        open.keys().for_each(|object| _ = is_open.insert(*object));
        let mut parent_of: HashMap<ObjectIndex, ObjectIndex> = HashMap::new();
        graph.naming(&is_open, |tree, object| {
            if graph.kind(tree) == NodeKind::Tree && roots.relevant.has(tree) {
                // A commit's own tree ends the search; any other must go on.
                let parent = parent_of.entry(object).or_insert(tree);
                if is_root.has(tree) && !is_root.has(*parent) {
                    *parent = tree;
                }
            }
        });
        let mut next: HashMap<ObjectIndex, Vec<(ObjectIndex, Vec<u8>)>> = HashMap::new();
        for (object, targets) in open {
            let Some(&tree) = parent_of.get(&object) else { continue };
            let Some(name) = name_in(store, tree, object, &mut bytes) else { continue };
            for (target, below) in targets {
                let path = if below.is_empty() { name.clone() } else { [&name, &b"/"[..], &below].concat() };
                if is_root.has(tree) {
                    done.insert(target, path);
                } else {
                    next.entry(tree).or_default().push((target, path));
                }
            }
        }
        open = next;
    }
    done
}

fn name_in(store: &Store, tree: ObjectIndex, object: ObjectIndex, bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    store.read(tree, u64::MAX, bytes).ok()?;
    let oid = store.objects.oid(object);
    let mut name = None;
    parse::tree(bytes, store.format, |entry| {
        if entry.oid == oid && name.is_none() {
            name = Some(entry.name.to_vec());
        }
    });
    name
}
