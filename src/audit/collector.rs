//! What one thread of the content pass does with each object it is given.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::content::{Clocks, Content, Missing, NameSighting, Pass, Sighting};
use super::directory::{Directory, Named, NewEntries, Reading};
use super::key_table::KeyTable;
use super::trace::Needle;
use super::{Clock, object_clock, scan_pieces};
use crate::detect::{Detector, Found, Hits, KeyFound, Search, Unread};
use crate::history::{Bits, Links, NONE, NodeKind};
use crate::model::{Copied, Events, Interrupt, ObjectFormat, ObjectType, Oid, Place, RawTime};
use crate::store::{Failure, Finder, ObjectIndex, Objects, Pieces, Store, Visitor, parse};

/// What the threads of a pass share.
pub(super) struct Shared<'a> {
    detector: &'a Detector,
    objects: &'a Objects,
    keys: &'a Mutex<KeyTable>,
    missing: Mutex<MissingTable>,
    events: &'a dyn Events,
    interrupt: Interrupt<'a>,
    time_for_object: Option<(Duration, Clock)>,
    scanned_before: Option<&'a Bits>,
    needle: Option<&'a Needle>,
    /// Whether objects with nothing in them are noted.
    notes_clean: bool,
    /// Bytes of each object.
    sizes: Vec<AtomicU64>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(store: &'a Store, pass: &Pass<'a>, keys: &'a Mutex<KeyTable>) -> Self {
        Self {
            detector: pass.detector,
            objects: &store.objects,
            keys,
            missing: Mutex::default(),
            events: pass.options.events,
            interrupt: pass.options.interrupt,
            time_for_object: pass.time_for_object,
            scanned_before: pass.scanned_before,
            needle: pass.seeking.needle,
            notes_clean: pass.seeking.scanned.is_some() || pass.seeking.remembers,
            sizes: (0..store.objects.len()).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The bytes of each object, and what is named and not there, in the order of its numbers.
    pub(super) fn into_parts(self) -> (Vec<u64>, Vec<Missing>) {
        let missing = self.missing.into_inner().map(|table| table.all).unwrap_or_default();
        (self.sizes.into_iter().map(AtomicU64::into_inner).collect(), missing)
    }

    fn note_size(&self, index: ObjectIndex, size: u64) {
        self.sizes[index as usize].store(size, Ordering::Relaxed);
    }

    /// The same where no copy of it has told another.
    fn note_first_size(&self, index: ObjectIndex, size: u64) {
        _ = self.sizes[index as usize].compare_exchange(0, size, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// From now on: whether the time for an object is over, or someone has asked to stop.
    fn clock(&self) -> impl Fn() -> bool + '_ {
        object_clock(self.time_for_object, self.interrupt)
    }

    /// The number of what is named and is not there.
    fn missing(&self, oid: &Oid, is_tree: bool) -> u32 {
        if oid.is_builtin() || oid.is_zero() {
            return NONE;
        }
        let Ok(mut missing) = self.missing.lock() else { return NONE };
        let next = (self.objects.len() + missing.all.len()) as u32;
        let MissingTable { numbers, all } = &mut *missing;
        *numbers.entry(*oid).or_insert_with(|| {
            all.push(Missing { oid: *oid, is_tree });
            next
        })
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
                    // Most have the same, which is kept once.
                    let last = part.sightings.last().map(|last| &last.encoding);
                    let encoding = last.filter(|last| **last == found.encoding).unwrap_or(&found.encoding).clone();
                    let (line, column) = (found.line, found.column);
                    part.sightings.push(Sighting { key, object: index, place, line, column, encoding });
                }
            }
            self.events.keys(keys.texts.len() as u64);
        }
        part.note(index, found);
    }
}

#[derive(Default)]
struct MissingTable {
    numbers: HashMap<Oid, u32>,
    all: Vec<Missing>,
}

/// What a name says, and which limits were reached in it.
type Told = (Vec<Found>, Vec<&'static str>);

/// Scans what one thread is given.
pub(super) struct Collector<'a> {
    shared: &'a Shared<'a>,
    format: ObjectFormat,
    finder: Finder<'a>,
    links: Links,
    part: Content,
    /// Buffers for a tree.
    new: NewEntries,
    found: Vec<Option<ObjectIndex>>,
    /// Names that say something, and what.
    telling: HashMap<Arc<[u8]>, Arc<Told>>,
    /// What commits name that are still to be linked, and which these are: how many they name, and whether a tree first.
    named: Vec<Oid>,
    waiting: Vec<(ObjectIndex, usize, bool)>,
}

/// What is known of an object for those that are made of it.
pub(super) enum Memory {
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
        self.shared.note_size(index, bytes.len() as u64);
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
        let size = pieces.left();
        let (shared, mut here) = (self.shared, HashSet::new());
        let scan = shared.detector.in_pieces();
        let part = &mut self.part;
        let mut sink = |found| shared.found(part, index, found, &mut here, &|_| Place::File);
        let (read, unread) = scan_pieces(scan, pieces, || shared.clock(), shared.interrupt, &mut sink);
        self.part.note_unread(index, unread);
        match &read {
            Ok(()) => self.row(index, size),
            // What is found before it breaks off counts; but a header that is damaged calls anything a blob.
            Err(_) => {
                self.links.add_broken_blob(index);
                self.shared.note_first_size(index, size);
            }
        }
        read
    }

    fn known(&mut self, index: ObjectIndex, size: u64) {
        self.row(index, size);
        self.note_clean(index);
        self.part.known.push(index);
    }
}

impl<'a> Collector<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, store: &'a Store) -> Self {
        Self {
            shared,
            format: store.format,
            finder: Finder::new(&store.objects),
            links: Links::default(),
            part: Content::of(store.objects.len()),
            new: NewEntries::default(),
            found: Vec::new(),
            telling: HashMap::new(),
            named: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Notes a blob that is not handed over whole.
    fn row(&mut self, index: ObjectIndex, size: u64) {
        self.links.add(index, NodeKind::Blob, []);
        self.shared.note_size(index, size);
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
        self.shared.scanned_before.is_some_and(|known| known.has(index))
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
        self.commit_links(index, &commit);
        let seconds = |range: &Option<std::ops::Range<usize>>| {
            RawTime::parse(parse::ident(&bytes[range.clone()?]).time).map(|time| time.seconds)
        };
        let clocks = Clocks { author: seconds(&commit.author), committer: seconds(&commit.committer) };
        self.part.note_clocks(index, clocks);
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
        let mut directory = Directory::after(base);
        let (mut reading, mut may_tell) = (Reading::new(bytes, self.format, base), Vec::new());
        loop {
            new.clear();
            while new.numbers.len() < NewEntries::AT_ONCE
                && let Some((number, entry)) = reading.next(&mut directory)
            {
                new.push(number, &entry);
            }
            if new.numbers.is_empty() {
                break;
            }
            self.name_links(&new, &mut directory);
            // One search over all that is new; only where a needle stands are the names looked at one by one.
            if !is_known_clean && self.has_candidate(&new.names) {
                may_tell.extend_from_slice(&new.numbers);
            }
        }
        self.new = new;
        self.links.add_tree(index, directory.links());
        may_tell.append(&mut directory.telling);
        may_tell.sort_unstable();
        if !may_tell.is_empty() {
            let (mut number, mut may_tell) = (0, may_tell.into_iter().peekable());
            parse::tree(bytes, self.format, |entry| {
                if may_tell.next_if_eq(&number).is_some() && self.name(index, entry.name) {
                    directory.telling.push(number);
                }
                number += 1;
            });
        }
        if !reading.is_whole() {
            self.part.malformed.push((index, "the tree cannot be read to its end"));
            self.scan(index, bytes, &mut HashSet::new(), |_| Place::Path);
            return None;
        }
        if directory.telling.is_empty() && !is_known_clean {
            self.note_clean(index);
        }
        directory.is_of_use(bytes).then_some(directory)
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
                (Some(index), kind) => {
                    if kind == Named::Tree {
                        self.part.as_trees.insert(*index);
                    }
                    *index
                }
                // The same; but what is here under such an id is followed, whatever the mode says.
                (None, Named::Gitlink) => NONE,
                (None, kind) => self.shared.missing(&new.oids[at], kind == Named::Tree),
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
        /// Of so many names it is remembered what they say: of one directory, each version has them.
        const REMEMBERED: usize = 1 << 12;
        let telling = match self.telling.get_key_value(name) {
            Some((name, told)) => Some((Arc::clone(name), Arc::clone(told))),
            None => {
                let mut all = Vec::new();
                let unread = self.shared.detector.scan(name, &mut |found| all.push(found));
                // A container's name is no container.
                let limits = unread.limits;
                let telling =
                    (!all.is_empty() || !limits.is_empty()).then(|| (Arc::from(name), Arc::new((all, limits))));
                if let Some((name, told)) = &telling {
                    if self.telling.len() >= REMEMBERED {
                        self.telling.clear();
                    }
                    self.telling.insert(Arc::clone(name), Arc::clone(told));
                }
                telling
            }
        };
        let Some((name, told)) = telling else { return false };
        let (all, limits) = &*told;
        let mut here = Vec::new();
        for found in all {
            let Found::Key(found) = found else {
                self.part.note(tree, found.clone());
                continue;
            };
            let key = self.shared.keys.lock().ok().and_then(|mut keys| keys.note(found, tree));
            if let Some(key) = key.filter(|key| !here.contains(key)) {
                here.push(key);
                let (name, encoding) = (Arc::clone(&name), found.encoding.clone());
                self.part.names.push(NameSighting { key, tree, name, encoding });
            }
        }
        self.part.note_unread(tree, Unread { limits: limits.clone(), ..Unread::default() });
        true
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
            return (part.note_unread(index, unread), hits);
        }
        let mut any = false;
        let (unread, hits) = shared.detector.scan_after(bytes, base, &shared.clock(), &mut |found| {
            any = true;
            shared.found(part, index, found, here, &place);
        });
        (part.note_unread(index, unread) || any, hits)
    }

    /// Notes what a commit names.
    fn commit_links(&mut self, index: ObjectIndex, commit: &parse::Commit) {
        /// As many as are waited for together.
        const AT_ONCE: usize = 64;
        let before = self.named.len();
        self.named.extend(commit.tree.iter().chain(&commit.parents));
        self.waiting.push((index, self.named.len() - before, commit.tree.is_some()));
        if self.named.len() >= AT_ONCE {
            self.link_commits();
        }
    }

    /// Links the commits that wait for it. What they name is looked up together, so that memory is waited for once.
    fn link_commits(&mut self) {
        let Self { shared, finder, links, named, waiting, found, part, .. } = self;
        found.clear();
        finder.find_all(named, found);
        let mut all = named.drain(..).zip(found.iter());
        for (commit, count, has_tree) in waiting.drain(..) {
            let of_commit = all.by_ref().take(count).enumerate().map(|(at, (oid, found))| {
                let is_tree = at == 0 && has_tree;
                if let (Some(tree), true) = (found, is_tree) {
                    part.as_trees.insert(*tree);
                }
                found.unwrap_or_else(|| shared.missing(&oid, is_tree))
            });
            let no_tree = (!has_tree).then_some(NONE);
            links.add(commit, NodeKind::Commit, no_tree.into_iter().chain(of_commit));
        }
    }

    /// What was read.
    pub(super) fn into_parts(mut self) -> (Links, Content) {
        self.link_commits();
        (self.links, self.part)
    }

    /// The number of a named object, which is a gap where it is not there.
    fn link(&mut self, oid: &Oid, is_tree: bool) -> u32 {
        self.finder.find(oid).unwrap_or_else(|| self.shared.missing(oid, is_tree))
    }
}
