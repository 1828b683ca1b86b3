//! The bulk reader: every object once, in the order that costs least.
//!
//! Each entry of a pack is inflated once. A delta is applied to its base while that is at hand: the entries of a
//! family (`families`) are walked from the whole object down (`walk`), the child with most descendants last, so that a
//! chain of any length keeps two versions in memory and a family of n at most log2(n) + 2. Roots are handed to the
//! threads by a counter, and whoever has none left is given a branch of another's (`pool`).

mod families;
mod order;
mod pool;
mod walk;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::checksum::ENTRY_DIFFERS;
use super::inflate::{Inflater, Pieces};
use super::objects::{Location, ObjectIndex, Objects};
use super::single::{Bases, ENDLESS, PackPlace, Room};
use super::{Failure, Visitor, loose};
use crate::model::{Copied, Events, Interrupt, ObjectType, Silent};
use families::Families;
use order::Place;
use pool::Pool;
use walk::FamilyWalk;

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

/// Buffers up to this size are not counted against a pass's memory; a thread has a few dozen of them.
const SMALL: u64 = 1 << 20;

/// What the threads of a pass share.
pub(super) struct Pass<'a> {
    pub(super) objects: &'a Objects,
    /// What is visited.
    pub(super) types: &'a [ObjectType],
    /// The largest object that is visited, bytes.
    pub(super) limit: u64,
    /// The largest that others are made from, bytes; no less than that.
    pub(super) made_from: u64,
    /// So many bytes of objects may be held at once, all threads together.
    pub(super) memory: u64,
    /// Whether blobs that are larger are read in pieces.
    pub(super) streams: bool,
    /// Blobs of which the size is enough.
    pub(super) known: Option<&'a (dyn Fn(ObjectIndex) -> bool + Sync)>,
    /// Whether those are held against their checksums all the same.
    pub(super) checks_known: bool,
    pub(super) seen: Seen,
    /// Held while a large blob is read that stands in several places.
    pub(super) turn: Mutex<()>,
    pub(super) failures: Mutex<Vec<(ObjectIndex, Failure)>>,
    /// Objects a copy of which is not what its pack's index has the checksum of.
    pub(super) doubted: Mutex<HashSet<ObjectIndex>>,
    pub(super) interrupt: Interrupt<'a>,
    pub(super) events: &'a dyn Events,
}

impl<'a> Pass<'a> {
    /// A pass over everything that the visitors want to see: all four types, large blobs in pieces, nothing known before,
    /// and nobody who is told how far it is. `limit`: bytes of the largest object; `memory`: bytes of objects that are held
    /// at once.
    pub(super) fn new(objects: &'a Objects, (limit, memory): (u64, u64), interrupt: Interrupt<'a>) -> Self {
        Self {
            objects,
            types: ObjectType::ALL,
            limit,
            made_from: limit,
            memory,
            streams: true,
            known: None,
            checks_known: false,
            seen: Seen::new(objects.len()),
            turn: Mutex::default(),
            failures: Mutex::default(),
            doubted: Mutex::default(),
            interrupt,
            events: &Silent,
        }
    }

    fn fail(&self, index: ObjectIndex, failure: Failure) {
        if let Ok(mut failures) = self.failures.lock() {
            failures.push((index, failure));
        }
    }

    /// Notes that what stands at a place is not what it was. It is read all the same, unless there is another copy.
    fn doubt(&self, index: ObjectIndex, place: PackPlace) {
        self.objects.doubtful.write().unwrap_or_else(PoisonError::into_inner).insert(place);
        self.doubted.lock().unwrap_or_else(PoisonError::into_inner).insert(index);
    }

    /// Hands an object over, unless it was before.
    pub(super) fn visit<V: Visitor>(
        &self,
        visitor: &mut V,
        index: ObjectIndex,
        kind: ObjectType,
        bytes: &[u8],
        base: Option<(&V::Memory, &[Copied])>,
    ) -> Option<V::Memory> {
        if kind == ObjectType::Blob && self.is_known(index) {
            self.visit_known(visitor, index, bytes.len() as u64);
            return None;
        }
        if !self.seen.claim(index) || !self.types.contains(&kind) {
            return None;
        }
        let memory = visitor.object(index, kind, bytes, base);
        self.events.advance(1);
        memory
    }

    /// Whether a blob of this size is read in pieces: one that would not leave room for another.
    pub(super) fn is_streamed(&self, size: u64) -> bool {
        self.streams && size > self.memory / 2
    }

    fn is_known(&self, index: ObjectIndex) -> bool {
        self.known.is_some_and(|known| known(index))
    }

    fn visit_known<V: Visitor>(&self, visitor: &mut V, index: ObjectIndex, size: u64) {
        if self.seen.claim(index) {
            visitor.known(index, size);
            self.events.advance(1);
        }
    }

    fn visit_large<V: Visitor>(&self, visitor: &mut V, index: ObjectIndex, mut pieces: Pieces<'_>) {
        // It counts as seen once it was read to its end, or a copy that is damaged would be in the way of a sound one: so
        // nobody reads the one while another reads the other.
        let _turn = self.objects.copies.contains_key(&index).then(|| self.turn.lock());
        if self.seen.has(index) {
            return;
        }
        match visitor.large(index, &mut pieces) {
            Ok(()) => {
                self.seen.claim(index);
                self.events.advance(1);
            }
            Err(failure) => self.fail(index, failure),
        }
    }

    /// Visits every packed object, then every loose one, then what was left over.
    pub(super) fn run<V: Visitor>(&self, visitors: &mut [V]) {
        for (number, places) in self.places().into_iter().enumerate() {
            self.pack(number, places, visitors);
        }
        let loose: Vec<ObjectIndex> = (0..self.objects.len() as u32)
            .filter(|index| matches!(self.objects.location[*index as usize], Location::Loose { .. }))
            .collect();
        let share = self.memory / visitors.len().max(1) as u64;
        let late = Mutex::new(Vec::new());
        self.each(visitors, &loose, 64, |visitor, indexes| {
            let (mut inflater, mut bytes) = (Inflater::new(), Vec::new());
            for &index in indexes {
                match self.loose(visitor, index, share, (&mut inflater, &mut bytes)) {
                    Ok(()) => {}
                    Err(Failure::OverMemory(_)) => late.lock().into_iter().for_each(|mut late| late.push(index)),
                    Err(failure) => self.fail(index, failure),
                }
            }
        });
        // What is too large beside others has the whole of the memory once they are done.
        for index in late.into_inner().unwrap_or_default() {
            let buffers = (&mut Inflater::new(), &mut Vec::new());
            if let Some(first) = visitors.first_mut()
                && let Err(failure) = self.loose(first, index, self.memory, buffers)
            {
                self.fail(index, failure);
            }
        }
        self.left_over(visitors);
        if let (Ok(mut failures), Ok(doubted)) = (self.failures.lock(), self.doubted.lock()) {
            failures.retain(|(index, _)| !self.seen.has(*index));
            failures.extend(doubted.iter().map(|index| (*index, ENTRY_DIFFERS)));
            failures.sort_by_key(|(index, _)| *index);
            failures.dedup_by_key(|(index, _)| *index);
        }
    }

    /// Reads a loose object, with so much room for it.
    fn loose<V: Visitor>(
        &self,
        visitor: &mut V,
        index: ObjectIndex,
        room: u64,
        (inflater, bytes): (&mut Inflater, &mut Vec<u8>),
    ) -> Result<(), Failure> {
        let Location::Loose { dir } = self.objects.location[index as usize] else { return Ok(()) };
        let found = loose::find(&self.objects.loose_dirs[dir as usize], self.objects.oid(index), inflater)?;
        if !self.types.contains(&found.kind) {
            self.seen.claim(index);
        } else if found.kind == ObjectType::Blob && self.is_known(index) {
            self.visit_known(visitor, index, found.size);
        } else if found.kind == ObjectType::Blob && self.is_streamed(found.size) {
            self.visit_large(visitor, index, found.pieces(inflater));
        } else {
            let need = found.size.saturating_add(found.stored);
            if need > SMALL.max(room) && found.size <= self.limit {
                return Err(Failure::OverMemory(need));
            }
            let kind = found.read(self.limit, inflater, bytes)?;
            self.visit(visitor, index, kind, bytes, None);
        }
        Ok(())
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
        let late = Mutex::new(Vec::new());
        // Of what is read for others as much is kept as a few small buffers take.
        let spare = (self.memory / 16).min(8 << 20) as usize;
        let room =
            Room { limit: self.limit, made_from: self.made_from, memory: self.memory / visitors.len().max(1) as u64 };
        self.each(visitors, &left, 8, |visitor, indexes| {
            let (mut bases, mut bytes) = (Bases::up_to(spare), Vec::new());
            for &index in indexes {
                if endless.load(Ordering::Relaxed) >= MOST_ENDLESS {
                    self.fail(index, ENDLESS);
                    continue;
                }
                match self.read_left_over(index, room, &mut bases, &mut bytes) {
                    Ok(kind) => _ = self.visit(visitor, index, kind, &bytes, None),
                    Err(Failure::OverMemory(_)) => late.lock().into_iter().for_each(|mut late| late.push(index)),
                    Err(failure) => {
                        endless.fetch_add(usize::from(failure == ENDLESS), Ordering::Relaxed);
                        self.fail(index, failure);
                    }
                }
            }
        });
        let room = Room { memory: self.memory, ..room };
        let (mut bases, mut bytes) = (Bases::up_to(spare), Vec::new());
        for index in late.into_inner().unwrap_or_default() {
            match (self.read_left_over(index, room, &mut bases, &mut bytes), visitors.first_mut()) {
                (Ok(kind), Some(first)) => _ = self.visit(first, index, kind, &bytes, None),
                (Err(failure), _) => self.fail(index, failure),
                (Ok(_), None) => {}
            }
        }
    }

    fn read_left_over(
        &self,
        index: ObjectIndex,
        room: Room,
        bases: &mut Bases,
        out: &mut Vec<u8>,
    ) -> Result<ObjectType, Failure> {
        let is_doubted = |doubted: &HashSet<ObjectIndex>| doubted.contains(&index);
        if self.doubted.lock().is_ok_and(|doubted| is_doubted(&doubted)) {
            match self.objects.read_undoubted(index, room, bases, out) {
                Ok(kind) => {
                    self.doubted.lock().into_iter().for_each(|mut doubted| _ = doubted.remove(&index));
                    return Ok(kind);
                }
                Err(Failure::OverMemory(need)) => return Err(Failure::OverMemory(need)),
                Err(_) => {}
            }
        }
        self.objects.read(index, room, bases, out)
    }

    /// The packed objects that stand in no cycle of deltas and need no other pack, in pack order, each once.
    pub(super) fn resolvable(&self) -> Vec<ObjectIndex> {
        let mut found = Vec::new();
        for (number, places) in self.places().into_iter().enumerate() {
            let pack = &self.objects.packs[number];
            let families = pack.with_file(|file| Ok(Families::of(self, (file, number), places, 1)));
            // What stands in several places could be read from the one that is damaged.
            let is_odd = |index| self.objects.copies.contains_key(&index);
            found.extend(families.iter().flat_map(|families| families.resolvable(is_odd)));
        }
        found
    }

    /// What stands in each pack, in the order of the offsets.
    fn places(&self) -> Vec<Vec<Place>> {
        if let Some(order) = &self.objects.order {
            let place = |index: &ObjectIndex| match self.objects.location[*index as usize] {
                Location::Packed { offset, checksum, .. } => Some(Place { offset, index: *index, checksum }),
                Location::Loose { .. } => None,
            };
            let mut places = Vec::with_capacity(order.len());
            places.extend(order.iter().filter_map(place));
            return vec![places];
        }
        let mut places: Vec<Vec<Place>> = vec![Vec::new(); self.objects.packs.len()];
        let copies = self.objects.copies.iter().flat_map(|(index, all)| all.iter().map(|location| (*index, location)));
        let firsts = self.objects.location.iter().enumerate().map(|(index, location)| (index as u32, location));
        for (index, location) in firsts.chain(copies) {
            if let Location::Packed { pack, offset, checksum } = *location {
                places[pack as usize].push(Place { offset, index, checksum });
            }
        }
        places.iter_mut().for_each(order::by_offset);
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
        let some = if items.len() <= share { visitors.len().min(1) } else { visitors.len() };
        on_threads(&mut visitors[..some], &drain, &|| {});
    }

    fn pack<V: Visitor>(&self, number: usize, places: Vec<Place>, visitors: &mut [V]) {
        /// So few entries are read by one thread: starting others takes longer.
        const FEW: usize = 64;
        let pack = &self.objects.packs[number];
        let opened = pack.with_file(|file| {
            let families = Families::of(self, (file, number), places, visitors.len());
            let roots = families.roots_in_order(self);
            let visitors = if families.entries.len() <= FEW { &mut visitors[..1] } else { &mut *visitors };
            let (pool, next) = (Pool::new(visitors.len()), AtomicUsize::new(0));
            let work = |visitor: &mut V| {
                let _present = pool.present();
                let mut walk = FamilyWalk::new(self, &families, (file, pack.end), &pool, visitor);
                while let Some(roots) = self.next_of(&roots, &next) {
                    roots.iter().for_each(|root| walk.root(*root));
                }
                while let Some(branch) = pool.take() {
                    walk.branch(branch);
                }
            };
            on_threads(visitors, &work, &|| pool.leave());
            if let Some(first) = visitors.first_mut() {
                let alone = Pool::new(1);
                FamilyWalk::new(self, &families, (file, pack.end), &alone, first).late(pool.late());
            }
            Ok(())
        });
        // Where it cannot be opened any more its objects are left over, and are looked for in other places.
        opened.unwrap_or_default();
    }

    /// The next few roots; neighbours, as long as there are many.
    fn next_of<'r>(&self, roots: &'r [u32], next: &AtomicUsize) -> Option<&'r [u32]> {
        const SHARE: usize = 16;
        let is_near_the_end = next.load(Ordering::Relaxed) + SHARE * SHARE > roots.len();
        let share = if is_near_the_end { 1 } else { SHARE };
        let from = next.fetch_add(share, Ordering::Relaxed);
        if self.interrupt.is_set() { None } else { roots.get(from..roots.len().min(from.saturating_add(share))) }
            .filter(|roots| !roots.is_empty())
    }
}

/// Works with each visitor on a thread of its own, the first on this one; `absent` is told of each for which there is no
/// thread to be had.
fn on_threads<V: Send>(visitors: &mut [V], work: &(impl Fn(&mut V) + Sync), absent: &dyn Fn()) {
    let Some((first, others)) = visitors.split_first_mut() else { return };
    std::thread::scope(|scope| {
        for visitor in others {
            if std::thread::Builder::new().spawn_scoped(scope, move || work(visitor)).is_err() {
                absent();
            }
        }
        work(first);
    });
}
