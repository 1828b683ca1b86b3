//! The files that refs stand in, as a push and an audit both read them. To the one what cannot be read makes nothing old,
//! to the other it is a gap.

use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

use super::locate::bytes_of;
use super::reftable::RefValue;
use super::{Gap, files};
use crate::model::{ObjectFormat, Oid};

/// The files below a directory with the names that they stand for, one directory at a time.
///
/// Directories may be symbolic links (git-new-workdir makes such), and two that lead back have more paths than anybody can
/// walk: each directory is entered once, by a path without links where there is one.
pub(super) struct Walk {
    takes: fn(&[u8]) -> bool,
    entered: FxHashSet<PathBuf>,
    /// Directories to come, what stands before the names of their files, and where they really are.
    pending: Vec<(PathBuf, Vec<u8>, PathBuf)>,
    /// Links to directories, of which that must be asked: which takes some system calls for each.
    links: Vec<(PathBuf, Vec<u8>)>,
}

impl Walk {
    /// `prefix` stands before the name of each file. What `takes` does not take by its own name is passed over.
    pub(super) fn new(dir: &Path, prefix: &[u8], takes: fn(&[u8]) -> bool) -> Self {
        let links = vec![(dir.to_owned(), prefix.to_vec())];
        Self { takes, entered: FxHashSet::default(), pending: Vec::new(), links }
    }

    /// The files of the next directory. One that cannot be told from those before it is a gap.
    pub(super) fn next(&mut self, gaps: &mut Vec<Gap>) -> Option<Vec<(PathBuf, Vec<u8>)>> {
        loop {
            let (path, prefix, real) = match self.pending.pop() {
                Some(next) => next,
                None => {
                    let (path, prefix) = self.links.pop()?;
                    match path.canonicalize() {
                        Ok(real) => (path, prefix, real),
                        Err(error) => {
                            let is_gone = error.kind() == io::ErrorKind::NotFound;
                            gaps.extend((!is_gone).then(|| Gap::unreadable(&path, &error)));
                            continue;
                        }
                    }
                }
            };
            if self.entered.insert(real.clone()) {
                return Some(self.list(&path, &prefix, &real, gaps));
            }
        }
    }

    fn list(&mut self, dir: &Path, prefix: &[u8], real: &Path, gaps: &mut Vec<Gap>) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        for entry in files::entries(dir, gaps) {
            let (path, file_name) = (entry.path(), entry.file_name());
            let bytes = bytes_of(Path::new(&file_name));
            if !(self.takes)(&bytes) {
                continue;
            }
            let below = || [prefix, &bytes, b"/"].concat();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.pending.push((path, below(), real.join(file_name))),
                Ok(kind) if kind.is_file() => found.push((path, [prefix, &bytes].concat())),
                _ if path.is_dir() => self.links.push((path, below())),
                _ => found.push((path, [prefix, &bytes].concat())),
            }
        }
        found
    }
}

/// As git's files backend has it: lock files and hidden files are no refs.
pub(super) fn is_part(name: &[u8]) -> bool {
    !name.starts_with(b".") && !name.ends_with(b".lock")
}

/// A ref's file is a line; a hostile one may be anything.
pub(super) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::OpenOptionsExt;
    const LARGEST: u64 = 1 << 16;
    // A named pipe in the place of a ref would else be waited for without end.
    let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(files::not_plain());
    }
    let mut text = Vec::with_capacity(128);
    file.take(LARGEST).read_to_end(&mut text)?;
    Ok(text)
}

/// What the file of a ref says that it names; `None` where it says nothing that git would take.
pub(super) fn value(text: &[u8], format: ObjectFormat) -> Option<RefValue> {
    if let Some(target) = text.strip_prefix(b"ref:") {
        return Some(RefValue::Symbolic(target.trim_ascii().to_vec()));
    }
    let digits = format.raw_len() * 2;
    let oid = text.get(..digits).and_then(Oid::from_hex)?;
    text.get(digits).is_none_or(u8::is_ascii_whitespace).then_some(RefValue::Direct(oid))
}

/// A line of a `packed-refs`.
pub(super) enum PackedLine {
    /// A ref: what it names, and where its name stands.
    Ref(Oid, Range<usize>),
    /// What the tag of the line before tags.
    Peeled(Oid),
    /// None of these, and git would not take it for a ref either.
    Nothing,
    /// What is no line of such a file.
    Broken,
}

/// The lines of a `packed-refs`, empty ones as well. What git would not take is broken: a line that does not end, which is
/// all that is left of a longer one; what looks like a header and is not the first line; a name with control characters.
pub(super) fn packed(text: &[u8], format: ObjectFormat) -> impl Iterator<Item = PackedLine> {
    let digits = format.raw_len() * 2;
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let (from, end) = (start, memchr::memchr(b'\n', rest));
        let length = end.unwrap_or(rest.len());
        start += length + 1;
        Some(match &rest[..length] {
            _ if end.is_none() => PackedLine::Broken,
            [] => PackedLine::Nothing,
            [b'#', ..] if from == 0 => PackedLine::Nothing,
            [b'^', peeled @ ..] => {
                let oid = Oid::from_hex(peeled.trim_ascii_end()).filter(|oid| oid.as_bytes().len() * 2 == digits);
                oid.map_or(PackedLine::Broken, PackedLine::Peeled)
            }
            line => match line.get(..digits).and_then(Oid::from_hex) {
                Some(oid) if is_name_behind(&line[digits..]) => PackedLine::Ref(oid, from + digits + 1..from + length),
                _ => PackedLine::Broken,
            },
        })
    })
}

/// Whether a name follows an id as it does in a `packed-refs`.
fn is_name_behind(id: &[u8]) -> bool {
    id.strip_prefix(b" ").is_some_and(|name| !name.is_empty() && !name.iter().any(u8::is_ascii_control))
}
