//! The table of all objects: which there are and where each stands.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::RwLock;

use rustc_hash::FxHashSet;

use super::fingerprint::DirMark;
use super::inflate::Inflater;
use super::pack::{Listing, Pack};
use super::single::PackPlace;
use super::{Gap, files, loose};
use crate::model::{ObjectFormat, Oid};

/// An object's number in the table: objects are numbered in the order of their ids.
pub type ObjectIndex = u32;

/// Where one copy of an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// `checksum`: the CRC32 of the entry, where the pack has checksums.
    Packed {
        pack: u32,
        offset: u64,
        checksum: u32,
    },
    Loose {
        dir: u32,
    },
}

/// Every object in the repository's own object directory and in its alternates.
///
/// Memory: an id and 28 bytes for each object, 64 bytes more for each loose one, and 256 KiB.
pub struct Objects {
    pub(super) format: ObjectFormat,
    ids: Vec<u8>,
    /// How many ids begin with two bytes up to these: a tree names dozens of ids, and each is looked up.
    fanout: Vec<u32>,
    pub(super) location: Vec<Location>,
    /// Further copies of objects that stand in several places.
    pub(super) copies: HashMap<ObjectIndex, Vec<Location>>,
    /// Objects that only alternates have.
    borrowed: Vec<bool>,
    pub(super) packs: Vec<Pack>,
    pub(super) loose_dirs: Vec<PathBuf>,
    /// By what each directory is known again.
    pub(super) marks: Vec<DirMark>,
    /// The objects in the order in which they stand in their one pack, where that is known.
    pub(super) order: Option<Vec<ObjectIndex>>,
    /// Where a pass found what is not what the pack's index has the checksum of, nor what is made of that: of other copies
    /// each is read before.
    pub(super) doubtful: RwLock<FxHashSet<PackPlace>>,
}

/// As many as there are pairs of bytes.
const FANOUT: usize = 1 << 16;

/// The first bytes of an id, in order.
fn word(id: &[u8]) -> u64 {
    id.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn bucket(id: &[u8]) -> usize {
    usize::from(id[0]) << 8 | usize::from(id[1])
}

/// So many packs are held open at once.
const OPEN_PACKS: usize = 256;

struct Source {
    listing: Listing,
    pack: Option<u32>,
    dir: u32,
}

impl Listing {
    fn location(&self, row: usize, pack: Option<u32>, dir: u32) -> Location {
        match pack {
            Some(pack) => {
                let checksum = self.checksums.get(row).copied().unwrap_or_default();
                Location::Packed { pack, offset: self.offsets[row], checksum }
            }
            None => Location::Loose { dir },
        }
    }
}

impl Objects {
    /// Lists everything in `own`, the repository's object directory, and in `alternates`. Packs whose indexes are damaged
    /// are listed anew where these are `mended`, which takes as long as reading them.
    pub(super) fn list(
        own: &Path,
        alternates: &[PathBuf],
        (format, mended): (ObjectFormat, bool),
        gaps: &mut Vec<Gap>,
    ) -> Self {
        let mut packs = Vec::new();
        let (mut sources, mut marks) = (Vec::new(), Vec::new());
        let dirs: Vec<PathBuf> = std::iter::once(own.to_owned()).chain(alternates.iter().cloned()).collect();
        for (dir_number, dir) in dirs.iter().enumerate() {
            // Loose ones first: what is packed meanwhile is then seen in its pack.
            let loose = loose::list_stamped(dir, format, gaps);
            let ids: Vec<u8> = loose.iter().flat_map(|(oid, _)| oid.as_bytes()).copied().collect();
            let mut mark = DirMark::of(loose);
            if !ids.is_empty() {
                let listing = Listing::of_ids(ids);
                sources.push(Source { listing, pack: None, dir: dir_number as u32 });
            }
            for index in pack_indexes(dir, gaps) {
                if let Some((pack, listing)) = Pack::open(&index, format, (packs.len() < OPEN_PACKS, mended), gaps) {
                    sources.push(Source { listing, pack: Some(packs.len() as u32), dir: dir_number as u32 });
                    mark.packs.extend(pack.mark.clone());
                    packs.push(pack);
                }
            }
            marks.push(mark);
        }
        // A pack's copy before a loose one's, the own directory's before an alternate's.
        sources.sort_by_key(|source| (source.dir, source.pack.is_none()));
        Self { marks, ..Self::merge(sources, packs, dirs, format) }
    }

    /// What a listing says of one pack alone.
    pub(super) fn of_pack(pack: Pack, listing: Listing, format: ObjectFormat) -> Self {
        Self::merge(vec![Source { listing, pack: Some(0), dir: 0 }], vec![pack], Vec::new(), format)
    }

    fn merge(mut sources: Vec<Source>, packs: Vec<Pack>, loose_dirs: Vec<PathBuf>, format: ObjectFormat) -> Self {
        let hash = format.raw_len();
        // Mostly all is in one pack, whose list is the table.
        if sources.len() == 1
            && let Some(Source { listing, pack, dir }) = sources.pop_if(|source| source.listing.is_strict(hash))
        {
            let count = listing.ids.len() / hash;
            let mut fanout = vec![0; FANOUT];
            (1..).zip(listing.ids.chunks_exact(hash)).for_each(|(number, id)| fanout[bucket(id)] = number);
            let location = match pack {
                Some(_) => (0..count).map(|row| listing.location(row, pack, dir)).collect(),
                None => vec![Location::Loose { dir }; count],
            };
            let borrowed = vec![dir != 0; count];
            let (Listing { ids, order, .. }, copies, marks) = (listing, HashMap::new(), Vec::new());
            let doubtful = RwLock::default();
            let table =
                Self { format, ids, fanout, location, copies, borrowed, packs, loose_dirs, marks, order, doubtful };
            return table.filled();
        }
        let total: usize = sources.iter().map(|source| source.listing.ids.len()).sum();
        let mut table = Self {
            format,
            ids: Vec::with_capacity(total),
            fanout: vec![0; FANOUT],
            location: Vec::with_capacity(total / hash),
            copies: HashMap::new(),
            borrowed: Vec::with_capacity(total / hash),
            packs,
            loose_dirs,
            marks: Vec::new(),
            order: None,
            doubtful: RwLock::default(),
        };
        let id = |source: usize, row: usize| &sources[source].listing.ids[row * hash..(row + 1) * hash];
        let mut heads: BinaryHeap<Reverse<(&[u8], usize, usize)>> = sources
            .iter()
            .enumerate()
            .filter(|(_, source)| !source.listing.ids.is_empty())
            .map(|(number, _)| Reverse((id(number, 0), number, 0)))
            .collect();
        while let Some(Reverse((_, number, row))) = heads.pop() {
            let source = &sources[number];
            // The last that has any is taken to its end without being asked for each.
            let rows = source.listing.ids.len() / hash;
            let last = if heads.is_empty() { rows } else { row + 1 };
            for row in row..last {
                table.add(source, row, id(number, row));
            }
            if last < rows {
                heads.push(Reverse((id(number, last), number, last)));
            }
        }
        table.filled()
    }

    /// With the fan-out of what no id begins with.
    fn filled(mut self) -> Self {
        let mut so_far = 0;
        for count in &mut self.fanout {
            so_far = so_far.max(*count);
            *count = so_far;
        }
        self
    }

    /// Adds a row of a listing, in order of ids.
    fn add(&mut self, source: &Source, row: usize, oid: &[u8]) {
        let location = source.listing.location(row, source.pack, source.dir);
        if self.ids.ends_with(oid) && !self.location.is_empty() {
            let index = self.location.len() as u32 - 1;
            self.copies.entry(index).or_default().push(location);
            if source.dir == 0 {
                self.borrowed[index as usize] = false;
            }
        } else {
            self.ids.extend_from_slice(oid);
            self.location.push(location);
            self.borrowed.push(source.dir != 0);
            self.fanout[bucket(oid)] = self.location.len() as u32;
        }
    }

    /// Whether another listing shows the same objects in the same packs.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let paths = |objects: &Self| objects.packs.iter().map(|pack| pack.path.clone()).collect::<Vec<_>>();
        self.ids == other.ids && paths(self) == paths(other)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.location.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.location.is_empty()
    }

    /// The id of an object.
    pub fn oid(&self, index: ObjectIndex) -> Oid {
        let hash = self.format.raw_len();
        let at = index as usize * hash;
        Oid::from_bytes(&self.ids[at..at + hash]).unwrap_or_else(|| unreachable!("ids have the format's length"))
    }

    /// The object with this id.
    pub fn find(&self, oid: &Oid) -> Option<ObjectIndex> {
        let wanted = oid.as_bytes();
        if wanted.len() != self.format.raw_len() {
            return None;
        }
        let look = self.look(wanted);
        self.settle(wanted, look)
    }

    /// Where an id is to be looked for, and the first look there.
    fn look(&self, wanted: &[u8]) -> Look {
        let bucket = bucket(wanted);
        let low = if bucket == 0 { 0 } else { self.fanout[bucket - 1] as usize };
        let high = self.fanout[bucket] as usize;
        // Ids are spread evenly, unless somebody chose them: what follows tells about where one stands, and each look
        // elsewhere is a wait for memory.
        let share = (((word(wanted) >> 16) & 0xffff_ffff) * (high - low) as u64) >> 32;
        let middle = low + share as usize;
        let seen = if low < high { word(&self.ids[middle * self.format.raw_len()..]) } else { 0 };
        Look { low, high, middle, seen }
    }

    fn settle(&self, wanted: &[u8], Look { mut low, mut high, mut middle, mut seen }: Look) -> Option<ObjectIndex> {
        let hash = self.format.raw_len();
        let mut step = 0;
        while low < high {
            // Eight bytes tell all but what somebody chose to be alike.
            let order = seen.cmp(&word(wanted)).then_with(|| self.ids[middle * hash..(middle + 1) * hash].cmp(wanted));
            match order {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle as u32),
            }
            if low < high {
                let half = (high - low) / 2;
                middle =
                    if order == std::cmp::Ordering::Less { low + step.min(half) } else { high - half.min(step) - 1 };
                seen = word(&self.ids[middle * hash..]);
                step = step * 2 + 1;
            }
        }
        None
    }

    /// The objects whose ids begin with these hex digits.
    pub fn with_prefix(&self, hex: &str) -> Vec<ObjectIndex> {
        (0..self.len() as u32).filter(|index| self.oid(*index).to_string().starts_with(hex)).collect()
    }

    /// Where its copies begin in their packs.
    pub(super) fn offsets(&self, index: ObjectIndex) -> impl Iterator<Item = u64> {
        let copies = self.copies.get(&index).into_iter().flatten();
        std::iter::once(&self.location[index as usize]).chain(copies).filter_map(|location| match location {
            Location::Packed { offset, .. } => Some(*offset),
            Location::Loose { .. } => None,
        })
    }

    /// What only alternates have, in order.
    pub fn borrowed(&self) -> impl Iterator<Item = ObjectIndex> {
        (0..).zip(&self.borrowed).filter(|(_, is_borrowed)| **is_borrowed).map(|(index, _)| index)
    }

    /// Whether each loose copy of an object is what it is called: where there is none, nothing is read.
    fn is_called_right(&self, index: ObjectIndex, inflater: &mut Inflater) -> bool {
        let copies = self.copies.get(&index).into_iter().flatten();
        let mut places = std::iter::once(&self.location[index as usize]).chain(copies);
        places.all(|place| match place {
            Location::Packed { .. } => true,
            Location::Loose { dir } => {
                let dir = &self.loose_dirs[*dir as usize];
                loose::is_called_right(dir, self.oid(index), self.format, inflater)
            }
        })
    }

    /// Those of some objects of which every loose copy is what it is called. Of those that stand in packs alone it is not
    /// asked: a pass holds their entries against the checksums that git wrote beside their ids.
    pub fn called_right(&self, objects: impl IntoIterator<Item = ObjectIndex>) -> Vec<ObjectIndex> {
        let mut inflater = Inflater::new();
        objects.into_iter().filter(|index| self.is_called_right(*index, &mut inflater)).collect()
    }

    /// By what each pack is known again: checksums, sizes and times of the pack and its index. None where it is too short.
    pub fn pack_marks(&self) -> Vec<Option<String>> {
        self.packs.iter().map(|pack| pack.mark.as_ref().map(ToString::to_string)).collect()
    }

    /// By what each loose copy of an object is known again: size and time of its file.
    pub fn loose_marks(&self, index: ObjectIndex) -> impl Iterator<Item = String> {
        let oid = self.oid(index);
        let copies = self.copies.get(&index).into_iter().flatten();
        std::iter::once(&self.location[index as usize]).chain(copies).filter_map(move |location| match location {
            Location::Packed { .. } => None,
            Location::Loose { dir } => self.marks.get(*dir as usize)?.loose_mark(&oid),
        })
    }

    /// Where the copies of an object stand: the numbers of their packs, none for a loose one.
    pub fn places(&self, index: ObjectIndex) -> impl Iterator<Item = Option<usize>> {
        let copies = self.copies.get(&index).into_iter().flatten();
        std::iter::once(&self.location[index as usize]).chain(copies).map(|location| match location {
            Location::Packed { pack, .. } => Some(*pack as usize),
            Location::Loose { .. } => None,
        })
    }
}

/// A look at the table: an id is between two rows, and one between them begins so.
#[derive(Clone, Copy, Default)]
struct Look {
    low: usize,
    high: usize,
    middle: usize,
    seen: u64,
}

/// Looks ids up for one thread, and remembers the last few thousand: trees name the same things again and again, and the
/// table of a large repository is larger than a processor's caches.
pub struct Finder<'a> {
    objects: &'a Objects,
    /// By a few bits of the id.
    lately: Vec<Option<(Oid, ObjectIndex)>>,
}

impl<'a> Finder<'a> {
    const LATELY: usize = 1 << 13;

    /// Memory: 330 kB.
    pub fn new(objects: &'a Objects) -> Self {
        Self { objects, lately: vec![None; Self::LATELY] }
    }

    /// As [`Objects::find`].
    pub fn find(&mut self, oid: &Oid) -> Option<ObjectIndex> {
        let slot = Self::slot(oid);
        self.known(slot, oid).or_else(|| {
            let index = self.objects.find(oid)?;
            self.lately[slot] = Some((*oid, index));
            Some(index)
        })
    }

    /// The same for many, in their order. Waits for memory once for a few, not once for each.
    pub fn find_all(&mut self, oids: &[Oid], found: &mut Vec<Option<ObjectIndex>>) {
        const AT_ONCE: usize = 16;
        let length = self.objects.format.raw_len();
        for oids in oids.chunks(AT_ONCE) {
            let (mut known, mut looks) = ([None; AT_ONCE], [Look::default(); AT_ONCE]);
            for (at, oid) in oids.iter().enumerate() {
                known[at] = self.known(Self::slot(oid), oid);
                if known[at].is_none() && oid.as_bytes().len() == length {
                    looks[at] = self.objects.look(oid.as_bytes());
                }
            }
            for (at, oid) in oids.iter().enumerate() {
                if known[at].is_none()
                    && let Some(index) = self.objects.settle(oid.as_bytes(), looks[at])
                {
                    let slot = Self::slot(oid);
                    self.lately[slot] = Some((*oid, index));
                    known[at] = Some(index);
                }
                found.push(known[at]);
            }
        }
    }

    fn slot(oid: &Oid) -> usize {
        // Not the bits that the table is in order of: those of a part of it are alike.
        let bits = oid.as_bytes().last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        bits as usize % Self::LATELY
    }

    fn known(&self, slot: usize, oid: &Oid) -> Option<ObjectIndex> {
        self.lately[slot].as_ref().filter(|(known, _)| known == oid).map(|(_, index)| *index)
    }
}

/// The pack indexes below an object directory, in order. A pack without one is a gap.
pub(super) fn pack_indexes(objects: &Path, gaps: &mut Vec<Gap>) -> Vec<PathBuf> {
    let mut indexes = Vec::new();
    for path in files::entries(&objects.join("pack"), gaps).into_iter().map(|entry| entry.path()) {
        let is_pack = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"pack-"));
        match path.extension().map(std::ffi::OsStr::as_encoded_bytes) {
            // git reads a pack whatever it is called.
            Some(b"idx") if is_pack || path.with_extension("pack").exists() => indexes.push(path),
            // Asked again, because an index is moved into place after its pack.
            Some(b"pack") if is_pack && !path.with_extension("idx").exists() && path.exists() => {
                gaps.push(Gap::new("corrupt", &path, b"the pack has no index"));
            }
            _ => {}
        }
    }
    indexes.sort();
    indexes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids as hashes give them, and ids that somebody chose to stand close together.
    #[test]
    fn every_id_is_found_and_no_other() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            for round in 0..60 {
                let count = random.usize(..3000);
                let mut id = || {
                    let mut id: Vec<u8> = (0..format.raw_len()).map(|_| random.u8(..)).collect();
                    if round % 3 > 0 {
                        id[..2].fill(7);
                    }
                    if round % 3 > 1 {
                        id[2..16].fill(random.u8(..3));
                    }
                    id
                };
                let mut ids: Vec<Vec<u8>> = (0..count).map(|_| id()).collect();
                ids.sort();
                ids.dedup();
                let others: Vec<Vec<u8>> = (0..500).map(|_| id()).collect();
                let listing = Listing::of_ids(ids.concat());
                let objects =
                    Objects::merge(vec![Source { listing, pack: None, dir: 0 }], Vec::new(), Vec::new(), format);
                let wanted: Vec<Oid> =
                    ids.iter().chain(&others).chain(&ids).flat_map(|id| Oid::from_bytes(id)).collect();
                let expected: Vec<Option<ObjectIndex>> = wanted
                    .iter()
                    .map(|oid| ids.binary_search_by(|id| id.as_slice().cmp(oid.as_bytes())).ok().map(|at| at as u32))
                    .collect();
                let mut finder = Finder::new(&objects);
                let mut found = Vec::new();
                finder.find_all(&wanted, &mut found);
                assert_eq!(found, expected, "seed {seed}, round {round}");
                for (oid, expected) in wanted.iter().zip(&expected) {
                    assert_eq!(
                        (objects.find(oid), finder.find(oid)),
                        (*expected, *expected),
                        "seed {seed}, round {round}"
                    );
                }
            }
        }
    }
}
