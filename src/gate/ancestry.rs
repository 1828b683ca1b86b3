//! Which commits are old: ancestors of an existing ref's tip.
//!
//! That an object is in the permanent store does not make it old, it may be unreachable there. One ref that reaches it
//! does. So the refs that are pushed to are asked first, then the packed ones by name, and all of them only when neither
//! knows the commit. Commits are taken newest first and no further back than the one that is asked about: where clocks
//! ran wrong this says "new" of old ones, never the reverse, and [`Ancestry::find_old`] is exact.

use std::collections::BinaryHeap;
use std::collections::hash_map::Entry;

use rustc_hash::{FxHashMap, FxHashSet};

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
        for name in names {
            if interrupt.is_set() {
                break;
            }
            if let Some(oid) = receiving.tips.value(name) {
                ancestry.seed(receiving, oid);
            }
        }
        if let Some(oid) = receiving.tips.head() {
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
        if !self.all_seeded {
            if self.tips(receiving).contains(oid) {
                self.seed(receiving, *oid);
                return true;
            }
            self.all_seeded = true;
            let tips: Vec<Oid> = self.tips(receiving).iter().copied().collect();
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

    /// Which of some commits are old, whatever clocks say. Where there is a commit-graph, what cannot lead to them is left
    /// out; else this walks all of history, once.
    pub(super) fn find_old(&mut self, receiving: &mut Receiving, commits: &[Oid]) -> Vec<Oid> {
        let (mut open, mut old): (FxHashSet<Oid>, Vec<Oid>) = (commits.iter().copied().collect(), Vec::new());
        if open.is_empty() {
            return old;
        }
        let sought = Sought::of(commits.iter().filter_map(|oid| receiving.place(oid)));
        let mut pending: Vec<Oid> = self.tips(receiving).iter().copied().collect();
        let mut seen: FxHashSet<Oid> = pending.iter().copied().collect();
        while let Some(next) = pending.pop().filter(|_| !open.is_empty() && !self.interrupt.is_set()) {
            if open.remove(&next) {
                old.push(next);
            }
            let parents = match receiving.place(&next) {
                Some(place) if sought.is_out_of_reach_of(&place) => Vec::new(),
                Some(place) => place.parents,
                None => tagged(receiving, &next).into_iter().collect(),
            };
            pending.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        }
        old
    }

    /// Which of some commits another of them descends from, whatever clocks say; by `parents_of` where that knows them. One
    /// walk for all of them, the newest first, that ends at what all descend from: nothing below can be one of them. Where
    /// clocks ran wrong it goes further before it ends.
    pub(super) fn descended_from(
        &self,
        receiving: &mut Receiving,
        commits: &[Oid],
        parents_of: &dyn Fn(&Oid) -> Option<Vec<Oid>>,
    ) -> FxHashSet<Oid> {
        let mut open: FxHashMap<Oid, Descendants> = FxHashMap::default();
        for commit in commits {
            let bit = 1 << open.len().min(MOST_TOLD_APART);
            open.entry(*commit).or_insert(bit);
        }
        let is_told_apart = open.len() <= MOST_TOLD_APART;
        let sought = Sought::of(open.keys().filter_map(|oid| receiving.place(oid)));
        let mut by: FxHashMap<Oid, Descendants> = open.clone();
        let mut queue: BinaryHeap<(i64, Oid, Vec<Oid>)> = BinaryHeap::new();
        let mut enter = |oid: Oid, queue: &mut BinaryHeap<(i64, Oid, Vec<Oid>)>| {
            let place = receiving.place(&oid);
            let known = parents_of(&oid);
            if known.is_none() && place.as_ref().is_none_or(|place| sought.is_out_of_reach_of(place)) {
                return;
            }
            let time = place.as_ref().map_or(i64::MAX, |place| place.time);
            let parents = known.or(place.map(|place| place.parents)).unwrap_or_default();
            queue.push((time, oid, parents));
        };
        open.keys().for_each(|oid| enter(*oid, &mut queue));
        let mut found = FxHashSet::default();
        let mut all = open.values().fold(0, |all, bit| all | bit);
        while let Some((_, oid, parents)) = queue.pop().filter(|_| open.len() > 1 && !self.interrupt.is_set()) {
            let from = by.get(&oid).copied().unwrap_or_default();
            if is_told_apart && from & all == all {
                continue;
            }
            for parent in parents {
                if let Some(bit) = open.remove(&parent) {
                    found.insert(parent);
                    all &= !bit;
                }
                match by.entry(parent) {
                    Entry::Occupied(mut known) => *known.get_mut() |= from,
                    Entry::Vacant(unknown) => {
                        unknown.insert(from);
                        enter(parent, &mut queue);
                    }
                }
            }
        }
        found
    }
}

impl Ancestry<'_> {
    /// The line of history of a commit since it left that of `others`: itself and its ancestors, but for those that all of
    /// the others descend from, each with its parents. `None` where that was not found out within bounds. Where clocks ran
    /// wrong some that all have are among them.
    pub(super) fn own_line(
        &self,
        receiving: &mut Receiving,
        commit: Oid,
        others: &[Oid],
    ) -> Option<Vec<(Oid, Vec<Oid>)>> {
        const OWN: Descendants = 1;
        if others.len() >= MOST_TOLD_APART {
            return None;
        }
        let all = ((1 << others.len()) - 1) << 1;
        let is_own = |by: Descendants| by & OWN != 0 && by & all != all;
        let mut known: FxHashMap<Oid, (Descendants, CommitPlace)> = FxHashMap::default();
        let mut queue: BinaryHeap<(i64, Oid)> = BinaryHeap::new();
        // Those of the queue that are its own, as far as is known: once there are none all are told apart.
        let mut own: FxHashSet<Oid> = FxHashSet::default();
        let mut pending = vec![(commit, OWN)];
        pending.extend(others.iter().zip(1..).map(|(other, number)| (*other, OWN << number)));
        for _ in 0..NEAR {
            for (oid, from) in pending.drain(..) {
                let (by, time) = match known.entry(oid) {
                    Entry::Occupied(mut known) if known.get().0 | from != known.get().0 => {
                        known.get_mut().0 |= from;
                        (known.get().0, known.get().1.time)
                    }
                    Entry::Occupied(_) => continue,
                    // What lies behind the end of a shallow history nobody can tell.
                    Entry::Vacant(_) if receiving.is_shallow(&oid) => return None,
                    Entry::Vacant(unknown) => {
                        let place = receiving.place(&oid)?;
                        let time = place.time;
                        (unknown.insert((from, place)).0, time)
                    }
                };
                _ = if is_own(by) { own.insert(oid) } else { own.remove(&oid) };
                queue.push((time, oid));
            }
            if own.is_empty() {
                let line = known.into_iter().filter(|(_, (by, _))| is_own(*by));
                return Some(line.map(|(oid, (_, place))| (oid, place.parents)).collect());
            }
            let (_, next) = queue.pop().filter(|_| !self.interrupt.is_set())?;
            own.remove(&next);
            let (by, place) = known.get(&next)?;
            pending.extend(place.parents.iter().map(|parent| (*parent, *by)));
        }
        None
    }
}

/// Which of some commits descend from one, a bit for each.
type Descendants = u64;

/// So many have a bit of their own.
const MOST_TOLD_APART: usize = 63;

/// Commits that are looked for, as far as a commit-graph has them: it has every ancestor of each that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sought {
    /// The lowest generation of those that are in it, 0 where it was never computed; `None` where none is in it.
    lowest: Option<u32>,
}

impl Sought {
    fn of(places: impl Iterator<Item = CommitPlace>) -> Self {
        let in_graph = places.filter(|place| place.is_in_graph);
        Self { lowest: in_graph.map(|place| place.generation.unwrap_or_default()).min() }
    }

    /// Whether none of them is an ancestor of a commit, which may be one of them itself.
    fn is_out_of_reach_of(self, place: &CommitPlace) -> bool {
        let is_above = |lowest| place.generation.is_none_or(|generation| generation > lowest);
        place.is_in_graph && !self.lowest.is_some_and(is_above)
    }
}

/// What a tag tags; `None` for anything but a tag.
fn tagged(receiving: &mut Receiving, oid: &Oid) -> Option<Oid> {
    let mut bytes = Vec::new();
    match receiving.read(oid, 1 << 20, &mut bytes) {
        Ok(Some(ObjectType::Tag)) => parse::tag(&bytes, receiving.format).target,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_graph_has_leads_to_nothing_outside_it_and_to_nothing_as_high() {
        let place = |generation, is_in_graph| CommitPlace { parents: Vec::new(), time: 0, generation, is_in_graph };
        let at = |generation| place(Some(generation), true);
        let (outside, unknown) = (place(None, false), place(None, true));
        let sought = |places: &[&CommitPlace]| Sought::of(places.iter().map(|place| (*place).clone()));
        for (places, leads) in [
            (&[&outside] as &[&CommitPlace], [true, false, false, false]),
            (&[&outside, &at(5)], [true, true, false, true]),
            (&[&at(6), &at(7)], [true, false, false, true]),
            (&[&at(2), &unknown], [true, true, true, true]),
        ] {
            let told = [&outside, &at(6), &at(5), &unknown].map(|from| !sought(places).is_out_of_reach_of(from));
            assert_eq!(told, leads, "{places:?}");
        }
    }
}
