//! Whether a repository is as it was, without reading an object or an index of a pack.
//!
//! A pack is known by its trailing checksum, its size and when it was last modified, its index by the same, loose objects
//! by their ids, sizes and times; refs, reflogs, indexes, what cuts a shallow clone and what a narrow one fetches by what is in them. What changes
//! bytes in place and leaves all of these is not seen: nothing that git does.
//!
//! A time alone may be another though the bytes are the same: after a copy, and where git marks what it would have written
//! anew as still in use (`freshen_packed_object`). Then they are read again, which is always right and seldom needed. No
//! time of a change of status (`ctime`) is asked for: every hard link that a local clone makes would count.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::locate::Layout;
use super::lookup::Lookup;
use super::objects::pack_indexes;
use super::{IndexEntry, Names, OpenOptions, Refs, Remotes, Store, files, format, loose, refs};
use crate::model::{ObjectFormat, Oid};

/// By what a file is known again without being read. A plain copy of this program's own struct, since the standard
/// library's has no order and no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    /// Seconds and nanoseconds of its last modification.
    modified: (i64, i64),
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        Self { size: meta.len(), modified: (meta.mtime(), meta.mtime_nsec()) }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanoseconds) = self.modified;
        write!(f, "{}-{seconds}.{nanoseconds:09}", self.size)
    }
}

/// What an object directory has.
pub(super) struct DirMark {
    /// Loose objects, in order of their ids. One that is gone already has no stamp.
    loose: Vec<(Oid, Option<Stamp>)>,
    pub(super) packs: Vec<PackMark>,
}

impl DirMark {
    pub(super) fn of(loose: Vec<(Oid, Option<Stamp>)>) -> Self {
        Self { loose, packs: Vec::new() }
    }

    /// By what the loose copy of an object is known again, where there is one.
    pub(super) fn loose_mark(&self, oid: &Oid) -> Option<String> {
        let at = self.loose.binary_search_by(|(loose, _)| loose.cmp(oid)).ok()?;
        self.loose[at].1.map(|stamp| stamp.to_string())
    }
}

/// By what a pack and its index are known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PackMark {
    pack: End,
    index: End,
}

/// The end of a file, which is its checksum, and the file's stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    checksum: Vec<u8>,
    stamp: Stamp,
}

impl PackMark {
    /// Of a pack whose file is open and whose index has been read; `stamp` is the index's from before that, so that
    /// what changes meanwhile is read next time.
    pub(super) fn of(pack: &File, index: &[u8], stamp: Stamp, format: ObjectFormat) -> Option<Self> {
        let at = index.len().checked_sub(format.raw_len())?;
        let index = End { checksum: index[at..].to_vec(), stamp };
        Some(Self { pack: End::read(pack, format)?, index })
    }

    /// Of the pack whose index is at `index`.
    fn read(index: &Path, format: ObjectFormat) -> Option<Self> {
        let end = |path: &Path| End::read(&files::open(path).ok()?, format);
        Some(Self { pack: end(&index.with_extension("pack"))?, index: end(index)? })
    }
}

impl End {
    fn read(file: &File, format: ObjectFormat) -> Option<Self> {
        let stamp = Stamp::of(&file.metadata().ok()?);
        let at = stamp.size.checked_sub(format.raw_len() as u64)?;
        let mut checksum = vec![0; format.raw_len()];
        file.read_exact_at(&mut checksum, at).ok()?;
        Some(Self { checksum, stamp })
    }
}

impl fmt::Display for PackMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (end, before) in [(&self.pack, ""), (&self.index, "-")] {
            f.write_str(before)?;
            end.checksum.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            write!(f, "-{}", end.stamp)?;
        }
        Ok(())
    }
}

/// Parts with their lengths, so that no two lists of parts are one text.
#[derive(Default)]
struct Canonical(Sha256);

impl Canonical {
    fn add(&mut self, part: &[u8]) {
        self.number(part.len() as u64);
        self.0.update(part);
    }

    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn all<T>(&mut self, items: &[T], add: impl Fn(&mut Self, &T)) {
        self.number(items.len() as u64);
        items.iter().for_each(|item| add(self, item));
    }
}

/// All that findings depend on.
struct Parts<'a> {
    format: ObjectFormat,
    refs: &'a Refs,
    indexes: &'a [(Vec<u8>, Vec<IndexEntry>)],
    shallow: &'a BTreeSet<Oid>,
    remotes: &'a Remotes,
    marks: &'a [DirMark],
}

fn hash(parts: &Parts<'_>) -> String {
    let mut hash = Canonical::default();
    hash.add(parts.format.name().as_bytes());
    hash.all(&parts.refs.tips, |hash, tip| {
        hash.add(&tip.name);
        hash.add(tip.oid.as_bytes());
        hash.number(u64::from(tip.is_head));
    });
    hash.all(&parts.refs.symbolic, |hash, symbolic| {
        hash.add(&symbolic.name);
        hash.all(symbolic.target.as_slice(), |hash, target| hash.add(target));
    });
    hash.number(parts.refs.branches.len() as u64);
    for (head, branch) in &parts.refs.branches {
        hash.add(head);
        hash.add(branch);
    }
    hash.all(&parts.refs.reflogs, |hash, log| {
        hash.add(&log.name);
        hash.add(log.text());
    });
    hash.all(parts.indexes, |hash, (name, entries)| {
        hash.add(name);
        hash.all(entries, |hash, entry| {
            hash.add(&entry.path);
            hash.add(entry.oid.as_bytes());
            hash.number(u64::from(entry.mode));
        });
    });
    hash.number(parts.shallow.len() as u64);
    parts.shallow.iter().for_each(|oid| hash.add(oid.as_bytes()));
    // A report says what they leave out.
    hash.number(parts.remotes.narrowed_to.len() as u64);
    parts.remotes.narrowed_to.iter().for_each(|source| hash.add(source));
    hash.all(parts.marks, |hash, dir| {
        hash.all(&dir.loose, |hash, (oid, stamp)| {
            hash.add(oid.as_bytes());
            hash.add(stamp.map(|stamp| stamp.to_string()).unwrap_or_default().as_bytes());
        });
        hash.all(&dir.packs, |hash, pack| hash.add(pack.to_string().as_bytes()));
    });
    let mut text = String::with_capacity(64);
    // Writing to a string cannot fail.
    hash.0.finalize().iter().for_each(|byte| _ = write!(text, "{byte:02x}"));
    text
}

/// The fingerprint of a repository as it is now; none where anything of it cannot be read.
pub fn fingerprint(layout: &Layout, options: OpenOptions) -> Option<String> {
    let mut names = Names::read(layout, options).ok()?;
    let own = layout.common_dir.join("objects");
    let mut marks = Vec::new();
    for dir in std::iter::once(own.clone()).chain(refs::alternates(&own, &mut names.gaps)) {
        let mut mark = DirMark::of(loose::list_stamped(&dir, names.format, &mut names.gaps));
        for index in pack_indexes(&dir, &mut names.gaps) {
            mark.packs.push(PackMark::read(&index, names.format)?);
        }
        marks.push(mark);
    }
    let Names { format, refs, indexes, shallow, remotes, gaps } = names;
    let parts = Parts { format, refs: &refs, indexes: &indexes, shallow: &shallow, remotes: &remotes, marks: &marks };
    gaps.is_empty().then(|| hash(&parts))
}

/// Whether a repository has any of these objects. Cost: a look-up for each.
pub fn has_any(layout: &Layout, oids: &[Oid]) -> bool {
    let Ok(format) = format(layout, &mut Vec::new()) else { return false };
    let own = layout.common_dir.join("objects");
    let dirs = std::iter::once(own.clone()).chain(refs::alternates(&own, &mut Vec::new()));
    let mut lookup = Lookup::new(dirs.collect(), format);
    oids.iter().any(|oid| lookup.has(oid))
}

impl Store {
    /// The fingerprint of what has been read: of the repository as it was opened and last listed.
    pub fn fingerprint(&self) -> String {
        hash(&Parts {
            format: self.format,
            refs: &self.refs,
            indexes: &self.indexes,
            shallow: &self.shallow,
            remotes: &self.remotes,
            marks: &self.objects.marks,
        })
    }
}
