//! The readers of a pack's parts, of an index and of a table of refs, one by one: for fuzzing and tests, which hand them
//! what git never writes.

use std::fs::File;
use std::path::Path;

use super::delta::{self, InPlace};
use super::inflate::Inflater;
use super::lookup::Lookup;
use super::pack::{self, EntryKind, Listing};
use super::reftable::{RefValue, Stack};
use super::{Failure, IndexEntry, index_file};
use crate::model::{Copied, ObjectFormat, ObjectType, Oid};

/// How an entry is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// By itself.
    Whole(ObjectType),
    /// As a delta of the entry at this offset.
    OffsetDelta(u64),
    /// As a delta of this object.
    RefDelta(Oid),
}

/// What the index of a pack lists; `None` where it cannot be read.
pub fn index(bytes: &[u8], format: ObjectFormat) -> Option<Vec<(Oid, u64)>> {
    let Listing { ids, offsets, .. } = Listing::parse(bytes, format)?;
    let ids = ids.chunks_exact(format.raw_len()).filter_map(Oid::from_bytes);
    Some(ids.zip(offsets).collect())
}

/// What an index lists, and the index that it is a part of where it is split; `None` where it cannot be read to its end.
pub fn staged(bytes: &[u8], format: ObjectFormat) -> Option<(Vec<IndexEntry>, Option<Oid>)> {
    let mut entries = Vec::new();
    let shared = index_file::parse(bytes, format, &mut entries).ok()?;
    Some((entries, shared.map(|link| link.base)))
}

/// What a ref names: an object, or another ref by its name.
pub type RefTarget = Result<Oid, Vec<u8>>;

/// What a table of refs says.
pub struct Table {
    /// By name.
    pub refs: Vec<(Vec<u8>, RefTarget)>,
    /// By name and update, the lines of logs.
    pub logs: Vec<(Vec<u8>, u64, Vec<u8>)>,
}

/// Reads a table of refs; `None` where it cannot be read to its end.
pub fn table(bytes: &[u8], format: ObjectFormat) -> Option<Table> {
    let mut stack = Stack::new();
    stack.add(bytes, format).ok()?;
    let value = |value| match value {
        RefValue::Direct(oid) => Ok(oid),
        RefValue::Symbolic(name) => Err(name),
    };
    let refs = stack.refs.into_iter().map(|(name, named)| (name, value(named)));
    let logs = stack.logs.into_iter().map(|((name, update), line)| (name, update, line));
    Some(Table { refs: refs.collect(), logs: logs.collect() })
}

/// Reads entries of one pack.
pub struct Entries<'f> {
    file: &'f File,
    end: u64,
    format: ObjectFormat,
    inflater: Inflater,
}

impl<'f> Entries<'f> {
    /// Of a pack whose entries end at `end`; `ahead` says whether more is read than is asked for, as it is where all
    /// of a pack is read.
    pub fn new(file: &'f File, end: u64, format: ObjectFormat, ahead: bool) -> Self {
        let inflater = if ahead { Inflater::of_one_file() } else { Inflater::new() };
        Self { file, end, format, inflater }
    }

    /// Reads the entry at `offset`: how it is stored, and in `out` its data.
    ///
    /// # Errors
    /// Where there is no sound entry, or one of more than `limit` bytes.
    pub fn read(&mut self, offset: u64, limit: u64, out: &mut Vec<u8>) -> Result<Stored, Failure> {
        let header = pack::entry_header(self.file, offset, self.end, self.format)?;
        pack::entry_data(self.file, header.body, self.end, limit, &mut self.inflater, out)?;
        Ok(match header.kind {
            EntryKind::Whole(kind) => Stored::Whole(kind),
            EntryKind::OffsetDelta(base) => Stored::OffsetDelta(base),
            EntryKind::RefDelta(base) => Stored::RefDelta(base),
        })
    }
}

/// Applies a delta to its base, into `out`; `copied` is what it says to have of that.
///
/// # Errors
/// Where it does not fit, or makes more than `limit` bytes.
pub fn delta(
    base: &[u8],
    delta: &[u8],
    limit: u64,
    out: &mut Vec<u8>,
    copied: &mut Vec<Copied>,
) -> Result<(), Failure> {
    delta::apply_noting(base, delta, limit, out, &mut |part| copied.push(part))
}

/// The same where the base stands, in `bytes`; whether it was done. Where it was not `bytes` are the base still.
///
/// # Errors
/// As [`delta()`].
pub fn delta_in_place(
    bytes: &mut Vec<u8>,
    delta: &[u8],
    limit: u64,
    copied: &mut Vec<Copied>,
) -> Result<bool, Failure> {
    InPlace::default().apply(bytes, (delta, false), limit, &mut |part| copied.push(part))
}

/// An object's type and bytes, where there is one.
pub type LookedUp = Result<Option<(ObjectType, Vec<u8>)>, Failure>;

/// Looks objects up in a directory of objects as the gate does: by its multi-pack index, where it has one.
pub fn look_up(objects: &Path, format: ObjectFormat, ids: &[Oid]) -> Vec<LookedUp> {
    let mut lookup = Lookup::new(vec![objects.to_path_buf()], format);
    let mut read = |oid| {
        let mut bytes = Vec::new();
        Ok(lookup.read(oid, 1 << 20, &mut bytes)?.map(|kind| (kind, bytes)))
    };
    ids.iter().map(&mut read).collect()
}
