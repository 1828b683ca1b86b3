//! Which commits are old: ancestors of an existing ref's tip.
//!
//! That an object is in the permanent store does not make it old, it may be unreachable there. One ref that reaches it
//! does. So the refs that are pushed to are asked first, then the packed ones by name, and all of them only when neither
//! knows the commit. Commits are taken newest first and no further back than the one that is asked about: where clocks
//! ran wrong this says "new" of old ones, never the reverse, and [`Ancestry::find_old`] is exact.

use std::collections::BinaryHeap;

use rustc_hash::FxHashSet;

use crate::model::{Interrupt, ObjectType, Oid};
use crate::store::{CommitPlace, Receiving, parse};

/// What is known so far of which commits are old.
pub(super) struct Ancestry<'a> {
    interrupt: Interrupt<'a>,
    old: FxHashSet<Oid>,
    /// Old commits whose parents are not marked yet, by committer time.
    queue: BinaryHeap<(i64, Oid)>,
    /// All tips, once they had to be listed.
    tips: Option<FxHashSet<Oid>>,
    /// The same, and what tags among them tag.
    peeled: Option<FxHashSet<Oid>>,
    /// Whether all tips are in the queue, or were.
    all_seeded: bool,
}

/// So many commits are looked at from the refs that are pushed to before all others are asked: that takes a look at the
/// commit of every ref, of which a server with such a history has as many.
const NEAR: usize = 20_000;

/// Clocks may differ by so many seconds without making an old commit look new.
const SLOP: i64 = 86_400;

/// A tag of a tag of a tag: git has no limit.
const MOST_TAGS: usize = 1_000;

impl<'a> Ancestry<'a> {
    /// Starts from the tips of the refs that are pushed to, and HEAD.
    pub(super) fn new(receiving: &mut Receiving, names: &[Vec<u8>], interrupt: Interrupt<'a>) -> Self {
        let mut ancestry = Self {
            interrupt,
            old: FxHashSet::default(),
            queue: BinaryHeap::new(),
            tips: None,
            peeled: None,
            all_seeded: false,
        };
        let near: Vec<Oid> = names.iter().filter_map(|name| receiving.tips.value(name)).collect();
        for oid in near.into_iter().chain(receiving.tips.head()) {
            ancestry.seed(receiving, oid);
        }
        ancestry
    }

    /// Marks what a ref names, and what that tags.
    fn seed(&mut self, receiving: &mut Receiving, mut oid: Oid) {
        for _ in 0..MOST_TAGS {
            if !self.old.insert(oid) {
                return;
            }
            if let Some(place) = receiving.place(&oid) {
                return self.queue.push((place.time, oid));
            }
            match tagged(receiving, &oid) {
                Some(target) => oid = target,
                None => return,
            }
        }
    }

    /// Everything that existing refs name. Cost: a listing of them, once.
    pub(super) fn tips(&mut self, receiving: &Receiving) -> &FxHashSet<Oid> {
        self.tips.get_or_insert_with(|| receiving.tips.all())
    }

    /// The same, and what tags among them tag. Cost: a look at each, once.
    pub(super) fn peeled(&mut self, receiving: &mut Receiving) -> &FxHashSet<Oid> {
        if self.peeled.is_none() {
            let mut peeled = self.tips(receiving).clone();
            let mut pending: Vec<Oid> = peeled.iter().copied().collect();
            while let Some(next) = pending.pop().filter(|_| !self.interrupt.is_set()) {
                if receiving.place(&next).is_none() {
                    pending.extend(tagged(receiving, &next).filter(|target| peeled.insert(*target)));
                }
            }
            self.peeled = Some(peeled);
        }
        self.peeled.get_or_insert_default()
    }

    /// Whether an existing ref names an object itself, or by a tag.
    pub(super) fn is_tip(&mut self, receiving: &mut Receiving, oid: &Oid) -> bool {
        self.old.contains(oid) || receiving.tips.has_packed(oid) || self.peeled(receiving).contains(oid)
    }

    /// Whether a commit is old, as far as clocks can be trusted.
    pub(super) fn is_old(&mut self, receiving: &mut Receiving, oid: &Oid) -> bool {
        if self.old.contains(oid) {
            return true;
        }
        if receiving.tips.has_packed(oid) {
            self.seed(receiving, *oid);
            return true;
        }
        let Some(place) = receiving.place(oid) else { return false };
        let since = place.time.saturating_sub(SLOP);
        if self.advance(receiving, oid, since, NEAR) {
            return true;
        }
        if !std::mem::replace(&mut self.all_seeded, true) {
            let tips: Vec<Oid> = self.tips(receiving).iter().copied().collect();
            if tips.contains(oid) {
                self.seed(receiving, *oid);
                return true;
            }
            for tip in tips {
                if self.interrupt.is_set() {
                    return false;
                }
                self.seed(receiving, tip);
            }
        }
        self.advance(receiving, oid, since, usize::MAX)
    }

    /// Marks ancestors, newest first, until `oid` is among them or all are older than `since`.
    fn advance(&mut self, receiving: &mut Receiving, oid: &Oid, since: i64, most: usize) -> bool {
        let mut looked_at = 0;
        while !self.old.contains(oid) {
            if looked_at >= most || self.interrupt.is_set() || self.queue.peek().is_none_or(|next| next.0 < since) {
                return false;
            }
            looked_at += 1;
            let Some((_, commit)) = self.queue.pop() else { return false };
            for parent in receiving.place(&commit).map(|place| place.parents).unwrap_or_default() {
                if self.old.insert(parent)
                    && let Some(place) = receiving.place(&parent)
                {
                    self.queue.push((place.time, parent));
                }
            }
        }
        true
    }

    /// The same, of these commits knowing that they are old.
    pub(super) fn knowing(mut self, old: Vec<Oid>) -> Self {
        self.old.extend(old);
        self
    }

    /// Which of some commits are old, whatever clocks say. Where a commit-graph knows generations, what cannot lead to them is
    /// left out; else this walks all of history, once.
    pub(super) fn find_old(&mut self, receiving: &mut Receiving, commits: &[Oid]) -> Vec<Oid> {
        let (mut open, mut old): (FxHashSet<Oid>, Vec<Oid>) = (commits.iter().copied().collect(), Vec::new());
        if open.is_empty() {
            return old;
        }
        let generations: Option<Vec<u32>> =
            commits.iter().map(|oid| receiving.place(oid).and_then(|place| place.generation)).collect();
        let lowest = generations.and_then(|all| all.into_iter().min());
        let mut pending: Vec<Oid> = self.tips(receiving).iter().copied().collect();
        let mut seen: FxHashSet<Oid> = pending.iter().copied().collect();
        while let Some(next) = pending.pop().filter(|_| !open.is_empty() && !self.interrupt.is_set()) {
            if open.remove(&next) {
                old.push(next);
            }
            let parents = match receiving.place(&next) {
                Some(place) if cannot_reach(&place, lowest) => Vec::new(),
                Some(place) => place.parents,
                None => tagged(receiving, &next).into_iter().collect(),
            };
            pending.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        }
        old
    }

    /// Whether a commit, or one it descends from by `parents_of` where that knows it, descends from another. Cost: all of its
    /// history, where no commit-graph knows generations.
    pub(super) fn descends(
        &self,
        receiving: &mut Receiving,
        (commit, from): (Oid, Oid),
        parents_of: &dyn Fn(&Oid) -> Option<Vec<Oid>>,
    ) -> bool {
        let generation = receiving.place(&from).and_then(|place| place.generation);
        let (mut pending, mut seen) = (vec![commit], FxHashSet::default());
        while let Some(next) = pending.pop().filter(|_| !self.interrupt.is_set()) {
            let parents = match parents_of(&next) {
                Some(parents) => parents,
                None => match receiving.place(&next) {
                    Some(place) if !cannot_reach(&place, generation) => place.parents,
                    _ => Vec::new(),
                },
            };
            if parents.contains(&from) {
                return true;
            }
            pending.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        }
        false
    }
}

/// Whether a commit has no ancestor, but itself, of a generation.
fn cannot_reach(place: &CommitPlace, generation: Option<u32>) -> bool {
    matches!((place.generation, generation), (Some(from), Some(to)) if from <= to)
}

/// What a tag tags; `None` for anything but a tag.
fn tagged(receiving: &mut Receiving, oid: &Oid) -> Option<Oid> {
    let mut bytes = Vec::new();
    match receiving.read(oid, 1 << 20, &mut bytes) {
        Ok(Some(ObjectType::Tag)) => parse::tag(&bytes, receiving.format).target,
        _ => None,
    }
}
