//! What the trees of existing tips hold, of which there may be tens of thousands.
//!
//! They are nearly the same, and stored as changes to each other: each is read once, in the order in which it is stored,
//! and of each no more than is asked for. Memory: an id for each of them, and the directories of a few.

use std::collections::BinaryHeap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Work;
use crate::gate::compare::{Entry, Extent};
use crate::gate::content::Links;
use crate::gate::past::Vouched;
use crate::gate::{Sighting, Standing};
use crate::key::KeyId;
use crate::model::{Confidence, ObjectType, Oid};
use crate::store::parse;

/// What came, of which it is asked whether a tip holds it at the same path.
pub(super) struct Open {
    pub(super) path: Vec<u8>,
    pub(super) asked: Asked,
}

pub(super) enum Asked {
    /// An introduction.
    Key {
        /// The sighting's number.
        sighting: usize,
        id: KeyId,
        /// How sure it is.
        confidence: Confidence,
        /// Whether the key stands in the path and not in the content.
        is_name: bool,
    },
    /// An object that could not be looked into.
    Object(Oid),
}

/// The trees of so many tips are gone down together: what a level of them has is read in one go, and who finds it there
/// has not read the others.
const TOGETHER: usize = 256;

/// So many commits of history are asked whether they have an object.
const MOST_COMMITS: usize = 10_000;

/// Paths that are asked for, as a tree of names: of what none of them leads through nothing is read.
struct Paths {
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    above: usize,
    below: FxHashMap<Vec<u8>, usize>,
    /// What ends here.
    rows: Vec<Open>,
    /// How many rows end here or below.
    open: usize,
}

impl Paths {
    const ROOT: usize = 0;

    fn of(rows: Vec<Open>) -> Self {
        let mut paths = Self { nodes: vec![Node::default()] };
        for row in rows {
            let mut at = Self::ROOT;
            for name in row.path.split(|byte| *byte == b'/') {
                let next = paths.nodes.len();
                at = match paths.nodes[at].below.get(name) {
                    Some(known) => *known,
                    None => {
                        paths.nodes[at].below.insert(name.to_vec(), next);
                        paths.nodes.push(Node { above: at, ..Node::default() });
                        next
                    }
                };
            }
            paths.count(at, |open| open + 1);
            paths.nodes[at].rows.push(row);
        }
        paths
    }

    fn count(&mut self, mut at: usize, counted: impl Fn(usize) -> usize) {
        loop {
            let node = &mut self.nodes[at];
            node.open = counted(node.open);
            if at == Self::ROOT {
                return;
            }
            at = node.above;
        }
    }

    /// Takes out the rows that end at a node and are answered.
    fn answer(&mut self, at: usize, is_answered: impl Fn(&Open) -> bool) -> Vec<Open> {
        let answered: Vec<Open> = self.nodes[at].rows.extract_if(.., |row| is_answered(row)).collect();
        self.count(at, |open| open - answered.len());
        answered
    }

    fn is_open(&self, at: usize) -> bool {
        self.nodes[at].open > 0
    }
}

/// What is to be looked into: a tree, and what is asked of it.
type Item<N> = (Oid, N);

/// What is done with a tree: whether to go on, and what is to be looked into next.
type Each<'e, 'w, N> = dyn FnMut(&mut Work<'w>, Item<N>, &[u8], &mut Vec<Item<N>>) -> bool + 'e;

impl<'w> Work<'w> {
    /// Introductions that an existing tip holds at the same path are none, and what could not be looked into and stands there
    /// already brings nothing.
    pub(super) fn ask_tips(&mut self) {
        let mut open = std::mem::take(&mut self.open);
        let is_introduced = |sighting: &Sighting| sighting.standing == Standing::Introduced;
        open.retain(|row| match row.asked {
            Asked::Key { sighting, .. } => self.found.sightings.get(sighting).is_some_and(is_introduced),
            Asked::Object(_) => true,
        });
        let doubts = self.doubts.places();
        open.extend(doubts.map(|(oid, path)| Open { path: path.clone(), asked: Asked::Object(oid) }));
        if open.is_empty() {
            return;
        }
        let mut paths = Paths::of(open);
        let mut seen: FxHashSet<Item<usize>> = FxHashSet::default();
        let roots = self.roots();
        self.below(&roots, Paths::ROOT, &mut |this, (_, at), tree, next| {
            let mut found: Vec<(usize, Entry)> = Vec::new();
            let node = &paths.nodes[at];
            parse::tree(tree, this.receiving.format, |entry| {
                let asked = node.below.get(entry.name).filter(|below| paths.is_open(**below));
                // Of two of one name the first is what stands there.
                if let Some(below) = asked.filter(|below| found.iter().all(|one| one.0 != **below)) {
                    found.push((*below, Entry::of(&entry)));
                }
            });
            for (below, entry) in found {
                if seen.insert((entry.oid, below)) {
                    this.answer(&mut paths, below, &entry);
                    next.extend((entry.is_dir && paths.is_open(below)).then_some((entry.oid, below)));
                }
            }
            paths.is_open(Paths::ROOT)
        });
        for (oid, path, doubt) in std::mem::take(&mut self.doubts).into_rows() {
            self.comparer.tell_doubt(oid, path, doubt);
        }
    }

    /// Answers what is asked of what stands at a path.
    fn answer(&mut self, paths: &mut Paths, at: usize, entry: &Entry) {
        let rows = &paths.nodes[at].rows;
        let Some(first) = rows.first() else { return };
        let mut keys = Vouched::default();
        let is_of_content = |row: &Open| matches!(row.asked, Asked::Key { is_name: false, .. });
        if entry.is_file() && rows.iter().any(is_of_content) {
            let path = || first.path.clone();
            let scanned = self.comparer.keys_of(self.receiving, entry.oid, &path, Extent::Old);
            self.comparer.vouch(&scanned, &mut keys);
        }
        let is_held = |row: &Open| match &row.asked {
            Asked::Key { id, confidence, is_name, .. } => *is_name || keys.get(id).is_some_and(|to| to >= confidence),
            Asked::Object(oid) => entry.is_file() && entry.oid == *oid,
        };
        for Open { path, asked } in paths.answer(at, is_held) {
            match asked {
                Asked::Key { sighting, .. } => self.found.sightings[sighting].standing = Standing::HeldByTip,
                Asked::Object(oid) => self.doubts.settle_at(oid, &path),
            }
        }
    }

    /// Whether an object stands in the tree of an existing tip. Cost: all of these trees, each once.
    pub(super) fn is_below_a_tip(&mut self, wanted: Oid) -> bool {
        let mut is_there = false;
        let mut seen = FxHashSet::default();
        let roots = self.roots();
        self.below(&roots, (), &mut |this, (oid, ()), tree, next| {
            is_there |= oid == wanted;
            parse::tree(tree, this.receiving.format, |entry| {
                let Entry { oid, is_link, is_dir } = Entry::of(&entry);
                is_there |= oid == wanted && !is_link;
                if is_dir && seen.insert(oid) {
                    next.push((oid, ()));
                }
            });
            !is_there
        });
        is_there
    }

    /// Which of some files and directories existing refs reach: by the trees of tips and of the old parents of what is pushed,
    /// and for what stands in none of them by those of history, each once and the newest commits' alone: so far back goes
    /// who takes an edit back, and what nobody has ever had is asked for as well.
    pub(super) fn reached_by_refs(&mut self, mut asked: FxHashSet<Oid>) -> FxHashSet<Oid> {
        let mut found = FxHashSet::default();
        let mut seen: FxHashSet<Oid> = FxHashSet::default();
        for is_far in [false, true] {
            if asked.is_empty() || self.examiner.interrupt.is_set() {
                break;
            }
            let mut roots = if is_far { self.trees_of_history() } else { self.near_trees() };
            roots.retain(|tree| seen.insert(*tree));
            found.extend(roots.iter().copied().filter(|tree| asked.remove(tree)));
            self.below(&roots, (), &mut |this, _, tree, next| {
                parse::tree(tree, this.receiving.format, |entry| {
                    let Entry { oid, is_link, is_dir } = Entry::of(&entry);
                    if !is_link && asked.remove(&oid) {
                        found.insert(oid);
                    }
                    if is_dir && seen.insert(oid) {
                        next.push((oid, ()));
                    }
                });
                !asked.is_empty()
            });
        }
        found
    }

    /// The trees of tips, and of the old parents of what is pushed.
    fn near_trees(&mut self) -> Vec<Oid> {
        let parents = self.links.values().flat_map(|links| &links.parents);
        let old: Vec<Oid> = parents.copied().filter(|parent| !self.links.contains_key(parent)).collect();
        self.trees_of(&old)
    }

    /// The trees of the newest commits that existing refs reach.
    fn trees_of_history(&mut self) -> Vec<Oid> {
        let mut pending: Vec<Oid> = self.ancestry.peeled(self.receiving).iter().copied().collect();
        let mut seen: FxHashSet<Oid> = pending.iter().copied().collect();
        let mut queue: BinaryHeap<(i64, Oid, Vec<Oid>)> = BinaryHeap::new();
        let mut trees: FxHashSet<Oid> = FxHashSet::default();
        for _ in 0..MOST_COMMITS {
            for oid in pending.drain(..) {
                queue.extend(self.receiving.place(&oid).map(|place| (place.time, oid, place.parents)));
            }
            let Some((_, commit, parents)) = queue.pop().filter(|_| !self.examiner.interrupt.is_set()) else { break };
            trees.extend(self.receiving.tree_in_graph(&commit).or_else(|| self.tree_of(commit)));
            pending.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        }
        let mut trees: Vec<Oid> = trees.into_iter().collect();
        self.receiving.sort_as_stored(&mut trees, |tree| *tree);
        trees
    }

    /// Goes down from some trees, until it is answered no: a few at a time, and of those level by level, each in
    /// the order in which it is stored. `each` says what of a tree is to be looked into next.
    fn below<N: Copy>(&mut self, roots: &[Oid], root: N, each: &mut Each<'_, 'w, N>) {
        let mut bytes = Vec::new();
        for roots in roots.chunks(TOGETHER) {
            let mut level: Vec<Item<N>> = roots.iter().map(|tree| (*tree, root)).collect();
            while !level.is_empty() {
                let mut next = Vec::new();
                for item in std::mem::take(&mut level) {
                    if self.examiner.interrupt.is_set() {
                        return;
                    }
                    // What cannot be read holds nothing.
                    let read = self.receiving.read(&item.0, self.examiner.limits.object_bytes, &mut bytes);
                    let tree: &[u8] = if matches!(read, Ok(Some(ObjectType::Tree))) { &bytes } else { &[] };
                    if !each(self, item, tree, &mut next) {
                        return;
                    }
                }
                self.receiving.sort_as_stored(&mut next, |item| item.0);
                level = next;
            }
        }
    }

    /// The trees of everything that existing refs name, each once, as they are stored.
    fn roots(&mut self) -> Vec<Oid> {
        self.trees_of(&[])
    }

    /// The same, and those of some commits besides.
    fn trees_of(&mut self, more: &[Oid]) -> Vec<Oid> {
        let mut pending: Vec<Oid> = self.ancestry.tips(self.receiving).iter().chain(more).copied().collect();
        let mut seen: FxHashSet<Oid> = pending.iter().copied().collect();
        self.receiving.sort_as_stored(&mut pending, |tip| *tip);
        let mut trees: FxHashSet<Oid> = FxHashSet::default();
        let mut bytes = Vec::new();
        while let Some(next) = pending.pop().filter(|_| !self.examiner.interrupt.is_set()) {
            if let Some(tree) = self.receiving.tree_in_graph(&next) {
                trees.insert(tree);
                continue;
            }
            let format = self.receiving.format;
            match self.receiving.read(&next, self.examiner.limits.object_bytes, &mut bytes) {
                Ok(Some(ObjectType::Commit)) => trees.extend(Links::of(&bytes, format).tree),
                Ok(Some(ObjectType::Tree)) => _ = trees.insert(next),
                Ok(Some(ObjectType::Tag)) => {
                    pending.extend(parse::tag(&bytes, format).target.filter(|target| seen.insert(*target)));
                }
                _ => {}
            }
        }
        let mut trees: Vec<Oid> = trees.into_iter().collect();
        self.receiving.sort_as_stored(&mut trees, |tree| *tree);
        trees
    }
}
