//! Loose objects, by a reader of our own: libgit2 1.9.7 reads a truncated one for ever (libgit2 PR #7346).

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::checksum::ObjectHash;
use super::fingerprint::Stamp;
use super::inflate::{Inflater, Pieces, read_some, room};
use super::{Failure, Gap, files};
use crate::model::{ObjectFormat, ObjectType, Oid};

/// The ids of the loose objects below `objects`, in order.
pub(super) fn list(objects: &Path, format: ObjectFormat, gaps: &mut Vec<Gap>) -> Vec<Oid> {
    let mut found = Vec::new();
    each(objects, format, gaps, |oid, _| found.push(oid));
    found.sort_unstable();
    found
}

/// The same, with what each file is known again by. Cost: one look at each.
pub(super) fn list_stamped(objects: &Path, format: ObjectFormat, gaps: &mut Vec<Gap>) -> Vec<(Oid, Option<Stamp>)> {
    let mut found = Vec::new();
    // What a link leads to is what is read.
    each(objects, format, gaps, |oid, path| found.push((oid, fs::metadata(path).ok().map(|meta| Stamp::of(&meta)))));
    found.sort_unstable_by_key(|(oid, _)| *oid);
    found
}

fn each(objects: &Path, format: ObjectFormat, gaps: &mut Vec<Gap>, mut found: impl FnMut(Oid, &Path)) {
    for first in 0..=255u8 {
        let name = format!("{first:02x}");
        let dir = objects.join(&name);
        for entry in files::entries(&dir, gaps) {
            let file = entry.file_name();
            let hex = [name.as_bytes(), file.as_encoded_bytes()].concat();
            if let Some(oid) = Oid::from_hex(&hex).filter(|oid| oid.as_bytes().len() == format.raw_len()) {
                found(oid, &entry.path());
            }
        }
    }
}

/// The file of a loose object.
fn path(objects: &Path, oid: Oid) -> PathBuf {
    let hex = oid.to_string();
    objects.join(&hex[..2]).join(&hex[2..])
}

/// A loose object that was found: a zlib stream of `<type> <size>NUL<content>`.
pub(super) struct Found {
    file: File,
    /// As its header has it.
    pub(super) kind: ObjectType,
    /// Bytes, as its header has it.
    pub(super) size: u64,
    /// Bytes of its file.
    pub(super) stored: u64,
    /// The header's length.
    start: usize,
}

/// Looks at the header of a loose object.
pub(super) fn find(objects: &Path, oid: Oid, inflater: &mut Inflater) -> Result<Found, Failure> {
    let path = path(objects, oid);
    let failed = |error: io::Error| Failure::Io(error.kind());
    let meta = fs::metadata(&path).map_err(failed)?;
    if !meta.is_file() {
        return Err(Failure::Corrupt("it is not a plain file"));
    }
    let file = File::open(&path).map_err(failed)?;
    let mut head = [0; HEADER];
    let length = inflater.beginning(&file, (0, meta.len()), &mut head)?;
    let (kind, size, start) = header(&head[..length]).ok_or(Failure::Corrupt("its header is no object's"))?;
    Ok(Found { file, kind, size, stored: meta.len(), start })
}

impl Found {
    /// Its content, in pieces.
    pub(super) fn pieces<'a>(&'a self, inflater: &'a mut Inflater) -> Pieces<'a> {
        inflater.pieces(&self.file, (0, self.stored), self.size.saturating_add(self.start as u64)).without(self.start)
    }

    /// Reads it into `out`: its header's size, and no more, whatever its stream goes on to.
    pub(super) fn read(&self, limit: u64, inflater: &mut Inflater, out: &mut Vec<u8>) -> Result<ObjectType, Failure> {
        let Self { kind, size, start, .. } = *self;
        if size > limit {
            return Err(Failure::TooLarge(size));
        }
        // No stream is much longer than what it holds.
        if self.stored > limit.saturating_add(1 << 20) {
            return Err(Failure::TooLarge(self.stored));
        }
        let mut packed = Vec::new();
        let stored = usize::try_from(self.stored).map_err(|_| Failure::Memory)?;
        room(&mut packed, stored)?;
        packed.resize(stored, 0);
        read_some(&self.file, &mut packed, 0)?;
        let most = usize::try_from(size).map_err(|_| Failure::Memory)?.saturating_add(start);
        inflater.inflate_all(&packed, most, out)?;
        out.drain(..start.min(out.len()));
        if out.len() as u64 != size {
            return Err(Failure::Corrupt("it is not as long as it says"));
        }
        Ok(kind)
    }
}

/// Whether a loose object is the one that its file is called by. Cost: its bytes are hashed, in pieces.
pub(super) fn is_called_right(objects: &Path, oid: Oid, format: ObjectFormat, inflater: &mut Inflater) -> bool {
    let Ok(found) = find(objects, oid, inflater) else { return false };
    let mut hash = ObjectHash::new(format, found.kind, found.size);
    let mut pieces = found.pieces(inflater);
    loop {
        match pieces.next_piece() {
            Ok(Some(piece)) => hash.update(piece),
            Ok(None) => return hash.oid() == Some(oid),
            Err(_) => return false,
        }
    }
}

/// The longest header: a type, a space, twenty digits, a NUL.
const HEADER: usize = 32;

/// Reads a loose object into `out`.
pub(super) fn read(
    objects: &Path,
    oid: Oid,
    limit: u64,
    inflater: &mut Inflater,
    out: &mut Vec<u8>,
) -> Result<ObjectType, Failure> {
    find(objects, oid, inflater)?.read(limit, inflater, out)
}

fn header(bytes: &[u8]) -> Option<(ObjectType, u64, usize)> {
    let end = memchr::memchr(0, &bytes[..bytes.len().min(64)])?;
    let space = memchr::memchr(b' ', &bytes[..end])?;
    let kind = super::parse::type_of(&bytes[..space])?;
    let size = std::str::from_utf8(&bytes[space + 1..end]).ok()?.parse().ok()?;
    Some((kind, size, end + 1))
}
