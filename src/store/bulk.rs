//! The bulk reader: every object once, in the order that costs least.
//!
//! Each entry of a pack is inflated once. A delta is applied to its base while that is at hand: the entries of a
//! family are walked from the whole object down, the child with most descendants last, so that a chain of any length
//! keeps two versions in memory and a family of n at most log2(n) + 2. Roots are handed to the threads by a counter.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::inflate::Inflater;
use super::objects::{ENDLESS, Location, ObjectIndex, Objects};
use super::pack::{self, EntryHeader, EntryKind};
use super::{Failure, Visitor, loose};
use crate::model::{Copied, Events, Interrupt, ObjectType};

/// Objects that have been visited, one bit each, set by any thread.
pub(super) struct Seen(Vec<AtomicU64>);

impl Seen {
    pub(super) fn new(count: usize) -> Self {
        Self((0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Marks an object; whether it was not marked before.
    pub(super) fn claim(&self, index: ObjectIndex) -> bool {
        let bit = 1 << (index % 64);
        self.0[index as usize / 64].fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    pub(super) fn has(&self, index: ObjectIndex) -> bool {
        self.0[index as usize / 64].load(Ordering::Relaxed) & (1 << (index % 64)) != 0
    }
}

/// What the threads of a pass share.
pub(super) struct Pass<'a> {
    pub(super) objects: &'a Objects,
    pub(super) limit: u64,
    pub(super) seen: Seen,
    pub(super) failures: Mutex<Vec<(ObjectIndex, Failure)>>,
    pub(super) interrupt: Interrupt<'a>,
    pub(super) events: &'a dyn Events,
}

impl Pass<'_> {
    fn fail(&self, index: ObjectIndex, failure: Failure) {
        if let Ok(mut failures) = self.failures.lock() {
            failures.push((index, failure));
        }
    }

    fn visit<V: Visitor>(
        &self,
        visitor: &mut V,
        index: ObjectIndex,
        kind: ObjectType,
        bytes: &[u8],
        base: Option<(&V::Memory, &[Copied])>,
    ) -> Option<V::Memory> {
        if !self.seen.claim(index) {
            return None;
        }
        let memory = visitor.object(index, kind, bytes, base);
        self.events.advance(1);
        memory
    }

    /// Visits every packed object, then every loose one, then what was left over.
    pub(super) fn run<V: Visitor>(&self, visitors: &mut [V]) {
        for (number, places) in self.places().into_iter().enumerate() {
            self.pack(number, places, visitors);
        }
        let loose: Vec<ObjectIndex> = (0..self.objects.len() as u32)
            .filter(|index| matches!(self.objects.location[*index as usize], Location::Loose { .. }))
            .collect();
        self.each(visitors, &loose, 64, |visitor, indexes| {
            let (mut inflater, mut bytes) = (Inflater::new(), Vec::new());
            for &index in indexes {
                let Location::Loose { dir } = self.objects.location[index as usize] else { continue };
                let dir = &self.objects.loose_dirs[dir as usize];
                match loose::read(dir, self.objects.oid(index), self.limit, &mut inflater, &mut bytes) {
                    Ok(kind) => _ = self.visit(visitor, index, kind, &bytes, None),
                    Err(failure) => self.fail(index, failure),
                }
            }
        });
        self.left_over(visitors);
        if let Ok(mut failures) = self.failures.lock() {
            failures.retain(|(index, _)| !self.seen.has(*index));
            failures.sort_by_key(|(index, _)| *index);
            failures.dedup_by_key(|(index, _)| *index);
        }
    }

    /// Reads by itself what no pass over a pack resolved: deltas whose base is in another pack, copies of what is damaged
    /// elsewhere. What failed there and has no other copy fails again, and is not tried.
    fn left_over<V: Visitor>(&self, visitors: &mut [V]) {
        /// So many endless chains are followed; whoever made more of them made the rest as well.
        const MOST_ENDLESS: usize = 200;
        let failed: HashSet<ObjectIndex> = match self.failures.lock() {
            Ok(failures) => failures.iter().map(|(index, _)| *index).collect(),
            Err(_) => HashSet::new(),
        };
        let is_open = |index: &ObjectIndex| {
            !self.seen.has(*index) && (!failed.contains(index) || self.objects.copies.contains_key(index))
        };
        let left: Vec<ObjectIndex> = (0..self.objects.len() as u32).filter(is_open).collect();
        let endless = AtomicUsize::new(0);
        self.each(visitors, &left, 8, |visitor, indexes| {
            let mut bytes = Vec::new();
            for &index in indexes {
                if endless.load(Ordering::Relaxed) >= MOST_ENDLESS {
                    self.fail(index, ENDLESS);
                    continue;
                }
                match self.objects.read(index, self.limit, &mut bytes) {
                    Ok(kind) => _ = self.visit(visitor, index, kind, &bytes, None),
                    Err(failure) => {
                        endless.fetch_add(usize::from(failure == ENDLESS), Ordering::Relaxed);
                        self.fail(index, failure);
                    }
                }
            }
        });
    }

    /// The packed objects that stand in no cycle of deltas and need no other pack, in pack order, each once.
    pub(super) fn resolvable(&self) -> Vec<ObjectIndex> {
        let mut found = Vec::new();
        for (pack, places) in self.objects.packs.iter().zip(self.places()) {
            let families = pack.with_file(|file| Ok(Families::of(self, pack.end, file, places)));
            found.extend(families.iter().flat_map(|families| families.resolvable()));
        }
        // What stands in several places could be read from the one that is damaged.
        found.retain(|index| !self.objects.copies.contains_key(index));
        found
    }

    /// What stands in each pack: offsets, in order, and objects.
    fn places(&self) -> Vec<Vec<(u64, ObjectIndex)>> {
        let mut places: Vec<Vec<(u64, ObjectIndex)>> = vec![Vec::new(); self.objects.packs.len()];
        let copies = self.objects.copies.iter().flat_map(|(index, all)| all.iter().map(|location| (*index, location)));
        let firsts = self.objects.location.iter().enumerate().map(|(index, location)| (index as u32, location));
        for (index, location) in firsts.chain(copies) {
            if let Location::Packed { pack, offset } = location {
                places[*pack as usize].push((*offset, index));
            }
        }
        places.iter_mut().for_each(|places| places.sort_unstable());
        places
    }

    /// Hands `items` out to a thread for each visitor, `share` at a time.
    fn each<V: Visitor, T: Sync>(
        &self,
        visitors: &mut [V],
        items: &[T],
        share: usize,
        work: impl Fn(&mut V, &[T]) + Sync,
    ) {
        let next = AtomicUsize::new(0);
        let drain = |visitor: &mut V| {
            while !self.interrupt.is_set() {
                let from = next.fetch_add(share, Ordering::Relaxed);
                if from >= items.len() {
                    break;
                }
                work(visitor, &items[from..items.len().min(from + share)]);
            }
        };
        match visitors {
            [only] => drain(only),
            _ if items.len() <= share => drain(&mut visitors[0]),
            many => std::thread::scope(|scope| {
                for visitor in many {
                    scope.spawn(|| drain(visitor));
                }
            }),
        }
    }

    fn pack<V: Visitor>(&self, number: usize, places: Vec<(u64, ObjectIndex)>, visitors: &mut [V]) {
        let pack = &self.objects.packs[number];
        let opened = pack.with_file(|file| {
            let families = Families::of(self, pack.end, file, places);
            self.each(visitors, &families.roots_in_order(), 16, |visitor, roots| {
                let mut walker = FamilyWalk::new(self, &families, file, pack.end);
                for root in roots {
                    walker.walk(*root, visitor);
                }
            });
            Ok(())
        });
        // Where it cannot be opened any more its objects are left over, and are looked for in other places.
        opened.unwrap_or_default();
    }
}

/// The entries of a pack and which is a delta of which.
struct Families {
    entries: Vec<Entry>,
    /// Children of entry `n`: `children[first_child[n]..first_child[n + 1]]`, the one with most descendants last.
    first_child: Vec<u32>,
    children: Vec<u32>,
    roots: Vec<u32>,
}

struct Entry {
    index: ObjectIndex,
    header: EntryHeader,
    /// Where the next entry begins.
    end: u64,
    /// How many descendants, itself included.
    weight: u32,
}

impl Families {
    fn of(pass: &Pass<'_>, pack_end: u64, file: &File, places: Vec<(u64, ObjectIndex)>) -> Self {
        let objects = pass.objects;
        // Enough for hundreds of small entries, and little to read in vain before a large one.
        const AT_ONCE: usize = 32 << 10;
        let mut headers = pack::Headers::new(file, pack_end, objects.format, AT_ONCE);
        let (mut entries, mut place_of) = (Vec::with_capacity(places.len()), Vec::with_capacity(places.len()));
        for (at, (offset, index)) in places.iter().enumerate() {
            let end = places[at + 1..].iter().map(|next| next.0).find(|next| next > offset).unwrap_or(pack_end);
            match headers.at(*offset) {
                Ok(header) => {
                    entries.push(Entry { index: *index, header, end: end.min(pack_end), weight: 1 });
                    place_of.push(at);
                }
                Err(failure) => pass.fail(*index, failure),
            }
        }
        Self::link(entries, &place_of, &places, objects)
    }

    /// Finds out which entry is a delta of which. `place_of`: which of `places` each stands at; some have none, whose
    /// header cannot be read.
    fn link(mut entries: Vec<Entry>, place_of: &[usize], places: &[(u64, ObjectIndex)], objects: &Objects) -> Self {
        // Only a base that is named by its id is looked for among all.
        let is_named = |entry: &Entry| matches!(entry.header.kind, EntryKind::RefDelta(_));
        let mut by_index: Vec<(ObjectIndex, u32)> = match entries.iter().any(is_named) {
            true => entries.iter().enumerate().map(|(at, entry)| (entry.index, at as u32)).collect(),
            false => Vec::new(),
        };
        by_index.sort_unstable();
        let of_index = |index: ObjectIndex| {
            by_index.binary_search_by_key(&index, |row| row.0).ok().map(|at| by_index[at].1 as usize)
        };
        let mut entry_at = vec![None; places.len()];
        for (entry, place) in place_of.iter().enumerate() {
            entry_at[*place] = Some(entry);
        }
        // A base mostly stands not far before its delta.
        let before = |at: usize, offset: u64| {
            let mut reach = 1;
            while reach < at && places[at - reach].0 > offset {
                reach *= 2;
            }
            let from = at.saturating_sub(reach);
            let found = places[from..at].binary_search_by_key(&offset, |place| place.0).ok()?;
            entry_at[from + found]
        };
        let base: Vec<Option<usize>> = entries
            .iter()
            .zip(place_of)
            .map(|(entry, place)| match entry.header.kind {
                EntryKind::Whole(_) => None,
                EntryKind::OffsetDelta(offset) => before(*place, offset),
                EntryKind::RefDelta(oid) => objects.find(&oid).and_then(of_index),
            })
            .collect();
        let mut first_child = vec![0u32; entries.len() + 1];
        for base in base.iter().flatten() {
            first_child[base + 1] += 1;
        }
        for at in 0..entries.len() {
            first_child[at + 1] += first_child[at];
        }
        let mut fill = first_child.clone();
        let mut children = vec![0; first_child.last().map_or(0, |count| *count as usize)];
        for (child, base) in base.iter().enumerate() {
            if let Some(base) = base {
                children[fill[*base] as usize] = child as u32;
                fill[*base] += 1;
            }
        }
        let roots: Vec<u32> = (0..entries.len() as u32)
            .filter(|at| matches!(entries[*at as usize].header.kind, EntryKind::Whole(_)))
            .collect();
        // From the roots outward; what is in a cycle is never reached.
        let mut order: Vec<u32> = roots.clone();
        let mut at = 0;
        while at < order.len() {
            let entry = order[at] as usize;
            order.extend_from_slice(&children[first_child[entry] as usize..first_child[entry + 1] as usize]);
            at += 1;
        }
        for &entry in order.iter().rev() {
            if let Some(base) = base[entry as usize] {
                entries[base].weight += entries[entry as usize].weight;
            }
        }
        for at in 0..entries.len() {
            children[first_child[at] as usize..first_child[at + 1] as usize]
                .sort_by_key(|child| entries[*child as usize].weight);
        }
        Self { entries, first_child, children, roots }
    }

    /// The objects that the roots lead to, in the pack's order.
    fn resolvable(&self) -> Vec<ObjectIndex> {
        let mut found = self.roots.clone();
        let mut at = 0;
        while at < found.len() {
            found.extend_from_slice(self.children_of(found[at]));
            at += 1;
        }
        found.sort_unstable();
        found.into_iter().map(|entry| self.entries[entry as usize].index).collect()
    }

    /// The roots: commits and tags, trees, blobs, so that whoever stops a pass knows the history of what was found. Of
    /// each type the few large families first, which would else end a pass on one thread; then in the pack's order.
    fn roots_in_order(&self) -> Vec<u32> {
        let rank = |root: &u32| {
            let entry = &self.entries[*root as usize];
            let by_type = match entry.header.kind {
                EntryKind::Whole(ObjectType::Commit | ObjectType::Tag) => 0,
                EntryKind::Whole(ObjectType::Tree) => 1,
                _ => 2,
            };
            (by_type, entry.weight <= 2000)
        };
        let mut roots = self.roots.clone();
        roots.sort_by_key(rank);
        roots
    }

    fn children_of(&self, entry: u32) -> &[u32] {
        let entry = entry as usize;
        &self.children[self.first_child[entry] as usize..self.first_child[entry + 1] as usize]
    }
}

/// Walks families on one thread, with buffers that are used again.
struct FamilyWalk<'a> {
    pass: &'a Pass<'a>,
    families: &'a Families,
    file: &'a File,
    pack_end: u64,
    inflater: Inflater,
    delta: Vec<u8>,
    /// What the delta that was applied last copies.
    copied: Vec<Copied>,
    spare: Vec<Vec<u8>>,
}

/// An object with children still to be resolved.
struct Frame<M> {
    entry: u32,
    next: usize,
    bytes: Vec<u8>,
    /// What the visitor remembers of it.
    memory: Option<M>,
}

impl<'a> FamilyWalk<'a> {
    fn new(pass: &'a Pass<'a>, families: &'a Families, file: &'a File, pack_end: u64) -> Self {
        Self {
            pass,
            families,
            file,
            pack_end,
            inflater: Inflater::of_one_file(),
            delta: Vec::new(),
            copied: Vec::new(),
            spare: Vec::new(),
        }
    }

    fn walk<V: Visitor>(&mut self, root: u32, visitor: &mut V) {
        let entry = &self.families.entries[root as usize];
        let EntryKind::Whole(kind) = entry.header.kind else { return };
        let mut bytes = self.spare.pop().unwrap_or_default();
        let memory = match self.data(entry, &mut bytes) {
            Ok(()) => self.pass.visit(visitor, entry.index, kind, &bytes, None),
            Err(failure) => return self.fail_below(root, failure),
        };
        let mut stack = vec![Frame { entry: root, next: 0, bytes, memory }];
        while let Some(frame) = stack.last_mut() {
            if self.pass.interrupt.is_set() {
                return;
            }
            let children = self.families.children_of(frame.entry);
            let Some(&child) = children.get(frame.next) else {
                if let Some(frame) = stack.pop() {
                    self.recycle(frame.bytes);
                }
                continue;
            };
            frame.next += 1;
            let is_last = frame.next == children.len();
            let mut bytes = self.spare.pop().unwrap_or_default();
            let resolved = self.resolve(child, &frame.bytes, &mut bytes);
            let index = self.families.entries[child as usize].index;
            let base = frame.memory.as_ref().map(|memory| (memory, self.copied.as_slice()));
            let memory = match resolved {
                Ok(()) => self.pass.visit(visitor, index, kind, &bytes, base),
                Err(_) => None,
            };
            // The last child takes its base's place, so that a chain never grows the stack.
            if is_last && let Some(frame) = stack.pop() {
                self.recycle(frame.bytes);
            }
            match resolved {
                Ok(()) => {
                    if self.families.children_of(child).is_empty() {
                        self.recycle(bytes);
                    } else {
                        stack.push(Frame { entry: child, next: 0, bytes, memory });
                    }
                }
                Err(failure) => self.fail_below(child, failure),
            }
        }
    }

    /// An entry that cannot be resolved takes all its descendants with it.
    fn fail_below(&self, entry: u32, failure: Failure) {
        self.pass.fail(self.families.entries[entry as usize].index, failure);
        let mut pending = self.families.children_of(entry).to_vec();
        while let Some(child) = pending.pop() {
            self.pass
                .fail(self.families.entries[child as usize].index, Failure::Corrupt("its delta base cannot be read"));
            pending.extend_from_slice(self.families.children_of(child));
        }
    }

    fn resolve(&mut self, child: u32, base: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
        let mut delta = std::mem::take(&mut self.delta);
        let read = self.data(&self.families.entries[child as usize], &mut delta);
        self.delta = delta;
        read?;
        self.copied.clear();
        pack::apply_noting(base, &self.delta, self.pass.limit, out, &mut |copied| self.copied.push(copied))
    }

    /// Inflates an entry. Where the next one begins tells how much to read; but an index that is damaged has one begin
    /// in the middle of another.
    fn data(&mut self, entry: &Entry, out: &mut Vec<u8>) -> Result<(), Failure> {
        let (limit, end) = (self.pass.limit, self.pack_end);
        match pack::entry_data(self.file, &entry.header, entry.end, limit, &mut self.inflater, out) {
            Err(Failure::Corrupt(_)) if entry.end < end => {
                pack::entry_data(self.file, &entry.header, end, limit, &mut self.inflater, out)
            }
            read => read,
        }
    }

    fn recycle(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < 8 && bytes.capacity() <= 4 << 20 {
            self.spare.push(bytes);
        }
    }
}
