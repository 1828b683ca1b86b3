//! The entries of a pack and which is a delta of which.

use std::fs::File;
use std::sync::{Mutex, PoisonError};

use super::order::Place;
use super::{Pass, on_threads};
use crate::model::{ObjectType, Oid};
use crate::store::checksum::ENTRY_DIFFERS;
use crate::store::inflate::Inflater;
use crate::store::objects::{ObjectIndex, Objects};
use crate::store::pack::{self, Body, EntryHeader, EntryKind, Pack};

/// The entries of a pack and which is a delta of which.
pub(super) struct Families {
    pub(super) entries: Vec<Entry>,
    /// Children of entry `n`: `children[first_child[n]..first_child[n + 1]]`, the one with most descendants last.
    first_child: Vec<u32>,
    pub(super) children: Vec<u32>,
    /// What each is a delta of; [`NONE`] where that is not in this pack.
    pub(super) base: Vec<u32>,
    roots: Vec<u32>,
    /// Whether an entry or one that is made of it must be read; nothing where all must.
    needed: Vec<bool>,
    /// Entries that are not what the index has the checksum of, and what is made of them. In order.
    doubtful: Vec<u32>,
}

/// No entry.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) index: ObjectIndex,
    /// What it is, if it is no delta.
    pub(super) whole: Option<ObjectType>,
    pub(super) body: Body,
    /// Where the next entry begins.
    pub(super) end: u64,
    /// How many descendants, itself included.
    weight: u32,
}

/// The entries at some places, by the same numbers.
struct Headers {
    entries: Vec<Entry>,
    /// What each is a delta of, as far as that is told by its offset.
    base: Vec<u32>,
    /// Which name what they are a delta of by its id.
    named: Vec<(usize, Oid)>,
    /// Which are not what the index has the checksum of.
    doubtful: Vec<u32>,
}

/// Reads the headers, and all else for the checksums. A header that cannot be read is that of an entry which is neither
/// whole nor made of another, and to which nothing leads.
fn headers(pass: &Pass<'_>, (file, pack): (&File, &Pack), places: &[Place], threads: usize) -> Headers {
    /// Enough for hundreds of small entries, and little to read in vain before a large one.
    const AT_ONCE: usize = 32 << 10;
    const SHARE: usize = 4 << 10;
    let pack_end = pack.end;
    let unread = Entry { index: 0, whole: None, body: Body { size: 0, data: 0 }, end: pack_end, weight: 1 };
    let (mut entries, mut base) = (vec![unread; places.len()], vec![NONE; places.len()]);
    let parts = Mutex::new((0..).step_by(SHARE).zip(entries.chunks_mut(SHARE).zip(base.chunks_mut(SHARE))));
    let (all_named, all_doubtful) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let work = |(): &mut ()| {
        let mut headers = pack::Headers::new(file, pack_end, pass.objects.format, AT_ONCE);
        let (mut named, mut doubtful, mut inflater) = (Vec::new(), Vec::new(), Inflater::new());
        while !pass.interrupt.is_set() {
            let part = parts.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((from, (entries, base))) = part else { break };
            for (at, (entry, base)) in (from..).zip(entries.iter_mut().zip(base)) {
                let Place { offset, index, checksum } = places[at];
                let behind = places[at + 1..].iter().map(|next| next.offset).find(|next| *next > offset);
                (entry.index, entry.end) = (index, behind.unwrap_or(pack_end).min(pack_end));
                match headers.at(offset) {
                    Ok(EntryHeader { kind, body }) => {
                        entry.body = body;
                        match kind {
                            EntryKind::Whole(kind) => entry.whole = Some(kind),
                            EntryKind::OffsetDelta(of) => *base = place_before(places, at, of).unwrap_or(NONE),
                            EntryKind::RefDelta(oid) => named.push((at, oid)),
                        }
                    }
                    Err(failure) => pass.fail(index, failure),
                }
                let is_it = |headers: &mut pack::Headers<'_>, end| headers.checksum(offset, end) == Ok(checksum);
                // What is known of these very files was held against its checksum when it was read.
                let is_checked = !pass.checks_known && pass.is_known(index);
                if !pack.has_checksums || is_checked || is_it(&mut headers, entry.end) {
                    continue;
                }
                // Where an index has another entry begin amid this one, or one nowhere, this one ends elsewhere.
                let extent = inflater.extent(file, (entry.body.data, pack_end), entry.body.size);
                if !extent.is_ok_and(|extent| is_it(&mut headers, entry.body.data + extent)) {
                    doubtful.push(at as u32);
                }
            }
        }
        all_named.lock().unwrap_or_else(PoisonError::into_inner).append(&mut named);
        all_doubtful.lock().unwrap_or_else(PoisonError::into_inner).append(&mut doubtful);
    };
    on_threads(&mut vec![(); threads.min(places.len().div_ceil(SHARE))], &work, &|| {});
    let named = all_named.into_inner().unwrap_or_else(PoisonError::into_inner);
    let doubtful = all_doubtful.into_inner().unwrap_or_else(PoisonError::into_inner);
    Headers { entries, base, named, doubtful }
}

/// Which of `places` has this offset, of those before `at`: a base mostly stands not far before its delta.
fn place_before(places: &[Place], at: usize, offset: u64) -> Option<u32> {
    let mut reach = 1;
    while reach < at && places[at - reach].offset > offset {
        reach *= 2;
    }
    let from = at.saturating_sub(reach);
    places[from..at].binary_search_by_key(&offset, |place| place.offset).ok().map(|found| (from + found) as u32)
}

/// Finds the bases that are named by their ids, among all entries.
fn find_named(entries: &[Entry], named: &[(usize, Oid)], objects: &Objects, base: &mut [u32]) {
    if named.is_empty() {
        return;
    }
    let mut by_index: Vec<(ObjectIndex, u32)> =
        entries.iter().enumerate().map(|(at, entry)| (entry.index, at as u32)).collect();
    by_index.sort_unstable();
    for (entry, oid) in named {
        let index = objects.find(oid);
        let found = index.and_then(|index| by_index.binary_search_by_key(&index, |row| row.0).ok());
        base[*entry] = found.map_or(NONE, |at| by_index[at].1);
    }
}

impl Families {
    /// Of the pack of this number, which is read by so many threads.
    pub(super) fn of(pass: &Pass<'_>, (file, number): (&File, usize), places: Vec<Place>, threads: usize) -> Self {
        let pack = &pass.objects.packs[number];
        let Headers { entries, mut base, named, doubtful } = headers(pass, (file, pack), &places, threads);
        find_named(&entries, &named, pass.objects, &mut base);
        let mut families = Self::link(entries, base, named.is_empty());
        families.doubt(doubtful);
        for &entry in &families.doubtful {
            pass.doubt(places[entry as usize].index, (number as u32, places[entry as usize].offset));
        }
        drop(places);
        if let Some(known) = pass.known {
            families.mark_needed(known);
        }
        families
    }

    /// Finds the children of each, and how many are below it. `is_in_order`: whether each base stands before what is made of
    /// it.
    fn link(mut entries: Vec<Entry>, base: Vec<u32>, is_in_order: bool) -> Self {
        let bases = || base.iter().enumerate().filter(|(_, base)| **base != NONE);
        let mut first_child = vec![0u32; entries.len() + 1];
        bases().for_each(|(_, base)| first_child[*base as usize + 1] += 1);
        for at in 0..entries.len() {
            first_child[at + 1] += first_child[at];
        }
        let mut fill = first_child.clone();
        let mut children = vec![0; first_child.last().map_or(0, |count| *count as usize)];
        for (child, base) in bases() {
            let place = &mut fill[*base as usize];
            children[*place as usize] = child as u32;
            *place += 1;
        }
        let roots: Vec<u32> = (0..entries.len() as u32).filter(|at| entries[*at as usize].whole.is_some()).collect();
        let mut add_to_base = |entry: usize| {
            if base[entry] != NONE {
                entries[base[entry] as usize].weight += entries[entry].weight;
            }
        };
        if is_in_order {
            (0..base.len()).rev().for_each(add_to_base);
        } else {
            // From the roots outward; what is in a cycle is never reached.
            let mut order: Vec<u32> = roots.clone();
            let mut at = 0;
            while at < order.len() {
                let entry = order[at] as usize;
                order.extend_from_slice(&children[first_child[entry] as usize..first_child[entry + 1] as usize]);
                at += 1;
            }
            order.iter().rev().for_each(|entry| add_to_base(*entry as usize));
        }
        for at in 0..entries.len() {
            children[first_child[at] as usize..first_child[at + 1] as usize]
                .sort_by_key(|child| entries[*child as usize].weight);
        }
        Self { entries, first_child, children, base, roots, needed: Vec::new(), doubtful: Vec::new() }
    }

    /// Marks what some entries may have made other than it was.
    fn doubt(&mut self, entries: Vec<u32>) {
        let mut is_doubtful = vec![false; if entries.is_empty() { 0 } else { self.entries.len() }];
        let mut pending = entries;
        while let Some(entry) = pending.pop() {
            if !std::mem::replace(&mut is_doubtful[entry as usize], true) {
                pending.extend_from_slice(self.children_of(entry));
                self.doubtful.push(entry);
            }
        }
        self.doubtful.sort_unstable();
    }

    /// Why an entry is not to be believed, unless it is.
    pub(super) fn doubt_of(&self, entry: u32) -> Option<crate::store::Failure> {
        self.doubtful.binary_search(&entry).is_ok().then_some(ENTRY_DIFFERS)
    }

    /// Blobs that are known are needed where others are made of them.
    fn mark_needed(&mut self, known: &(dyn Fn(ObjectIndex) -> bool + Sync)) {
        let is_blob = |root: &&u32| self.entries[**root as usize].whole == Some(ObjectType::Blob);
        let mut order: Vec<u32> = self.roots.iter().filter(is_blob).copied().collect();
        let mut at = 0;
        while at < order.len() {
            order.extend_from_slice(self.children_of(order[at]));
            at += 1;
        }
        self.needed = vec![true; self.entries.len()];
        // Those that are made of others come after them.
        for &entry in order.iter().rev() {
            let is_known = known(self.entries[entry as usize].index);
            let is_needed = !is_known || self.children_of(entry).iter().any(|child| self.needed[*child as usize]);
            self.needed[entry as usize] = is_needed;
        }
    }

    /// Whether an entry must be read, for itself or for others.
    pub(super) fn is_needed(&self, entry: u32) -> bool {
        self.needed.get(entry as usize).is_none_or(|needed| *needed)
    }

    /// An entry and all that are made of it, each before those that are made of it.
    pub(super) fn all_from(&self, entry: u32) -> Vec<u32> {
        let mut all = vec![entry];
        let mut at = 0;
        while at < all.len() {
            all.extend_from_slice(self.children_of(all[at]));
            at += 1;
        }
        all
    }

    /// Where the children of an entry stand among all.
    pub(super) fn range_of(&self, entry: u32) -> std::ops::Range<u32> {
        self.first_child[entry as usize]..self.first_child[entry as usize + 1]
    }

    /// How many are to be read below some children, themselves included.
    pub(super) fn weight(&self, children: std::ops::Range<u32>) -> u64 {
        let children = &self.children[children.start as usize..children.end as usize];
        children.iter().map(|child| u64::from(self.entries[*child as usize].weight)).sum()
    }

    /// The objects that the roots lead to, in the pack's order; none that `is_odd`, nor what is made of one.
    pub(super) fn resolvable(&self, is_odd: impl Fn(ObjectIndex) -> bool) -> Vec<ObjectIndex> {
        let is_sound = |entry: &u32| !is_odd(self.entries[*entry as usize].index);
        let mut found: Vec<u32> = self.roots.iter().copied().filter(is_sound).collect();
        let mut at = 0;
        while at < found.len() {
            found.extend(self.children_of(found[at]).iter().copied().filter(is_sound));
            at += 1;
        }
        found.sort_unstable();
        found.into_iter().map(|entry| self.entries[entry as usize].index).collect()
    }

    /// The roots of what is to be visited: commits and tags, trees, blobs, so that whoever stops a pass knows the history of
    /// what was found. Of each type the few large families first, which would else end a pass on one thread; then in the
    /// pack's order.
    pub(super) fn roots_in_order(&self, pass: &Pass<'_>) -> Vec<u32> {
        let rank = |root: &u32| {
            let entry = &self.entries[*root as usize];
            let by_type = match entry.whole {
                Some(ObjectType::Commit | ObjectType::Tag) => 0,
                Some(ObjectType::Tree) => 1,
                _ => 2,
            };
            (by_type, entry.weight <= 2000)
        };
        let is_wanted = |root: &u32| self.entries[*root as usize].whole.is_some_and(|kind| pass.types.contains(&kind));
        let (mut roots, others): (Vec<u32>, Vec<u32>) = self.roots.iter().partition(|root| is_wanted(root));
        for root in others {
            self.all_from(root).iter().for_each(|entry| _ = pass.seen.claim(self.entries[*entry as usize].index));
        }
        roots.sort_by_key(rank);
        roots
    }

    pub(super) fn children_of(&self, entry: u32) -> &[u32] {
        let entry = entry as usize;
        &self.children[self.first_child[entry] as usize..self.first_child[entry + 1] as usize]
    }
}
