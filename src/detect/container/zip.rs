//! Zip (APPNOTE 6.3), with all that is built on it.
//!
//! An entry stands in two places: in the directory at the end, and in a header of its own. Readers that seek believe
//! the one, readers of streams the other. Here the directory says where entries begin and how long they are; whatever
//! lies between those, or there is where the directory is missing, is searched for headers it does not name; and where
//! both name a different method, both are tried. Compressed data ends where it says itself.

use memchr::{memmem, memrchr_iter};

use super::budget::Limit;
use super::decode::{Bunzip, Inflate, Lzma, Unzstd, crc32, whole};
use super::{Fault, Reading, Seen, Stop};

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const DESCRIPTOR: &[u8; 4] = b"PK\x07\x08";
const END: &[u8; 4] = b"PK\x05\x06";
const END64: &[u8; 4] = b"PK\x06\x06";
const LOCATOR64: &[u8; 4] = b"PK\x06\x07";

const LOCAL_LENGTH: usize = 30;
const CENTRAL_LENGTH: usize = 46;
const END_LENGTH: usize = 22;
const END64_LENGTH: usize = 56;
const LOCATOR64_LENGTH: usize = 20;
/// Behind the record at the end stands a comment.
const LONGEST_COMMENT: usize = 0xffff;

/// What the directory or a header says of an entry.
#[derive(Clone, Copy)]
struct Entry<'a> {
    /// Where its header begins.
    at: usize,
    name: &'a [u8],
    flags: u16,
    method: u16,
    crc: u32,
    /// How many bytes it takes, where that is known.
    packed: Option<u64>,
    /// How many bytes it makes, where that is known.
    size: Option<u64>,
}

impl Entry<'_> {
    fn is_encrypted(&self) -> bool {
        self.flags & 1 != 0
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

fn stands_at(bytes: &[u8], at: usize, signature: &[u8; 4]) -> bool {
    bytes.get(at..).is_some_and(|bytes| bytes.starts_with(signature))
}

/// Whether bytes end like a zip that has entries.
pub(super) fn ends(bytes: &[u8]) -> bool {
    find_directory(bytes).is_some()
}

/// Where the directory begins, and what is to be added to the offsets in it: archives that extract themselves have a
/// program in front, which the offsets may or may not count.
fn find_directory(bytes: &[u8]) -> Option<(usize, usize)> {
    let from = bytes.len().saturating_sub(END_LENGTH + LONGEST_COMMENT);
    // The last byte of the signature is the rarest in text.
    memrchr_iter(END[3], &bytes[from..])
        .filter_map(|last| (from + last).checked_sub(3))
        .filter(|at| stands_at(bytes, *at, END))
        .find_map(|at| directory_before(bytes, at))
}

/// The directory that the record at `end` tells of.
fn directory_before(bytes: &[u8], end: usize) -> Option<(usize, usize)> {
    let (size, offset) = (u32_at(bytes, end + 12)?, u32_at(bytes, end + 16)?);
    u16_at(bytes, end + 20)?;
    let short = directory(bytes, end, u64::from(size), u64::from(offset));
    if short.is_some() {
        return short;
    }
    let locator = end.checked_sub(LOCATOR64_LENGTH).filter(|at| stands_at(bytes, *at, LOCATOR64))?;
    let stated = usize::try_from(u64_at(bytes, locator + 8)?).ok();
    let before = locator.checked_sub(END64_LENGTH);
    [stated, before].into_iter().flatten().find(|at| stands_at(bytes, *at, END64)).and_then(|end| {
        let size = u64_at(bytes, end.checked_add(40)?)?;
        directory(bytes, end, size, u64_at(bytes, end + 48)?)
    })
}

/// A directory of `size` bytes before `end` that has an entry at least.
fn directory(bytes: &[u8], end: usize, size: u64, offset: u64) -> Option<(usize, usize)> {
    let (size, offset) = (usize::try_from(size).ok()?, usize::try_from(offset).ok()?);
    let before = end.checked_sub(size).map(|start| (start, start.saturating_sub(offset)));
    [before, Some((offset, 0))].into_iter().flatten().find(|(start, _)| stands_at(bytes, *start, CENTRAL))
}

/// The entries that the directory names, in the order in which they stand in the file, each once; at most as many as may
/// be opened.
fn entries(bytes: &[u8], most: usize) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let Some((mut at, base)) = find_directory(bytes) else { return entries };
    while let Some((entry, next)) = central_entry(bytes, at, base).filter(|_| entries.len() < most) {
        entries.push(entry);
        at = next;
    }
    entries.sort_by_key(|entry| entry.at);
    entries.dedup_by_key(|entry| entry.at);
    entries
}

/// The directory's entry at `at`, and where the next may be.
fn central_entry(bytes: &[u8], at: usize, base: usize) -> Option<(Entry<'_>, usize)> {
    let head = bytes.get(at..at + CENTRAL_LENGTH).filter(|head| head.starts_with(CENTRAL))?;
    let length = |at| u16_at(head, at).map(usize::from);
    let name_end = at + CENTRAL_LENGTH + length(28)?;
    let extra_end = name_end + length(30)?;
    let extra = bytes.get(name_end..extra_end)?;
    let mut long = extra_field(extra, 1).unwrap_or_default();
    // In the extra field stand, in this order, those of the three that do not fit their places.
    let mut number = |at| {
        let number = u32_at(head, at)?;
        if number < u32::MAX {
            return Some(u64::from(number));
        }
        let (first, rest) = long.split_first_chunk()?;
        long = rest;
        Some(u64::from_le_bytes(*first))
    };
    let (size, packed) = (number(24), number(20));
    let offset = usize::try_from(number(42)?).ok()?;
    let entry = Entry {
        at: base.checked_add(offset)?,
        name: bytes.get(at + CENTRAL_LENGTH..name_end)?,
        flags: u16_at(head, 8)?,
        method: u16_at(head, 10)?,
        crc: u32_at(head, 16)?,
        packed,
        size,
    };
    Some((entry, extra_end + length(32)?))
}

/// The entry whose own header stands at `at`, and where its data begins.
fn local_entry(bytes: &[u8], at: usize) -> Option<(Entry<'_>, usize)> {
    let head = bytes.get(at..at.checked_add(LOCAL_LENGTH)?).filter(|head| head.starts_with(LOCAL))?;
    let name_end = at + LOCAL_LENGTH + usize::from(u16_at(head, 26)?);
    let start = name_end + usize::from(u16_at(head, 28)?);
    let name = bytes.get(at + LOCAL_LENGTH..name_end)?;
    let extra = bytes.get(name_end..start)?;
    let (flags, crc, packed, size) = (u16_at(head, 6)?, u32_at(head, 14)?, u32_at(head, 18)?, u32_at(head, 22)?);
    let sizes = match (packed, size) {
        // They stand behind the data, and here is nothing.
        (0, _) if flags & 8 != 0 => (None, None),
        (u32::MAX, _) | (_, u32::MAX) => {
            let long = extra_field(extra, 1).unwrap_or_default();
            (u64_at(long, 8), u64_at(long, 0))
        }
        _ => (Some(u64::from(packed)), Some(u64::from(size))),
    };
    let entry = Entry { at, name, flags, method: u16_at(head, 8)?, crc, packed: sizes.0, size: sizes.1 };
    Some((entry, start))
}

/// The extra field with that id.
fn extra_field(mut extra: &[u8], id: u16) -> Option<&[u8]> {
    while let Some(found) = u16_at(extra, 0) {
        let length = usize::from(u16_at(extra, 2)?);
        let field = extra.get(4..4 + length)?;
        if found == id {
            return Some(field);
        }
        extra = &extra[4 + length..];
    }
    None
}

/// Reads a zip.
pub(super) fn read(bytes: &[u8], reading: &mut Reading<'_, '_>) -> Result<Seen, Limit> {
    let named = entries(bytes, reading.budget.entries());
    let mut archive = Archive { bytes, inflate: Inflate::new(), out: Vec::new(), was_any: !named.is_empty() };
    if named.is_empty() && !bytes.starts_with(END) {
        reading.note(if memmem::find(bytes, END).is_none() { Fault::Cut } else { Fault::Damaged });
    }
    // All before it was read.
    let mut at = 0;
    for entry in &named {
        at = archive.unnamed(at, entry.at, reading)?;
        at = at.max(archive.named(entry, reading)?);
    }
    archive.unnamed(at, bytes.len(), reading)?;
    // What stands behind the record at its end is none of it.
    const RECORD: usize = 22;
    reading.taken.extend(memmem::rfind(bytes, END).map(|end| 0..bytes.len().min(end + RECORD)));
    Ok(if archive.was_any || bytes.starts_with(b"PK") { Seen::Container } else { Seen::Nothing })
}

/// A zip while it is read.
struct Archive<'a> {
    bytes: &'a [u8],
    inflate: Inflate,
    out: Vec<u8>,
    was_any: bool,
}

impl<'a> Archive<'a> {
    /// Reads the entries whose headers stand between `from` and `to` and that the directory does not name; where the
    /// last of them ends.
    fn unnamed(&mut self, from: usize, to: usize, reading: &mut Reading<'_, '_>) -> Result<usize, Limit> {
        let header = memmem::Finder::new(LOCAL);
        let mut at = from;
        let to = to.min(self.bytes.len());
        while let Some(hit) = self.bytes.get(at..to).and_then(|gap| header.find(gap)) {
            at += hit;
            at = match local_entry(self.bytes, at) {
                // Programs that make and read archives have the signature in them.
                Some((entry, start)) if entry.method < 100 && !entry.name.is_empty() => {
                    self.was_any = true;
                    self.data(&entry, start, reading)?
                }
                _ => at + LOCAL.len(),
            };
        }
        Ok(at)
    }

    /// Reads an entry of the directory; where it ends, 0 if it is not there.
    fn named(&mut self, entry: &Entry<'a>, reading: &mut Reading<'_, '_>) -> Result<usize, Limit> {
        let Some((own, start)) = local_entry(self.bytes, entry.at) else {
            reading.open()?;
            reading.note(if entry.at < self.bytes.len() { Fault::Damaged } else { Fault::Cut });
            return Ok(0);
        };
        let mut end = self.data(entry, start, reading)?;
        if own.method != entry.method {
            end = end.max(self.data(&own, start, reading)?);
        }
        Ok(end)
    }

    /// Reads the data of an entry, which begins at `start`; where it ends.
    fn data(&mut self, entry: &Entry<'_>, start: usize, reading: &mut Reading<'_, '_>) -> Result<usize, Limit> {
        reading.open()?;
        let rest = &self.bytes[start..];
        let stated = entry.packed.map(|packed| usize::try_from(packed).unwrap_or(usize::MAX).min(rest.len()));
        if entry.is_encrypted() {
            reading.note(Fault::Encrypted);
            return Ok(start + stated.unwrap_or(0));
        }
        if entry.packed == Some(0) {
            return Ok(start);
        }
        if entry.method == 0 {
            return self.stored(entry, start, reading);
        }
        self.out.clear();
        let ended = match self.at_once(entry, rest, reading) {
            Ok(None) => self.decompress(entry, &rest[..stated.unwrap_or(rest.len())], reading),
            Ok(Some(used)) => Ok(used),
            Err(limit) => Err(limit.into()),
        };
        reading.hand_over(Some(entry.name), &self.out);
        match ended {
            Ok(used) => {
                if entry.crc != 0 && crc32(&self.out) != entry.crc {
                    reading.note(Fault::Checksum);
                }
                Ok(start + used)
            }
            Err(Stop::Limit(limit)) => Err(limit),
            Err(Stop::Fault(Fault::Method)) => {
                reading.note(Fault::Method);
                Ok(start + stated.unwrap_or(0))
            }
            // What it swallowed may be another entry.
            Err(Stop::Fault(fault)) => {
                reading.note(fault);
                Ok(start)
            }
        }
    }

    /// Hands over an entry that is not compressed.
    fn stored(&mut self, entry: &Entry<'_>, start: usize, reading: &mut Reading<'_, '_>) -> Result<usize, Limit> {
        let rest = &self.bytes[start..];
        let stated = entry.packed.map(|packed| usize::try_from(packed).unwrap_or(usize::MAX));
        let length = stated.unwrap_or_else(|| stored_length(rest));
        let data = &rest[..length.min(rest.len())];
        reading.spend(data.len(), 0)?;
        if length > rest.len() {
            reading.note(Fault::Cut);
        } else if entry.crc != 0 && crc32(data) != entry.crc {
            reading.note(Fault::Checksum);
        }
        reading.hand_over(Some(entry.name), data);
        Ok(start + data.len())
    }

    /// Inflates in one go what `rest` begins with, where that is as long as is stated and makes as much; how many bytes
    /// that took. Of all else the decoder that takes steps says why, and how far it came.
    fn at_once(
        &mut self,
        entry: &Entry<'_>,
        rest: &[u8],
        reading: &mut Reading<'_, '_>,
    ) -> Result<Option<usize>, Limit> {
        /// Sizes are only stated: what is made ready for them is bounded, by what deflate can make of a byte too.
        const LARGEST: usize = 256 << 10;
        const OF_A_BYTE: usize = 1032;
        let known = |size: Option<u64>| size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
        let (packed, size) = (known(entry.packed), known(entry.size));
        let Some(data) = rest.get(..packed).filter(|_| entry.method == 8) else { return Ok(None) };
        let is_fit = (1..=LARGEST.min(packed.saturating_mul(OF_A_BYTE))).contains(&size);
        // Behind the stream's end, before that of the data, another entry may stand.
        let is_one = || memmem::find(&rest[..rest.len().min(packed + LOCAL.len() - 1)], LOCAL).is_none();
        if !is_fit || size as u64 > reading.budget.room() || !is_one() {
            return Ok(None);
        }
        reading.budget.work(size as u64)?;
        self.out.resize(size, 0);
        if !self.inflate.at_once(data, &mut self.out) {
            self.out.clear();
            return Ok(None);
        }
        reading.spend(packed, size)?;
        Ok(Some(packed))
    }

    /// Decompresses what an entry's data begins with; how many bytes that took.
    fn decompress(&mut self, entry: &Entry<'_>, data: &[u8], reading: &mut Reading<'_, '_>) -> Result<usize, Stop> {
        match entry.method {
            8 => whole(self.inflate.raw(), data, &mut self.out, reading),
            12 => whole(&mut Bunzip::new(), data, &mut self.out, reading),
            14 => {
                // Two bytes of version, two of length, and the properties.
                let length = u16_at(data, 2).map(usize::from).ok_or(Fault::Cut)?;
                let properties = data.get(4..4 + length).ok_or(Fault::Cut)?;
                let has_end_mark = entry.flags & 2 != 0;
                let mut lzma = Lzma::one(properties, entry.size.filter(|_| !has_end_mark), reading)?;
                let start = 4 + length;
                let used = whole(&mut lzma, &data[start..], &mut self.out, reading)?;
                // The decoder may have read ahead: what lies behind is found only where the length was known.
                Ok(if entry.packed.is_some() { start + used } else { start })
            }
            93 => whole(Unzstd::new().frame(reading), data, &mut self.out, reading),
            95 => whole(&mut Lzma::xz(), data, &mut self.out, reading),
            _ => Err(Fault::Method.into()),
        }
    }
}

/// How long stored data of unknown length is: to the record behind it that states just that, or to the next header.
/// Where that is one inside of it, a zip's in a zip, its entries are the next to be read.
fn stored_length(data: &[u8]) -> usize {
    let is_end = |at: &usize| {
        let states_length = || u32_at(data, at + 8).is_some_and(|stated| stated as usize == *at);
        stands_at(data, *at, LOCAL)
            || stands_at(data, *at, CENTRAL)
            || stands_at(data, *at, DESCRIPTOR) && states_length()
    };
    memmem::find_iter(data, b"PK").find(is_end).unwrap_or(data.len())
}
