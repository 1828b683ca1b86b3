//! What one commit's tree has that others have not: trees side by side, by ids alone, and only what differs is read.

mod sides;

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
use sides::Difference;
pub(super) use sides::Entry;

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

/// As many bytes of paths and keys one comparison may find.
const MOST_HELD: usize = 32 << 20;

/// So many containers that could not be looked into are told; one is enough to refuse.
const MOST_OPAQUE: usize = 1_000;

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
