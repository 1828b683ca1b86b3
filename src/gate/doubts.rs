//! What could not be looked into of content that was there before: nothing came with it where it only went from one path to
//! another, or where an existing tip has it.

use std::collections::BTreeSet;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::scan::Scanned;
use crate::model::Oid;
use crate::store::Failure;

/// Why the keys of an object are not all known.
#[derive(Clone, Debug)]
pub(super) enum Doubt {
    /// A limit ended its scan, or a container in it is closed.
    Scan(Rc<Scanned>),
    /// It is larger than the limit.
    Size(Failure),
}

/// The doubts of a push: of each object, the paths at which it came.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    by_object: FxHashMap<Oid, (Doubt, BTreeSet<Vec<u8>>)>,
    bytes: usize,
}

impl Doubts {
    /// As many bytes of paths are kept until it is known what was there; a rename has no more.
    const MOST: usize = 32 << 20;

    /// Keeps a doubt; it is given back where there is no room for more, and counts then.
    pub(super) fn keep(&mut self, oid: Oid, path: Vec<u8>, doubt: Doubt) -> Option<(Vec<u8>, Doubt)> {
        if self.bytes + path.len() > Self::MOST {
            return Some((path, doubt));
        }
        let bytes = path.len() + size_of::<(Oid, Doubt, Vec<u8>)>();
        let (_, paths) = self.by_object.entry(oid).or_insert_with(|| (doubt, BTreeSet::new()));
        if paths.insert(path) {
            self.bytes += bytes;
        }
        None
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_object.is_empty()
    }

    pub(super) fn has(&self, oid: &Oid) -> bool {
        self.by_object.contains_key(oid)
    }

    /// Each object, and a path at which it came.
    pub(super) fn places(&self) -> impl Iterator<Item = (Oid, &Vec<u8>)> {
        self.by_object.iter().flat_map(|(oid, (_, paths))| paths.iter().map(|path| (*oid, path)))
    }

    /// Takes out what there is no doubt about: nothing of these objects came.
    pub(super) fn settle(&mut self, there: &FxHashSet<Oid>) {
        self.by_object.retain(|oid, _| !there.contains(oid));
    }

    /// The same of an object at one path.
    pub(super) fn settle_at(&mut self, oid: Oid, path: &[u8]) {
        if let Some((_, paths)) = self.by_object.get_mut(&oid) {
            paths.remove(path);
            if paths.is_empty() {
                self.by_object.remove(&oid);
            }
        }
    }

    /// Those that are left, by object and path.
    pub(super) fn into_rows(self) -> Vec<(Oid, Vec<u8>, Doubt)> {
        let rows = self.by_object.into_iter();
        let one = |(oid, (doubt, paths)): (Oid, (Doubt, BTreeSet<Vec<u8>>))| {
            paths.into_iter().map(move |path| (oid, path, doubt.clone()))
        };
        let mut rows: Vec<_> = rows.flat_map(one).collect();
        rows.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        rows
    }
}
