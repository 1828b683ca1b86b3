//! What lies in the quarantine: every object of it read once, as raw bytes, in the pack's order.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use rustc_hash::{FxHashMap, FxHashSet};

use super::scan::{MANY_KEYS, MOST_KEYS as MOST_NAMES, Scanned, scan, scan_after};
use super::{Limits, Problem};
use crate::detect::{Detector, Hits};
use crate::model::{Copied, Interrupt, ObjectType, Oid};
use crate::store::{Failure, ObjectIndex, Pieces, Receiving, Visitor, parse};

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
    /// The limit that ended the reading before its end.
    pub(super) over: Option<Problem>,
}

/// Shared by the threads of a pass.
struct Shared<'a> {
    detector: &'a Detector,
    receiving: &'a Receiving,
    bytes: AtomicU64,
    keys: AtomicUsize,
    names_others: AtomicBool,
    over: OnceLock<Problem>,
    limits: &'a Limits,
    /// More bytes than this are beyond all proportion to what was sent.
    most: u64,
    interrupt: Interrupt<'a>,
    /// Ends the reading: whoever sends a thing that unpacks without end is not waited for.
    is_over: &'a AtomicBool,
}

impl Shared<'_> {
    fn end(&self, problem: Problem) {
        _ = self.over.set(problem);
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Counts an object; whether it may still be looked at.
    fn count(&self, bytes: u64) -> bool {
        let so_far = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if so_far > self.limits.total_bytes {
            self.end(Problem::TooMuch { limit: self.limits.total_bytes });
        } else if so_far > self.most {
            self.end(Problem::Expansion { stored: self.receiving.stored_bytes, times: self.limits.expansion });
        } else if self.interrupt.is_set() {
            self.is_over.store(true, Ordering::Relaxed);
        }
        !self.is_over.load(Ordering::Relaxed)
    }
}

/// Up to so many objects of the largest size a push may unpack to, whatever it takes: versions of the image of an empty disk
/// become ten thousand times what they take, and that much is read in seconds.
const FREELY: u64 = 16;

/// So many objects of the largest size may be held at once. A chain of versions takes two however long it is; a family that
/// branches takes one more each time its number doubles, and a few kilobytes can make one of thousands.
const MOST_HELD: u64 = 4;

struct Reading<'a> {
    shared: &'a Shared<'a>,
    found: Content,
    /// Which new tree names which as a directory.
    levels: Vec<(ObjectIndex, ObjectIndex)>,
    /// New objects that trees named of late: versions of a tree that come one after another name nearly the same.
    recent: Vec<(Oid, ObjectIndex)>,
}

/// So many are remembered, each in the place that its id says.
const RECENT: usize = 4096;

/// So many directories in directories a thread remembers. In a push with more the depth is not looked at here: git looks at
/// it itself, and a comparison goes no deeper than its limit.
const MOST_LEVELS: usize = 4_000_000;

/// So many keys, each counted once for each object, are remembered: an object that repeats ten thousand of them costs a
/// few bytes to send again with one changed.
const MOST_KEYS: usize = 300_000;

impl Visitor for Reading<'_> {
    type Memory = Hits;

    fn object(
        &mut self,
        index: ObjectIndex,
        kind: ObjectType,
        bytes: &[u8],
        base: Option<(&Hits, &[Copied])>,
    ) -> Option<Hits> {
        if !self.shared.count(bytes.len() as u64) {
            return None;
        }
        self.examine(index, kind, bytes, base)
    }

    fn large(&mut self, _: ObjectIndex, pieces: &mut Pieces<'_>) -> Result<(), Failure> {
        // The policy says how large an object may be.
        Err(Failure::TooLarge(pieces.left()))
    }
}

impl Reading<'_> {
    fn examine(
        &mut self,
        index: ObjectIndex,
        kind: ObjectType,
        bytes: &[u8],
        base: Option<(&Hits, &[Copied])>,
    ) -> Option<Hits> {
        let shared = self.shared;
        if !shared.receiving.is_new(index) {
            return None;
        }
        self.found.objects += 1;
        self.found.bytes += bytes.len() as u64;
        let oid = shared.receiving.quarantined.oid(index);
        match kind {
            ObjectType::Tree => {
                self.tree(index, oid, bytes);
                return None;
            }
            ObjectType::Commit => {
                self.found.commits.insert(oid, Links::of(bytes, shared.receiving.format));
            }
            ObjectType::Blob | ObjectType::Tag => {}
        }
        self.scan(oid, kind, bytes, base)
    }

    fn scan(&mut self, oid: Oid, kind: ObjectType, bytes: &[u8], base: Option<(&Hits, &[Copied])>) -> Option<Hits> {
        let (scanned, hits) = scan_after(self.shared.detector, bytes, base, self.shared.interrupt);
        if scanned != Scanned::default() {
            self.remember(scanned.keys.len());
            self.found.carriers.insert(oid, (kind, scanned));
        }
        hits
    }

    fn remember(&self, keys: usize) {
        if self.shared.keys.fetch_add(keys, Ordering::Relaxed).saturating_add(keys) > MOST_KEYS {
            self.shared.end(Problem::TooMany);
        }
    }

    fn tree(&mut self, index: ObjectIndex, oid: Oid, bytes: &[u8]) {
        let Shared { detector, receiving, names_others, .. } = self.shared;
        self.found.trees.insert(oid);
        let has_needle = detector.has_candidate(bytes);
        let mut others = names_others.load(Ordering::Relaxed);
        let mut named = Scanned::default();
        let (levels, recent) = (&mut self.levels, &mut self.recent);
        if recent.is_empty() {
            recent.resize(RECENT, (oid, index));
        }
        let is_whole = parse::tree(bytes, receiving.format, |entry| {
            let is_dir = entry.mode & 0o170_000 == 0o040_000;
            if is_dir || (!others && !entry.is_submodule()) {
                let place = recent_place(&entry.oid);
                let there = match recent.get(place) {
                    Some((oid, there)) if *oid == entry.oid => Some(*there),
                    _ => receiving.quarantined.find(&entry.oid).filter(|there| receiving.is_new(*there)),
                };
                match there {
                    Some(there) => recent[place] = (entry.oid, there),
                    None => others = true,
                }
                if levels.len() < MOST_LEVELS {
                    levels.extend(there.filter(|_| is_dir).map(|below| (index, below)));
                }
            }
            if has_needle && named.keys.len() < MOST_NAMES {
                named.take(scan(detector, entry.name, Interrupt::never()));
                if named.keys.len() >= MOST_NAMES {
                    named.limits.push(MANY_KEYS);
                }
            }
        });
        // What cannot be read to its end is looked at again from the commits that reach it.
        if others || !is_whole {
            names_others.store(true, Ordering::Relaxed);
        }
        if has_needle && !is_whole {
            self.scan(oid, ObjectType::Tree, bytes, None);
        }
        if named != Scanned::default() {
            self.remember(named.keys.len());
            self.found.named.insert(oid, named);
        }
    }
}

fn recent_place(oid: &Oid) -> usize {
    let bytes = oid.as_bytes();
    (usize::from(bytes[0]) << 8 | usize::from(bytes[1])) % RECENT
}

/// A tree of the quarantine that has more directories above it than `limit`. `levels` says which tree names which, in any
/// order and as often as it does.
fn too_deep(levels: &[(ObjectIndex, ObjectIndex)], count: usize, limit: usize) -> Option<ObjectIndex> {
    // The trees that tree `n` names are `below[first[n]..first[n + 1]]`.
    let mut first = vec![0u32; count + 1];
    let mut waits_for = vec![0u32; count];
    for (tree, named) in levels {
        first[*tree as usize + 1] += 1;
        waits_for[*named as usize] += 1;
    }
    for at in 0..count {
        first[at + 1] += first[at];
    }
    let mut ready: Vec<usize> =
        (0..count).filter(|tree| waits_for[*tree] == 0 && first[*tree] < first[*tree + 1]).collect();
    let mut below = vec![0; levels.len()];
    let mut next = first.clone();
    for (tree, named) in levels {
        let next = &mut next[*tree as usize];
        below[*next as usize] = *named;
        *next += 1;
    }
    let mut depth = vec![0usize; count];
    while let Some(tree) = ready.pop() {
        if depth[tree] > limit {
            return Some(tree as ObjectIndex);
        }
        for named in &below[first[tree] as usize..first[tree + 1] as usize] {
            let named = *named as usize;
            depth[named] = depth[named].max(depth[tree] + 1);
            waits_for[named] -= 1;
            if waits_for[named] == 0 {
                ready.push(named);
            }
        }
    }
    None
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
    let threads = if receiving.quarantined.len() < FEW { 1 } else { threads.max(1) };
    let is_over = AtomicBool::new(false);
    let shared = Shared {
        detector,
        receiving,
        bytes: AtomicU64::new(0),
        keys: AtomicUsize::new(0),
        names_others: AtomicBool::new(false),
        over: OnceLock::new(),
        limits,
        most: receiving.stored_bytes.saturating_mul(limits.expansion).max(limits.object_bytes.saturating_mul(FREELY)),
        interrupt,
        is_over: &is_over,
    };
    let mut readings: Vec<Reading<'_>> = (0..threads)
        .map(|_| Reading { shared: &shared, found: Content::default(), levels: Vec::new(), recent: Vec::new() })
        .collect();
    let room = (limits.object_bytes, limits.object_bytes.saturating_mul(MOST_HELD));
    let failures = receiving.visit_quarantined(&mut readings, room, Interrupt::on(&is_over));
    let mut readings = readings.into_iter();
    let first = readings.next();
    let (mut whole, mut levels) = first.map(|reading| (reading.found, reading.levels)).unwrap_or_default();
    let mut is_cut = levels.len() >= MOST_LEVELS;
    for Reading { found, levels: some, .. } in readings {
        is_cut |= some.len() >= MOST_LEVELS;
        levels.extend(some);
        whole.commits.extend(found.commits);
        whole.carriers.extend(found.carriers);
        whole.named.extend(found.named);
        whole.trees.extend(found.trees);
        whole.objects += found.objects;
        whole.bytes += found.bytes;
    }
    whole.names_others = shared.names_others.into_inner();
    whole.over = shared.over.into_inner();
    // So deep a tree has as many others below it.
    if whole.over.is_none() && !is_cut && whole.trees.len() > limits.tree_depth {
        let deep = too_deep(&levels, receiving.quarantined.len(), limits.tree_depth);
        whole.over =
            deep.map(|tree| Problem::TooDeep { oid: receiving.quarantined.oid(tree), limit: limits.tree_depth });
    }
    // A base that came along and cannot be read has its descendants told too; alone it is the permanent store's.
    let is_new = |index: &ObjectIndex| receiving.is_new(*index);
    whole.failures = failures
        .into_iter()
        .filter(|(index, _)| is_new(index))
        .map(|(index, failure)| (receiving.quarantined.oid(index), failure))
        .collect();
    whole
}
