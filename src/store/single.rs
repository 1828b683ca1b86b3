//! One object by itself, along its chain of deltas.

use std::sync::{Arc, PoisonError};

use rustc_hash::FxHashMap;

use super::checksum::ENTRY_DIFFERS;
use super::inflate::Inflater;
use super::objects::{Location, ObjectIndex, Objects};
use super::pack::{self, EntryKind};
use super::{Failure, delta, loose};
use crate::model::ObjectType;

/// The longest chain of deltas that is followed for one object; git itself makes none longer than 4095
/// (`pack.depth`). A cycle ends here.
pub(super) const LONGEST_CHAIN: usize = 10_000;

/// What a chain that is longer, or a cycle, fails with.
pub(super) const ENDLESS: Failure = Failure::Corrupt("its chain of deltas does not end");

/// How much may be held of one object while it is read by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// The largest object, bytes.
    pub(super) limit: u64,
    /// The largest of what it is made from, bytes; no less than that.
    pub(super) made_from: u64,
    /// All that it is made from, bytes.
    pub(super) memory: u64,
}

impl Room {
    /// As much as an object of up to `limit` bytes can take that is made from objects of up to `made_from`.
    pub(super) fn up_to(limit: u64, made_from: u64) -> Self {
        let made_from = made_from.max(limit);
        Self { limit, made_from, memory: made_from.saturating_mul(3) }
    }

    /// Whether there is room for something of this size beside what is held; `is_it`: for the object itself.
    fn check(&self, size: u64, held: u64, is_it: bool) -> Result<(), Failure> {
        let need = held.saturating_add(size);
        match size > if is_it { self.limit } else { self.made_from } {
            true => Err(Failure::TooLarge(size)),
            false if need > self.memory => Err(Failure::OverMemory(need)),
            false => Ok(()),
        }
    }
}

/// Where a packed object stands: the number of its pack, and its offset.
pub(super) type PackPlace = (u32, u64);

/// What was read of late, for what is made of it: versions of one thing are asked for one after the other, and each chain
/// would be followed to its end. Memory: twice `most`, which is 32 MiB unless it is said.
pub(super) struct Bases {
    /// As many bytes are young: when there are more, the old go and the young are old.
    most: usize,
    young: FxHashMap<PackPlace, (ObjectType, Arc<[u8]>)>,
    old: FxHashMap<PackPlace, (ObjectType, Arc<[u8]>)>,
    young_bytes: usize,
}

impl Default for Bases {
    fn default() -> Self {
        Self::up_to(32 << 20)
    }
}

impl Bases {
    pub(super) fn up_to(most: usize) -> Self {
        Self { most, young: FxHashMap::default(), old: FxHashMap::default(), young_bytes: 0 }
    }

    fn get(&mut self, place: PackPlace) -> Option<(ObjectType, Arc<[u8]>)> {
        if let Some(found) = self.young.get(&place) {
            return Some(found.clone());
        }
        let (kind, bytes) = self.old.remove(&place)?;
        self.put(place, kind, Arc::clone(&bytes));
        Some((kind, bytes))
    }

    fn put(&mut self, place: PackPlace, kind: ObjectType, bytes: Arc<[u8]>) {
        if self.young_bytes + bytes.len() > self.most {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes.len();
        self.young.insert(place, (kind, bytes));
    }

    fn note(&mut self, place: PackPlace, kind: ObjectType, bytes: &[u8]) {
        if bytes.len() <= self.most / 16 {
            self.put(place, kind, bytes.into());
        }
    }
}

impl Objects {
    /// Reads one object by itself, from whichever copy can be read, into `out`. A chain of deltas is followed as far
    /// as it goes or to what `bases` has, through other packs too. Cost: so much of the chain.
    ///
    /// # Errors
    /// The first copy's failure, where no copy can be read.
    pub(super) fn read(
        &self,
        index: ObjectIndex,
        room: Room,
        bases: &mut Bases,
        out: &mut Vec<u8>,
    ) -> Result<ObjectType, Failure> {
        match self.read_undoubted(index, room, bases, out) {
            Err(ENTRY_DIFFERS) => self.read_any(index, (room, false), bases, out),
            read => read,
        }
    }

    /// The same of a copy that no checksum speaks against.
    ///
    /// # Errors
    /// Where no such copy can be read: that there is one that is not what it was, before all other reasons.
    pub(super) fn read_undoubted(
        &self,
        index: ObjectIndex,
        room: Room,
        bases: &mut Bases,
        out: &mut Vec<u8>,
    ) -> Result<ObjectType, Failure> {
        self.read_any(index, (room, true), bases, out)
    }

    fn read_any(
        &self,
        index: ObjectIndex,
        (room, doubts): (Room, bool),
        bases: &mut Bases,
        out: &mut Vec<u8>,
    ) -> Result<ObjectType, Failure> {
        let copies = self.copies.get(&index).map_or(&[][..], Vec::as_slice);
        let mut first = None;
        for location in std::iter::once(self.location[index as usize]).chain(copies.iter().copied()) {
            match self.read_copy((index, location), (room, doubts), bases, out) {
                Ok(kind) => return Ok(kind),
                Err(ENTRY_DIFFERS) => first = Some(ENTRY_DIFFERS),
                Err(failure) => {
                    first.get_or_insert(failure);
                }
            }
        }
        Err(first.unwrap_or(Failure::Corrupt("it stands nowhere")))
    }

    fn read_copy(
        &self,
        (mut index, mut location): (ObjectIndex, Location),
        (room, doubts): (Room, bool),
        bases: &mut Bases,
        out: &mut Vec<u8>,
    ) -> Result<ObjectType, Failure> {
        let limit = room.made_from;
        let mut inflater = Inflater::new();
        let mut deltas: Vec<(PackPlace, Vec<u8>)> = Vec::new();
        let mut held = 0u64;
        let kind = loop {
            let (pack_number, offset) = match location {
                Location::Loose { dir } => {
                    let dir = &self.loose_dirs[dir as usize];
                    let found = loose::find(dir, self.oid(index), &mut inflater)?;
                    room.check(found.size, held.saturating_add(found.stored), deltas.is_empty())?;
                    break found.read(limit, &mut inflater, out)?;
                }
                Location::Packed { pack, offset, .. } => (pack, offset),
            };
            let place = (pack_number, offset);
            if doubts && self.is_doubtful(place) {
                return Err(ENTRY_DIFFERS);
            }
            if let Some((kind, bytes)) = bases.get(place) {
                room.check(bytes.len() as u64, held, deltas.is_empty())?;
                out.clear();
                out.extend_from_slice(&bytes);
                break kind;
            }
            let pack = &self.packs[pack_number as usize];
            let header = pack.with_file(|file| {
                let header = pack::entry_header(file, offset, pack.end, self.format)?;
                let is_it = deltas.is_empty() && matches!(header.kind, EntryKind::Whole(_));
                room.check(header.body.size, held, is_it)?;
                pack::entry_data(file, header.body, pack.end, limit, &mut inflater, out)?;
                Ok(header)
            })?;
            location = match header.kind {
                EntryKind::Whole(kind) => {
                    bases.note(place, kind, out);
                    break kind;
                }
                EntryKind::OffsetDelta(offset) => Location::Packed { pack: pack_number, offset, checksum: 0 },
                EntryKind::RefDelta(base) => {
                    index = self.find(&base).ok_or(Failure::Corrupt("its delta base is missing"))?;
                    self.location[index as usize]
                }
            };
            held += out.len() as u64;
            if deltas.len() >= LONGEST_CHAIN || held > limit.saturating_mul(2) {
                return Err(ENDLESS);
            }
            // As large as it is: the buffer may have had an object in it that was far larger.
            deltas.push((place, out.as_slice().to_vec()));
        };
        let mut base = std::mem::take(out);
        while let Some((place, next)) = deltas.pop() {
            let size = delta::result_size(&next).unwrap_or(0);
            room.check(size, held.saturating_add(base.len() as u64), deltas.is_empty())?;
            delta::apply(&base, &next, limit, out)?;
            bases.note(place, kind, out);
            held -= next.len() as u64;
            std::mem::swap(&mut base, out);
        }
        *out = base;
        Ok(kind)
    }
    fn is_doubtful(&self, place: PackPlace) -> bool {
        self.doubtful.read().unwrap_or_else(PoisonError::into_inner).contains(&place)
    }
}
