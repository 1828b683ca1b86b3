//! Entries: one introduction or removal as a report tells it.

use std::collections::{HashMap, HashSet};

use super::attribute::Attribution;
use super::budget::Budget;
use super::content::{Content, Sighting};
use super::details::{Details, DetailsReader};
use super::roots::Roots;
use crate::detect::{Detector, Step};
use crate::history::{Change, NodeId, NodeKind, Spot, Way};
use crate::model::{Entry, Interrupt, Level, Oid, Order, Place, Shown, Unreachable};
use crate::store::{ObjectIndex, Store};

/// Makes entries from what the passes have found in one repository.
#[derive(Clone, Copy)]
pub(super) struct EntryMaker<'a> {
    pub(super) store: &'a Store,
    pub(super) content: &'a Content,
    pub(super) roots: &'a Roots,
    pub(super) attribution: &'a Attribution<'a>,
    pub(super) detector: &'a Detector,
    pub(super) repository: &'a Shown,
}

impl EntryMaker<'_> {
    /// The entry of a change in a commit's tree.
    pub(super) fn change(&self, change: &Change, reachable: bool, details: &mut DetailsReader<'_>) -> Entry {
        let commit = self.attribution.commits[change.commit as usize];
        let about = details.of(commit, false);
        let Spot { path, key, in_name, object } = &change.spot;
        let mut entry = self.of_commit(&about, reachable);
        entry.object = Some(self.store.objects.oid(*object));
        entry.path = Some(self.detector.mask(path));
        entry.level = if change.is_key_level { Level::Key } else { Level::Path };
        entry.moved = change.moved.as_ref().map(|path| self.detector.mask(path));
        entry.at_or_before = self.attribution.is_at_or_before(self.content, change);
        entry.clock_skew = self.is_before_parent(change.commit);
        entry.order = self.attribution.reachable.order[change.commit as usize];
        entry.brought_back =
            change.way == Way::In && change.is_key_level && self.attribution.is_brought_back(change.commit, *key);
        if *in_name {
            entry.place = Place::Path;
            if let Some(sighting) = self.attribution.in_name.get(&(*object, *key)) {
                entry.encoding = self.encodings(&sighting.encoding);
            }
        } else {
            entry.blob = entry.object;
            entry.place = if self.roots.notes.has(commit) { Place::Note } else { Place::File };
            self.stand(&mut entry, *object, *key);
        }
        entry
    }

    /// The entry of a sighting in the own text of a commit or tag.
    pub(super) fn own_text(&self, sighting: &Sighting, reachable: bool, details: &mut DetailsReader<'_>) -> Entry {
        let is_tag = self.content.graph.kind(sighting.object) == NodeKind::Tag;
        let about = details.of(sighting.object, is_tag);
        let mut entry = if is_tag { self.of_tag(&about, reachable) } else { self.of_commit(&about, reachable) };
        if let Some(number) = self.attribution.number_of.get(&sighting.object) {
            entry.clock_skew = self.is_before_parent(*number);
            entry.order = self.attribution.reachable.order[*number as usize];
            entry.brought_back = self.attribution.is_brought_back(*number, sighting.key);
        }
        entry.place = sighting.place;
        entry.line = sighting.line;
        entry.column = sighting.column;
        entry.encoding = self.encodings(&sighting.encoding);
        entry
    }

    /// Entries of a key that a tip names without a commit: a ref or tag straight to a blob or tree.
    pub(super) fn at_tips(&self, key: u32, details: &mut DetailsReader<'_>, budget: &mut Budget) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for tip in &self.roots.tips {
            let spots = match self.content.graph.kind(tip.peeled) {
                NodeKind::Blob if self.attribution.in_object.contains_key(&(tip.peeled, key)) => {
                    vec![Spot { path: Vec::new(), key, in_name: false, object: tip.peeled }]
                }
                NodeKind::Tree => self.spots(self.attribution.presence.node(tip.peeled), key),
                _ => Vec::new(),
            };
            for spot in spots {
                if !budget.has_room(key, entries.len()) {
                    break;
                }
                let mut entry = match tip.tags.first() {
                    Some(tag) => self.of_tag(&details.of(*tag, true), true),
                    None => self.outside(Place::File),
                };
                entry.object = Some(self.store.objects.oid(spot.object));
                entry.reference = Some(self.detector.mask(&tip.name));
                entry.path = (!spot.path.is_empty()).then(|| self.detector.mask(&spot.path));
                entry.place = if spot.in_name { Place::Path } else { Place::File };
                if !spot.in_name {
                    entry.blob = entry.object;
                    self.stand(&mut entry, spot.object, key);
                }
                budget.spend_entry(key, &mut entry);
                entries.push(entry);
            }
        }
        entries
    }

    /// Entries of a key that stands in reached objects and that nothing else tells of (below a tree cut for its
    /// depth, say): by the object alone.
    pub(super) fn by_object(&self, sightings: &[&Sighting], budget: &mut Budget) -> Vec<Entry> {
        let mut entries = Vec::new();
        for sighting in sightings.iter().filter(|sighting| self.roots.reached.has(sighting.object)) {
            if !budget.has_room(sighting.key, entries.len()) {
                break;
            }
            let oid = self.store.objects.oid(sighting.object);
            let mut entry = self.outside(sighting.place);
            entry.object = Some(oid);
            entry.blob = (sighting.place == Place::File).then_some(oid);
            self.stand(&mut entry, sighting.object, sighting.key);
            budget.spend_entry(sighting.key, &mut entry);
            entries.push(entry);
        }
        entries
    }

    /// Where a key stands in a tree's copy.
    pub(super) fn spots(&self, node: NodeId, key: u32) -> Vec<Spot> {
        self.attribution.presence.spots_of(node, key, &self.attribution.sets)
    }

    /// Sightings in objects that no tip reaches, by key, and what an index or a stash has once more of those that one does.
    pub(super) fn unreachable(&self, interrupt: Interrupt<'_>, budget: &mut Budget) -> HashMap<u32, Vec<Unreachable>> {
        let places = self.unreachable_paths(interrupt);
        // Most that is unreachable is in no index, and an index can be long: it is gone through once, where it is needed.
        let mut staged: Option<HashMap<Oid, &[u8]>> = None;
        let mut found: HashMap<u32, Vec<Unreachable>> = HashMap::new();
        let in_objects = self.content.sightings.iter().map(|s| (s.key, s.object, s.place, s.line));
        let in_names = self.content.names.iter().map(|s| (s.key, s.tree, Place::Path, None));
        for (key, object, place, line) in in_objects.chain(in_names) {
            if self.roots.reached.has(object) || !self.roots.relevant.has(object) {
                continue;
            }
            let told = found.entry(key).or_default();
            if !budget.has_room(key, told.len()) {
                continue;
            }
            let oid = self.store.objects.oid(object);
            let (path, commits) = match places.get(&(object, key)) {
                Some((path, commits)) => (Some(path.as_slice()), commits.as_slice()),
                None => (staged.get_or_insert_with(|| self.staged_paths()).get(&oid).copied(), &[][..]),
            };
            budget.spend(key, path.map_or(0, <[u8]>::len) + 40 * commits.len());
            told.push(Unreachable {
                repository: self.repository.clone(),
                object: Some(oid),
                object_type: match self.content.graph.kind(object) {
                    NodeKind::Tree => "tree",
                    NodeKind::Commit => "commit",
                    NodeKind::Tag => "tag",
                    NodeKind::Blob | NodeKind::Absent => "blob",
                }
                .into(),
                place,
                path: path.map(|path| self.detector.mask(path)),
                line,
                via: self.roots.kept_by.get(&object).map(|by| self.detector.mask(&by.name(self.store))),
                commits: commits.iter().map(|commit| self.store.objects.oid(*commit)).collect(),
            });
        }
        self.kept_again(&mut found, budget);
        found
    }

    /// Where commits that no tip reaches hold keys: a path and the commits, by object and key. Of commits with the same
    /// tree it is looked into once.
    fn unreachable_paths(&self, interrupt: Interrupt<'_>) -> HashMap<(ObjectIndex, u32), (Vec<u8>, Vec<ObjectIndex>)> {
        let mut roots: Vec<(NodeId, Vec<ObjectIndex>)> = Vec::new();
        let mut at: HashMap<NodeId, usize> = HashMap::new();
        for (facts, commit) in self.attribution.facts.iter().zip(&self.attribution.commits) {
            if facts.root == 0 || self.roots.reached.has(*commit) || !self.roots.relevant.has(*commit) {
                continue;
            }
            let at = *at.entry(facts.root).or_insert(roots.len());
            match roots.get_mut(at) {
                Some((_, commits)) => commits.push(*commit),
                None => roots.push((facts.root, vec![*commit])),
            }
        }
        let mut places: HashMap<(ObjectIndex, u32), (Vec<u8>, Vec<ObjectIndex>)> = HashMap::new();
        for (root, commits) in roots {
            if interrupt.is_set() {
                break;
            }
            let mut here = HashSet::new();
            for spot in self.attribution.presence.spots(root, &self.attribution.sets) {
                if !self.roots.reached.has(spot.object) && here.insert((spot.object, spot.key)) {
                    let place = places.entry((spot.object, spot.key)).or_insert_with(|| (spot.path, Vec::new()));
                    place.1.extend(&commits);
                }
            }
        }
        places.values_mut().for_each(|(_, commits)| commits.sort_unstable());
        places
    }

    /// The first path at which each object is staged.
    fn staged_paths(&self) -> HashMap<Oid, &[u8]> {
        let mut paths = HashMap::new();
        for entry in self.store.indexes.iter().flat_map(|(_, entries)| entries) {
            paths.entry(entry.oid).or_insert(entry.path.as_slice());
        }
        paths
    }

    fn is_before_parent(&self, commit: u32) -> bool {
        let facts = &self.attribution.facts[commit as usize];
        facts.parents.iter().any(|parent| {
            let parent = self.attribution.facts[*parent as usize].committer_time;
            matches!((facts.committer_time, parent), (Some(here), Some(parent)) if here < parent)
        })
    }

    /// Line, column and encodings of the first sighting in an object.
    fn stand(&self, entry: &mut Entry, object: ObjectIndex, key: u32) {
        if let Some(sighting) = self.attribution.in_object.get(&(object, key)) {
            entry.line = sighting.line;
            entry.column = sighting.column;
            entry.encoding = self.encodings(&sighting.encoding);
        }
    }

    /// The steps to a sighting. The path of a container's member is a repository's text like another.
    fn encodings(&self, steps: &[Step]) -> Vec<Shown> {
        steps.iter().map(|step| self.detector.mask(step.bytes())).collect()
    }

    fn of_commit(&self, about: &Details, reachable: bool) -> Entry {
        Entry { commit: Some(about.oid), ..self.of_tag(about, reachable) }
    }

    fn of_tag(&self, about: &Details, reachable: bool) -> Entry {
        Entry {
            parents: about.parents.clone(),
            object: Some(about.oid),
            author: about.author.clone(),
            committer: about.committer.clone(),
            tagger: about.tagger.clone(),
            subject: about.subject.clone(),
            reachable,
            seconds: about.seconds,
            // A tag comes after what it tags.
            order: Order { seconds: about.seconds, generation: u32::MAX },
            ..self.outside(Place::File)
        }
    }

    /// An entry of no commit and no tag.
    pub(super) fn outside(&self, place: Place) -> Entry {
        Entry {
            repository: self.repository.clone(),
            commit: None,
            parents: Vec::new(),
            object: None,
            blob: None,
            author: None,
            committer: None,
            tagger: None,
            subject: None,
            path: None,
            reference: None,
            line: None,
            column: None,
            place,
            encoding: Vec::new(),
            level: Level::Key,
            at_or_before: false,
            clock_skew: false,
            reachable: true,
            moved: None,
            brought_back: false,
            seconds: None,
            order: Order::default(),
        }
    }
}

/// Oldest first, and no commit before its ancestors; what is of no commit and has no time comes last; then by commit, place
/// and path.
pub(super) fn entry_order(entry: &Entry) -> impl Ord + use<> {
    (entry.commit.is_none() && entry.order.seconds.is_none(), entry.order, clock_order(entry))
}

/// The same by clocks alone: of commits that are first introductions none is another's ancestor.
pub(super) fn clock_order(entry: &Entry) -> impl Ord + use<> {
    let time = (entry.seconds.is_none(), entry.seconds);
    let place = (entry.place, entry.path.clone(), entry.reference.clone(), entry.object, entry.line);
    (time, entry.commit, place, entry.repository.clone())
}
