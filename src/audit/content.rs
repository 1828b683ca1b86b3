//! The content pass: every object read once, scanned, and its links noted.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::collector::{Collector, Shared};
use super::key_table::{KeyInfo, KeyTable};
use super::{Auditor, Clock, Seeking, object_clock};
use crate::detect::{Chain, Detector, Found, Opaque, Unread};
use crate::history::{Bits, Graph, NONE, NodeKind};
use crate::key::{KeyId, Publishable, Vendor};
use crate::model::{ObjectType, Oid, Place};
use crate::store::{Failure, Gap, ObjectIndex, PassOptions, Store};

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
    pub(super) name: Arc<[u8]>,
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
    /// The largest object that is held, bytes.
    limit: u64,
    /// The largest that is made for others alone, bytes.
    made_from: u64,
    /// Of each commit, in order once it is settled.
    clocks: Vec<(ObjectIndex, Clocks)>,
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
    /// What a commit, or a mode, says is a tree.
    pub(super) as_trees: Bits,
    /// Of these, what is none.
    pub(super) no_trees: Vec<ObjectIndex>,
    /// Numbered in the graph after the last object.
    pub(super) missing: Vec<Missing>,
    pub(super) failures: Vec<(ObjectIndex, Failure)>,
    /// Objects that were read and have nothing in them, where that is asked for.
    pub(super) clean: Vec<ObjectIndex>,
    /// Blobs that were not read, because they are known; in order.
    pub(super) known: Vec<ObjectIndex>,
}

/// How the pass is to be done.
pub(super) struct Pass<'a> {
    pub(super) detector: &'a Detector,
    pub(super) options: PassOptions<'a>,
    pub(super) threads: usize,
    pub(super) time_for_object: Option<(Duration, Clock)>,
    pub(super) seeking: Seeking<'a>,
    /// What an earlier repository had, and nothing in it.
    pub(super) scanned_before: Option<&'a Bits>,
}

/// Reads and scans every object of the store.
pub(super) fn read_all(store: &Store, pass: &Pass<'_>) -> Content {
    let keys = Mutex::new(KeyTable::of(pass.seeking.wanted.cloned()));
    let shared = Shared::new(store, pass, &keys);
    let mut collectors: Vec<Collector<'_>> = (0..pass.threads.max(1)).map(|_| Collector::new(&shared, store)).collect();
    let failures = store.visit_all(&mut collectors, &pass.options);
    let read: Vec<_> = collectors.into_iter().map(Collector::into_parts).collect();
    let (sizes, missing) = shared.into_parts();
    let count = sizes.len();
    let mut content = Content {
        sizes,
        limit: pass.options.limit,
        made_from: pass.options.made_from(),
        failures,
        ..Content::of(count)
    };
    let links = read.into_iter().map(|(links, part)| {
        content.take(part);
        links
    });
    content.graph = Graph::new(count + missing.len(), links);
    content.missing = missing;
    let is_none = |object: &u32| {
        content.as_trees.has(*object) && !matches!(content.graph.kind(*object), NodeKind::Tree | NodeKind::Absent)
    };
    content.no_trees = (0..count as u32).filter(is_none).collect();
    if let (Some(scanned), Some(known)) = (pass.seeking.scanned, pass.scanned_before) {
        scanned.add(&store.objects, &content, known);
    }
    content.table = keys.into_inner().unwrap_or_default();
    content.malformed.sort_unstable();
    content.opaque.sort_unstable();
    content.limited.sort_unstable();
    content.known.sort_unstable();
    content
}

impl Content {
    /// Nothing of so many objects.
    pub(super) fn of(count: usize) -> Self {
        Self { as_trees: Bits::new(count), ..Self::default() }
    }

    /// Reads an object anew that was read, within the same limit: another copy of it may be larger than anything that is
    /// held.
    ///
    /// # Errors
    /// Where no copy of it can be read.
    pub(super) fn read(&self, store: &Store, object: ObjectIndex, out: &mut Vec<u8>) -> Result<ObjectType, Failure> {
        store.read_made_from(object, (self.limit, self.made_from), out)
    }

    /// Whether of a commit, tree or tag not all could be made out that it names.
    pub(super) fn is_malformed(&self, object: ObjectIndex) -> bool {
        self.malformed.binary_search_by_key(&object, |(object, _)| *object).is_ok()
    }

    /// Whether nobody knows what stands in a commit: what it names as its tree was not read, or is none.
    pub(super) fn has_no_tree(&self, commit: ObjectIndex) -> bool {
        match self.graph.links(commit).first() {
            // The empty tree is in every repository, stored or not.
            None | Some(&NONE) => self.is_malformed(commit),
            Some(tree) => self.graph.kind(*tree) != NodeKind::Tree,
        }
    }

    /// Objects of which not all was read: what was found in them stands there, and what else does nobody knows.
    pub(super) fn half_read(&self) -> impl Iterator<Item = ObjectIndex> {
        let failures = self.failures.iter().map(|(object, _)| *object);
        let told = self.malformed.iter().chain(&self.limited).map(|(object, _)| *object);
        failures.chain(told)
    }

    /// Whether no key was found, relevant or not.
    pub(super) fn has_no_keys(&self) -> bool {
        self.table.texts.is_empty()
    }

    /// Settles what is known of each key, now that it is known which objects count.
    pub(super) fn settle(&mut self, counted: &Bits) {
        self.keys = self.table.infos(counted);
        // Nobody asks for clocks where there are no keys.
        if !self.has_no_keys() {
            self.clocks.sort_unstable_by_key(|(commit, _)| *commit);
        }
    }

    /// Of each key how often it stands in which of the objects that count.
    pub(super) fn sighted(&self, store: &Store, counted: &Bits) -> Vec<(KeyId, Oid, u32)> {
        let sighted = self.table.sighted(counted);
        sighted.map(|(key, object, count)| (key.id(), store.objects.oid(object), count)).collect()
    }

    /// Notes the clocks of a commit.
    pub(super) fn note_clocks(&mut self, commit: ObjectIndex, clocks: Clocks) {
        self.clocks.push((commit, clocks));
    }

    /// The clocks of a commit, once all is settled.
    pub(super) fn clocks_of(&self, commit: ObjectIndex) -> Clocks {
        let found = self.clocks.binary_search_by_key(&commit, |(commit, _)| *commit);
        found.map(|at| self.clocks[at].1).unwrap_or_default()
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

    /// Notes what is found beside keys.
    pub(super) fn note(&mut self, index: ObjectIndex, found: Found) {
        /// Beyond so many different ones a count says no more.
        const MOST: usize = 1_000_000;
        match found {
            Found::Key(_) => {}
            Found::OtherVendor { vendor: Vendor { name, .. }, token, .. } => {
                let tokens = self.others.entry(name).or_default();
                if tokens.len() < MOST {
                    tokens.insert((token.id(), index));
                }
            }
            Found::HalfMasked { token, .. } => {
                if self.half_masked.len() < MOST {
                    self.half_masked.insert((token.id(), index));
                }
            }
            Found::Placeholder { token, .. } => {
                if self.placeholders.len() < MOST {
                    self.placeholders.insert((token.id(), index));
                }
            }
            Found::Publishable { key, line, .. } => {
                let keys = self.publishable.entry(index).or_default();
                if keys.len() < MOST_PUBLISHABLE && keys.iter().all(|(old, _)| *old != key) {
                    keys.push((key, line));
                }
            }
        }
    }

    /// Notes what could not be read into; whether there is any.
    pub(super) fn note_unread(&mut self, index: ObjectIndex, Unread { opaque, limits }: Unread) -> bool {
        let any = !opaque.is_empty() || !limits.is_empty();
        self.opaque.extend(opaque.into_iter().map(|opaque| (index, opaque)));
        self.limited.extend(limits.into_iter().map(|limit| (index, limit)));
        any
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
        self.as_trees.add(&part.as_trees);
        self.clean.extend(part.clean);
        self.known.extend(part.known);
    }

    /// The keys that a text outside any object holds. What could not be read of it is a gap, by the name of its `place`.
    pub(super) fn note_all(
        &mut self,
        auditor: &Auditor<'_>,
        text: &[u8],
        place: &[u8],
        gaps: &mut Vec<Gap>,
    ) -> Vec<u32> {
        let mut found = Vec::new();
        let is_over = object_clock(auditor.options.time_for_object, auditor.interrupt);
        let unread = auditor.detector.scan_until(text, &is_over, &mut |what| {
            if let Found::Key(key) = what {
                found.push(key);
            }
        });
        gaps.extend(unread.limits.iter().map(|limit| Gap::named("limit", place, limit.as_bytes())));
        let mut keys: Vec<u32> = found.iter().filter_map(|found| self.table.note(found, NONE)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}
