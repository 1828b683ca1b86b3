//! What a tree has by name and what cannot be read: a file of a blobless clone, a directory whose tree is lost.
//!
//! Whether a key stands there nobody knows. So a key that is first seen beside such a parent came in at the commit or
//! before it, and one that is not seen in such a child was not removed by it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::content::Content;
use crate::history::{Bits, NONE, NodeKind};
use crate::store::{ObjectIndex, Store, parse};

/// What is hidden, by tree and path. Each tree that leads to something hidden is read once, when it is asked for.
pub(super) struct Hidden<'a> {
    store: &'a Store,
    content: &'a Content,
    /// The trees that lead to something hidden; none where all was read.
    leads: Option<Bits>,
    read: RefCell<HashMap<ObjectIndex, Rc<Entries>>>,
}

/// The entries of a tree that are hidden or lead to what is.
type Entries = HashMap<Box<[u8]>, Entry>;

#[derive(Clone, Copy)]
enum Entry {
    Hidden,
    Leads(ObjectIndex),
}

impl<'a> Hidden<'a> {
    pub(super) fn new(store: &'a Store, content: &'a Content) -> Self {
        let graph = &content.graph;
        let mut absent = Bits::new(graph.len());
        let unread = graph.objects().filter(|object| graph.kind(*object) == NodeKind::Absent);
        unread.for_each(|object| _ = absent.insert(object));
        let leads = (!absent.is_empty()).then(|| graph.trees_leading_to(&absent));
        Self { store, content, leads, read: RefCell::default() }
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
                Some(Entry::Hidden) => return true,
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
                    None => _ = entries.insert(entry.name.into(), Entry::Hidden),
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
