//! What a tree has by name and what cannot be read: a file of a blobless clone, a directory whose tree is lost.
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
use crate::store::{ObjectIndex, Store, parse};

/// What is hidden, by tree and path. Each tree that leads to something hidden is read once, when it is asked for.
pub(super) struct Hidden<'a> {
    store: &'a Store,
    content: &'a Content,
    /// The trees that lead to something hidden; none where all was read.
    leads: Option<Bits>,
    read: RefCell<HashMap<ObjectIndex, Rc<Entries>>>,
    /// Whether a commit has something hidden that another has not at the same place, once it was asked.
    lost: RefCell<HashMap<(ObjectIndex, ObjectIndex), bool>>,
}

/// The entries of a tree that are hidden or lead to what is.
type Entries = BTreeMap<Box<[u8]>, Entry>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Hidden(Oid),
    Leads(ObjectIndex),
}

/// So many paths and directories of a commit are looked at.
const MOST_HIDDEN: usize = 10_000;

impl<'a> Hidden<'a> {
    pub(super) fn new(store: &'a Store, content: &'a Content) -> Self {
        let graph = &content.graph;
        let mut absent = Bits::new(graph.len());
        let unread = graph.objects().filter(|object| graph.kind(*object) == NodeKind::Absent);
        unread.for_each(|object| _ = absent.insert(object));
        let leads = (!absent.is_empty()).then(|| graph.trees_leading_to(&absent));
        Self { store, content, leads, read: RefCell::default(), lost: RefCell::default() }
    }

    /// Whether there is nothing that is hidden.
    pub(super) fn is_empty(&self) -> bool {
        self.leads.is_none()
    }

    /// Whether what stands at `path` below `tree` is there by name and cannot be read. Cost: one look for each level.
    pub(super) fn is_at(&self, mut tree: ObjectIndex, path: &[u8]) -> bool {
        let Some(leads) = self.leads.as_ref().filter(|_| tree != NONE) else { return false };
        if self.content.graph.kind(tree) == NodeKind::Absent {
            return true;
        }
        for name in path.split(|byte| *byte == b'/') {
            if !leads.has(tree) {
                return false;
            }
            match self.entries(tree).get(name) {
                Some(Entry::Hidden(_)) => return true,
                Some(Entry::Leads(below)) => tree = *below,
                None => return false,
            }
        }
        false
    }

    /// The same below the tree of a commit.
    pub(super) fn is_in_commit(&self, commit: ObjectIndex, path: &[u8]) -> bool {
        self.leads.is_some() && self.content.graph.links(commit).first().is_some_and(|tree| self.is_at(*tree, path))
    }

    /// Paths of what a commit has hidden and none of `others` has at the same place.
    pub(super) fn only_in(&self, commit: ObjectIndex, others: &[ObjectIndex]) -> Vec<Vec<u8>> {
        let Some(leads) = &self.leads else { return Vec::new() };
        let tree_of = |commit: &ObjectIndex| self.content.graph.links(*commit).first().copied().unwrap_or(NONE);
        let (tree, others) = (tree_of(&commit), others.iter().map(tree_of).collect::<Vec<_>>());
        if tree == NONE || others.contains(&tree) {
            return Vec::new();
        }
        if self.content.graph.kind(tree) == NodeKind::Absent {
            return vec![Vec::new()];
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
            for (name, entry) in self.entries(tree).iter() {
                let same = || theirs.iter().filter_map(|entries| entries.get(name));
                let path = if path.is_empty() { name.to_vec() } else { [&path, &b"/"[..], name].concat() };
                match entry {
                    Entry::Hidden(_) => found.extend((!same().any(|their| their == entry)).then_some(path)),
                    Entry::Leads(below) => {
                        let others = same().filter_map(|their| match their {
                            Entry::Leads(below) => Some(*below),
                            Entry::Hidden(_) => None,
                        });
                        pending.push((*below, others.collect(), path));
                    }
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

    fn entries(&self, tree: ObjectIndex) -> Rc<Entries> {
        if let Some(known) = self.read.borrow().get(&tree) {
            return known.clone();
        }
        let mut bytes = Vec::new();
        let mut entries = Entries::new();
        // What could be read once and is moved away by now hides nothing: it is told by itself.
        if self.content.read(self.store, tree, &mut bytes).is_ok() {
            parse::tree(&bytes, self.store.format, |entry| {
                if entry.is_gitlink() || entry.oid.is_builtin() {
                    return;
                }
                let object = self.store.objects.find(&entry.oid);
                let read = object.filter(|object| self.content.graph.kind(*object) != NodeKind::Absent);
                match read {
                    None => _ = entries.insert(entry.name.into(), Entry::Hidden(entry.oid)),
                    Some(below) if self.leads.as_ref().is_some_and(|leads| leads.has(below)) => {
                        entries.insert(entry.name.into(), Entry::Leads(below));
                    }
                    Some(_) => {}
                }
            });
        }
        let entries = Rc::new(entries);
        self.read.borrow_mut().insert(tree, entries.clone());
        entries
    }
}
