//! Packs: their indexes and their entries.
//!
//! Format: git's `Documentation/gitformat-pack.txt`. Every offset, size and count is checked against what is there.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

use super::checksum;
use super::fingerprint::{PackMark, Stamp};
use super::inflate::{Inflater, read_some};
use super::numbers::{be32, offset_varint};
use super::starts::Starts;
use super::{Failure, Gap, delta, files, reindex};
use crate::model::{ObjectFormat, ObjectType, Oid};

/// A pack as its index lists it.
pub(super) struct Pack {
    pub(super) path: PathBuf,
    /// Held open, so that `git repack -ad` cannot take it away; not where there are very many packs.
    handle: Option<File>,
    /// Where the trailing checksum begins, which ends the last entry.
    pub(super) end: u64,
    /// By what it is known again; none where it is too short for that.
    pub(super) mark: Option<PackMark>,
    /// Whether its index has a checksum of each entry.
    pub(super) has_checksums: bool,
}

/// What the index of a pack lists: ids in order, their offsets, and checksums of the entries there.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) ids: Vec<u8>,
    pub(super) offsets: Vec<u64>,
    /// CRC32 of each entry as it is stored; none where the index has none.
    pub(super) checksums: Vec<u32>,
    /// Whether the ids were not in order where they were read.
    was_mixed: bool,
    /// The rows in the order of their offsets, where git has written that down; it is so.
    pub(super) order: Option<Vec<u32>>,
}

/// How an entry is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    Whole(ObjectType),
    OffsetDelta(u64),
    RefDelta(Oid),
}

/// The header of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryHeader {
    pub(super) kind: EntryKind,
    pub(super) body: Body,
}

/// What follows a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    /// Size of what is inflated: the object, or the delta.
    pub(super) size: u64,
    /// Where the compressed data begins.
    pub(super) data: u64,
}

impl Pack {
    /// Opens the pack whose index is at `index`, and reads the index, which is `mended` where it is damaged, or believed
    /// as far as it can be read. A pack that cannot be used is a gap.
    pub(super) fn open(
        index: &Path,
        format: ObjectFormat,
        (keep_open, mended): (bool, bool),
        gaps: &mut Vec<Gap>,
    ) -> Option<(Self, Listing)> {
        let path = index.with_extension("pack");
        let mut gap = |reason, path: &Path, detail: &str| {
            gaps.push(Gap::new(reason, path, detail.as_bytes()));
        };
        let read = |index: &Path| std::io::Result::Ok((Stamp::of(&std::fs::metadata(index)?), files::read(index)?));
        let (stamp, bytes) = match read(index) {
            Ok(read) => read,
            Err(error) => {
                // Repacked away since the directory was listed: the caller lists again.
                if error.kind() != std::io::ErrorKind::NotFound {
                    gap("unreadable", index, &error.to_string());
                }
                return None;
            }
        };
        let file = match files::open(&path) {
            Ok(file) => file,
            Err(error) => {
                if index.exists() {
                    gap("unreadable", &path, &error.to_string());
                }
                return None;
            }
        };
        let size = file.metadata().map_or(0, |meta| meta.len());
        let mut head = [0; 12];
        let sound = file.read_exact_at(&mut head, 0).is_ok()
            && &head[..4] == b"PACK"
            && matches!(u32::from_be_bytes([head[4], head[5], head[6], head[7]]), 2 | 3);
        if !sound {
            gap("corrupt", &path, "it is no pack");
            return None;
        }
        let in_pack = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
        let (listing, flaw) = Listing::read(&bytes, index, in_pack as usize, format);
        flaw.into_iter().for_each(|flaw| gap("corrupt", index, flaw));
        let is_mended = mended && flaw.is_some();
        let listing = if is_mended { listing.unwrap_or_default() } else { listing? };
        let end = size.saturating_sub(format.raw_len() as u64);
        let mark = PackMark::of(&file, &bytes, stamp, format);
        let has_checksums = !listing.checksums.is_empty();
        // There is no other way to tell whether its entries are what they were.
        if flaw.is_none() && !has_checksums && checksum::of_file(&file, end, format) == Some(false) {
            gap("corrupt", &path, checksum::DIFFERS);
        }
        let pack = Self { path, handle: keep_open.then_some(file), end, mark, has_checksums };
        Some(if is_mended { reindex::listing(pack, in_pack, &listing, format) } else { (pack, listing) })
    }

    /// The same pack, of which a listing has checksums or not.
    pub(super) fn with_checksums(self, has_checksums: bool) -> Self {
        Self { has_checksums, ..self }
    }

    /// Calls `with` with the open file.
    pub(super) fn with_file<T>(&self, with: impl FnOnce(&File) -> Result<T, Failure>) -> Result<T, Failure> {
        match &self.handle {
            Some(file) => with(file),
            None => with(&files::open(&self.path).map_err(|error| Failure::Io(error.kind()))?),
        }
    }
}

impl Listing {
    /// Of ids, in order, that stand in no pack.
    pub(super) fn of_ids(ids: Vec<u8>) -> Self {
        Self { ids, ..Self::default() }
    }

    /// Reads the index at `path`, whose bytes are `bytes`, of a pack that says that it has `in_pack` objects; and what is
    /// wrong with it, if anything.
    fn read(bytes: &[u8], path: &Path, in_pack: usize, format: ObjectFormat) -> (Option<Self>, Option<&'static str>) {
        /// Of no more than this the checksum is had sooner than another thread.
        const FEW: usize = 128 << 10;
        let is_damaged = || checksum::of_bytes(bytes, format) == Some(false);
        let (listing, flaw, is_damaged) = std::thread::scope(|scope| {
            let other = (bytes.len() > FEW).then(|| std::thread::Builder::new().spawn_scoped(scope, is_damaged));
            let mut listing = Self::parse(bytes, format);
            let flaw = match &mut listing {
                Some(listing) => {
                    listing.take_order(path, format);
                    listing.flaw(bytes, in_pack, format.raw_len())
                }
                None => Some("the pack's index cannot be read"),
            };
            let joined = other.and_then(Result::ok).and_then(|other| other.join().ok());
            (listing, flaw, joined.unwrap_or_else(is_damaged))
        });
        (listing, flaw.or(is_damaged.then_some(checksum::DIFFERS)))
    }

    /// Takes the order of the offsets from the reverse index beside the index at `path`, if there is one and it is right
    /// (git's `Documentation/gitformat-pack.txt`): to look whether it is takes less than to sort.
    fn take_order(&mut self, path: &Path, format: ObjectFormat) {
        const HEAD: usize = 12;
        let count = self.offsets.len();
        let size = HEAD + count * 4 + 2 * format.raw_len();
        let Ok(bytes) = files::read_at_most(&path.with_extension("rev"), size as u64) else { return };
        if self.was_mixed || bytes.len() != size || !bytes.starts_with(b"RIDX\0\0\0\x01") {
            return;
        }
        let order = numbers(&bytes[HEAD..HEAD + count * 4]);
        let offsets = order.iter().map(|row| self.offsets.get(*row as usize));
        // None twice, as many as there are: so all.
        if offsets.clone().all(|offset| offset.is_some()) && offsets.is_sorted_by(|one, next| one < next) {
            self.order = Some(order);
        }
    }

    /// Parses an index of version 1 or 2; ids come out in order whatever the file says. One whose offset is to stand in
    /// the table of large ones and does not is listed beyond any pack: it alone cannot be read, unless it stands elsewhere.
    pub(super) fn parse(bytes: &[u8], format: ObjectFormat) -> Option<Self> {
        let hash = format.raw_len();
        let version_2 = bytes.get(..8)? == [0xff, b't', b'O', b'c', 0, 0, 0, 2];
        let fanout = if version_2 { 8 } else { 0 };
        let count = be32(bytes, fanout + 255 * 4)? as usize;
        let table = fanout + 256 * 4;
        let mut listing = if version_2 {
            let ids = bytes.get(table..table + count.checked_mul(hash)?)?.to_vec();
            let sums = table + count * hash;
            let small = sums + count * 4;
            // Whoever writes an index by hand may leave them out.
            let checksums = numbers(bytes.get(sums..small)?);
            let checksums = if checksums.iter().all(|sum| *sum == 0) { Vec::new() } else { checksums };
            let large = small + count * 4;
            let offsets = (0..)
                .zip(numbers(bytes.get(small..large)?))
                .map(|(row, offset): (usize, u32)| {
                    if offset & 0x8000_0000 == 0 {
                        return u64::from(offset);
                    }
                    let at = large + (offset & 0x7fff_ffff) as usize * 8;
                    let found = bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
                    // Each at a place of its own, since of two at one place one is left out.
                    found.unwrap_or(u64::MAX - row as u64)
                })
                .collect();
            Self { ids, offsets, checksums, ..Self::default() }
        } else {
            let rows = bytes.get(table..table + count.checked_mul(hash + 4)?)?;
            let rows = rows.chunks_exact(hash + 4);
            Self {
                offsets: rows
                    .clone()
                    .map(|row| u64::from(u32::from_be_bytes([row[0], row[1], row[2], row[3]])))
                    .collect(),
                ids: rows.flat_map(|row| &row[4..]).copied().collect(),
                ..Self::default()
            }
        };
        listing.put_in_order(hash);
        Some(listing)
    }

    /// What git never writes into an index: it is damaged then, what it lists is read, and what it ought to list nobody
    /// knows. Of objects in one place only the first stays, or a small index could have one entry read a million times.
    fn flaw(&mut self, bytes: &[u8], in_pack: usize, hash: usize) -> Option<&'static str> {
        let fanout = if bytes.starts_with(b"\xfftOc") { 8 } else { 0 };
        let ids = &self.ids;
        let up_to = |first: usize| {
            let (mut low, mut high) = (0, ids.len() / hash);
            while low < high {
                let middle = low + (high - low) / 2;
                if usize::from(ids[middle * hash]) <= first { low = middle + 1 } else { high = middle }
            }
            low
        };
        let counts_fit = (0..256).all(|first| be32(bytes, fanout + first * 4) == u32::try_from(up_to(first)).ok());
        let count = self.offsets.len();
        if self.keep_first_of_each_place(hash) {
            return Some("it has two objects in one place of its pack");
        }
        if count != in_pack {
            return Some("it does not list as many objects as its pack has");
        }
        (self.was_mixed || !counts_fit).then_some("its ids are not in order")
    }

    /// Drops what stands where another object stands already; whether there is any.
    fn keep_first_of_each_place(&mut self, hash: usize) -> bool {
        if self.order.is_some() || Starts::of(self.offsets.len(), self.offsets.iter().copied()).is_some() {
            return false;
        }
        let mut places = self.offsets.clone();
        places.sort_unstable();
        if places.windows(2).all(|two| two[0] != two[1]) {
            return false;
        }
        let mut taken = FxHashSet::default();
        let mut kept = Self::default();
        for (row, (id, offset)) in self.ids.chunks_exact(hash).zip(&self.offsets).enumerate() {
            if taken.insert(*offset) {
                kept.ids.extend_from_slice(id);
                kept.offsets.push(*offset);
                kept.checksums.extend(self.checksums.get(row));
            }
        }
        *self = kept;
        true
    }

    /// Whether its ids are in order, and each there once.
    pub(super) fn is_strict(&self, hash: usize) -> bool {
        self.is_sorted(hash, std::cmp::Ordering::Less)
    }

    /// Whether each id and the next are in this order, or alike where that is the most.
    fn is_sorted(&self, hash: usize, most: std::cmp::Ordering) -> bool {
        // Eight bytes tell of nearly all.
        let first = |id: &[u8]| id.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        let ids = self.ids.chunks_exact(hash);
        ids.clone().zip(ids.skip(1)).all(|(one, next)| first(one) < first(next) || one.cmp(next) <= most)
    }

    pub(super) fn put_in_order(&mut self, hash: usize) {
        self.was_mixed = !self.is_sorted(hash, std::cmp::Ordering::Equal);
        if !self.was_mixed {
            return;
        }
        let rows = self.ids.chunks_exact(hash).zip(self.offsets.iter().copied());
        let mut rows: Vec<(&[u8], u64, usize)> = rows.enumerate().map(|(row, (id, at))| (id, at, row)).collect();
        rows.sort_unstable();
        let ids = rows.iter().flat_map(|row| row.0).copied().collect();
        self.offsets = rows.iter().map(|row| row.1).collect();
        self.checksums = rows.iter().filter_map(|row| self.checksums.get(row.2)).copied().collect();
        self.ids = ids;
    }
}

/// Numbers of four bytes, one after the other.
fn numbers(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks().0.iter().map(|four| u32::from_be_bytes(*four)).collect()
}

/// No header of an entry is longer: ten bytes of size at the most, and an id or an offset.
const HEADER: usize = 64;
const CUT: Failure = Failure::Corrupt("its entry is cut short");

/// Reads the header of the entry at `offset`.
pub(super) fn entry_header(file: &File, offset: u64, end: u64, format: ObjectFormat) -> Result<EntryHeader, Failure> {
    Headers::new(file, end, format, HEADER).at(offset)
}

/// The same through what an inflater has at hand of the file.
pub(super) fn entry_header_at_hand(
    file: &File,
    (offset, end): (u64, u64),
    format: ObjectFormat,
    inflater: &mut Inflater,
) -> Result<EntryHeader, Failure> {
    let wanted = usize::try_from(end.saturating_sub(offset)).unwrap_or(HEADER).min(HEADER);
    parse_header(inflater.at_hand(file, offset, wanted)?, offset, format)
}

/// Reads headers one after another: most are in what was read for the one before.
pub(super) struct Headers<'f> {
    file: &'f File,
    end: u64,
    format: ObjectFormat,
    at_once: usize,
    /// What was read last, and from where.
    window: Vec<u8>,
    from: u64,
}

impl<'f> Headers<'f> {
    /// Of the entries of a pack that ends at `end`; `at_once` bytes are read for each that is not at hand.
    pub(super) fn new(file: &'f File, end: u64, format: ObjectFormat, at_once: usize) -> Self {
        Self { file, end, format, at_once, window: Vec::new(), from: 0 }
    }

    /// The header at `offset`.
    pub(super) fn at(&mut self, offset: u64) -> Result<EntryHeader, Failure> {
        let wanted = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(HEADER).min(HEADER);
        let at_hand = |headers: &Self| {
            let skip = usize::try_from(offset.checked_sub(headers.from)?).ok()?;
            Some(skip..skip.checked_add(wanted)?).filter(|range| range.end <= headers.window.len())
        };
        let range = match at_hand(self) {
            Some(range) => range,
            None => {
                self.fill(offset)?;
                0..self.window.len().min(wanted)
            }
        };
        parse_header(&self.window[range], offset, self.format)
    }

    /// The CRC32 of what stands from `from` to `to`. Cost: each byte is read once if this is asked for in order.
    pub(super) fn checksum(&mut self, from: u64, to: u64) -> Result<u32, Failure> {
        let mut sum = libdeflater::Crc::new();
        let mut at = from;
        while at < to {
            let mut skip = usize::try_from(at.wrapping_sub(self.from)).unwrap_or(usize::MAX);
            if skip >= self.window.len() {
                self.fill(at)?;
                skip = 0;
            }
            let rest = self.window.get(skip..).filter(|rest| !rest.is_empty()).ok_or(CUT)?;
            let part = &rest[..usize::try_from(to - at).unwrap_or(usize::MAX).min(rest.len())];
            sum.update(part);
            at += part.len() as u64;
        }
        Ok(sum.sum())
    }

    fn fill(&mut self, offset: u64) -> Result<(), Failure> {
        let room = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(self.at_once).min(self.at_once);
        self.from = offset;
        self.window.resize(room, 0);
        read_some(self.file, &mut self.window, offset).inspect_err(|_| self.window.clear())
    }
}

/// Parses the header that stands at `offset` of its pack and at the start of `bytes`.
fn parse_header(bytes: &[u8], offset: u64, format: ObjectFormat) -> Result<EntryHeader, Failure> {
    let first = *bytes.first().ok_or(CUT)?;
    let mut size = u64::from(first & 15);
    let (mut at, mut shift) = (1, 4);
    let mut more = first & 0x80 != 0;
    while more {
        let byte = *bytes.get(at).ok_or(CUT)?;
        if shift > 57 {
            return Err(Failure::Corrupt("its size does not fit"));
        }
        size |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        at += 1;
        more = byte & 0x80 != 0;
    }
    let kind = match (first >> 4) & 7 {
        1 => EntryKind::Whole(ObjectType::Commit),
        2 => EntryKind::Whole(ObjectType::Tree),
        3 => EntryKind::Whole(ObjectType::Blob),
        4 => EntryKind::Whole(ObjectType::Tag),
        6 => {
            let (back, used) = bytes.get(at..).and_then(offset_varint).ok_or(CUT)?;
            at += used;
            let base = offset.checked_sub(back).filter(|_| back > 0);
            EntryKind::OffsetDelta(base.ok_or(Failure::Corrupt("its delta base lies outside the pack"))?)
        }
        7 => {
            let base = bytes.get(at..at + format.raw_len()).and_then(Oid::from_bytes).ok_or(CUT)?;
            at += format.raw_len();
            EntryKind::RefDelta(base)
        }
        _ => return Err(Failure::Corrupt("its entry has no known type")),
    };
    Ok(EntryHeader { kind, body: Body { size, data: offset + at as u64 } })
}

/// Inflates an entry's data.
pub(super) fn entry_data(
    file: &File,
    body: Body,
    end: u64,
    limit: u64,
    inflater: &mut Inflater,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    if body.size > limit {
        return Err(Failure::TooLarge(body.size));
    }
    inflater.inflate(file, (body.data, end), body.size as usize, out)
}

/// The same of an entry that is a delta, of which only the beginning is inflated.
pub(super) fn result_size_of(file: &File, body: Body, end: u64, inflater: &mut Inflater) -> Result<u64, Failure> {
    // Two sizes of ten bytes at most.
    let mut head = [0; 20];
    let length = inflater.beginning(file, (body.data, end), &mut head)?;
    delta::result_size(&head[..length]).ok_or(Failure::Corrupt("its delta has no size"))
}
