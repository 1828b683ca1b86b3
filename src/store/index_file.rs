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
    let link = match files::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return entries,
        Err(error) => {
            gaps.push(Gap::unreadable(&path, &error));
            return entries;
        }
        Ok(bytes) => match parse(&bytes, format, &mut entries) {
            Ok(link) => link,
            Err(flaw) => {
                gaps.push(Gap::new(flaw.reason(), &path, b"the index cannot be read to its end"));
                return entries;
            }
        },
    };
    if let Some(Link { base, bitmaps }) = link.filter(|link| !link.base.is_zero()) {
        let path = git_dir.join(format!("sharedindex.{base}"));
        let mut shared = Vec::new();
        let mut flaw = match files::read(&path) {
            Ok(bytes) => parse(&bytes, format, &mut shared).err().map(Flaw::reason),
            Err(_) => Some("unreadable"),
        };
        if !join(&mut entries, &mut shared, &bitmaps) {
            flaw = flaw.or(Some("corrupt"));
        }
        entries.append(&mut shared);
        gaps.extend(flaw.map(|reason| Gap::new(reason, &path, b"the shared part of the split index")));
    }
    entries
}

/// What of a split index stands in another file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// By what that file is called.
    pub(super) base: Oid,
    /// Which of its entries are gone, and which are replaced, each as a bitmap (git's `Documentation/gitformat-bitmap.txt`,
    /// EWAH); neither where it is as it was.
    bitmaps: Vec<u8>,
}

/// Takes out of `shared` what is gone or replaced. What replaces has the path of what it replaces, and none of its own.
/// Whether the bitmaps could be read; all is kept where not.
fn join(entries: &mut [IndexEntry], shared: &mut Vec<IndexEntry>, bitmaps: &[u8]) -> bool {
    if bitmaps.is_empty() {
        return true;
    }
    let Some((gone, rest)) = bits(bitmaps, shared.len()) else { return false };
    let Some((replaced, _)) = bits(rest, shared.len()) else { return false };
    let nameless = entries.iter_mut().filter(|entry| entry.path.is_empty());
    for (entry, number) in nameless.zip(&replaced) {
        entry.path.clone_from(&shared[*number].path);
    }
    let mut left_out = vec![false; shared.len()];
    gone.into_iter().chain(replaced).for_each(|number| left_out[number] = true);
    let mut left_out = left_out.into_iter();
    shared.retain(|_| !left_out.next().unwrap_or_default());
    true
}

/// The bits that are set in an EWAH bitmap, of the first `count`; and what stands behind it.
fn bits(bytes: &[u8], count: usize) -> Option<(Vec<usize>, &[u8])> {
    const WORD: usize = 64;
    let words = be32(bytes, 4)? as usize;
    let end = words.checked_mul(8)?.checked_add(8)?;
    let rest = bytes.get(end.checked_add(4)?..)?;
    let mut words = bytes[8..end].as_chunks().0.iter().map(|word| u64::from_be_bytes(*word));
    let (mut set, mut at) = (Vec::new(), 0usize);
    while let Some(run) = words.next() {
        // A bit and how many words are of it, and how many words follow that are as they stand.
        let length = (run >> 1 & 0xffff_ffff) as usize;
        let behind = at.saturating_add(length.saturating_mul(WORD));
        if run & 1 == 1 {
            set.extend(at.min(count)..behind.min(count));
        }
        at = behind;
        for word in words.by_ref().take((run >> 33) as usize) {
            let of_word = (0..WORD).filter(|bit| word >> bit & 1 == 1).map(|bit| at.saturating_add(bit));
            set.extend(of_word.filter(|number| *number < count));
            at = at.saturating_add(WORD);
        }
    }
    Some((set, rest))
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

/// Parses an index; what it has of another file where it is a split one. What stands before a flaw is among the entries.
pub(super) fn parse(bytes: &[u8], format: ObjectFormat, entries: &mut Vec<IndexEntry>) -> Result<Option<Link>, Flaw> {
    let mut budget = NameBudget::of_file(bytes.len());
    let parsed = parse_within(&mut budget, bytes, format, entries);
    parsed.ok_or(if budget.is_over { Flaw::TooLarge } else { Flaw::Corrupt })
}

fn parse_within(
    budget: &mut NameBudget,
    bytes: &[u8],
    format: ObjectFormat,
    entries: &mut Vec<IndexEntry>,
) -> Option<Option<Link>> {
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

fn extensions(body: &[u8], mut at: usize, format: ObjectFormat, entries: &mut Vec<IndexEntry>) -> Option<Option<Link>> {
    let mut shared = None;
    while at + 8 <= body.len() {
        let size = be32(body, at + 4)? as usize;
        let data = body.get(at + 8..(at + 8).checked_add(size)?)?;
        match &body[at..at + 4] {
            b"link" => {
                let (base, bitmaps) = data.split_at_checked(format.raw_len())?;
                shared = Oid::from_bytes(base).map(|base| Link { base, bitmaps: bitmaps.to_vec() });
            }
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
