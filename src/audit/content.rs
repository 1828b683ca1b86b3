//! The content pass: every object read once, scanned, and its links noted.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::directory::Directory;
use super::key_table::{KeyInfo, KeyTable};
use super::trace::{Needle, Scanned};
use super::{Clock, Seeking};
use crate::detect::{Chain, Detector, Found, Hits, KeyFound, Opaque, Search, Unread};
use crate::history::{Bits, Graph, Links, NONE, NodeKind};
use crate::key::{KeyId, Publishable, Vendor};
use crate::model::{Copied, Events, Interrupt, ObjectFormat, ObjectType, Oid, Place, RawTime};
use crate::store::{Failure, Finder, ObjectIndex, Objects, PassOptions, Pieces, Store, Visitor, parse, parse::TreeEntry};

/// So many publishable keys are kept of one file.
const MOST_PUBLISHABLE: usize = 16;

/// The first place of one key in one object.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    pub(super) key: u32,
    pub(super) object: ObjectIndex,
    pub(super) place: Place,
    pub(super) line: Option<u64>,
    pub(super) column: Option<u64>,
    pub(super) encoding: Chain,
}

/// A key in the name of a tree's entry.
#[derive(Clone, Debug)]
pub(super) struct NameSighting {
    pub(super) key: u32,
    pub(super) tree: ObjectIndex,
    pub(super) name: Vec<u8>,
    pub(super) encoding: Chain,
}

/// An id that something names and that is not there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missing {
    pub(super) oid: Oid,
    pub(super) is_tree: bool,
}

/// A commit's two clocks, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clocks {
    pub(super) author: Option<i64>,
    pub(super) committer: Option<i64>,
}

/// Everything that reading every object once has told.
#[derive(Default)]
pub(super) struct Content {
    pub(super) graph: Graph,
    /// Bytes of each object.
    pub(super) sizes: Vec<u64>,
    pub(super) clocks: HashMap<ObjectIndex, Clocks>,
    /// By number, once they are settled.
    pub(super) keys: Vec<KeyInfo>,
    table: KeyTable,
    /// In blobs, commits and tags.
    pub(super) sightings: Vec<Sighting>,
    pub(super) names: Vec<NameSighting>,
    pub(super) publishable: HashMap<ObjectIndex, Vec<(Publishable, Option<u64>)>>,
    /// Tokens of other vendors, and the objects they stand in.
    pub(super) others: HashMap<&'static str, HashSet<(KeyId, ObjectIndex)>>,
    placeholders: HashSet<(KeyId, ObjectIndex)>,
    half_masked: HashSet<(KeyId, ObjectIndex)>,
    /// Containers that could not be read into.
    pub(super) opaque: Vec<(ObjectIndex, Opaque)>,
    /// Objects in which a limit of decoding was reached.
    pub(super) limited: Vec<(ObjectIndex, &'static str)>,
    pub(super) lfs_pointers: Vec<ObjectIndex>,
    pub(super) submodules: HashSet<Vec<u8>>,
    pub(super) malformed: Vec<(ObjectIndex, &'static str)>,
    /// Numbered in the graph after the last object.
    pub(super) missing: Vec<Missing>,
    pub(super) failures: Vec<(ObjectIndex, Failure)>,
    /// Objects that were read and have nothing in them, where that is asked for.
    pub(super) clean: Vec<ObjectIndex>,
    /// Blobs that were not read, because they are known; in order.
    pub(super) known: Vec<ObjectIndex>,
}

/// What the threads of a pass share.
struct Shared<'a> {
    detector: &'a Detector,
    objects: &'a Objects,
    keys: &'a Mutex<KeyTable>,
    missing: Mutex<MissingTable>,
    events: &'a dyn Events,
    interrupt: Interrupt<'a>,
    time_for_object: Option<(Duration, Clock)>,
    scanned: Option<&'a Scanned>,
    needle: Option<&'a Needle>,
    /// Whether objects with nothing in them are noted.
    notes_clean: bool,
}

impl Shared<'_> {
    /// From now on: whether the time for an object is over, or someone has asked to stop.
    fn clock(&self) -> impl Fn() -> bool + '_ {
        let ends = self.time_for_object.map(|(time, clock)| (clock() + time, clock));
        move || self.interrupt.is_set() || ends.is_some_and(|(ends, clock): (Instant, Clock)| clock() > ends)
    }

    /// Takes what a scan of an object has come upon.
    fn found(
        &self,
        part: &mut Content,
        index: ObjectIndex,
        found: Found,
        here: &mut HashSet<(u32, Place)>,
        place: &dyn Fn(&KeyFound) -> Place,
    ) {
        if let Found::Key(found) = &found {
            let Ok(mut keys) = self.keys.lock() else { return };
            if let Some(key) = keys.note(found, index) {
                if let Some(needle) = self.needle {
                    needle.learn(&found.key, self.detector);
                }
                let place = place(found);
                if here.insert((key, place)) {
                    let (line, column, encoding) = (found.line, found.column, found.encoding.clone());
                    part.sightings.push(Sighting { key, object: index, place, line, column, encoding });
                }
            }
            self.events.keys(keys.texts.len() as u64);
        }
        note_other(part, index, found);
    }
}

#[derive(Default)]
struct MissingTable {
    numbers: HashMap<Oid, u32>,
    all: Vec<Missing>,
}

/// Scans what one thread is given.
struct Collector<'a> {
    shared: &'a Shared<'a>,
    format: ObjectFormat,
    finder: Finder<'a>,
    links: Links,
    part: Content,
    sizes: Vec<(ObjectIndex, u64)>,
    /// Buffers for a tree.
    new: NewEntries,
    found: Vec<Option<ObjectIndex>>,
}

/// The entries of a tree that are not of the one it is made of.
#[derive(Default)]
struct NewEntries {
    numbers: Vec<u32>,
    oids: Vec<Oid>,
    kinds: Vec<Named>,
    /// As in the tree, but for the ids, which look like anything.
    names: Vec<u8>,
    submodules: Vec<Vec<u8>>,
}

/// What an entry's mode says that it names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    File,
    Tree,
    Submodule,
    /// With another mode that git takes for a submodule's.
    Gitlink,
}

impl NewEntries {
    fn push(&mut self, number: u32, entry: &TreeEntry<'_>) {
        self.numbers.push(number);
        self.oids.push(entry.oid);
        self.kinds.push(match entry.mode & 0o170_000 {
            0o040_000 => Named::Tree,
            _ if entry.is_submodule() => Named::Submodule,
            _ if entry.is_gitlink() => Named::Gitlink,
            _ => Named::File,
        });
        self.names.push(b' ');
        self.names.extend_from_slice(entry.name);
        self.names.push(0);
        if entry.is_submodule() {
            self.submodules.push(entry.name.to_vec());
        }
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.oids.clear();
        self.kinds.clear();
        self.names.clear();
        self.submodules.clear();
    }
}

/// What is known of an object for those that are made of it.
enum Memory {
    /// Of a blob.
    Hits(Hits),
    /// Of a tree.
    Directory(Directory),
}

impl Memory {
    fn hits(&self) -> Option<&Hits> {
        if let Self::Hits(hits) = self { Some(hits) } else { None }
    }

    fn directory(&self) -> Option<&Directory> {
        if let Self::Directory(directory) = self { Some(directory) } else { None }
    }
}

impl Visitor for Collector<'_> {
    type Memory = Memory;

    fn object(
        &mut self,
        index: ObjectIndex,
        kind: ObjectType,
        bytes: &[u8],
        base: Option<(&Memory, &[Copied])>,
    ) -> Option<Memory> {
        self.sizes.push((index, bytes.len() as u64));
        match kind {
            ObjectType::Blob => {
                self.links.add(index, NodeKind::Blob, []);
                let base = base.and_then(|(base, same)| Some((base.hits()?, same)));
                self.blob(index, bytes, base).map(Memory::Hits)
            }
            ObjectType::Tree => {
                let base = base.and_then(|(base, same)| Some((base.directory()?, same)));
                self.tree(index, bytes, base).map(Memory::Directory)
            }
            ObjectType::Commit => {
                self.commit(index, bytes);
                None
            }
            ObjectType::Tag => {
                self.tag(index, bytes);
                None
            }
        }
    }

    fn large(&mut self, index: ObjectIndex, pieces: &mut Pieces<'_>) -> Result<(), Failure> {
        // Even where it cannot be read to its end it is one, and what is found before that counts.
        self.row(index, pieces.left());
        let (shared, mut here) = (self.shared, HashSet::new());
        let mut scan = shared.detector.in_pieces();
        let part = &mut self.part;
        let mut sink = |found| shared.found(part, index, found, &mut here, &|_| Place::File);
        let read = loop {
            // Each window has as much time as an object.
            let is_over = shared.clock();
            match pieces.next_piece() {
                Ok(Some(piece)) if !shared.interrupt.is_set() => scan.feed(piece, &is_over, &mut sink),
                Ok(_) => break Ok(()),
                Err(failure) => break Err(failure),
            }
        };
        let unread = scan.finish(&shared.clock(), &mut sink);
        note_unread(&mut self.part, index, unread);
        read
    }

    fn known(&mut self, index: ObjectIndex, size: u64) {
        self.row(index, size);
        self.note_clean(index);
        self.part.known.push(index);
    }
}

impl Collector<'_> {
    /// Notes a blob that is not handed over whole.
    fn row(&mut self, index: ObjectIndex, size: u64) {
        self.links.add(index, NodeKind::Blob, []);
        self.sizes.push((index, size));
    }

    fn blob(&mut self, index: ObjectIndex, bytes: &[u8], base: Option<(&Hits, &[Copied])>) -> Option<Hits> {
        // Git LFS's specification: a pointer is a text file of less than 1024 bytes that begins so.
        let is_pointer = bytes.len() < 1024 && bytes.starts_with(b"version https://git-lfs.github.com/spec/");
        if is_pointer {
            self.part.lfs_pointers.push(index);
        }
        // What says anything at all is scanned again: what it says belongs to each repository.
        let (any, hits) = self.scan_after(index, (bytes, base), &mut HashSet::new(), |_| Place::File);
        if !any && !is_pointer {
            self.note_clean(index);
        }
        hits
    }

    /// Whether an earlier repository had the same object, and nothing in it.
    fn is_known_clean(&self, index: ObjectIndex) -> bool {
        self.shared.scanned.is_some_and(|scanned| scanned.has(&self.shared.objects.oid(index)))
    }

    fn note_clean(&mut self, index: ObjectIndex) {
        if self.shared.notes_clean {
            self.part.clean.push(index);
        }
    }

    fn commit(&mut self, index: ObjectIndex, bytes: &[u8]) {
        let commit = parse::commit(bytes, self.format);
        if commit.malformed {
            self.part.malformed.push((index, "a tree or parent header of the commit cannot be read"));
        }
        let mut links = vec![commit.tree.map_or(NONE, |tree| self.link(&tree, true))];
        links.extend(commit.parents.iter().map(|parent| self.link(parent, false)));
        self.links.add(index, NodeKind::Commit, links);
        let seconds = |range: &Option<std::ops::Range<usize>>| {
            RawTime::parse(parse::ident(&bytes[range.clone()?]).time).map(|time| time.seconds)
        };
        let clocks = Clocks { author: seconds(&commit.author), committer: seconds(&commit.committer) };
        self.part.clocks.insert(index, clocks);
        if self.is_known_clean(index) {
            return;
        }
        let mut here = HashSet::new();
        let (headers, message) = bytes.split_at(commit.message.start.min(bytes.len()));
        let any = self.scan(index, headers, &mut here, |found| {
            let within = |range: &Option<std::ops::Range<usize>>| {
                range.as_ref().is_some_and(|range| range.contains(&found.span.start))
            };
            if within(&commit.author) {
                Place::Author
            } else if within(&commit.committer) {
                Place::Committer
            } else {
                Place::CommitHeader
            }
        });
        // By itself, so that lines count from the subject, in the message's own encoding.
        if !self.scan(index, message, &mut here, |_| Place::CommitMessage) && !any {
            self.note_clean(index);
        }
    }

    fn tag(&mut self, index: ObjectIndex, bytes: &[u8]) {
        let tag = parse::tag(bytes, self.format);
        let target = tag.target.map(|target| self.link(&target, false));
        self.links.add(index, NodeKind::Tag, target);
        if target.is_none() {
            self.part.malformed.push((index, "the tag names no object"));
        }
        if self.is_known_clean(index) {
            return;
        }
        let mut here = HashSet::new();
        let (headers, message) = bytes.split_at(tag.message.start.min(bytes.len()));
        let any = self.scan(index, headers, &mut here, |_| Place::TagMessage);
        if !self.scan(index, message, &mut here, |_| Place::TagMessage) && !any {
            self.note_clean(index);
        }
    }

    fn tree(&mut self, index: ObjectIndex, bytes: &[u8], base: Option<(&Directory, &[Copied])>) -> Option<Directory> {
        let is_known_clean = self.is_known_clean(index);
        let mut new = std::mem::take(&mut self.new);
        new.clear();
        let mut directory = Directory::default();
        let is_whole = directory.read(bytes, self.format, base, |number, entry| new.push(number, entry));
        self.name_links(&new, &mut directory);
        self.links.add_tree(index, directory.links());
        // One search over all that is new; only where a needle stands are the names looked at one by one.
        let mut may_tell = std::mem::take(&mut directory.telling);
        if !is_known_clean && self.has_candidate(&new.names) {
            may_tell.extend_from_slice(&new.numbers);
            may_tell.sort_unstable();
        }
        self.new = new;
        if !may_tell.is_empty() {
            let (mut number, mut may_tell) = (0, may_tell.into_iter().peekable());
            parse::tree(bytes, self.format, |entry| {
                if may_tell.next_if_eq(&number).is_some() && self.name(index, entry.name) {
                    directory.telling.push(number);
                }
                number += 1;
            });
        }
        if !is_whole {
            self.part.malformed.push((index, "the tree cannot be read to its end"));
            self.scan(index, bytes, &mut HashSet::new(), |_| Place::Path);
            return None;
        }
        if directory.telling.is_empty() && !is_known_clean {
            self.note_clean(index);
        }
        Directory::is_of_use(bytes).then_some(directory)
    }

    /// Sets what the new entries of a tree name.
    fn name_links(&mut self, new: &NewEntries, directory: &mut Directory) {
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        self.finder.find_all(&new.oids, &mut found);
        for (at, found) in found.iter().enumerate() {
            let link = match (found, new.kinds[at]) {
                // Another repository's commit.
                (_, Named::Submodule) => NONE,
                (Some(index), _) => *index,
                // The same; but what is here under such an id is followed, whatever the mode says.
                (None, Named::Gitlink) => NONE,
                (None, kind) => self.missing(&new.oids[at], kind == Named::Tree),
            };
            directory.set_link(new.numbers[at], link);
        }
        self.found = found;
        self.part.submodules.extend(new.submodules.iter().cloned());
    }

    /// Whether names are worth a scan.
    fn has_candidate(&self, names: &[u8]) -> bool {
        match self.shared.needle.and_then(Needle::get) {
            Some(needle) => needle.has_candidate(names),
            None => self.shared.detector.has_candidate(names),
        }
    }

    /// Scans the name of an entry; whether it says anything.
    fn name(&mut self, tree: ObjectIndex, name: &[u8]) -> bool {
        let (mut any, mut here) = (false, Vec::new());
        // A name is far too short for any limit, and a container's name is no container.
        self.shared.detector.scan(name, &mut |found| {
            any = true;
            if let Found::Key(found) = &found {
                let key = self.shared.keys.lock().ok().and_then(|mut keys| keys.note(found, tree));
                if let Some(key) = key.filter(|key| !here.contains(key)) {
                    here.push(key);
                    let encoding = found.encoding.clone();
                    self.part.names.push(NameSighting { key, tree, name: name.to_vec(), encoding });
                }
            }
            note_other(&mut self.part, tree, found);
        });
        any
    }

    /// Scans bytes of an object; `place` says what kind of place a key stands in. Of each key and place in `here` the
    /// first is kept. Whether there was anything, keys or not.
    fn scan(
        &mut self,
        index: ObjectIndex,
        bytes: &[u8],
        here: &mut HashSet<(u32, Place)>,
        place: impl Fn(&KeyFound) -> Place,
    ) -> bool {
        self.scan_after(index, (bytes, None), here, place).0
    }

    /// The same of bytes of which it is known what they have of others; and what is known of them in turn.
    fn scan_after(
        &mut self,
        index: ObjectIndex,
        (bytes, base): (&[u8], Option<(&Hits, &[Copied])>),
        here: &mut HashSet<(u32, Place)>,
        place: impl Fn(&KeyFound) -> Place,
    ) -> (bool, Option<Hits>) {
        let (shared, part) = (self.shared, &mut self.part);
        if let Some(needle) = shared.needle.and_then(Needle::get)
            && let (Search::Nothing(unread), hits) = needle.search_after(bytes, base, &shared.clock())
        {
            return (note_unread(part, index, unread), hits);
        }
        let mut any = false;
        let (unread, hits) = shared.detector.scan_after(bytes, base, &shared.clock(), &mut |found| {
            any = true;
            shared.found(part, index, found, here, &place);
        });
        (note_unread(part, index, unread) || any, hits)
    }

    /// The number of a named object, which is a gap where it is not there.
    fn link(&mut self, oid: &Oid, is_tree: bool) -> u32 {
        self.finder.find(oid).unwrap_or_else(|| self.missing(oid, is_tree))
    }

    /// The number of what is named and is not there.
    fn missing(&self, oid: &Oid, is_tree: bool) -> u32 {
        if oid.is_builtin() || oid.is_zero() {
            return NONE;
        }
        let Ok(mut missing) = self.shared.missing.lock() else { return NONE };
        let next = (self.shared.objects.len() + missing.all.len()) as u32;
        let MissingTable { numbers, all } = &mut *missing;
        *numbers.entry(*oid).or_insert_with(|| {
            all.push(Missing { oid: *oid, is_tree });
            next
        })
    }
}

/// Notes what could not be read into; whether there is any.
fn note_unread(part: &mut Content, index: ObjectIndex, Unread { opaque, limits }: Unread) -> bool {
    let any = !opaque.is_empty() || !limits.is_empty();
    part.opaque.extend(opaque.into_iter().map(|opaque| (index, opaque)));
    part.limited.extend(limits.into_iter().map(|limit| (index, limit)));
    any
}

fn note_other(part: &mut Content, index: ObjectIndex, found: Found) {
    /// Beyond so many different ones a count says no more.
    const MOST: usize = 1_000_000;
    match found {
        Found::Key(_) => {}
        Found::OtherVendor { vendor: Vendor { name, .. }, token, .. } => {
            let tokens = part.others.entry(name).or_default();
            if tokens.len() < MOST {
                tokens.insert((token.id(), index));
            }
        }
        Found::HalfMasked { token, .. } => {
            if part.half_masked.len() < MOST {
                part.half_masked.insert((token.id(), index));
            }
        }
        Found::Placeholder { token, .. } => {
            if part.placeholders.len() < MOST {
                part.placeholders.insert((token.id(), index));
            }
        }
        Found::Publishable { key, line, .. } => {
            let keys = part.publishable.entry(index).or_default();
            if keys.len() < MOST_PUBLISHABLE && keys.iter().all(|(old, _)| *old != key) {
                keys.push((key, line));
            }
        }
    }
}

/// How the pass is to be done.
pub(super) struct Pass<'a> {
    pub(super) detector: &'a Detector,
    pub(super) options: PassOptions<'a>,
    pub(super) threads: usize,
    pub(super) time_for_object: Option<(Duration, Clock)>,
    pub(super) seeking: Seeking<'a>,
}

/// Reads and scans every object of the store.
pub(super) fn read_all(store: &Store, pass: &Pass<'_>) -> Content {
    let keys = Mutex::new(KeyTable::of(pass.seeking.wanted.cloned()));
    let shared = Shared {
        detector: pass.detector,
        objects: &store.objects,
        keys: &keys,
        missing: Mutex::default(),
        events: pass.options.events,
        interrupt: pass.options.interrupt,
        time_for_object: pass.time_for_object,
        scanned: pass.seeking.scanned,
        needle: pass.seeking.needle,
        notes_clean: pass.seeking.scanned.is_some() || pass.seeking.remembers,
    };
    let mut collectors: Vec<Collector<'_>> = (0..pass.threads.max(1))
        .map(|_| Collector {
            shared: &shared,
            format: store.format,
            finder: Finder::new(&store.objects),
            links: Links::default(),
            part: Content::default(),
            sizes: Vec::new(),
            new: NewEntries::default(),
            found: Vec::new(),
        })
        .collect();
    let failures = store.visit_all(&mut collectors, &pass.options);
    let missing = shared.missing.lock().map(|mut table| std::mem::take(&mut table.all)).unwrap_or_default();
    let count = store.objects.len();
    let links = collectors.iter_mut().map(|collector| std::mem::take(&mut collector.links));
    let mut content = Content {
        graph: Graph::new(count + missing.len(), links),
        sizes: vec![0; count],
        missing,
        failures,
        ..Content::default()
    };
    for collector in collectors {
        for (index, size) in collector.sizes {
            content.sizes[index as usize] = size;
        }
        content.take(collector.part);
    }
    if let Some(scanned) = pass.seeking.scanned {
        scanned.add(content.clean.iter().map(|object| store.objects.oid(*object)));
    }
    content.table = keys.into_inner().unwrap_or_default();
    content.malformed.sort_unstable();
    content.opaque.sort_unstable();
    content.limited.sort_unstable();
    content.known.sort_unstable();
    content
}

impl Content {
    /// Whether no key was found, relevant or not.
    pub(super) fn has_no_keys(&self) -> bool {
        self.table.texts.is_empty()
    }

    /// Settles what is known of each key, now that it is known which objects count.
    pub(super) fn settle(&mut self, relevant: &Bits) {
        self.keys = self.table.infos(relevant);
    }

    /// The different placeholders in objects that count.
    pub(super) fn placeholders(&self, relevant: &Bits) -> HashSet<KeyId> {
        self.placeholders.iter().filter(|(_, object)| relevant.has(*object)).map(|(token, _)| *token).collect()
    }

    /// The different half-masked keys in objects that count.
    pub(super) fn half_masked(&self, relevant: &Bits) -> HashSet<KeyId> {
        self.half_masked.iter().filter(|(_, object)| relevant.has(*object)).map(|(token, _)| *token).collect()
    }

    /// Whether there were more different keys than are told apart.
    pub(super) fn has_too_many_keys(&self) -> bool {
        self.table.full
    }

    fn take(&mut self, part: Self) {
        self.clocks.extend(part.clocks);
        self.sightings.extend(part.sightings);
        self.names.extend(part.names);
        self.publishable.extend(part.publishable);
        for (vendor, tokens) in part.others {
            self.others.entry(vendor).or_default().extend(tokens);
        }
        self.placeholders.extend(part.placeholders);
        self.half_masked.extend(part.half_masked);
        self.opaque.extend(part.opaque);
        self.limited.extend(part.limited);
        self.lfs_pointers.extend(part.lfs_pointers);
        self.submodules.extend(part.submodules);
        self.malformed.extend(part.malformed);
        self.clean.extend(part.clean);
        self.known.extend(part.known);
    }

    /// The keys that a text outside any object holds.
    pub(super) fn note_all(&mut self, detector: &Detector, text: &[u8]) -> Vec<u32> {
        let mut found = Vec::new();
        detector.scan(text, &mut |what| {
            if let Found::Key(key) = what {
                found.push(key);
            }
        });
        let mut keys: Vec<u32> = found.iter().filter_map(|found| self.table.note(found, NONE)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}
