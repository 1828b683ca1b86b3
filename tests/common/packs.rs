//! Packs made byte by byte: what git itself would never write. Nothing here computes an id: an index says which ids a
//! pack has, and readers that do not hash every object again believe it.

use std::collections::BTreeMap;
use std::path::Path;

use super::fixture::objects::{Oid, sha1};
use super::git;
pub(crate) use super::zlib::zlib_stored;

/// How an entry of a pack is stored.
pub(crate) enum Stored {
    /// Whole: its type's number (1 commit, 2 tree, 3 blob, 4 tag).
    Whole(u8),
    /// A delta to the entry so many before this one.
    OffsetDelta(usize),
    /// A delta to an id.
    RefDelta(Oid),
}

/// An entry of a pack: its id, how it is stored, and its content or delta.
pub(crate) struct Packed {
    pub(crate) oid: Oid,
    pub(crate) stored: Stored,
    pub(crate) bytes: Vec<u8>,
}

impl Packed {
    pub(crate) fn blob(oid: Oid, content: impl Into<Vec<u8>>) -> Self {
        Self { oid, stored: Stored::Whole(3), bytes: content.into() }
    }
}

/// An id that is nobody's.
pub(crate) fn made_up(number: u64) -> Oid {
    Oid(sha1(format!("made up {number}").as_bytes()))
}

/// Writes a pack and its index into an object folder.
pub(crate) fn write_pack(objects: &Path, name: &str, entries: &[Packed]) {
    let (pack, offsets) = pack(entries, &mut zlib_stored);
    let mut rows: Vec<(Oid, usize)> = entries.iter().map(|entry| entry.oid).zip(offsets).collect();
    rows.sort_unstable();
    let folder = objects.join("pack");
    std::fs::create_dir_all(&folder).expect("making a folder");
    std::fs::write(folder.join(format!("pack-{name}.pack")), &pack).expect("writing a pack");
    let index = index(&rows, &pack);
    std::fs::write(folder.join(format!("pack-{name}.idx")), index).expect("writing an index");
}

/// Gives a repository a pack whose index git makes, which resolves every entry and computes its id: the ids that the
/// entries have are not looked at, but in deltas that name their base.
pub(crate) fn give_pack(git_directory: &Path, entries: &[Packed], deflate: &mut dyn FnMut(&[u8]) -> Vec<u8>) {
    let (pack, _) = pack(entries, deflate);
    git::run(git::command(git_directory), &["index-pack", "--stdin"], &pack);
}

/// A pack, and where in it each entry begins.
pub(crate) fn pack(entries: &[Packed], deflate: &mut dyn FnMut(&[u8]) -> Vec<u8>) -> (Vec<u8>, Vec<usize>) {
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend_from_slice(&(entries.len() as u32).to_be_bytes());
    let mut offsets: Vec<usize> = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        let offset = pack.len();
        offsets.push(offset);
        let number = match entry.stored {
            Stored::Whole(number) => number,
            Stored::OffsetDelta(_) => 6,
            Stored::RefDelta(_) => 7,
        };
        let mut rest = entry.bytes.len() >> 4;
        let mut byte = number << 4 | (entry.bytes.len() & 15) as u8;
        while rest > 0 {
            pack.push(byte | 0x80);
            byte = (rest & 0x7f) as u8;
            rest >>= 7;
        }
        pack.push(byte);
        match &entry.stored {
            Stored::Whole(_) => {}
            Stored::OffsetDelta(back) => pack.extend(offset_varint(offset - offsets[at - back])),
            Stored::RefDelta(base) => pack.extend_from_slice(&base.0),
        }
        pack.extend(deflate(&entry.bytes));
    }
    let checksum = sha1(&pack);
    pack.extend_from_slice(&checksum);
    (pack, offsets)
}

/// An index of version 2 of a pack.
pub(crate) fn index(rows: &[(Oid, usize)], pack: &[u8]) -> Vec<u8> {
    let end = pack.len() - 20;
    let mut offsets: Vec<usize> = rows.iter().map(|row| row.1).chain([end]).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let entries = offsets.windows(2).map(|two| (two[0], crc32(&pack[two[0]..two[1]])));
    let sums: BTreeMap<usize, u32> = entries.collect();
    let mut bytes = b"\xfftOc\0\0\0\x02".to_vec();
    for first in 0..=255u8 {
        let up_to = rows.partition_point(|(oid, _)| oid.0[0] <= first);
        bytes.extend_from_slice(&(up_to as u32).to_be_bytes());
    }
    rows.iter().for_each(|(oid, _)| bytes.extend_from_slice(&oid.0));
    rows.iter().for_each(|(_, offset)| bytes.extend_from_slice(&sums[offset].to_be_bytes()));
    rows.iter().for_each(|(_, offset)| bytes.extend_from_slice(&(*offset as u32).to_be_bytes()));
    bytes.extend_from_slice(&pack[end..]);
    let checksum = sha1(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}

/// The distance to a delta's base, as packs write it.
pub(crate) fn offset_varint(mut distance: usize) -> Vec<u8> {
    let mut bytes = vec![(distance & 0x7f) as u8];
    distance >>= 7;
    while distance > 0 {
        distance -= 1;
        bytes.push(0x80 | (distance & 0x7f) as u8);
        distance >>= 7;
    }
    bytes.reverse();
    bytes
}

/// A number as deltas write sizes.
fn size_varint(mut size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while size > 0x7f {
        bytes.push(0x80 | (size & 0x7f) as u8);
        size >>= 7;
    }
    bytes.push(size as u8);
    bytes
}

/// One step of a delta.
pub(crate) enum Step<'a> {
    /// So many bytes from this position of the base.
    Copy(usize, usize),
    Insert(&'a [u8]),
}

/// A delta from a base of so many bytes.
pub(crate) fn delta(base: usize, steps: &[Step<'_>]) -> Vec<u8> {
    let result: usize = steps
        .iter()
        .map(|step| match step {
            Step::Copy(_, length) => *length,
            Step::Insert(bytes) => bytes.len(),
        })
        .sum();
    let mut bytes = [size_varint(base), size_varint(result)].concat();
    for step in steps {
        match step {
            Step::Insert(text) => {
                for chunk in text.chunks(0x7f) {
                    bytes.push(chunk.len() as u8);
                    bytes.extend_from_slice(chunk);
                }
            }
            Step::Copy(from, length) => {
                let (mut from, mut length) = (*from, *length);
                while length > 0 {
                    let part = length.min(0xff_ffff);
                    bytes.push(0xff);
                    bytes.extend_from_slice(&(from as u32).to_le_bytes());
                    bytes.extend_from_slice(&(part as u32).to_le_bytes()[..3]);
                    from += part;
                    length -= part;
                }
            }
        }
    }
    bytes
}

/// A copy in as few bytes as it can be told in: what is zero is left out, and so is a length of 64 KiB.
pub(crate) fn short_copy(from: usize, length: usize) -> Vec<u8> {
    assert!((1..1 << 24).contains(&length) && from < 1 << 32, "one copy");
    let mut bytes = vec![0x80];
    let mut field = |value: usize, count: usize, first: u8| {
        for (at, byte) in value.to_le_bytes()[..count].iter().enumerate().filter(|(_, byte)| **byte != 0) {
            bytes[0] |= first << at;
            bytes.push(*byte);
        }
    };
    field(from, 4, 1);
    if length != 0x10000 {
        field(length, 3, 16);
    }
    bytes
}

/// The head of a delta: how long its base is, and what it makes of it.
pub(crate) fn delta_sizes(base: usize, result: usize) -> Vec<u8> {
    [size_varint(base), size_varint(result)].concat()
}
