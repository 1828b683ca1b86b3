//! The object store: opens a repository, lists what names objects, and reads every object.
//!
//! The only room that knows git's files, git2 included. Two readers stand behind one contract ([`Store::visit_all`]):
//! the bulk reader, which is ours and reads whole packs along their delta trees, and libgit2's, which reads object by
//! object and is the reference that the tests hold the other against. One object by itself ([`Store::read`]) is read
//! by our own: libgit2 follows deltas that lead back to themselves until memory ends.
//!
//! Invariant: whatever cannot be read is a [`Gap`] or a [`Failure`] by name, never an absence. Nothing of a
//! repository's configuration is run or obeyed, but for the settings that say how its files are to be read and whether
//! names of ignored ones differ by case; those on where it was cloned from are told and not followed.

mod budget;
mod bulk;
mod checksum;
mod commit_graph;
mod deflate;
mod delta;
mod files;
mod fingerprint;
mod ignore;
mod index_file;
mod inflate;
mod locate;
mod lookup;
mod loose;
mod numbers;
mod objects;
mod pack;
/// Tolerant parsers of commits, trees and tags.
pub mod parse;
#[doc(hidden)]
pub mod parts;
mod receiving;
mod ref_files;
mod refs;
mod reftable;
mod reindex;
mod remotes;
mod single;
mod starts;
mod table;
mod tips;
mod walker;
mod windows;
mod work_trees;
mod writer;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub use files::list_directory;
pub use fingerprint::{fingerprint, has_any};
pub use ignore::Ignores;
pub use index_file::IndexEntry;
pub use inflate::Pieces;
pub use locate::{Layout, locate, locate_git_dir};
pub use objects::{Finder, ObjectIndex, Objects};
pub use receiving::{CommitPlace, PushPaths, Receiving};
pub use refs::{Reflog, ReflogLine, Refs, Symbolic, Tip};
pub use remotes::Remotes;
pub use tips::Tips;
pub use work_trees::{WorkTree, linked_worktrees};
pub use writer::{WriteError, Writer, Written, write_loose};

use crate::model::{Copied, Events, Interrupt, ObjectFormat, ObjectType, Oid};
use single::Bases;
use walker::Walker;

/// Why a repository cannot be opened at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error("not a git repository: {}", path.display())]
    NotARepository {
        /// Where it was looked for.
        path: PathBuf,
        /// The repository around that place.
        enclosing: Option<PathBuf>,
    },
    /// A file or directory cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its objects have ids of a kind this program does not know.
    #[error("unknown object format in {}", path.display())]
    UnknownFormat {
        /// Its configuration.
        path: PathBuf,
    },
}

/// Why an object cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It has more bytes than the limit.
    #[error("it has {0} bytes")]
    TooLarge(u64),
    /// Reading it takes more memory than there is for it.
    #[error("reading it takes {0} bytes of memory")]
    OverMemory(u64),
    /// It is damaged.
    #[error("{0}")]
    Corrupt(&'static str),
    /// Its file cannot be read.
    #[error("its file cannot be read: {0}")]
    Io(io::ErrorKind),
    /// There is no room for it.
    #[error("there is not enough memory for it")]
    Memory,
}

impl Failure {
    /// The one word that coverage uses.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge(_) | Self::OverMemory(_) => "too_large",
            Self::Corrupt(_) => "corrupt",
            Self::Io(_) | Self::Memory => "unreadable",
        }
    }
}

/// Something that was to be read and could not be. Its bytes are a repository's: not masked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// One word, as in `model::Skipped`.
    pub reason: &'static str,
    /// The object, ref or file.
    pub object: Vec<u8>,
    /// The rest, for a person.
    pub detail: Vec<u8>,
}

impl Gap {
    pub(crate) fn named(reason: &'static str, object: &[u8], detail: &[u8]) -> Self {
        Self { reason, object: object.to_vec(), detail: detail.to_vec() }
    }

    fn new(reason: &'static str, path: &Path, detail: &[u8]) -> Self {
        Self { reason, object: locate::bytes_of(path), detail: detail.to_vec() }
    }

    fn unreadable(path: &Path, error: &io::Error) -> Self {
        let reason = if error.kind() == io::ErrorKind::FileTooLarge { "too_large" } else { "unreadable" };
        Self::new(reason, path, error.to_string().as_bytes())
    }
}

/// Takes objects from a reader, on one of its threads.
pub trait Visitor: Send {
    /// What a visitor wants to know of an object when it comes to one that is made of it, on whichever thread.
    type Memory: Send + Sync;

    /// One object. Each is handed over once, in no order that matters. `base`: what was remembered of the object that it
    /// is a delta of, and what it has of that one; none where it stands by itself, or where the base was not visited.
    fn object(
        &mut self,
        index: ObjectIndex,
        kind: ObjectType,
        bytes: &[u8],
        base: Option<(&Self::Memory, &[Copied])>,
    ) -> Option<Self::Memory>;

    /// One blob that is too large to be held.
    ///
    /// # Errors
    /// What `pieces` fails with.
    fn large(&mut self, index: ObjectIndex, pieces: &mut Pieces<'_>) -> Result<(), Failure>;

    /// One blob that need not be read, and its size in bytes.
    fn known(&mut self, index: ObjectIndex, size: u64) {
        _ = (index, size);
    }
}

/// How a pass over all objects is done.
#[derive(Clone, Copy)]
pub struct PassOptions<'a> {
    /// Which reader reads packs.
    pub reader: Reader,
    /// Objects of which types are read.
    pub types: &'a [ObjectType],
    /// The largest object that is handed over whole, bytes; a larger one fails, unless it is handed over in pieces.
    pub limit: u64,
    /// So many bytes of objects are held at once, all threads together; small buffers apart, of which each thread has
    /// some dozens of a megabyte at the most. A blob that takes more than half of it is handed over in pieces, whatever
    /// its size; only where it is stored as a delta it must be held.
    pub memory: u64,
    /// Blobs that need not be read ([`Visitor::known`]), unless others are made of them.
    pub known: Option<&'a (dyn Fn(ObjectIndex) -> bool + Sync)>,
    /// Whether those are held against the checksums of their packs all the same: where they were read in another repository.
    pub checks_known: bool,
    /// Who may stop it.
    pub interrupt: Interrupt<'a>,
    /// Who is told of progress.
    pub events: &'a dyn Events,
}

impl PassOptions<'_> {
    /// The largest object that others are made from, bytes: what is over the limit can be the base of what is not.
    pub fn made_from(&self) -> u64 {
        self.limit.max(self.memory)
    }
}

/// Which reader reads whole packs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reader {
    /// Ours, along the delta trees.
    #[default]
    Bulk,
    /// libgit2, object by object: the reference.
    Libgit2,
}

/// An open repository.
pub struct Store {
    /// Its directories.
    pub layout: Layout,
    /// How its objects are named.
    pub format: ObjectFormat,
    /// Refs, heads and reflogs.
    pub refs: Refs,
    /// What is staged, by the index's name (`index`, `worktrees/x/index`).
    pub indexes: Vec<(Vec<u8>, Vec<IndexEntry>)>,
    /// Commits at which a shallow clone is cut.
    pub shallow: BTreeSet<Oid>,
    /// Where it was cloned from.
    pub remotes: Remotes,
    /// All objects.
    pub objects: Objects,
    /// What of refs, indexes and settings could not be read.
    pub gaps: Vec<Gap>,
    /// What the last listing of objects could not read: a pack without an index, say, which is an ordinary moment of
    /// `git repack`.
    pub listing_gaps: Vec<Gap>,
    failed: Vec<ObjectIndex>,
    bases: Mutex<Bases>,
    /// A later listing, where the objects are that were moved since the first; and how many there were.
    moved: Mutex<(Option<Objects>, u32)>,
}

/// All that names objects, and how.
struct Names {
    format: ObjectFormat,
    refs: Refs,
    indexes: Vec<(Vec<u8>, Vec<IndexEntry>)>,
    shallow: BTreeSet<Oid>,
    remotes: Remotes,
    gaps: Vec<Gap>,
}

impl Names {
    fn read(layout: &Layout, options: OpenOptions) -> Result<Self, Error> {
        let mut gaps = Vec::new();
        let format = format(layout, &mut gaps)?;
        let refs = refs::read(layout, format, options.reflogs, &mut gaps);
        let mut indexes = Vec::new();
        if options.indexes {
            indexes.push((b"index".to_vec(), index_file::read(&layout.common_dir, format, &mut gaps)));
            // What of them cannot be read was told with their refs.
            for (name, dir) in refs::worktrees(&layout.common_dir, &mut Vec::new()) {
                let name = [b"worktrees/", name.as_slice(), b"/index"].concat();
                indexes.push((name, index_file::read(&dir, format, &mut gaps)));
            }
        }
        let shallow = shallow(&layout.common_dir.join("shallow"), &mut gaps);
        // That it cannot be read was told with the format.
        let config = files::read(&layout.common_dir.join("config")).unwrap_or_default();
        let remotes = Remotes::of(&settings(&config), &refs.tips);
        Ok(Self { format, refs, indexes, shallow, remotes, gaps })
    }
}

/// By what names a repository has others that it was cloned from or pushes to; none where it is nobody's clone, or where
/// that cannot be read. No object is listed.
pub fn remote_names(layout: &Layout) -> BTreeSet<Vec<u8>> {
    let names = Names::read(layout, OpenOptions { reflogs: false, indexes: false });
    names.map(|names| names.remotes.names).unwrap_or_default()
}

/// How a repository is opened.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// Whether reflogs are read.
    pub reflogs: bool,
    /// Whether indexes are read.
    pub indexes: bool,
}

impl Store {
    /// Opens a repository and lists its refs and objects. Refs are read before objects are listed, so that a push
    /// meanwhile leaves no ref without its objects.
    ///
    /// # Errors
    /// Where nothing of it could be read; anything less is a [`Gap`].
    pub fn open(layout: Layout, options: OpenOptions) -> Result<Self, Error> {
        let Names { format, refs, indexes, shallow, remotes, gaps } = Names::read(&layout, options)?;
        let mut listing_gaps = Vec::new();
        let objects = list_objects(&layout, format, &mut listing_gaps);
        Ok(Self {
            layout,
            format,
            refs,
            indexes,
            shallow,
            remotes,
            objects,
            gaps,
            listing_gaps,
            failed: Vec::new(),
            bases: Mutex::default(),
            moved: Mutex::default(),
        })
    }

    /// Lists the objects again: what was repacked or pushed since is then seen. Whether anything changed; if so,
    /// object numbers change.
    pub fn relist(&mut self) -> bool {
        self.listing_gaps.clear();
        let objects = list_objects(&self.layout, self.format, &mut self.listing_gaps);
        if objects.is_same(&self.objects) {
            return false;
        }
        self.objects = objects;
        self.failed.clear();
        self.bases = Mutex::default();
        self.moved = Mutex::default();
        true
    }

    /// Reads every object once and hands it to one of `visitors`, each on its own thread; what could not be read.
    pub fn visit_all<V: Visitor>(&self, visitors: &mut [V], options: &PassOptions<'_>) -> Vec<(ObjectIndex, Failure)> {
        let PassOptions { reader, types, limit, memory, known, checks_known, interrupt, events } = *options;
        let pass = bulk::Pass::new(&self.objects, (limit, memory), interrupt);
        let pass = bulk::Pass { types, known, checks_known, events, made_from: options.made_from(), ..pass };
        if reader == Reader::Libgit2
            && let (Some(walker), Some(first)) = (Walker::open(&self.objects), visitors.first_mut())
        {
            walker.visit_packed(&pass, first);
        }
        pass.run(visitors);
        pass.failures.into_inner().unwrap_or_default()
    }

    /// Tells [`Store::read`] what a pass could not read: that is not looked for again. In order.
    pub fn note_failures(&mut self, failures: &[(ObjectIndex, Failure)]) {
        self.failed = failures.iter().map(|(index, _)| *index).collect();
    }

    /// Reads one object of up to `limit` bytes into `out`. Cost: as much of its chain of deltas as was not read of late.
    ///
    /// # Errors
    /// Where no copy of it can be read.
    pub fn read(&self, index: ObjectIndex, limit: u64, out: &mut Vec<u8>) -> Result<ObjectType, Failure> {
        self.read_made_from(index, (limit, limit), out)
    }

    /// The same of one that is made from objects that may be larger.
    ///
    /// # Errors
    /// Where no copy of it can be read.
    pub fn read_made_from(
        &self,
        index: ObjectIndex,
        (limit, made_from): (u64, u64),
        out: &mut Vec<u8>,
    ) -> Result<ObjectType, Failure> {
        let room = single::Room::up_to(limit, made_from);
        let gone = Failure::Io(io::ErrorKind::NotFound);
        let mut own = Bases::default();
        let mut bases = self.bases.try_lock();
        // Another thread reads something else meanwhile.
        let bases = bases.as_deref_mut().unwrap_or(&mut own);
        match self.objects.read(index, room, bases, out) {
            Err(failure) if failure == gone && self.failed.binary_search(&index).is_err() => {
                self.read_moved(index, room, out).ok_or(gone)
            }
            read => read,
        }
    }

    /// Reads what is not where it was any more, from where it is now: `git repack -ad` and `git gc` move what a pass has
    /// read.
    fn read_moved(&self, index: ObjectIndex, room: single::Room, out: &mut Vec<u8>) -> Option<ObjectType> {
        /// Nobody repacks more often while one history is followed.
        const MOST_LISTINGS: u32 = 20;
        let mut moved = self.moved.lock().ok()?;
        let (moved, listings) = &mut *moved;
        let mut look = |objects: &Objects| {
            let index = objects.find(&self.objects.oid(index))?;
            objects.read(index, room, &mut Bases::default(), out).ok()
        };
        let found = moved.as_ref().and_then(&mut look);
        if found.is_some() || *listings >= MOST_LISTINGS {
            return found;
        }
        *listings += 1;
        look(moved.insert(list_objects(&self.layout, self.format, &mut Vec::new())))
    }
}

/// Everything in the repository's own object directory and its alternates.
fn list_objects(layout: &Layout, format: ObjectFormat, gaps: &mut Vec<Gap>) -> Objects {
    let own = layout.common_dir.join("objects");
    let alternates = refs::alternates(&own, gaps);
    Objects::list(&own, &alternates, (format, true), gaps)
}

/// The object format, from the repository's own configuration file alone.
fn format(layout: &Layout, gaps: &mut Vec<Gap>) -> Result<ObjectFormat, Error> {
    let path = layout.common_dir.join("config");
    let text = match files::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ObjectFormat::Sha1),
        Err(error) => {
            gaps.push(Gap::unreadable(&path, &error));
            return Ok(ObjectFormat::Sha1);
        }
    };
    // A ref format that is neither files nor tables would leave every object without a ref.
    if let Some(other) = extension(&text, "refstorage").filter(|value| !matches!(value.as_str(), "files" | "reftable"))
    {
        let detail = format!("refs are kept in the format {other}: which refs reach what is not known");
        gaps.push(Gap::new("unsupported", &path, detail.as_bytes()));
    }
    match extension(&text, "objectformat").as_deref() {
        None | Some("sha1") => Ok(ObjectFormat::Sha1),
        Some("sha256") => Ok(ObjectFormat::Sha256),
        Some(_) => Err(Error::UnknownFormat { path }),
    }
}

/// Whether refs stand in tables. A directory of that name alone says nothing: git asks its configuration.
fn has_tables(common_dir: &Path) -> bool {
    match files::read(&common_dir.join("config")) {
        Ok(text) => extension(&text, "refstorage").is_some_and(|format| format == "reftable"),
        Err(error) => error.kind() != io::ErrorKind::NotFound && common_dir.join("reftable").is_dir(),
    }
}

/// The value of `extensions.<name>` in a configuration file.
fn extension(config: &[u8], name: &str) -> Option<String> {
    setting(config, "extensions", name).map(|value| value.to_ascii_lowercase())
}

/// The last value of a name in a section of a configuration file.
fn setting(config: &[u8], wanted: &str, name: &str) -> Option<String> {
    let is_it = |one: &Setting| one.section.eq_ignore_ascii_case(wanted) && one.name.eq_ignore_ascii_case(name);
    settings(config).into_iter().rfind(is_it).map(|one| one.value)
}

/// A line of a configuration file that sets something.
struct Setting {
    /// What stands between the brackets above it.
    section: String,
    name: String,
    value: String,
}

/// Everything that a configuration file sets, in its order. Ours, and not libgit2's parser, because that one follows
/// `include.path` to wherever it points.
fn settings(config: &[u8]) -> Vec<Setting> {
    let text = String::from_utf8_lossy(config).replace("\r\n", "\n");
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    let mut section = "";
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = if let Some((header, behind)) = line.strip_prefix('[').and_then(|header| header.split_once(']')) {
            section = header.trim();
            // A setting may stand behind its section.
            &rest[line.len() - behind.len()..]
        } else if let Some((key, given)) = line.split_once('=').filter(|_| !line.starts_with(['#', ';'])) {
            // Every value is read, whosever it is: it may go on in the next line, which is no setting then.
            let (value, behind) = config_value(&rest[line.len() - given.len()..]);
            all.push(Setting { section: section.to_owned(), name: key.trim().to_owned(), value });
            behind
        } else {
            below
        };
        rest = rest.trim_start();
    }
    all
}

/// The value that a text of a configuration file begins with, and what stands below it (git-config(1), syntax).
fn config_value(text: &str) -> (String, &str) {
    let (mut value, mut kept, mut is_quoted) = (String::new(), 0, false);
    let mut characters = text.char_indices();
    let mut end = text.len();
    while let Some((at, character)) = characters.next() {
        match character {
            '\n' => {
                end = at;
                break;
            }
            '#' | ';' if !is_quoted => {
                end = text[at..].find('\n').map_or(text.len(), |length| at + length);
                break;
            }
            '"' => is_quoted = !is_quoted,
            '\\' => match characters.next() {
                // It goes on in the next line.
                None | Some((_, '\n')) => {}
                Some((_, escaped)) => value.push(match escaped {
                    'n' => '\n',
                    't' => '\t',
                    'b' => '\u{8}',
                    other => other,
                }),
            },
            // What stands around a value is none of it.
            it if it.is_ascii_whitespace() && !is_quoted => {
                value.extend((!value.is_empty()).then_some(it));
                continue;
            }
            it => value.push(it),
        }
        kept = value.len();
    }
    value.truncate(kept);
    (value, text.get(end + 1..).unwrap_or_default())
}

/// The commits that a shallow file names.
fn shallow(path: &Path, gaps: &mut Vec<Gap>) -> BTreeSet<Oid> {
    match files::read(path) {
        Ok(text) => text.split(|byte| *byte == b'\n').filter_map(|line| Oid::from_hex(line.trim_ascii())).collect(),
        Err(error) => {
            gaps.extend((error.kind() != io::ErrorKind::NotFound).then(|| Gap::unreadable(path, &error)));
            BTreeSet::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{extension, setting};

    #[test]
    fn extensions_are_read_as_git_reads_them() {
        let config = b"[core]\n\tobjectformat = no\n[Extensions]\n\tobjectFormat = sha256 # x\n\trefStorage=\"reftable\"\n[a \"b\"]\nrefstorage = files\n";
        assert_eq!(extension(config, "objectformat").as_deref(), Some("sha256"));
        assert_eq!(extension(config, "refstorage").as_deref(), Some("reftable"));
        assert_eq!(extension(b"[extensions] objectformat=sha256", "objectformat").as_deref(), Some("sha256"));
        assert_eq!(extension(b"", "objectformat"), None);
    }

    #[test]
    fn values_are_read_as_git_reads_them() {
        // Each as `git config` (2.47) tells it.
        for (written, value) in [
            ("a;b", "a"),
            ("\"a;b\"", "a;b"),
            ("\"a # b\" # c", "a # b"),
            ("a\" ; \"b ; c", "a ; b"),
            ("  a  b  ", "a  b"),
            ("\"a \" ", "a "),
            (r#"a\tb\\c\n\"d"#, "a\tb\\c\n\"d"),
            ("a\\\n  b", "a  b"),
            ("\"a\\\n;b\"", "a;b"),
            ("", ""),
            ("a\r", "a"),
        ] {
            let config = format!("[core]\n\thooksPath = {written}\n[other]\n\thooksPath = no\n");
            assert_eq!(setting(config.as_bytes(), "core", "hookspath").as_deref(), Some(value), "{written}");
        }
        // What goes on in the next line is no setting of its own.
        let config = b"[core]\n\teditor = a \\\nhooksPath = /x\n";
        assert_eq!(setting(config, "core", "hookspath"), None);
    }
}
