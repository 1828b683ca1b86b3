//! From carriers to changes: the step from what stands where to when it came and went.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::content::{Clocks, Content, NameSighting, Sighting};
use super::hidden::Hidden;
use super::roots::Roots;
use crate::history::{
    Bits, Carriers, Change, CommitFacts, History, KeySets, NONE, NodeKind, Presence, SetId, TreeItem, Way, walk,
};
use crate::model::{Interrupt, Place};
use crate::store::{ObjectIndex, Store, parse};

/// Everything that history tells of the keys found.
pub(super) struct Attribution<'a> {
    /// What was not read of trees and files.
    pub(super) hidden: Hidden<'a>,
    /// By key, paths to which it may have gone, or that it may not have left, since what stands there cannot be read.
    pub(super) unsure: Unsure,
    /// By key, its changes by reachable commits; none where nothing is hidden.
    pub(super) changes_of: HashMap<u32, Vec<u32>>,
    pub(super) sets: KeySets,
    pub(super) presence: Presence,
    /// Trees that could be read once and not again: they were moved away meanwhile.
    pub(super) unread: Vec<ObjectIndex>,
    /// All commits, by number.
    pub(super) commits: Vec<ObjectIndex>,
    pub(super) number_of: HashMap<ObjectIndex, u32>,
    pub(super) facts: Vec<CommitFacts>,
    /// Over reachable commits.
    pub(super) reachable: History,
    /// Over the others.
    pub(super) unreachable: History,
    /// The first sighting of a key in an object.
    pub(super) in_object: FxHashMap<(ObjectIndex, u32), &'a Sighting>,
    pub(super) in_name: FxHashMap<(ObjectIndex, u32), &'a NameSighting>,
}

/// The trees that lead to a key, or have one in a name.
pub(super) fn leading_trees(content: &Content) -> Bits {
    let mut targets = Bits::new(content.graph.len());
    let in_files = content.sightings.iter().filter(|sighting| sighting.place == Place::File);
    in_files.for_each(|sighting| _ = targets.insert(sighting.object));
    content.names.iter().for_each(|sighting| _ = targets.insert(sighting.tree));
    content.graph.trees_leading_to(&targets)
}

/// Builds presence in the trees that lead to a key, and walks history, once over what tips reach and once over the rest.
pub(super) fn attribute<'a>(
    store: &'a Store,
    content: &'a Content,
    roots: &Roots,
    leads: &Bits,
    interrupt: Interrupt<'_>,
) -> Attribution<'a> {
    let mut sets = KeySets::default();
    let carriers = carriers(content, &mut sets);
    let mut bytes = Vec::new();
    let mut unread = Vec::new();
    let presence = Presence::build(&content.graph, leads, &carriers, &mut sets, |tree| {
        if interrupt.is_set() {
            return Vec::new();
        }
        let mut items = Vec::new();
        read_tree(store, content, tree, &mut bytes, |item| {
            if carriers.concern(&item, leads) {
                items.push(item);
            }
        });
        // It leads to a carrier, so it has entries.
        if items.is_empty() {
            unread.push(tree);
        }
        items
    });
    let unseen = content.graph.trees_leading_to(&absent_trees(content));
    let mut own: HashMap<ObjectIndex, Vec<u32>> = HashMap::new();
    for sighting in &content.sightings {
        if content.graph.kind(sighting.object) == NodeKind::Commit {
            own.entry(sighting.object).or_default().push(sighting.key);
        }
    }
    // Every commit lends its tree as a parent, wanted or not.
    let commits: Vec<ObjectIndex> =
        (0..store.objects.len() as u32).filter(|object| content.graph.kind(*object) == NodeKind::Commit).collect();
    let number_of: HashMap<ObjectIndex, u32> =
        commits.iter().enumerate().map(|(number, object)| (*object, number as u32)).collect();
    let mut facts: Vec<CommitFacts> = commits
        .iter()
        .map(|object| {
            let own = own.remove(object).map_or(SetId::EMPTY, |keys| sets.of(keys));
            facts_of(*object, content, &presence, &number_of, &unseen, own)
        })
        .collect();
    stand_beside(&mut facts, roots, &number_of);
    want(&mut facts, &commits, |object| roots.reached.has(object));
    let mut reachable = walk(&facts, &presence, &mut sets, interrupt);
    let hidden = Hidden::new(store, content);
    let unsure = take_unsure(&mut reachable.changes, &hidden, content, &commits);
    let mut changes_of: HashMap<u32, Vec<u32>> = HashMap::new();
    if !hidden.is_empty() {
        let changes = reachable.changes.iter().zip(0..);
        changes.for_each(|(change, number)| changes_of.entry(change.spot.key).or_default().push(number));
    }
    want(&mut facts, &commits, |object| !roots.reached.has(object) && roots.relevant.has(object));
    let unreachable = walk(&facts, &presence, &mut sets, interrupt);
    let mut in_object = FxHashMap::default();
    for sighting in &content.sightings {
        in_object.entry((sighting.object, sighting.key)).or_insert(sighting);
    }
    let in_name = content.names.iter().map(|sighting| ((sighting.tree, sighting.key), sighting)).collect();
    Attribution {
        hidden,
        unsure,
        changes_of,
        sets,
        presence,
        unread,
        commits,
        number_of,
        facts,
        reachable,
        unreachable,
        in_object,
        in_name,
    }
}

/// Paths by key: those of a commit once, for all of its keys.
type Unsure = HashMap<u32, Vec<Rc<[Vec<u8>]>>>;

/// Takes out what is no removal, since something stands at its path that cannot be read: the paths, by key. Where that is
/// so of one path of a key, or the commit brings in elsewhere what cannot be read, it may hold the key still, and leaves it
/// at its other paths alone.
fn take_unsure(changes: &mut Vec<Change>, hidden: &Hidden<'_>, content: &Content, commits: &[ObjectIndex]) -> Unsure {
    let mut unsure = Unsure::new();
    if hidden.is_empty() {
        return unsure;
    }
    let mut kept: HashMap<(u32, u32), HashSet<Vec<u8>>> = HashMap::new();
    for change in changes.iter().filter(|change| change.way == Way::Out) {
        if hidden.is_in_commit(commits[change.commit as usize], &change.spot.path) {
            kept.entry((change.commit, change.spot.key)).or_default().insert(change.spot.path.clone());
        }
    }
    // Changes of a commit stand together, and what it brings in is the same for all of its keys.
    let mut brought: Option<(u32, Rc<[Vec<u8>]>)> = None;
    for change in changes.iter_mut().filter(|change| change.way == Way::Out && change.is_key_level) {
        let commit = commits[change.commit as usize];
        let known = brought.take().filter(|(of, _)| *of == change.commit);
        let (_, paths) = brought.insert(
            known.unwrap_or_else(|| (change.commit, hidden.only_in(commit, &parents_of(content, commit)).into())),
        );
        change.is_key_level = paths.is_empty();
        if !paths.is_empty() {
            unsure.entry(change.spot.key).or_default().push(Rc::clone(paths));
        }
    }
    changes.retain_mut(|change| {
        let Some(paths) = kept.get(&(change.commit, change.spot.key)) else { return true };
        if change.moved.as_ref().is_some_and(|path| paths.contains(path)) {
            change.moved = None;
        }
        let is_out = change.way == Way::Out;
        change.is_key_level &= !is_out;
        !(is_out && paths.contains(&change.spot.path))
    });
    for ((_, key), paths) in kept {
        unsure.entry(key).or_default().push(paths.into_iter().collect());
    }
    unsure
}

/// The parents of a commit that are named and known of.
fn parents_of(content: &Content, commit: ObjectIndex) -> Vec<ObjectIndex> {
    let parents = content.graph.links(commit).iter().skip(1);
    parents.copied().filter(|parent| *parent != NONE).collect()
}

/// Notes what stands in a stash beside its own tree: it removes none of that.
fn stand_beside(facts: &mut [CommitFacts], roots: &Roots, number_of: &HashMap<ObjectIndex, u32>) {
    for tip in &roots.tips {
        let Some(number) = number_of.get(&tip.peeled) else { continue };
        let beside = tip.beside.iter().filter_map(|beside| number_of.get(beside));
        facts[*number as usize].beside = beside.map(|beside| facts[*beside as usize].root).collect();
    }
}

fn want(facts: &mut [CommitFacts], commits: &[ObjectIndex], wanted: impl Fn(ObjectIndex) -> bool) {
    for (facts, object) in facts.iter_mut().zip(commits) {
        facts.is_wanted = wanted(*object);
    }
}

fn carriers(content: &Content, sets: &mut KeySets) -> Carriers {
    let mut blobs: HashMap<ObjectIndex, Vec<u32>> = HashMap::new();
    for sighting in &content.sightings {
        if sighting.place == Place::File {
            blobs.entry(sighting.object).or_default().push(sighting.key);
        }
    }
    let mut carriers = Carriers::default();
    let mut last = None;
    for NameSighting { key, name, .. } in &content.names {
        // Versions of a directory have the same names, one after the other.
        if last.replace((key, name)) == Some((key, name)) {
            continue;
        }
        let one = sets.of(vec![*key]);
        let keys = carriers.names.entry(Arc::clone(name)).or_default();
        *keys = sets.union(*keys, one);
    }
    carriers.blobs = blobs.into_iter().map(|(blob, keys)| (blob, sets.of(keys))).collect();
    carriers
}

/// Objects that are named as trees and are not there, and objects of any type that could not be read.
fn absent_trees(content: &Content) -> Bits {
    let mut absent = Bits::new(content.graph.len());
    for (number, missing) in content.missing.iter().enumerate() {
        if missing.is_tree {
            absent.insert((content.sizes.len() + number) as u32);
        }
    }
    content.failures.iter().for_each(|(object, _)| _ = absent.insert(*object));
    content.malformed.iter().for_each(|(object, _)| _ = absent.insert(*object));
    absent
}

fn facts_of(
    object: ObjectIndex,
    content: &Content,
    presence: &Presence,
    number_of: &HashMap<ObjectIndex, u32>,
    unseen: &Bits,
    own: SetId,
) -> CommitFacts {
    let links = content.graph.links(object);
    let tree = links.first().copied().unwrap_or(NONE);
    let named = links.get(1..).unwrap_or_default();
    let parents: Vec<u32> = named.iter().filter_map(|parent| number_of.get(parent).copied()).collect();
    let is_hidden = |parent: &u32| {
        content.graph.kind(*parent) != NodeKind::Commit
            || content.has_no_tree(*parent)
            || content.graph.links(*parent).first().is_some_and(|tree| *tree != NONE && unseen.has(*tree))
    };
    let Clocks { author, committer } = content.clocks_of(object);
    CommitFacts {
        parents,
        is_cut: content.is_malformed(object) || named.iter().any(|parent| *parent != NONE && is_hidden(parent)),
        root: presence.node(tree),
        beside: Vec::new(),
        own,
        committer_time: committer,
        author_time: author,
        is_wanted: false,
    }
}

/// Hands over a tree's entries, as numbers.
pub(super) fn read_tree(
    store: &Store,
    content: &Content,
    tree: ObjectIndex,
    bytes: &mut Vec<u8>,
    mut each: impl FnMut(TreeItem),
) {
    if content.read(store, tree, bytes).is_err() {
        return;
    }
    let mut links = content.graph.entries(tree);
    parse::tree(bytes, store.format, |entry| {
        // What it names was looked up before; but of several copies this may be another, which names something else.
        let is_it = |link: &u32| (*link as usize) < store.objects.len() && store.objects.oid(*link) == entry.oid;
        let object = match links.next().filter(is_it) {
            _ if entry.is_submodule() => None,
            None => store.objects.find(&entry.oid),
            known => known,
        };
        each(TreeItem { name: entry.name.into(), object });
    });
}

impl Attribution<'_> {
    /// Whether the tree of a commit that this audit is about holds a key, where paths can be named.
    pub(super) fn is_held(&self, key: u32) -> bool {
        self.sets.has(self.reachable.held, key)
    }

    /// Whether an ancestor of a commit holds a key, and no parent: then what brings it in brings it back.
    pub(super) fn is_brought_back(&self, commit: u32, key: u32) -> bool {
        let holds = |number: &u32| self.sets.has(self.presence.keys(self.facts[*number as usize].root), key);
        self.sets.has(self.reachable.held_before[commit as usize], key)
            && !self.facts[commit as usize].parents.iter().any(holds)
    }

    /// Whether a change into a commit may have come earlier than the commit: history is cut at it, or a parent has
    /// something that cannot be read, at the very path, or elsewhere where the commit has it no more.
    pub(super) fn is_at_or_before(&self, content: &Content, change: &Change) -> bool {
        if change.way == Way::Out {
            return false;
        }
        if self.facts[change.commit as usize].is_cut {
            return true;
        }
        if self.hidden.is_empty() {
            return false;
        }
        let commit = self.commits[change.commit as usize];
        let lost = |parent: &ObjectIndex| {
            let at_path = !change.spot.in_name && self.hidden.is_in_commit(*parent, &change.spot.path);
            at_path || (change.is_key_level && self.hidden.has_more_than(*parent, commit))
        };
        parents_of(content, commit).iter().any(lost)
    }

    /// The key's changes by reachable commits, where something is hidden.
    pub(super) fn changes(&self, key: u32) -> impl Iterator<Item = &Change> {
        let numbers = self.changes_of.get(&key).into_iter().flatten();
        numbers.filter_map(|number| self.reachable.changes.get(*number as usize))
    }

    /// The parents of a commit from whose hidden things a key may have come that the commit introduces, with the commit.
    pub(super) fn origins(&self, content: &Content, change: &Change) -> Vec<(ObjectIndex, ObjectIndex)> {
        if change.way == Way::Out || !change.is_key_level {
            return Vec::new();
        }
        let commit = self.commits[change.commit as usize];
        let parents = parents_of(content, commit).into_iter();
        parents.filter(|parent| self.hidden.has_more_than(*parent, commit)).map(|parent| (parent, commit)).collect()
    }

    /// Whether a commit that holds a key no more has something at one of its parents' paths that cannot be read, or brings
    /// such a thing in.
    pub(super) fn may_hold(&self, content: &Content, commit: u32, key: u32) -> bool {
        if self.hidden.is_empty() {
            return false;
        }
        let object = self.commits[commit as usize];
        if !self.hidden.only_in(object, &parents_of(content, object)).is_empty() {
            return true;
        }
        self.facts[commit as usize].parents.iter().any(|parent| {
            let spots = self.presence.spots_of(self.facts[*parent as usize].root, key, &self.sets);
            spots.iter().any(|spot| self.hidden.is_in_commit(object, &spot.path))
        })
    }
}
