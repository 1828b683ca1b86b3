//! Loose objects, by a reader of our own: libgit2 1.9.7 reads a truncated one for ever (libgit2 PR #7346).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::inflate::Inflater;
use super::{Failure, Gap};
use crate::model::{ObjectFormat, ObjectType, Oid};

/// The ids of the loose objects below `objects`, in order.
pub(super) fn list(objects: &Path, format: ObjectFormat, gaps: &mut Vec<Gap>) -> Vec<Oid> {
    let mut found = Vec::new();
    for first in 0..=255u8 {
        let name = format!("{first:02x}");
        let dir = objects.join(&name);
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                gaps.push(Gap::unreadable(&dir, &error));
                continue;
            }
        };
        for entry in entries.flatten() {
            let file = entry.file_name();
            let hex = [name.as_bytes(), file.as_encoded_bytes()].concat();
            found.extend(Oid::from_hex(&hex).filter(|oid| oid.as_bytes().len() == format.raw_len()));
        }
    }
    found.sort_unstable();
    found
}

/// The file of a loose object.
fn path(objects: &Path, oid: Oid) -> PathBuf {
    let hex = oid.to_string();
    objects.join(&hex[..2]).join(&hex[2..])
}

/// Reads a loose object into `out`: a zlib stream of `<type> <size>NUL<content>`.
pub(super) fn read(
    objects: &Path,
    oid: Oid,
    limit: u64,
    inflater: &mut Inflater,
    out: &mut Vec<u8>,
) -> Result<ObjectType, Failure> {
    /// The longest header: a type, a space, twenty digits, a NUL.
    const HEADER: usize = 32;
    let path = path(objects, oid);
    let meta = fs::metadata(&path).map_err(|error| Failure::Io(error.kind()))?;
    if !meta.is_file() {
        return Err(Failure::Corrupt("it is not a plain file"));
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(HEADER);
    if meta.len() > limit.saturating_add(1 << 20) {
        return Err(Failure::TooLarge(meta.len()));
    }
    let packed = fs::read(&path).map_err(|error| Failure::Io(error.kind()))?;
    if let Err(failure) = inflater.inflate_all(&packed, most, out) {
        // What is over the limit tells its size in its first bytes.
        return Err(match header(out) {
            Some((_, size, _)) if size > limit => Failure::TooLarge(size),
            _ => failure,
        });
    }
    let (kind, size, start) = header(out).ok_or(Failure::Corrupt("its header is no object's"))?;
    if size > limit {
        return Err(Failure::TooLarge(size));
    }
    out.drain(..start);
    if out.len() as u64 != size {
        return Err(Failure::Corrupt("it is not as long as it says"));
    }
    Ok(kind)
}

fn header(bytes: &[u8]) -> Option<(ObjectType, u64, usize)> {
    let end = memchr::memchr(0, &bytes[..bytes.len().min(64)])?;
    let space = memchr::memchr(b' ', &bytes[..end])?;
    let kind = super::parse::type_of(&bytes[..space])?;
    let size = std::str::from_utf8(&bytes[space + 1..end]).ok()?.parse().ok()?;
    Some((kind, size, end + 1))
}
