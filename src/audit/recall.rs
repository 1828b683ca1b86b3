//! Use case: the texts of keys that a report names by id, read again from the repository that has them.
//!
//! A report has no keys. Whoever must send one to Clerk, or write the file by which a history is cleaned, reads it
//! anew: every object is scanned once, and what is not wanted is let go at once. The cost is that of the content pass
//! of an audit, and memory for the keys wanted and their places.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Auditor, Options, object_clock, scan_pieces};
use crate::detect::{Detector, Found, Hits, KeyFound, Step, Unread};
use crate::key::{KeyId, KeyText};
use crate::model::{Copied, Interrupt, ObjectFormat, ObjectType, Oid, Stage, is_binary};
use crate::store::{Error, Failure, Layout, ObjectIndex, OpenOptions, Pieces, Store, Visitor, parse};

/// A place of a wanted key in an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The object.
    pub object: Oid,
    /// What it is.
    pub object_type: ObjectType,
    /// The encodings that were undone, outermost first.
    pub encoding: Vec<&'static str>,
    /// The bytes that stand for the key there, where it stands in the object's own text (in no container) and these say
    /// all of it; `None` too where the object was not held whole, or is one that git takes for binary.
    pub written: Option<Vec<u8>>,
}

/// A wanted key.
#[derive(Clone, Debug)]
pub struct Recalled {
    /// Its text.
    pub text: KeyText,
    /// Where it stands in objects, in order.
    pub places: Vec<Place>,
    /// How it stands in names of refs.
    pub in_refs: Vec<Vec<u8>>,
}

/// What reading one repository again has come to.
#[derive(Default)]
pub struct Recall {
    /// The keys found, by id.
    pub keys: BTreeMap<KeyId, Recalled>,
    /// How many objects could not be read.
    pub unread: usize,
    /// How many objects and names could not be read to their end, since a limit was reached in them.
    pub limited: usize,
}

impl Recall {
    /// Whether all was read: what is not in it is not there.
    pub fn is_whole(&self) -> bool {
        self.unread == 0 && self.limited == 0
    }
}

impl Auditor<'_> {
    /// Reads the wanted keys of one repository; all of them where `wanted` is `None`.
    ///
    /// # Errors
    /// Where the repository cannot be opened.
    pub fn recall(&self, name: &[u8], layout: Layout, wanted: Option<&HashSet<KeyId>>) -> Result<Recall, Error> {
        let shown = self.detector.mask(name);
        self.events.stage(Stage::Opening, shown.as_str(), None);
        let store = Store::open(layout, OpenOptions { reflogs: true, indexes: true })?;
        self.events.stage(Stage::Content, shown.as_str(), Some(store.objects.len() as u64));
        let seeker = || Seeker::new(self, store.format, wanted);
        let mut seekers: Vec<Seeker<'_>> = (0..self.options.threads.max(1)).map(|_| seeker()).collect();
        let failures = store.visit_all(&mut seekers, &self.pass_options(None));
        let mut recall = Recall { unread: failures.len(), ..Recall::default() };
        let mut outside = seeker();
        let symbolic = store.refs.symbolic.iter().map(|symbolic| &symbolic.name);
        let names = store.refs.tips.iter().map(|tip| &tip.name).chain(symbolic);
        for name in names.chain(store.refs.reflogs.iter().map(|log| &log.name)) {
            for found in outside.keys_in(name) {
                let written = written(&found, name);
                let recalled = recall.keys.entry(found.key.id()).or_insert_with(|| Recalled::new(found.key));
                recalled.in_refs.extend(written);
            }
        }
        let lines = store.refs.reflogs.iter().flat_map(|log| log.lines()).map(|line| line.text);
        let paths = store.indexes.iter().flat_map(|(_, entries)| entries).map(|entry| entry.path.as_slice());
        for text in lines.chain(paths) {
            for found in outside.keys_in(text) {
                recall.keys.entry(found.key.id()).or_insert_with(|| Recalled::new(found.key));
            }
        }
        recall.limited = outside.limited + seekers.iter().map(|seeker| seeker.limited).sum::<usize>();
        for (text, places) in seekers.into_iter().flat_map(|seeker| seeker.found) {
            let recalled = recall.keys.entry(text.id()).or_insert_with(|| Recalled::new(text));
            recalled.places.extend(places.into_iter().map(|place| Place {
                object: store.objects.oid(place.index),
                object_type: place.kind,
                encoding: place.encoding,
                written: place.written,
            }));
        }
        for recalled in recall.keys.values_mut() {
            recalled.places.sort();
            recalled.places.dedup();
            recalled.in_refs.sort();
            recalled.in_refs.dedup();
        }
        Ok(recall)
    }
}

impl Auditor<'_> {
    /// How many objects are named by what a repository's refs reach, and are not there. History that was cut on purpose
    /// is not missing.
    ///
    /// # Errors
    /// Where the repository cannot be opened.
    pub fn missing(&self, layout: Layout) -> Result<usize, Error> {
        let store = Store::open(layout, OpenOptions { reflogs: false, indexes: false })?;
        let (mut seen, mut missing) = (HashSet::new(), 0);
        let mut pending: Vec<Oid> = store.refs.tips.iter().map(|tip| tip.oid).collect();
        let mut bytes = Vec::new();
        while let Some(oid) = pending.pop() {
            if self.interrupt.is_set() {
                break;
            }
            if !seen.insert(oid) {
                continue;
            }
            let Some(index) = store.objects.find(&oid) else {
                missing += usize::from(!oid.is_builtin());
                continue;
            };
            let Ok(kind) = store.read(index, self.options.max_memory / 2, &mut bytes) else { continue };
            named(&store, &oid, kind, &bytes, |oid, is_file| match is_file {
                false => pending.push(oid),
                // A file is looked for and not read.
                true if !seen.insert(oid) || oid.is_builtin() => {}
                true => missing += usize::from(store.objects.find(&oid).is_none()),
            });
        }
        Ok(missing)
    }
}

/// Hands over what an object names, other repositories' commits apart: the id, and whether it is a file's, which names
/// nothing. History that was cut on purpose is not gone on with.
pub(super) fn named(store: &Store, oid: &Oid, kind: ObjectType, bytes: &[u8], mut each: impl FnMut(Oid, bool)) {
    match kind {
        ObjectType::Commit => {
            let commit = parse::commit(bytes, store.format);
            let parents = commit.parents.into_iter().filter(|_| !store.shallow.contains(oid));
            parents.chain(commit.tree).for_each(|oid| each(oid, false));
        }
        ObjectType::Tag => parse::tag(bytes, store.format).target.into_iter().for_each(|oid| each(oid, false)),
        ObjectType::Tree => {
            _ = parse::tree(bytes, store.format, |entry| match entry.mode & 0o170_000 {
                0o040_000 => each(entry.oid, false),
                0o160_000 => {}
                _ => each(entry.oid, true),
            });
        }
        ObjectType::Blob => {}
    }
}

impl Recalled {
    fn new(text: KeyText) -> Self {
        Self { text, places: Vec::new(), in_refs: Vec::new() }
    }
}

/// A place by the object's number.
struct Spot {
    index: ObjectIndex,
    kind: ObjectType,
    encoding: Vec<&'static str>,
    written: Option<Vec<u8>>,
}

/// The bytes that stand for a key in a text, where they say all of it: not those of a container, and not the name of a
/// field by which a whole file is known. No name of a file or ref has a NUL.
fn written(found: &KeyFound, text: &[u8]) -> Option<Vec<u8>> {
    let is_member = found.encoding.iter().any(|step| matches!(step, Step::Member(_)));
    let bytes = text.get(found.span.start..found.span.end)?;
    (!is_member && bytes.len() >= found.key.length() && !bytes.contains(&0)).then(|| bytes.to_vec())
}

/// The names of the encodings, outermost first; with `spread` for a key that does not stand in one piece: in strings
/// that are put together, over line ends, with something between its bytes.
fn spelling(found: &KeyFound) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = found
        .encoding
        .iter()
        .map(|step| match step {
            Step::Undone(name) => *name,
            Step::Member(_) => "member",
        })
        .collect();
    let length = found.key.length();
    let most = match names.as_slice() {
        [] => length,
        ["utf-16le" | "utf-16be" | "hex"] => length * 2,
        ["base64"] => length * 4 / 3 + 3,
        ["base64", "utf-16le"] => length * 8 / 3 + 3,
        _ => usize::MAX,
    };
    if found.span.end - found.span.start > most {
        names.push("spread");
    }
    names
}

/// Looks for wanted keys on one thread.
struct Seeker<'a> {
    detector: &'a Detector,
    options: &'a Options,
    format: ObjectFormat,
    interrupt: Interrupt<'a>,
    wanted: Option<&'a HashSet<KeyId>>,
    found: HashMap<KeyText, Vec<Spot>>,
    /// How many texts could not be read to their end.
    limited: usize,
}

impl<'a> Seeker<'a> {
    fn new(auditor: &Auditor<'a>, format: ObjectFormat, wanted: Option<&'a HashSet<KeyId>>) -> Self {
        let Auditor { detector, options, interrupt, .. } = *auditor;
        Self { detector, options, format, interrupt, wanted, found: HashMap::new(), limited: 0 }
    }

    /// From now on: whether the time for an object is over, or someone has asked to stop.
    fn clock(&self) -> impl Fn() -> bool + 'a {
        object_clock(self.options.time_for_object, self.interrupt)
    }

    fn note(&mut self, unread: &Unread) {
        self.limited += usize::from(!unread.limits.is_empty());
    }

    fn is_wanted(&self, key: &KeyText) -> bool {
        self.wanted.is_none_or(|wanted| wanted.contains(&key.id()))
    }

    fn keys_in(&mut self, text: &[u8]) -> Vec<KeyFound> {
        let mut keys = Vec::new();
        let unread = self.detector.scan_until(text, &self.clock(), &mut |found| {
            if let Found::Key(found) = found
                && self.is_wanted(&found.key)
            {
                keys.push(found);
            }
        });
        self.note(&unread);
        keys
    }
}

impl Seeker<'_> {
    /// Looks at the names in a tree, each by itself, as an audit does: among the bytes around it one can be read otherwise.
    /// Whether the tree could be read to its end.
    fn names(&mut self, index: ObjectIndex, tree: &[u8]) -> bool {
        let mut names = Vec::with_capacity(tree.len());
        let is_whole = parse::tree(tree, self.format, |entry| {
            names.push(b' ');
            names.extend_from_slice(entry.name);
            names.push(0);
        });
        // Most trees have nothing in any name.
        if self.detector.has_candidate(&names) {
            let each = names.split(|byte| *byte == 0).filter_map(|name| name.strip_prefix(b" "));
            for name in each.filter(|name| self.detector.has_candidate(name)) {
                for found in self.keys_in(name) {
                    let (encoding, written) = (spelling(&found), written(&found, name));
                    let spot = Spot { index, kind: ObjectType::Tree, encoding, written };
                    self.found.entry(found.key).or_default().push(spot);
                }
            }
        }
        is_whole
    }
}

impl Visitor for Seeker<'_> {
    type Memory = Hits;

    fn object(
        &mut self,
        index: ObjectIndex,
        kind: ObjectType,
        bytes: &[u8],
        base: Option<(&Hits, &[Copied])>,
    ) -> Option<Hits> {
        if kind == ObjectType::Tree && self.names(index, bytes) {
            return None;
        }
        let mut spots = Vec::new();
        let (unread, hits) = self.detector.scan_after(bytes, base, &self.clock(), &mut |found| {
            if let Found::Key(found) = found
                && self.is_wanted(&found.key)
            {
                spots.push(found);
            }
        });
        self.note(&unread);
        let is_binary = !spots.is_empty() && kind == ObjectType::Blob && is_binary(bytes);
        for found in spots {
            let (encoding, written) = (spelling(&found), written(&found, bytes).filter(|_| !is_binary));
            self.found.entry(found.key).or_default().push(Spot { index, kind, encoding, written });
        }
        hits
    }

    fn large(&mut self, index: ObjectIndex, pieces: &mut Pieces<'_>) -> Result<(), Failure> {
        let scan = self.detector.in_pieces();
        let mut found = Vec::new();
        let mut sink = |what| {
            if let Found::Key(key) = what
                && self.is_wanted(&key.key)
            {
                let spot = (key.key.clone(), spelling(&key));
                if !found.contains(&spot) {
                    found.push(spot);
                }
            }
        };
        let (read, unread) = scan_pieces(scan, pieces, || self.clock(), self.interrupt, &mut sink);
        self.note(&unread);
        for (key, encoding) in found {
            let spot = Spot { index, kind: ObjectType::Blob, encoding, written: None };
            self.found.entry(key).or_default().push(spot);
        }
        // What was found before it could not be read on is there all the same.
        read
    }
}
