//! The index: what is staged is content too.
//!
//! Format: git's `Documentation/gitformat-index.txt`, versions 2 to 4, with the extensions that name blobs
//! (resolve-undo) or other files (split index).

use std::io;
use std::path::Path;

use super::budget::NameBudget;
use super::numbers::{be16, be32, offset_varint};
use super::{Gap, files};
use crate::model::{ObjectFormat, Oid};

/// One staged path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The path.
    pub path: Vec<u8>,
    /// What stands there.
    pub oid: Oid,
    /// Its mode.
    pub mode: u32,
}

/// Reads the index in `git_dir`, if there is one.
pub(super) fn read(git_dir: &Path, format: ObjectFormat, gaps: &mut Vec<Gap>) -> Vec<IndexEntry> {
    let path = git_dir.join("index");
    let mut entries = Vec::new();
    let shared = match files::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return entries,
        Err(error) => {
            gaps.push(Gap::unreadable(&path, &error));
            return entries;
        }
        Ok(bytes) => match parse(&bytes, format, &mut entries) {
            Ok(shared) => shared,
            Err(flaw) => {
                gaps.push(Gap::new(flaw.reason(), &path, b"the index cannot be read to its end"));
                return entries;
            }
        },
    };
    if let Some(base) = shared.filter(|base| !base.is_zero()) {
        let path = git_dir.join(format!("sharedindex.{base}"));
        let flaw = match files::read(&path) {
            Ok(bytes) => parse(&bytes, format, &mut entries).err().map(Flaw::reason),
            Err(_) => Some("unreadable"),
        };
        gaps.extend(flaw.map(|reason| Gap::new(reason, &path, b"the shared part of the split index")));
    }
    entries
}

/// Why an index is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is cut, or none.
    Corrupt,
    /// Its paths are far more than its bytes.
    TooLarge,
}

impl Flaw {
    fn reason(self) -> &'static str {
        match self {
            Self::Corrupt => "corrupt",
            Self::TooLarge => "too_large",
        }
    }
}

/// Parses an index; the id of the shared index where it is a split one. What stands before a flaw is among the entries.
pub(super) fn parse(bytes: &[u8], format: ObjectFormat, entries: &mut Vec<IndexEntry>) -> Result<Option<Oid>, Flaw> {
    let mut budget = NameBudget::of_file(bytes.len());
    let parsed = parse_within(&mut budget, bytes, format, entries);
    parsed.ok_or(if budget.is_over { Flaw::TooLarge } else { Flaw::Corrupt })
}

fn parse_within(
    budget: &mut NameBudget,
    bytes: &[u8],
    format: ObjectFormat,
    entries: &mut Vec<IndexEntry>,
) -> Option<Option<Oid>> {
    let hash = format.raw_len();
    if bytes.is_empty() {
        return Some(None);
    }
    let body = bytes.get(..bytes.len().checked_sub(hash)?)?;
    if body.get(..4)? != b"DIRC" {
        return None;
    }
    let version = be32(body, 4)?;
    if !(2..=4).contains(&version) {
        return None;
    }
    let count = be32(body, 8)?;
    let mut at = 12;
    let mut previous: Vec<u8> = Vec::new();
    for _ in 0..count {
        // Ten 32-bit fields of stat data, the id, flags.
        let mode = be32(body, at + 24)?;
        let oid = Oid::from_bytes(body.get(at + 40..at + 40 + hash)?)?;
        let flags = be16(body, at + 40 + hash)?;
        let extended = version >= 3 && flags & 0x4000 != 0;
        let start = at + 42 + hash + if extended { 2 } else { 0 };
        let rest = body.get(start..)?;
        let path = if version == 4 {
            let (strip, used) = offset_varint(rest)?;
            let name = rest.get(used..)?;
            let end = memchr::memchr(0, name)?;
            let keep = previous.len().checked_sub(usize::try_from(strip).ok()?)?;
            at = start + used + end + 1;
            budget.take(keep + end, 0)?;
            [&previous[..keep], &name[..end]].concat()
        } else {
            let end = memchr::memchr(0, rest)?;
            // Entries are padded with one to eight NULs to a multiple of eight.
            at += (start - at + end + 8) & !7;
            budget.take(end, 0)?;
            rest[..end].to_vec()
        };
        previous.clone_from(&path);
        entries.push(IndexEntry { path, oid, mode });
    }
    extensions(body, at, format, entries)
}

fn extensions(body: &[u8], mut at: usize, format: ObjectFormat, entries: &mut Vec<IndexEntry>) -> Option<Option<Oid>> {
    let mut shared = None;
    while at + 8 <= body.len() {
        let size = be32(body, at + 4)? as usize;
        let data = body.get(at + 8..(at + 8).checked_add(size)?)?;
        match &body[at..at + 4] {
            b"link" => shared = Oid::from_bytes(data.get(..format.raw_len())?),
            b"REUC" => resolve_undo(data, format, entries),
            _ => {}
        }
        at += 8 + size;
    }
    Some(shared)
}

/// The three sides of conflicts that were resolved: path, three octal modes, an id for each mode that is not 0.
fn resolve_undo(mut data: &[u8], format: ObjectFormat, entries: &mut Vec<IndexEntry>) {
    while let Some(end) = memchr::memchr(0, data) {
        let path = data[..end].to_vec();
        data = &data[end + 1..];
        let mut modes = [0; 3];
        for mode in &mut modes {
            let Some(end) = memchr::memchr(0, data) else { return };
            let Some(value) = std::str::from_utf8(&data[..end]).ok().and_then(|t| u32::from_str_radix(t, 8).ok())
            else {
                return;
            };
            *mode = value;
            data = &data[end + 1..];
        }
        for mode in modes.into_iter().filter(|mode| *mode != 0) {
            let Some((oid, rest)) = data.split_at_checked(format.raw_len()) else { return };
            data = rest;
            entries.extend(Oid::from_bytes(oid).map(|oid| IndexEntry { path: path.clone(), oid, mode }));
        }
    }
}
