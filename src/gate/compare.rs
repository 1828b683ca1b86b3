//! What one commit's tree has that others have not: trees side by side, by ids alone, and only what differs is read.

use std::cmp::Reverse;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::content::Content;
use super::doubts::{Doubt, Doubts};
use super::kept_names::KeptNames;
use super::past::{Past, Vouched};
use super::scan::{Scanned, Sight, scan};
use super::{Limits, Problem};
use crate::detect::Detector;
use crate::model::{Interrupt, ObjectType, Oid};
use crate::store::{Failure, Receiving, parse};

/// An entry that stands on one side and not, at the same path with the same id, on the other.
struct Difference<'a> {
    /// The directories above it, and its name.
    above: &'a [Vec<u8>],
    name: &'a [u8],
    /// The directory that it is in.
    within: Oid,
    oid: Oid,
    /// What the other side has at the same path.
    same: &'a [Entry],
    is_dir: bool,
    /// Whether git takes it for another repository's commit: then only its name is looked at.
    is_elsewhere: bool,
}

impl Difference<'_> {
    fn path(&self) -> Vec<u8> {
        let mut path = Vec::new();
        for name in self.above {
            path.extend_from_slice(name);
            path.push(b'/');
        }
        path.extend_from_slice(self.name);
        path
    }
}

/// A key that one side holds at a path and the other does not.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) sight: Sight,
    pub(super) path: Vec<u8>,
    /// What it stands in: the file, or the directory that has the name.
    pub(super) oid: Oid,
    /// Whether it stands in the path and not in the content.
    pub(super) is_name: bool,
    /// Whether the other side holds it at the same path, in other content. Of what is pushed: and vouches for it.
    pub(super) is_kept: bool,
}

/// How far a comparison goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it; what is missing or cannot be read is a problem of the push's.
    Pushed,
    /// As far as it goes: old content that cannot be read holds nothing.
    Old,
}

/// What one side holds where the other does not.
pub(super) struct Comparison {
    /// Sorted by path and key.
    pub(super) held: Vec<Held>,
    /// Whether a bound ended it: then more is held than this.
    pub(super) is_cut: bool,
}

/// Reads trees and files and remembers what it saw.
pub(super) struct Comparer<'a> {
    pub(super) detector: &'a Detector,
    pub(super) limits: &'a Limits,
    pub(super) interrupt: Interrupt<'a>,
    pub(super) content: &'a Content,
    pub(super) past: Past<'a>,
    pub(super) problems: Vec<Problem>,
    /// Whether it matters which of what carries a key is new, whoever brought the key.
    pub(super) strict: bool,
    /// Objects that stand in a pushed commit's tree.
    pub(super) placed: FxHashSet<Oid>,
    /// Names that pushed directories keep.
    pub(super) kept_names: KeptNames,
    /// What objects outside the quarantine that were scanned came to; of those of which there is nothing to say only that they
    /// were.
    outside: FxHashMap<Oid, Rc<Scanned>>,
    clean: FxHashSet<Oid>,
    told: FxHashSet<Oid>,
    /// Objects that were told to have containers that could not be looked into.
    closed: FxHashSet<Oid>,
    trees: FxHashMap<Oid, Rc<Vec<u8>>>,
    trees_bytes: usize,
    /// Bytes and objects outside the quarantine that were scanned.
    pub(super) bytes: u64,
    pub(super) objects: u64,
    /// Containers that could not be looked into: in which object.
    pub(super) opaque: Vec<(Oid, Vec<u8>, &'static str)>,
    /// What of that could not be looked into in the comparison at hand.
    doubts: Doubts,
    /// How often there was something to tell.
    pub(super) noted: u64,
}

/// Trees that stand at one path, to be laid beside those that stand there on the other side. Each list is sorted and has
/// no tree twice: a tree may name another a thousand times.
struct Frame {
    name: Vec<u8>,
    from: Vec<Oid>,
    against: Vec<Oid>,
    /// How many directories it is below the root.
    depth: usize,
}

impl Frame {
    fn new(name: Vec<u8>, depth: usize, mut from: Vec<Oid>, mut against: Vec<Oid>) -> Self {
        for list in [&mut from, &mut against] {
            list.sort_unstable();
            list.dedup();
        }
        Self { name, from, against, depth }
    }
}

/// What is on the stack of a comparison.
enum Step {
    Enter(Frame),
    /// Everything below a frame was seen; so much had been noted before.
    Leave((Vec<Oid>, Vec<Oid>), u64),
}

/// A longer path is no file's.
const LONGEST_PATH: usize = 64 << 10;

/// As many bytes of paths and keys one comparison may find.
const MOST_HELD: usize = 32 << 20;

/// So many containers that could not be looked into are told; one is enough to refuse.
const MOST_OPAQUE: usize = 1_000;

/// So many bytes of directories are laid beside one of a commit's. Of a merge of thousands the other parents hold nothing then,
/// which makes more of it new, never less.
const MOST_AGAINST: usize = 32 << 20;

/// After so many directories of one comparison the trees in which there was nothing are remembered: a few trees that name
/// each other many times have more paths than can ever be walked.
const MANY_FRAMES: u64 = 10_000;

/// What a tree has at a name, as git takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) oid: Oid,
    /// Another repository's commit.
    pub(super) is_link: bool,
    pub(super) is_dir: bool,
}

impl Entry {
    pub(super) fn of(entry: &parse::TreeEntry<'_>) -> Self {
        Self { oid: entry.oid, is_link: entry.is_gitlink(), is_dir: entry.mode & 0o170_000 == 0o040_000 }
    }

    pub(super) fn is_file(&self) -> bool {
        !self.is_dir && !self.is_link
    }
}

impl<'a> Comparer<'a> {
    pub(super) fn new(
        detector: &'a Detector,
        limits: &'a Limits,
        interrupt: Interrupt<'a>,
        content: &'a Content,
        past: Past<'a>,
        strict: bool,
    ) -> Self {
        Self {
            detector,
            limits,
            interrupt,
            content,
            past,
            problems: Vec::new(),
            strict,
            placed: FxHashSet::default(),
            kept_names: KeptNames::default(),
            outside: FxHashMap::default(),
            clean: FxHashSet::default(),
            told: FxHashSet::default(),
            closed: FxHashSet::default(),
            trees: FxHashMap::default(),
            trees_bytes: 0,
            bytes: 0,
            objects: 0,
            opaque: Vec::new(),
            doubts: Doubts::default(),
            noted: 0,
        }
    }

    fn problem(&mut self, oid: Oid, problem: Problem) {
        if self.told.insert(oid) {
            self.noted += 1;
            problem.join(&mut self.problems);
        }
    }

    /// The bytes of a tree; nothing where it is none that can be read.
    fn tree(&mut self, receiving: &mut Receiving, oid: Oid, extent: Extent) -> Rc<Vec<u8>> {
        /// As many bytes of trees are kept for the next commit.
        const MOST: usize = 8 << 20;
        if let Some(bytes) = self.trees.get(&oid) {
            return Rc::clone(bytes);
        }
        let mut bytes = Vec::new();
        match receiving.read(&oid, self.limits.object_bytes, &mut bytes) {
            Ok(Some(ObjectType::Tree)) => {
                if extent == Extent::Pushed && !parse::tree(&bytes, receiving.format, |_| {}) {
                    self.problem(oid, Problem::Undecodable { oid, kind: "tree" });
                }
            }
            unread => {
                if extent == Extent::Pushed && !oid.is_builtin() {
                    match unread {
                        // Of what is there instead nobody reads what hangs from it, and on some hosts git does not look.
                        Ok(Some(_)) => self.problem(oid, Problem::Undecodable { oid, kind: "tree" }),
                        Ok(None) => self.problem(oid, Problem::Missing { oid, kind: "tree" }),
                        Err(failure) => self.failed(oid, failure),
                    }
                }
                return Rc::default();
            }
        }
        if self.trees_bytes + bytes.len() > MOST {
            self.trees.clear();
            self.trees_bytes = 0;
        }
        self.trees_bytes += bytes.len();
        let bytes = Rc::new(bytes);
        self.trees.insert(oid, Rc::clone(&bytes));
        bytes
    }

    fn failed(&mut self, oid: Oid, failure: Failure) {
        let problem = Problem::of_failure(oid, failure, self.limits.object_bytes);
        self.problem(oid, problem);
    }

    /// Hands over what the trees `from` have and none of the trees `against` has at the same path, until it is answered no.
    /// An explicit stack: a tree may be as deep as its maker likes.
    fn differences(
        &mut self,
        receiving: &mut Receiving,
        from: &[Oid],
        against: &[Oid],
        extent: Extent,
        each: &mut dyn FnMut(&mut Self, &mut Receiving, &Difference<'_>) -> bool,
    ) {
        let from: Vec<Oid> = from.iter().copied().filter(|tree| !against.contains(tree)).collect();
        let mut stack = vec![Step::Enter(Frame::new(Vec::new(), 0, from, against.to_vec()))];
        let mut above: Vec<Vec<u8>> = Vec::new();
        let mut nothing_in: FxHashSet<(Vec<Oid>, Vec<Oid>)> = FxHashSet::default();
        let mut frames = 0u64;
        while let Some(step) = stack.pop() {
            if self.interrupt.is_set() {
                return;
            }
            let mut frame = match step {
                Step::Enter(frame) => frame,
                Step::Leave(trees, before) => {
                    if self.noted == before {
                        nothing_in.insert(trees);
                    }
                    continue;
                }
            };
            above.truncate(frame.depth.saturating_sub(1));
            if frame.depth > 0 {
                above.push(std::mem::take(&mut frame.name));
            }
            if let Some(problem) = self.too_far(&frame, &above) {
                if extent == Extent::Pushed {
                    problem.join(&mut self.problems);
                    return;
                }
                continue;
            }
            frames += 1;
            if frames > MANY_FRAMES && frame.from.len() + frame.against.len() <= 8 {
                let trees = (frame.from.clone(), frame.against.clone());
                if nothing_in.contains(&trees) {
                    continue;
                }
                stack.push(Step::Leave(trees, self.noted));
            }
            if !self.frame(receiving, &frame, &above, extent, &mut stack, each) {
                return;
            }
        }
    }

    fn too_far(&self, frame: &Frame, above: &[Vec<u8>]) -> Option<Problem> {
        let oid = *frame.from.first()?;
        if frame.depth > self.limits.tree_depth {
            return Some(Problem::TooDeep { oid, limit: self.limits.tree_depth });
        }
        let bytes: usize = above.iter().map(|name| name.len() + 1).sum();
        (bytes > LONGEST_PATH).then_some(Problem::LongPath { oid, limit: LONGEST_PATH })
    }

    fn frame(
        &mut self,
        receiving: &mut Receiving,
        frame: &Frame,
        above: &[Vec<u8>],
        extent: Extent,
        stack: &mut Vec<Step>,
        each: &mut dyn FnMut(&mut Self, &mut Receiving, &Difference<'_>) -> bool,
    ) -> bool {
        let format = receiving.format;
        let other = if extent == Extent::Pushed { Extent::Old } else { Extent::Pushed };
        let mut against: Vec<Rc<Vec<u8>>> = Vec::new();
        let mut bytes = 0;
        for tree in &frame.against {
            if bytes > MOST_AGAINST || self.interrupt.is_set() {
                break;
            }
            let tree = self.tree(receiving, *tree, other);
            bytes += tree.len();
            against.push(tree);
        }
        let mut there: FxHashMap<&[u8], Vec<Entry>> = FxHashMap::default();
        for bytes in &against {
            parse::tree(bytes, format, |entry| {
                there.entry(entry.name).or_default().push(Entry::of(&entry));
            });
        }
        let mut below: FxHashMap<Vec<u8>, (Vec<Oid>, Vec<Oid>)> = FxHashMap::default();
        for tree in &frame.from {
            let bytes = self.tree(receiving, *tree, extent);
            if extent == Extent::Pushed {
                self.placed.insert(*tree);
                self.keep_names(receiving, (*tree, &bytes), &|name| there.contains_key(name), above);
            }
            let mut differing = Vec::new();
            parse::tree(&bytes, format, |entry| {
                let same = there.get(entry.name).map(Vec::as_slice).unwrap_or_default();
                // By mode as well: what stands behind a link, or behind a file's mode that names a tree, nobody can read
                // there, and the same behind another mode is new.
                let one = Entry::of(&entry);
                if !same.contains(&one) {
                    differing.push((entry, same));
                }
            });
            for (entry, same) in differing {
                // A file's mode may name a tree: what is below is read all the same.
                let is_dir = entry.mode & 0o170_000 == 0o040_000
                    || (self.content.trees.contains(&entry.oid) && !entry.is_submodule());
                if is_dir {
                    let dirs = || same.iter().filter(|other| other.is_dir).map(|other| other.oid).collect();
                    below.entry(entry.name.to_vec()).or_insert_with(|| (Vec::new(), dirs())).0.push(entry.oid);
                }
                // What git takes for another repository's commit is not looked for, but is read where it is here: other
                // programs take odd modes for files.
                let is_elsewhere =
                    entry.is_gitlink() && (entry.is_submodule() || !receiving.has(&entry.oid)) && !is_dir;
                let (within, oid) = (*tree, entry.oid);
                let difference = Difference { above, name: entry.name, within, oid, same, is_dir, is_elsewhere };
                if !each(self, receiving, &difference) {
                    return false;
                }
            }
        }
        let depth = frame.depth + 1;
        let frames = below.into_iter().map(|(name, (from, against))| Frame::new(name, depth, from, against));
        stack.extend(frames.map(Step::Enter));
        true
    }

    /// The keys that a push's trees `from` hold where `against` does not, and with `is_kept` where it does in other content.
    /// Beside them what of it could not be looked into: that counts unless an existing tip has it.
    pub(super) fn held(&mut self, receiving: &mut Receiving, from: &[Oid], against: &[Oid]) -> (Vec<Held>, Doubts) {
        let Comparison { held, is_cut } = self.compare(receiving, from, against, Extent::Pushed, u64::MAX);
        if is_cut {
            Problem::TooMany.join(&mut self.problems);
        }
        (held, self.settled_doubts(receiving, from, against))
    }

    /// Of what was there before, and only left one path for another, it is no matter what is in it: nothing of it came.
    fn settled_doubts(&mut self, receiving: &mut Receiving, from: &[Oid], against: &[Oid]) -> Doubts {
        let mut doubts = std::mem::take(&mut self.doubts);
        if doubts.is_empty() {
            return doubts;
        }
        let mut left = FxHashSet::default();
        self.differences(receiving, against, from, Extent::Old, &mut |this, _, difference| {
            if doubts.has(&difference.oid) && left.insert(difference.oid) {
                this.noted += 1;
            }
            true
        });
        doubts.settle(&left);
        doubts
    }

    /// Tells what could not be looked into.
    pub(super) fn tell_doubt(&mut self, oid: Oid, path: Vec<u8>, doubt: Doubt) {
        let scanned = match doubt {
            Doubt::Size(failure) => return self.failed(oid, failure),
            Doubt::Scan(scanned) => scanned,
        };
        for limit in &scanned.limits {
            self.problem(oid, Problem::Decoding { oid: Some(oid), limit });
        }
        if self.opaque.len() < MOST_OPAQUE && self.closed.insert(oid) {
            self.opaque.extend(scanned.opaque.iter().map(|what| (oid, path.clone(), *what)));
        }
    }

    /// Notes that the keys of content that was there before are not all known, until it is known whether it only went from one
    /// path to another.
    fn doubt(&mut self, oid: Oid, path: &dyn Fn() -> Vec<u8>, doubt: Doubt) {
        self.noted += 1;
        if let Some((path, doubt)) = self.doubts.keep(oid, path(), doubt) {
            self.tell_doubt(oid, path, doubt);
        }
    }

    /// The same of what was there before, as far as `most_bytes` of content that was not read yet tell it.
    pub(super) fn held_before(
        &mut self,
        receiving: &mut Receiving,
        from: &[Oid],
        against: &[Oid],
        most_bytes: u64,
    ) -> Comparison {
        self.compare(receiving, from, against, Extent::Old, most_bytes)
    }

    /// Notes how far old content of a tree that is not in others vouches for keys; whether it does for all, which ends it.
    pub(super) fn vouches(
        &mut self,
        receiving: &mut Receiving,
        (from, against): (Oid, &[Oid]),
        asked: &Vouched,
        held: &mut Vouched,
    ) -> bool {
        let mut is_enough = false;
        self.differences(receiving, &[from], against, Extent::Old, &mut |this, receiving, difference| {
            let mut there = Vec::new();
            this.held_at(receiving, difference, Extent::Old, &mut there);
            this.noted += there.len() as u64;
            for Held { sight, .. } in there.iter().filter(|one| asked.contains_key(&one.sight.id)) {
                this.past.note(sight, held);
            }
            is_enough = asked.iter().all(|(id, confidence)| held.get(id).is_some_and(|to| to >= confidence));
            !is_enough
        });
        is_enough
    }

    fn compare(
        &mut self,
        receiving: &mut Receiving,
        from: &[Oid],
        against: &[Oid],
        extent: Extent,
        most_bytes: u64,
    ) -> Comparison {
        let mut held = Vec::new();
        let mut bytes = 0;
        let end = self.bytes.saturating_add(most_bytes);
        let mut is_cut = false;
        self.differences(receiving, from, against, extent, &mut |this, receiving, difference| {
            let before = held.len();
            this.held_at(receiving, difference, extent, &mut held);
            this.noted += (held.len() - before) as u64;
            bytes += held[before..].iter().map(|one| one.path.len() + size_of::<Held>()).sum::<usize>();
            is_cut = bytes > MOST_HELD || this.bytes > end;
            !is_cut
        });
        // Of the same on several sides the one stays that was not kept, and of these the surest.
        let rank = |one: &Held| (!one.is_name, one.is_kept, Reverse(one.sight.confidence));
        held.sort_by(|a, b| (&a.path, a.sight.id, rank(a)).cmp(&(&b.path, b.sight.id, rank(b))));
        held.dedup_by(|a, b| (&a.path, a.sight.id, a.is_name) == (&b.path, b.sight.id, b.is_name));
        Comparison { held, is_cut }
    }

    fn held_at(
        &mut self,
        receiving: &mut Receiving,
        difference: &Difference<'_>,
        extent: Extent,
        held: &mut Vec<Held>,
    ) {
        let Difference { name, within, oid, same, is_dir, is_elsewhere, .. } = *difference;
        if same.is_empty() && self.detector.has_candidate(name) {
            let named = scan(self.detector, name, self.interrupt);
            if extent == Extent::Pushed {
                named.limits.iter().for_each(|limit| self.problem(oid, Problem::Decoding { oid: Some(oid), limit }));
            }
            held.extend(named.keys.into_iter().map(|sight| Held {
                sight: Sight { line: None, ..sight },
                path: difference.path(),
                oid: within,
                is_name: true,
                is_kept: false,
            }));
        }
        if is_elsewhere || (is_dir && !self.content.carriers.contains_key(&oid)) {
            return;
        }
        if extent == Extent::Pushed {
            self.placed.insert(oid);
        }
        let scanned = self.keys_of(receiving, oid, &|| difference.path(), extent);
        if scanned.keys.is_empty() {
            return;
        }
        let mut before = Vouched::default();
        for other in same.iter().filter(|other| other.is_file()) {
            let there = self.keys_of(receiving, other.oid, &|| difference.path(), Extent::Old);
            self.vouch(&there, &mut before);
        }
        // A key that stands there less surely than before was not taken away.
        let is_kept = |sight: &Sight| {
            let to = before.get(&sight.id);
            to.is_some_and(|to| extent == Extent::Old || *to >= sight.confidence)
        };
        let path = difference.path();
        held.extend(scanned.keys.iter().map(|sight| Held {
            sight: sight.clone(),
            path: path.clone(),
            oid,
            is_name: false,
            is_kept: is_kept(sight),
        }));
    }

    /// Notes how far the keys of old content vouch for new sightings of theirs.
    pub(super) fn vouch(&self, old: &Scanned, vouched: &mut Vouched) {
        old.keys.iter().for_each(|sight| self.past.note(sight, vouched));
    }

    /// The keys of a file, scanned now if it was not yet.
    pub(super) fn keys_of(
        &mut self,
        receiving: &mut Receiving,
        oid: Oid,
        path: &dyn Fn() -> Vec<u8>,
        extent: Extent,
    ) -> Rc<Scanned> {
        if let Some((_, scanned)) = self.content.carriers.get(&oid) {
            return Rc::new(scanned.clone());
        }
        if let Some(scanned) = self.outside.get(&oid).map(Rc::clone) {
            self.doubt_scan(oid, &scanned, path, extent);
            return scanned;
        }
        let nothing = Rc::new(Scanned::default());
        if oid.is_builtin() || self.clean.contains(&oid) || receiving.came_with_push(&oid) {
            return nothing;
        }
        let mut bytes = Vec::new();
        match receiving.read(&oid, self.limits.object_bytes, &mut bytes) {
            Ok(Some(_)) => {}
            _ if extent == Extent::Old => return nothing,
            Ok(None) => {
                self.problem(oid, Problem::Missing { oid, kind: "file" });
                return nothing;
            }
            Err(failure @ Failure::TooLarge(_)) => {
                self.doubt(oid, path, Doubt::Size(failure));
                return nothing;
            }
            Err(failure) => {
                self.failed(oid, failure);
                return nothing;
            }
        }
        self.objects += 1;
        self.bytes += bytes.len() as u64;
        let scanned = Rc::new(scan(self.detector, &bytes, self.interrupt));
        self.doubt_scan(oid, &scanned, path, extent);
        if *scanned == Scanned::default() {
            self.clean.insert(oid);
        } else {
            self.outside.insert(oid, Rc::clone(&scanned));
        }
        scanned
    }

    /// The same where a scan did not come to its end, or came upon what is closed, and it is the push that brings it there.
    fn doubt_scan(&mut self, oid: Oid, scanned: &Rc<Scanned>, path: &dyn Fn() -> Vec<u8>, extent: Extent) {
        if extent == Extent::Pushed && !(scanned.opaque.is_empty() && scanned.limits.is_empty()) {
            self.doubt(oid, path, Doubt::Scan(Rc::clone(scanned)));
        }
    }
}
