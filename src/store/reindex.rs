//! Listing a pack anew whose index is damaged.
//!
//! An index says no more than its pack does, and takes less time: where the entries begin shows when they are inflated
//! one after another, and what they are called when they are hashed. That is what `git index-pack` does. What the damaged
//! index says is of use as a hint: a delta that names its base by its id cannot be resolved before that id is known.

use std::collections::HashSet;
use std::fs::File;

use super::bulk::Pass;
use super::checksum::ObjectHash;
use super::inflate::Inflater;
use super::objects::{ObjectIndex, Objects};
use super::pack::{EntryHeader, EntryKind, Headers, Listing, Pack};
use super::{Failure, Pieces, Visitor};
use crate::model::{Copied, Interrupt, ObjectFormat, ObjectType, Oid};

/// An entry as it stands in the pack.
struct Entry {
    offset: u64,
    checksum: u32,
    oid: Option<Oid>,
}

/// Lists a pack that has, as it says, `count` entries; `old` is what its index lists, as far as that can be read. Entries
/// that cannot be resolved are called what the index calls them, and so is everything behind what cannot be inflated: where
/// the next one begins nobody else knows. Cost: the pack is inflated twice and hashed once, more often where deltas name
/// their bases and the index does not know those.
pub(super) fn listing(mut pack: Pack, count: u32, old: &Listing, format: ObjectFormat) -> (Pack, Listing) {
    /// Each finds the ids of what is made of what the one before has found.
    const MOST_ROUNDS: usize = 16;
    let hash = format.raw_len();
    let Entries { mut all, end, name_bases } =
        pack.with_file(|file| Ok(Entries::of(file, pack.end, count, format))).unwrap_or_default();
    for (id, offset) in old.ids.chunks_exact(hash).zip(&old.offsets) {
        if let Ok(at) = all.binary_search_by_key(offset, |entry| entry.offset) {
            all[at].oid = Oid::from_bytes(id);
        }
    }
    let is_all = all.len() == count as usize;
    // Where no delta names its base, what is called what makes no difference to what is found.
    for _ in 0..if name_bases { MOST_ROUNDS } else { 1 } {
        let is_settled;
        (pack, is_settled) = name(pack, &mut all, format);
        if is_settled {
            break;
        }
    }
    let mut listing = Listing::default();
    let mut add = |id: &[u8], offset, checksum| {
        listing.ids.extend_from_slice(id);
        listing.offsets.push(offset);
        listing.checksums.push(checksum);
    };
    for Entry { offset, checksum, oid } in &all {
        oid.iter().for_each(|oid| add(oid.as_bytes(), *offset, *checksum));
    }
    for (row, (id, offset)) in old.ids.chunks_exact(hash).zip(&old.offsets).enumerate() {
        if *offset >= end && !is_all {
            add(id, *offset, old.checksums.get(row).copied().unwrap_or_default());
        }
    }
    listing.put_in_order(hash);
    (pack.with_checksums(is_all || !old.checksums.is_empty()), listing)
}

/// The entries from the first on, as far as they can be inflated.
#[derive(Default)]
struct Entries {
    all: Vec<Entry>,
    /// Where the last one ends.
    end: u64,
    /// Whether any is a delta that names its base by its id.
    name_bases: bool,
}

impl Entries {
    fn of(file: &File, pack_end: u64, count: u32, format: ObjectFormat) -> Self {
        const AT_ONCE: usize = 32 << 10;
        /// What stands before the first entry.
        const HEAD: u64 = 12;
        let (mut headers, mut inflater) = (Headers::new(file, pack_end, format, AT_ONCE), Inflater::new());
        let mut entries = Self { end: HEAD, ..Self::default() };
        let mut read = |offset| -> Result<(u64, u32, bool), Failure> {
            let EntryHeader { kind, body } = headers.at(offset)?;
            let end = body.data + inflater.extent(file, (body.data, pack_end), body.size)?;
            Ok((end, headers.checksum(offset, end)?, matches!(kind, EntryKind::RefDelta(_))))
        };
        for _ in 0..count {
            let Ok((end, checksum, names_base)) = read(entries.end) else { break };
            entries.all.push(Entry { offset: entries.end, checksum, oid: None });
            entries.end = end;
            entries.name_bases |= names_base;
        }
        entries
    }
}

/// Calls each entry what it is, as far as that can be told while the others are called what they are; whether all were
/// called so before.
fn name(pack: Pack, entries: &mut [Entry], format: ObjectFormat) -> (Pack, bool) {
    let mut objects = Objects::of_pack(pack, guess(entries, format), format);
    let (found, mut is_settled) = (ids(&objects, entries), true);
    for (entry, found) in entries.iter_mut().zip(found) {
        if found.is_some() && found != entry.oid {
            (entry.oid, is_settled) = (found, false);
        }
    }
    let pack = objects.packs.pop().unwrap_or_else(|| unreachable!("there is the one that was put in"));
    (pack, is_settled)
}

/// The entries under the ids that are known, and under ids that are nobody's.
fn guess(entries: &[Entry], format: ObjectFormat) -> Listing {
    let mut taken = HashSet::new();
    let mut listing = Listing::default();
    for (number, entry) in entries.iter().enumerate() {
        match entry.oid.filter(|oid| taken.insert(*oid)) {
            Some(oid) => listing.ids.extend_from_slice(oid.as_bytes()),
            None => {
                let mut id = vec![0; format.raw_len() - size_of::<u64>()];
                id.extend_from_slice(&(number as u64).to_be_bytes());
                listing.ids.extend_from_slice(&id);
            }
        }
        listing.offsets.push(entry.offset);
        listing.checksums.push(entry.checksum);
    }
    listing.put_in_order(format.raw_len());
    listing
}

/// What each entry is called that can be resolved, as long as its base is called what it is.
fn ids(objects: &Objects, entries: &[Entry]) -> Vec<Option<Oid>> {
    /// So much is held at once, small buffers apart.
    const MEMORY: u64 = 256 << 20;
    let pass = Pass::new(objects, (MEMORY / 2, MEMORY), Interrupt::never());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut hashers: Vec<Hasher> = (0..threads).map(|_| Hasher { format: objects.format, found: Vec::new() }).collect();
    pass.run(&mut hashers);
    let mut found = vec![None; entries.len()];
    for (index, oid) in hashers.into_iter().flat_map(|hasher| hasher.found) {
        for offset in objects.offsets(index) {
            if let Ok(at) = entries.binary_search_by_key(&offset, |entry| entry.offset) {
                found[at] = Some(oid);
            }
        }
    }
    found
}

/// Computes ids.
struct Hasher {
    format: ObjectFormat,
    found: Vec<(ObjectIndex, Oid)>,
}

impl Visitor for Hasher {
    type Memory = ();

    fn object(
        &mut self,
        index: ObjectIndex,
        kind: ObjectType,
        bytes: &[u8],
        _: Option<(&(), &[Copied])>,
    ) -> Option<()> {
        let mut hash = ObjectHash::new(self.format, kind, bytes.len() as u64);
        hash.update(bytes);
        self.found.extend(hash.oid().map(|oid| (index, oid)));
        None
    }

    fn large(&mut self, index: ObjectIndex, pieces: &mut Pieces<'_>) -> Result<(), Failure> {
        let mut hash = ObjectHash::new(self.format, ObjectType::Blob, pieces.left());
        while let Some(piece) = pieces.next_piece()? {
            hash.update(piece);
        }
        self.found.extend(hash.oid().map(|oid| (index, oid)));
        Ok(())
    }
}
