//! What could not be looked into of content that was there before: nothing came with it where it only went from one path to
//! another.

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

/// The doubts of one comparison: of each object, the first path at which it came.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    by_object: FxHashMap<Oid, (Vec<u8>, Doubt)>,
    bytes: usize,
}

impl Doubts {
    /// As many bytes of paths are kept until it is known what left; a rename has no more.
    const MOST: usize = 32 << 20;

    /// Keeps a doubt; it is given back where there is no room for more, and counts then.
    pub(super) fn keep(&mut self, oid: Oid, path: Vec<u8>, doubt: Doubt) -> Option<(Vec<u8>, Doubt)> {
        if self.by_object.contains_key(&oid) {
            return None;
        }
        if self.bytes + path.len() > Self::MOST {
            return Some((path, doubt));
        }
        self.bytes += path.len() + size_of::<(Oid, Vec<u8>, Doubt)>();
        self.by_object.insert(oid, (path, doubt));
        None
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_object.is_empty()
    }

    pub(super) fn has(&self, oid: &Oid) -> bool {
        self.by_object.contains_key(oid)
    }

    /// Those that count: of what did not leave another path. In the order of ids.
    pub(super) fn without(self, left: &FxHashSet<Oid>) -> Vec<(Oid, Vec<u8>, Doubt)> {
        let rest = self.by_object.into_iter().filter(|(oid, _)| !left.contains(oid));
        let mut rest: Vec<_> = rest.map(|(oid, (path, doubt))| (oid, path, doubt)).collect();
        rest.sort_unstable_by_key(|row| row.0);
        rest
    }
}
