//! What lies in the quarantine: every object of it read once, as raw bytes, in the pack's order.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustc_hash::{FxHashMap, FxHashSet};

use super::Limits;
use super::scan::{Scanned, scan, scan_after};
use crate::detect::{Detector, Hits};
use crate::model::{Copied, Interrupt, ObjectType, Oid};
use crate::store::{Failure, ObjectIndex, Receiving, Visitor, parse};

/// What a commit names.
#[derive(Clone, Debug)]
pub(super) struct Links {
    pub(super) tree: Option<Oid>,
    pub(super) parents: Vec<Oid>,
    /// Whether something may hang from it unseen.
    pub(super) is_malformed: bool,
}

impl Links {
    pub(super) fn of(bytes: &[u8], format: crate::model::ObjectFormat) -> Self {
        let commit = parse::commit(bytes, format);
        Self { tree: commit.tree, parents: commit.parents, is_malformed: commit.malformed }
    }
}

/// What the quarantine holds.
#[derive(Default)]
pub(super) struct Content {
    /// Its new commits.
    pub(super) commits: FxHashMap<Oid, Links>,
    /// Its new objects that carry a key, tree entries' names apart.
    pub(super) carriers: FxHashMap<Oid, (ObjectType, Scanned)>,
    /// Its new trees that have a key in an entry's name.
    pub(super) named: FxHashMap<Oid, Scanned>,
    /// Its new trees, where the quarantine also has objects that are none: a file's mode may name one.
    pub(super) trees: FxHashSet<Oid>,
    /// Whether a new tree names an object that did not come along.
    pub(super) names_others: bool,
    /// What could not be read.
    pub(super) failures: Vec<(Oid, Failure)>,
    /// New objects, and bytes of them.
    pub(super) objects: u64,
    pub(super) bytes: u64,
    /// Whether there were more bytes than the limit.
    pub(super) is_over: bool,
}

/// Shared by the threads of a pass.
struct Shared<'a> {
    detector: &'a Detector,
    receiving: &'a Receiving,
    bytes: AtomicU64,
    names_others: AtomicBool,
    is_over: AtomicBool,
    most: u64,
    interrupt: Interrupt<'a>,
}

struct Reading<'a> {
    shared: &'a Shared<'a>,
    found: Content,
}

impl Visitor for Reading<'_> {
    type Memory = Hits;

    fn object(
        &mut self,
        index: ObjectIndex,
        kind: ObjectType,
        bytes: &[u8],
        base: Option<(&Hits, &[Copied])>,
    ) -> Option<Hits> {
        let shared = self.shared;
        let so_far = shared.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
        if so_far > shared.most {
            shared.is_over.store(true, Ordering::Relaxed);
            return None;
        }
        if !shared.receiving.is_new(index) {
            return None;
        }
        self.found.objects += 1;
        self.found.bytes += bytes.len() as u64;
        let oid = shared.receiving.quarantined.oid(index);
        match kind {
            ObjectType::Tree => {
                self.tree(oid, bytes);
                return None;
            }
            ObjectType::Commit => {
                self.found.commits.insert(oid, Links::of(bytes, shared.receiving.format));
            }
            ObjectType::Blob | ObjectType::Tag => {}
        }
        self.scan(oid, kind, bytes, base)
    }
}

impl Reading<'_> {
    fn scan(&mut self, oid: Oid, kind: ObjectType, bytes: &[u8], base: Option<(&Hits, &[Copied])>) -> Option<Hits> {
        let (scanned, hits) = scan_after(self.shared.detector, bytes, base, self.shared.interrupt);
        if scanned != Scanned::default() {
            self.found.carriers.insert(oid, (kind, scanned));
        }
        hits
    }

    fn tree(&mut self, oid: Oid, bytes: &[u8]) {
        let Shared { detector, receiving, names_others, .. } = self.shared;
        self.found.trees.insert(oid);
        let has_needle = detector.has_candidate(bytes);
        let mut others = names_others.load(Ordering::Relaxed);
        let mut named = Scanned::default();
        let is_whole = parse::tree(bytes, receiving.format, |entry| {
            others = others || (!entry.is_submodule() && !receiving.came_with_push(&entry.oid));
            if has_needle {
                named.keys.extend(scan(detector, entry.name, Interrupt::never()).keys);
            }
        });
        if others {
            names_others.store(true, Ordering::Relaxed);
        }
        if has_needle && !is_whole {
            self.scan(oid, ObjectType::Tree, bytes, None);
        }
        if !named.keys.is_empty() {
            self.found.named.insert(oid, named);
        }
    }
}

/// Reads the quarantine.
pub(super) fn read(
    receiving: &Receiving,
    detector: &Detector,
    limits: &Limits,
    threads: usize,
    interrupt: Interrupt<'_>,
) -> Content {
    /// So few objects are read by one thread: starting others takes longer.
    const FEW: usize = 500;
    let shared = Shared {
        detector,
        receiving,
        bytes: AtomicU64::new(0),
        names_others: AtomicBool::new(false),
        is_over: AtomicBool::new(false),
        most: limits.total_bytes,
        interrupt,
    };
    let threads = if receiving.quarantined.len() < FEW { 1 } else { threads.max(1) };
    let mut readings: Vec<Reading<'_>> =
        (0..threads).map(|_| Reading { shared: &shared, found: Content::default() }).collect();
    let failures = receiving.visit_quarantined(&mut readings, limits.object_bytes, interrupt);
    let mut whole = Content::default();
    for Reading { found, .. } in readings {
        whole.commits.extend(found.commits);
        whole.carriers.extend(found.carriers);
        whole.named.extend(found.named);
        whole.trees.extend(found.trees);
        whole.objects += found.objects;
        whole.bytes += found.bytes;
    }
    whole.names_others = shared.names_others.into_inner();
    whole.is_over = shared.is_over.into_inner();
    // A base that came along and cannot be read has its descendants told too; alone it is the permanent store's.
    let is_new = |index: &ObjectIndex| receiving.is_new(*index);
    whole.failures = failures
        .into_iter()
        .filter(|(index, _)| is_new(index))
        .map(|(index, failure)| (receiving.quarantined.oid(index), failure))
        .collect();
    whole
}
