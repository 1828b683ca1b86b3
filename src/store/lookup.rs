//! Finding and reading single objects without listing any.
//!
//! What a push needs of a repository with half a million objects is a few dozen of them. Packs are opened when the first
//! object is looked for, indexes are searched on disk ([`IdTable`]), a multi-pack index where there is one, and bases of
//! deltas are kept for the next object. Cost of a look-up: one read for each pack, the last that had one first. Whoever
//! reads thousands does it in the order in which they are stored: then each part of a pack is read once.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::inflate::Inflater;
use super::objects::Objects;
use super::pack::{self, EntryKind};
use super::single::{ENDLESS, LONGEST_CHAIN};
use super::table::{IdTable, TableFile, chunks};
use super::{Failure, delta, files, list_directory, loose};
use crate::model::{ObjectFormat, ObjectType, Oid};

/// Object directories, to be asked for one object after another.
pub(super) struct Lookup {
    format: ObjectFormat,
    dirs: Vec<ObjectDir>,
    packs: Vec<PackFile>,
    /// The pack that had the last object.
    recent: usize,
    listed: bool,
    relisted: u32,
    bases: Bases,
    inflater: Inflater,
    /// The same with parts of one pack at hand, and of which.
    packed: (usize, Inflater),
}

struct ObjectDir {
    path: PathBuf,
    multi: Option<MultiIndex>,
}

/// A pack, opened when first needed.
struct PackFile {
    index_path: PathBuf,
    /// Where its directory's multi-pack index covers it, that one is asked.
    is_covered: bool,
    state: State,
}

enum State {
    Unopened,
    Open(OpenPack),
    Unusable,
}

struct OpenPack {
    index: TableFile,
    table: IdTable,
    /// Where the offsets stand: `None` for version 1, which has them in the rows.
    offsets: Option<u64>,
    hash: u64,
    pack: File,
    end: u64,
}

/// A multi-pack index (git's `Documentation/gitformat-pack.txt`), and which packs it is about.
struct MultiIndex {
    file: TableFile,
    table: IdTable,
    offsets: u64,
    large: Option<u64>,
    packs: Vec<usize>,
}

/// So many times the directories are read again because an object was not found: a repack may have moved it.
const MOST_RELISTS: u32 = 8;

impl Lookup {
    pub(super) fn new(dirs: Vec<PathBuf>, format: ObjectFormat) -> Self {
        Self {
            format,
            dirs: dirs.into_iter().map(|path| ObjectDir { path, multi: None }).collect(),
            packs: Vec::new(),
            recent: 0,
            listed: false,
            relisted: 0,
            bases: Bases::default(),
            inflater: Inflater::new(),
            packed: (0, Inflater::of_one_file()),
        }
    }

    /// Whether there is such an object. What is not found is not looked for again after a listing anew.
    pub(super) fn has(&mut self, oid: &Oid) -> bool {
        self.find_packed(oid).is_some() || self.loose_dir(oid).is_some()
    }

    /// By what objects come into the order in which they are stored: the pack and the place in it; behind all packs, what is
    /// in none.
    pub(super) fn stored_at(&mut self, oid: &Oid) -> (usize, u64) {
        self.find_packed(oid).unwrap_or((usize::MAX, 0))
    }

    /// For each object of a listing, whether it is not here.
    pub(super) fn lacks(&mut self, listing: &Objects) -> Vec<bool> {
        /// From so many on the loose objects are listed instead of looked for.
        const MANY: usize = 2_000;
        let ids = (0..listing.len() as u32).map(|index| listing.oid(index));
        if listing.len() < MANY {
            return ids.map(|oid| !self.has(&oid)).collect();
        }
        let mut loose: FxHashSet<Oid> = FxHashSet::default();
        for dir in &self.dirs {
            loose.extend(loose::list(&dir.path, self.format, &mut Vec::new()));
        }
        ids.map(|oid| self.find_packed(&oid).is_none() && !loose.contains(&oid)).collect()
    }

    /// Reads an object into `out`; `None` where there is none. `limit` bounds the object and every base of it.
    ///
    /// # Errors
    /// Where it is there and cannot be read.
    pub(super) fn read(&mut self, oid: &Oid, limit: u64, out: &mut Vec<u8>) -> Result<Option<ObjectType>, Failure> {
        loop {
            let failed = match self.find_packed(oid) {
                Some((pack, offset)) => match self.read_packed(pack, offset, limit, out) {
                    Ok(kind) => return Ok(Some(kind)),
                    Err(failure) => Some(failure),
                },
                None => None,
            };
            if let Some(dir) = self.loose_dir(oid) {
                let dir = self.dirs[dir].path.clone();
                return loose::read(&dir, *oid, limit, &mut self.inflater, out).map(Some);
            }
            if let Some(failure @ Failure::TooLarge(_)) = failed {
                return Err(failure);
            }
            // Not there, or gone with its pack since: git too looks again before it gives up.
            if self.relisted >= MOST_RELISTS {
                return failed.map_or(Ok(None), Err);
            }
            self.relisted += 1;
            if !self.relist() {
                return failed.map_or(Ok(None), Err);
            }
        }
    }

    /// Lists the packs again; whether there are others now.
    fn relist(&mut self) -> bool {
        let before: Vec<PathBuf> = self.packs.iter().map(|pack| pack.index_path.clone()).collect();
        self.listed = false;
        self.list();
        let now: Vec<&PathBuf> = self.packs.iter().map(|pack| &pack.index_path).collect();
        before.iter().collect::<Vec<_>>() != now
    }

    fn list(&mut self) {
        if std::mem::replace(&mut self.listed, true) {
            return;
        }
        self.packs.clear();
        self.bases.clear();
        self.packed.1.turn();
        self.recent = 0;
        for dir in &mut self.dirs {
            let pack_dir = dir.path.join("pack");
            // A pack that cannot be listed has nothing: its objects are new or missing then, which no gate lets pass, and
            // nothing is taken for old that is not.
            let mut indexes: Vec<(i64, PathBuf)> = list_directory(&pack_dir)
                .0
                .into_iter()
                .filter(|entry| {
                    let name = entry.file_name();
                    let name = name.as_encoded_bytes();
                    // git reads a pack whatever it is called.
                    let is_pack = || name.starts_with(b"pack-") || entry.path().with_extension("pack").exists();
                    name.ends_with(b".idx") && is_pack()
                })
                .map(|entry| {
                    let changed = entry.metadata().map_or(0, |meta| std::os::unix::fs::MetadataExt::mtime(&meta));
                    (changed, entry.path())
                })
                .collect();
            // The newest first, as git has them: what is pushed to was pushed to of late.
            indexes.sort_by(|a, b| b.cmp(a));
            let first = self.packs.len();
            self.packs.extend(indexes.into_iter().map(|(_, index_path)| PackFile {
                index_path,
                is_covered: false,
                state: State::Unopened,
            }));
            dir.multi = MultiIndex::open(&pack_dir, self.format, &mut self.packs, first);
        }
    }

    fn find_packed(&mut self, oid: &Oid) -> Option<(usize, u64)> {
        if oid.as_bytes().len() != self.format.raw_len() {
            return None;
        }
        self.list();
        if let Some(offset) = self.find_in(self.recent, oid) {
            return Some((self.recent, offset));
        }
        for dir in 0..self.dirs.len() {
            let found = self.dirs[dir].multi.as_ref().and_then(|multi| multi.find(oid));
            if let Some((pack, offset)) = found
                && self.open(pack).is_some()
            {
                self.recent = pack;
                return Some((pack, offset));
            }
        }
        for pack in 0..self.packs.len() {
            if pack != self.recent
                && !self.packs[pack].is_covered
                && let Some(offset) = self.find_in(pack, oid)
            {
                self.recent = pack;
                return Some((pack, offset));
            }
        }
        None
    }

    fn find_in(&mut self, pack: usize, oid: &Oid) -> Option<u64> {
        let open = self.open(pack)?;
        open.offset(open.table.find(&open.index, oid)?)
    }

    fn open(&mut self, pack: usize) -> Option<&OpenPack> {
        let file = self.packs.get_mut(pack)?;
        if matches!(file.state, State::Unopened) {
            file.state = OpenPack::open(&file.index_path, self.format).map_or(State::Unusable, State::Open);
        }
        match &self.packs[pack].state {
            State::Open(open) => Some(open),
            _ => None,
        }
    }

    /// The directory that has it loose.
    fn loose_dir(&self, oid: &Oid) -> Option<usize> {
        let hex = oid.to_string();
        self.dirs.iter().position(|dir| dir.path.join(&hex[..2]).join(&hex[2..]).is_file())
    }

    /// Reads the entry at a place, whole or along its chain of deltas.
    fn read_packed(
        &mut self,
        mut pack: usize,
        mut offset: u64,
        limit: u64,
        out: &mut Vec<u8>,
    ) -> Result<ObjectType, Failure> {
        const GONE: Failure = Failure::Corrupt("its pack cannot be read");
        let mut deltas: Vec<((usize, u64), Vec<u8>)> = Vec::new();
        let mut held = 0u64;
        let (kind, mut base) = loop {
            if let Some((kind, bytes)) = self.bases.get((pack, offset)) {
                break (kind, bytes);
            }
            self.open(pack).ok_or(GONE)?;
            let State::Open(open) = &self.packs[pack].state else { return Err(GONE) };
            let (of, inflater) = &mut self.packed;
            if std::mem::replace(of, pack) != pack {
                inflater.turn();
            }
            let header = pack::entry_header_at_hand(&open.pack, (offset, open.end), self.format, inflater)?;
            let mut data = Vec::new();
            pack::entry_data(&open.pack, header.body, open.end, limit, inflater, &mut data)?;
            let place = (pack, offset);
            match header.kind {
                EntryKind::Whole(kind) => {
                    let data = Arc::new(data);
                    self.bases.put(place, kind, &data);
                    break (kind, data);
                }
                EntryKind::OffsetDelta(base) => offset = base,
                EntryKind::RefDelta(base) => {
                    (pack, offset) = self.find_packed(&base).ok_or(Failure::Corrupt("its delta base is missing"))?;
                }
            }
            held += data.len() as u64;
            if deltas.len() >= LONGEST_CHAIN || held > limit.saturating_mul(2) {
                return Err(ENDLESS);
            }
            deltas.push((place, data));
        };
        while let Some((place, next)) = deltas.pop() {
            let mut bytes = Vec::new();
            delta::apply(&base, &next, limit, &mut bytes)?;
            base = Arc::new(bytes);
            self.bases.put(place, kind, &base);
        }
        out.clear();
        out.extend_from_slice(&base);
        Ok(kind)
    }
}

impl OpenPack {
    fn open(index_path: &Path, format: ObjectFormat) -> Option<Self> {
        let index = TableFile::open(index_path)?;
        let pack = files::open(&index_path.with_extension("pack")).ok()?;
        let hash = format.raw_len();
        let is_version_2 = index.be64(0)? == 0xff74_4f63_0000_0002;
        let (table, offsets) = if is_version_2 {
            let table = IdTable::read(&index, 8, 8 + 1024, hash, 0)?;
            let offsets = 8 + 1024 + u64::from(table.len()) * (hash as u64 + 4);
            (table, Some(offsets))
        } else {
            (IdTable::read(&index, 0, 1024, hash + 4, 4)?, None)
        };
        let end = pack.metadata().ok()?.len().saturating_sub(hash as u64);
        Some(Self { index, table, offsets, hash: hash as u64, pack, end })
    }

    fn offset(&self, row: u32) -> Option<u64> {
        let Some(offsets) = self.offsets else {
            return self.index.be32(1024 + u64::from(row) * (self.hash + 4)).map(u64::from);
        };
        let offset = self.index.be32(offsets + u64::from(row) * 4)?;
        if offset & 0x8000_0000 == 0 {
            return Some(u64::from(offset));
        }
        let large = offsets + u64::from(self.table.len()) * 4;
        self.index.be64(large + u64::from(offset & 0x7fff_ffff) * 8)
    }
}

impl MultiIndex {
    /// Opens the multi-pack index of a directory whose packs are `packs[first..]`, and marks those it covers.
    fn open(pack_dir: &Path, format: ObjectFormat, packs: &mut [PackFile], first: usize) -> Option<Self> {
        let file = TableFile::open(&pack_dir.join("multi-pack-index"))?;
        let header: [u8; 12] = file.array(0)?;
        // One file alone: a base file would be part of a chain, which is read pack by pack.
        if &header[..5] != b"MIDX\x01" || header[7] != 0 {
            return None;
        }
        let chunks = chunks(&file, 12, header[6].checked_add(1)?)?;
        let at = |name: &[u8; 4]| chunks.iter().find(|chunk| &chunk.0 == name).map(|chunk| chunk.1);
        let names_at = at(b"PNAM")?;
        let names_end = chunks.iter().map(|chunk| chunk.1).filter(|other| *other > names_at).min()?;
        let size = usize::try_from(names_end - names_at).ok().filter(|size| *size < 64 << 20)?;
        let mut names = Vec::new();
        let names = file.part(names_at, size, &mut names)?;
        let by_name: HashMap<Vec<u8>, usize> = packs
            .iter()
            .enumerate()
            .skip(first)
            .filter_map(|(at, pack)| Some((pack.index_path.file_name()?.as_encoded_bytes().to_vec(), at)))
            .collect();
        let count = u32::from_be_bytes([header[8], header[9], header[10], header[11]]) as usize;
        // A pack that is gone makes the whole index stale: then each pack is asked.
        let covered: Vec<usize> =
            names.split(|byte| *byte == 0).take(count).map(|name| by_name.get(name).copied()).collect::<Option<_>>()?;
        let table = IdTable::read(&file, at(b"OIDF")?, at(b"OIDL")?, format.raw_len(), 0)?;
        for pack in &covered {
            packs[*pack].is_covered = true;
        }
        Some(Self { offsets: at(b"OOFF")?, large: at(b"LOFF"), file, table, packs: covered })
    }

    fn find(&self, oid: &Oid) -> Option<(usize, u64)> {
        let row = self.table.find(&self.file, oid)?;
        let both = self.file.be64(self.offsets.checked_add(u64::from(row) * 8)?)?;
        let (pack, offset) = ((both >> 32) as usize, both & 0xffff_ffff);
        let offset = match self.large {
            Some(large) if offset & 0x8000_0000 != 0 => {
                self.file.be64(large.checked_add((offset & 0x7fff_ffff) * 8)?)?
            }
            _ => offset,
        };
        Some((*self.packs.get(pack)?, offset))
    }
}

type Base = (ObjectType, Arc<Vec<u8>>);

/// Whole objects that deltas were made from, or may be.
#[derive(Default)]
struct Bases {
    kept: FxHashMap<(usize, u64), Base>,
    bytes: usize,
}

impl Bases {
    /// As much is kept in all, and of one object.
    const MOST: usize = 16 << 20;
    const LARGEST: usize = 1 << 20;

    fn get(&self, place: (usize, u64)) -> Option<Base> {
        self.kept.get(&place).map(|(kind, bytes)| (*kind, Arc::clone(bytes)))
    }

    fn put(&mut self, place: (usize, u64), kind: ObjectType, bytes: &Arc<Vec<u8>>) {
        if bytes.len() > Self::LARGEST {
            return;
        }
        if self.bytes + bytes.len() > Self::MOST {
            self.clear();
        }
        self.bytes += bytes.len();
        self.kept.insert(place, (kind, Arc::clone(bytes)));
    }

    fn clear(&mut self) {
        self.kept.clear();
        self.bytes = 0;
    }
}
