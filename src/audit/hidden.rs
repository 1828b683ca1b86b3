//! What a tree has by name and what cannot be read: a file of a blobless clone, a directory whose tree is lost; a file in
//! which a limit was reached, a directory that is a file, and of a tree that breaks off every name that it does not list.
//!
//! Whether a key stands there nobody knows. So a key that is first seen beside such a parent came in at the commit or
//! before it, and one that is not seen in such a child was not removed by it. Nor is it known of a commit that brings in
//! something hidden where a key went that is gone from elsewhere, or of one that takes such a thing away where a key came
//! from. What is hidden in a commit and in its parent alike is taken for what has no part in it.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::content::Content;
use crate::history::{Bits, NONE, NodeKind};
use crate::model::Oid;
use crate::store::parse::{self, TreeEntry};
use crate::store::{ObjectIndex, Store};

/// What is hidden, by tree and path. Each tree that leads to something hidden is read once, when it is asked for.
pub(super) struct Hidden<'a> {
    store: &'a Store,
    content: &'a Content,
    /// Objects of which not all was read.
    half_read: Bits,
    /// The trees that lead to something hidden; none where all was read.
    leads: Option<Bits>,
    read: RefCell<HashMap<ObjectIndex, Rc<Entries>>>,
    /// Whether a commit has something hidden that another has not at the same place, once it was asked.
    lost: RefCell<HashMap<(ObjectIndex, ObjectIndex), bool>>,
}

/// The entries of a tree that are hidden or lead to what is; where the tree was not read to its end, all others too.
struct Entries {
    named: BTreeMap<Box<[u8]>, Entry>,
    is_whole: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Hidden(Oid),
    Leads(ObjectIndex),
    Read,
}

/// So many paths and directories of a commit are looked at.
const MOST_HIDDEN: usize = 10_000;

impl<'a> Hidden<'a> {
    pub(super) fn new(store: &'a Store, content: &'a Content) -> Self {
        let graph = &content.graph;
        let mut half_read = Bits::new(graph.len());
        content.half_read().for_each(|object| _ = half_read.insert(object));
        let mut hidden = half_read.clone();
        let absent = graph.objects().filter(|object| graph.kind(*object) == NodeKind::Absent);
        absent.chain(content.no_trees.iter().copied()).for_each(|object| _ = hidden.insert(object));
        let leads = (!hidden.is_empty()).then(|| graph.trees_leading_to(&hidden));
        Self { store, content, half_read, leads, read: RefCell::default(), lost: RefCell::default() }
    }

    /// Whether there is nothing that is hidden.
    pub(super) fn is_empty(&self) -> bool {
        self.leads.is_none()
    }

    /// Whether what stands at `path` below `tree` is there by name and cannot be read. Cost: one look for each level.
    pub(super) fn is_at(&self, tree: ObjectIndex, path: &[u8]) -> bool {
        self.is_at_any(&[tree], &[path])
    }

    /// The same of any of `paths`, which are in order, below any of `trees`. Cost: a look at what is hidden in each tree or
    /// leads to that, once for each directory of the paths that it stands at.
    pub(super) fn is_at_any(&self, trees: &[ObjectIndex], paths: &[&[u8]]) -> bool {
        let Some(leads) = self.leads.as_ref().filter(|_| !paths.is_empty()) else { return false };
        let is_none = |tree: &ObjectIndex| self.content.graph.kind(*tree) != NodeKind::Tree;
        let trees = trees.iter().copied().filter(|tree| *tree != NONE);
        if trees.clone().any(|tree| is_none(&tree)) {
            return true;
        }
        // A tree, the paths that go through it, and how much of each leads to it.
        let mut pending: Vec<_> = trees.map(|tree| (tree, 0..paths.len(), 0)).collect();
        let mut seen = FxHashSet::default();
        while let Some((tree, among, lead)) = pending.pop() {
            if !leads.has(tree) || !seen.insert((tree, among.start, lead)) {
                continue;
            }
            let entries = self.entries(tree);
            let (first, among_them) = (among.start, &paths[among]);
            let is_named = |path: &&[u8]| {
                let name = path[lead..].split(|byte| *byte == b'/').next().unwrap_or_default();
                entries.named.contains_key(name)
            };
            if !entries.is_whole && !among_them.iter().all(is_named) {
                return true;
            }
            for (name, entry) in &entries.named {
                let is_here = among_them.binary_search_by(|path| path[lead..].cmp(name)).is_ok();
                let below = [name, &b"/"[..]].concat();
                let from = among_them.partition_point(|path| path[lead..] < below[..]);
                let count = among_them[from..].partition_point(|path| path[lead..].starts_with(&below));
                match entry {
                    Entry::Hidden(_) if is_here || count > 0 => return true,
                    // A directory stands where the file stood.
                    Entry::Leads(tree) if is_here && leads.has(*tree) && !self.entries(*tree).is_whole => return true,
                    Entry::Leads(tree) if count > 0 => {
                        pending.push((*tree, first + from..first + from + count, lead + below.len()));
                    }
                    Entry::Hidden(_) | Entry::Leads(_) | Entry::Read => {}
                }
            }
        }
        false
    }

    /// The same below the tree of a commit.
    pub(super) fn is_in_commit(&self, commit: ObjectIndex, path: &[u8]) -> bool {
        self.leads.is_some()
            && (self.content.has_no_tree(commit)
                || self.content.graph.links(commit).first().is_some_and(|tree| self.is_at(*tree, path)))
    }

    /// Paths of what a commit has hidden and none of `others` has at the same place.
    pub(super) fn only_in(&self, commit: ObjectIndex, others: &[ObjectIndex]) -> Vec<Vec<u8>> {
        let Some(leads) = &self.leads else { return Vec::new() };
        let tree_of = |commit: &ObjectIndex| self.content.graph.links(*commit).first().copied().unwrap_or(NONE);
        let (tree, others) = (tree_of(&commit), others.iter().map(tree_of).collect::<Vec<_>>());
        if tree != NONE && others.contains(&tree) {
            return Vec::new();
        }
        if self.content.has_no_tree(commit) {
            return vec![Vec::new()];
        }
        if tree == NONE {
            return Vec::new();
        }
        let mut found = Vec::new();
        let (mut pending, mut seen) = (vec![(tree, others, Vec::new())], FxHashSet::default());
        while let Some((tree, others, path)) = pending.pop() {
            if !leads.has(tree) || others.contains(&tree) || !seen.insert((tree, others.clone())) {
                continue;
            }
            let theirs: Vec<Rc<Entries>> = others
                .iter()
                .filter(|other| **other != NONE && leads.has(**other))
                .map(|it| self.entries(*it))
                .collect();
            let entries = self.entries(tree);
            found.extend((!entries.is_whole).then(|| path.clone()));
            for (name, entry) in &entries.named {
                let same = || theirs.iter().filter_map(|entries| entries.named.get(name));
                let path = if path.is_empty() { name.to_vec() } else { [&path, &b"/"[..], name].concat() };
                match entry {
                    Entry::Hidden(_) => found.extend((!same().any(|their| their == entry)).then_some(path)),
                    Entry::Leads(below) => {
                        let others = same().filter_map(|their| match their {
                            Entry::Leads(below) => Some(*below),
                            Entry::Hidden(_) | Entry::Read => None,
                        });
                        pending.push((*below, others.collect(), path));
                    }
                    Entry::Read => {}
                }
            }
            // Who looks at so much does not find out more: that there is something counts.
            if found.len() + pending.len() > MOST_HIDDEN || seen.len() > MOST_HIDDEN {
                found.extend(pending.into_iter().map(|(.., path)| path));
                found.truncate(MOST_HIDDEN);
                break;
            }
        }
        found
    }

    /// Whether a commit has anything hidden that another has not at the same place. Cost: looked for once.
    pub(super) fn has_more_than(&self, commit: ObjectIndex, other: ObjectIndex) -> bool {
        let known = self.lost.borrow().get(&(commit, other)).copied();
        known.unwrap_or_else(|| {
            let has_more = !self.only_in(commit, &[other]).is_empty();
            self.lost.borrow_mut().insert((commit, other), has_more);
            has_more
        })
    }

    fn what(&self, entry: &TreeEntry<'_>) -> Entry {
        if entry.is_gitlink() || entry.oid.is_builtin() {
            return Entry::Read;
        }
        let Some(object) = self.store.objects.find(&entry.oid) else { return Entry::Hidden(entry.oid) };
        let kind = self.content.graph.kind(object);
        let is_read = match kind {
            NodeKind::Absent => false,
            NodeKind::Tree => true,
            _ => !entry.is_directory() && !self.half_read.has(object),
        };
        match self.leads.as_ref().is_some_and(|leads| leads.has(object)) {
            _ if !is_read => Entry::Hidden(entry.oid),
            true => Entry::Leads(object),
            false => Entry::Read,
        }
    }

    fn entries(&self, tree: ObjectIndex) -> Rc<Entries> {
        if let Some(known) = self.read.borrow().get(&tree) {
            return known.clone();
        }
        let mut bytes = Vec::new();
        let mut entries = Entries { named: BTreeMap::new(), is_whole: !self.half_read.has(tree) };
        // What could be read once and is moved away by now hides nothing: it is told by itself.
        if self.content.read(self.store, tree, &mut bytes).is_ok() {
            parse::tree(&bytes, self.store.format, |entry| {
                let what = self.what(&entry);
                if what != Entry::Read || !entries.is_whole {
                    entries.named.insert(entry.name.into(), what);
                }
            });
        }
        let entries = Rc::new(entries);
        self.read.borrow_mut().insert(tree, entries.clone());
        entries
    }
}
