//! What names what: trees their entries, commits their tree and parents, tags their target.
//!
//! A directory with a thousand files has them in nearly every version. Its links are cut into parts by what they are, so
//! that a version differs in one part, and each part is kept once and followed once, like an object of its own.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustc_hash::FxHashMap;

use super::Bits;
use super::upward::Upward;

/// In the place of a link that is not there.
pub const NONE: u32 = u32::MAX;

/// What an object is, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeKind {
    /// It is named and was not read.
    #[default]
    Absent,
    /// A blob.
    Blob,
    /// A tree.
    Tree,
    /// A commit; its first link is its tree, the others its parents in order.
    Commit,
    /// A tag; its one link is its target.
    Tag,
}

impl NodeKind {
    /// All of them, by their numbers.
    pub const ALL: [Self; 5] = [Self::Absent, Self::Blob, Self::Tree, Self::Commit, Self::Tag];

    /// The one with this number.
    fn numbered(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or_default()
    }
}

/// A run of links.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    from: u32,
    length: u32,
}

impl Run {
    fn packed(self) -> u64 {
        u64::from(self.from) << 32 | u64::from(self.length)
    }

    fn unpacked(packed: u64) -> Self {
        Self { from: (packed >> 32) as u32, length: packed as u32 }
    }

    /// The same where so many other links stand before.
    fn behind(self, links: u32) -> Self {
        Self { from: self.from + links, ..self }
    }

    fn of(self, links: &[u32]) -> &[u32] {
        &links[self.from as usize..self.from as usize + self.length as usize]
    }
}

#[derive(Clone, Copy, Debug)]
struct Row {
    object: u32,
    kind: NodeKind,
    /// Whether its links are to parts, by their numbers in the list.
    is_in_parts: bool,
    links: Run,
}

/// Links as one thread comes upon them.
#[derive(Debug, Default)]
pub struct Links {
    rows: Vec<Row>,
    links: Vec<u32>,
    parts: Vec<Run>,
    /// Blobs of which a copy broke off.
    broken: Vec<u32>,
    /// Parts by what they name; of two that look alike here the later.
    known: FxHashMap<u64, u32>,
    /// The tree that is being cut.
    whole: Vec<u32>,
}

impl Links {
    /// With fewer links a tree is kept as it is.
    const FEW: usize = 64;
    /// A part has as many links on average, and four times as many at the most.
    const PART: usize = 32;

    /// Adds an object with its links in order, which may be [`NONE`].
    pub fn add(&mut self, object: u32, kind: NodeKind, links: impl IntoIterator<Item = u32>) {
        let from = self.links.len();
        self.links.extend(links);
        let links = self.run_from(from);
        self.rows.push(Row { object, kind, is_in_parts: false, links });
    }

    /// Adds what begins like a blob and cannot be read to its end: it is one unless another copy of it says what it is.
    pub fn add_broken_blob(&mut self, object: u32) {
        self.broken.push(object);
    }

    /// Adds a tree; of what it names neither order nor gaps are kept.
    pub fn add_tree(&mut self, tree: u32, links: impl IntoIterator<Item = u32>) {
        let mut whole = std::mem::take(&mut self.whole);
        whole.clear();
        whole.extend(links.into_iter().filter(|link| *link != NONE));
        let is_in_parts = whole.len() >= Self::FEW;
        let parts = if is_in_parts { self.parts_of(&whole) } else { Vec::new() };
        let from = self.links.len();
        self.links.extend_from_slice(if is_in_parts { &parts } else { &whole });
        self.whole = whole;
        let links = self.run_from(from);
        self.rows.push(Row { object: tree, kind: NodeKind::Tree, is_in_parts, links });
    }

    /// The parts that links are cut into.
    fn parts_of(&mut self, all: &[u32]) -> Vec<u32> {
        let (mut parts, mut start) = (Vec::with_capacity(all.len() / Self::PART * 2), 0);
        for (at, link) in all.iter().enumerate() {
            // By the link alone, so that the same entries are cut in the same places wherever they stand.
            let ends = link.wrapping_mul(0x9e37_79b1) >> (u32::BITS - Self::PART.ilog2()) == 0;
            if ends || at + 1 - start >= 4 * Self::PART {
                parts.push(self.part(&all[start..=at]));
                start = at + 1;
            }
        }
        if start < all.len() {
            parts.push(self.part(&all[start..]));
        }
        parts
    }

    fn part(&mut self, links: &[u32]) -> u32 {
        let (pairs, last) = links.as_chunks::<2>();
        let pairs = pairs.iter().map(|[a, b]| u64::from(*a) << 32 | u64::from(*b));
        let hash = pairs
            .chain(last.iter().map(|link| u64::from(*link)))
            .fold(links.len() as u64, |hash, next| (hash.rotate_left(5) ^ next).wrapping_mul(0x517c_c1b7_2722_0a95));
        if let Some(part) = self.known.get(&hash)
            && self.parts[*part as usize].of(&self.links) == links
        {
            return *part;
        }
        let (part, from) = (self.parts.len() as u32, self.links.len());
        self.links.extend_from_slice(links);
        let run = self.run_from(from);
        self.parts.push(run);
        self.known.insert(hash, part);
        part
    }

    fn run_from(&self, from: usize) -> Run {
        Run { from: from as u32, length: (self.links.len() - from) as u32 }
    }
}

/// Kinds and links of the objects, while threads set them.
struct Rows {
    kinds: Vec<AtomicU8>,
    runs: Vec<AtomicU64>,
}

impl Rows {
    /// Takes the rows of a list whose parts and links begin at these numbers among those of all.
    fn take(&self, list: &mut Links, (first_part, first_link): (u32, u32)) {
        for row in std::mem::take(&mut list.rows) {
            self.kinds[row.object as usize].store(row.kind as u8, Ordering::Relaxed);
            self.runs[row.object as usize].store(row.links.behind(first_link).packed(), Ordering::Relaxed);
            if row.is_in_parts {
                let from = row.links.from as usize;
                let parts = &mut list.links[from..from + row.links.length as usize];
                parts.iter_mut().for_each(|part| *part += first_part);
            }
        }
    }
}

/// All objects and their links, and after the objects the parts of trees. Memory: nine bytes an object or part and four a
/// link.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    kinds: Vec<NodeKind>,
    /// Of the objects, and of the parts behind them; packed, so that threads can set them side by side.
    runs: Vec<u64>,
    links: Vec<u32>,
    /// On so many threads what takes long is done.
    pub(super) threads: usize,
    /// The same from below, where that was asked for.
    pub(super) upward: OnceLock<Upward>,
}

impl Graph {
    /// A graph of `count` objects, from each one's kind and links in any order; each list is taken by a thread.
    pub fn new(count: usize, lists: impl IntoIterator<Item = Links>) -> Self {
        let mut lists: Vec<Links> = lists.into_iter().collect();
        let rows = Rows {
            kinds: (0..count).map(|_| AtomicU8::new(NodeKind::Absent as u8)).collect(),
            runs: (0..count).map(|_| AtomicU64::new(Run::default().packed())).collect(),
        };
        let (mut first_part, mut first_link) = (count as u32, 0);
        let starts = lists.iter().map(|list| {
            let starts = (first_part, first_link);
            first_part += list.parts.len() as u32;
            first_link += list.links.len() as u32;
            starts
        });
        let starts: Vec<(u32, u32)> = starts.collect();
        let waiting = Mutex::new(lists.iter_mut().zip(&starts));
        let work = || {
            let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some((list, starts)) = next() {
                rows.take(list, *starts);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..starts.len() {
                // Where there is no thread to be had the others do it.
                _ = std::thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        Self { threads: lists.len().max(1), ..Self::of(rows, lists) }
    }

    fn of(Rows { kinds, runs }: Rows, lists: Vec<Links>) -> Self {
        let kinds = kinds.into_iter().map(|kind| NodeKind::numbered(kind.into_inner())).collect();
        let runs = runs.into_iter().map(AtomicU64::into_inner).collect();
        let mut graph = Self { kinds, runs, ..Self::default() };
        for Links { mut links, parts, broken, .. } in lists {
            let first_link = graph.links.len() as u32;
            graph.runs.extend(parts.into_iter().map(|run| run.behind(first_link).packed()));
            match graph.links.is_empty() {
                true => graph.links = links,
                false => graph.links.append(&mut links),
            }
            // Each row is there by now, whichever thread came upon which copy.
            for object in broken {
                let kind = &mut graph.kinds[object as usize];
                if *kind == NodeKind::Absent {
                    *kind = NodeKind::Blob;
                }
            }
        }
        graph
    }

    /// How many objects there are, and parts: so many numbers a set of them must have room for.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// The objects' numbers.
    pub fn objects(&self) -> std::ops::Range<u32> {
        0..self.kinds.len() as u32
    }

    pub(super) fn is_part(&self, node: u32) -> bool {
        node != NONE && node as usize >= self.kinds.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// What an object is.
    pub fn kind(&self, object: u32) -> NodeKind {
        self.kinds[object as usize]
    }

    /// What a commit or a tag names, in order; of a tree see [`Self::entries`].
    pub fn links(&self, object: u32) -> &[u32] {
        Run::unpacked(self.runs[object as usize]).of(&self.links)
    }

    /// What a tree names.
    pub fn entries(&self, tree: u32) -> impl Iterator<Item = u32> {
        self.links(tree)
            .iter()
            .flat_map(|link| match self.is_part(*link) {
                true => self.links(*link),
                false => std::slice::from_ref(link),
            })
            .copied()
    }

    /// Tells of each object that names one of `wanted`, in order, which it names. Cost: one look at all links.
    pub fn naming(&self, wanted: &Bits, mut each: impl FnMut(u32, u32)) {
        let is_wanted = |link: &&u32| **link != NONE && wanted.has(**link);
        let mut parts = Bits::new(self.len());
        for part in self.objects().end..self.len() as u32 {
            if self.links(part).iter().any(|link| is_wanted(&link)) {
                parts.insert(part);
            }
        }
        for object in self.objects() {
            for link in self.links(object).iter().filter(|link| **link != NONE) {
                if wanted.has(*link) {
                    each(object, *link);
                } else if parts.has(*link) {
                    self.links(*link).iter().filter(is_wanted).for_each(|link| each(object, *link));
                }
            }
        }
    }

    /// Adds to `reached` all that `roots` reach; objects already there are not followed again. Each new one is told.
    pub fn reach(&self, roots: impl IntoIterator<Item = u32>, reached: &mut Bits, mut each: impl FnMut(u32)) {
        let mut pending: Vec<u32> = Vec::new();
        for root in roots {
            if reached.insert(root) {
                each(root);
                pending.push(root);
            }
            while let Some(object) = pending.pop() {
                for &link in self.links(object) {
                    if link != NONE && reached.insert(link) {
                        if !self.is_part(link) {
                            each(link);
                        }
                        pending.push(link);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(count: usize, rows: &[(u32, NodeKind, &[u32])]) -> Graph {
        let mut links = Links::default();
        for (object, kind, named) in rows {
            match kind {
                NodeKind::Tree => links.add_tree(*object, named.iter().copied()),
                _ => links.add(*object, *kind, named.iter().copied()),
            }
        }
        Graph::new(count, [links])
    }

    #[test]
    fn what_leads_to_a_target_is_found_and_only_that() {
        // 0 -> 1 -> 2 (blob), 0 -> 3 -> 4 (blob), 5 -> 3, 6 -> 1
        let graph = graph(
            7,
            &[
                (0, NodeKind::Tree, &[1, 3]),
                (1, NodeKind::Tree, &[2, NONE]),
                (2, NodeKind::Blob, &[]),
                (3, NodeKind::Tree, &[4]),
                (4, NodeKind::Blob, &[]),
                (5, NodeKind::Tree, &[3]),
                (6, NodeKind::Tree, &[1]),
            ],
        );
        let mut targets = Bits::new(7);
        targets.insert(2);
        let leads = graph.trees_leading_to(&targets);
        assert_eq!((0..7).filter(|at| leads.has(*at)).collect::<Vec<_>>(), [0, 1, 6]);
        let mut reached = Bits::new(7);
        let mut order = Vec::new();
        graph.reach([5], &mut reached, |object| order.push(object));
        assert_eq!(order, [5, 3, 4]);
    }

    #[test]
    fn what_breaks_off_as_a_blob_is_what_a_sound_copy_is() {
        for sound_comes_first in [false, true] {
            let mut lists = [Links::default(), Links::default()];
            let (broken, sound) = if sound_comes_first { (1, 0) } else { (0, 1) };
            lists[broken].add_broken_blob(1);
            lists[broken].add_broken_blob(2);
            lists[sound].add_tree(1, [2]);
            let graph = Graph::new(3, lists);
            assert_eq!([0, 1, 2].map(|at| graph.kind(at)), [NodeKind::Absent, NodeKind::Tree, NodeKind::Blob]);
            assert_eq!(graph.entries(1).collect::<Vec<_>>(), [2]);
        }
    }

    #[test]
    fn a_tree_two_hundred_thousand_levels_deep_ends_no_stack() {
        let count = 200_000u32;
        let mut links = Links::default();
        (0..count - 1).for_each(|at| links.add_tree(at, [at + 1]));
        links.add(count - 1, NodeKind::Blob, []);
        let graph = Graph::new(count as usize, [links]);
        let mut targets = Bits::new(count as usize);
        targets.insert(count - 1);
        assert!(graph.trees_leading_to(&targets).has(0));
    }

    /// Versions of large directories, from two threads, against links that are kept as they are.
    #[test]
    fn trees_in_parts_are_what_they_were_whole() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for round in 0..40 {
            let (blobs, trees) = (3000u32, 60u32);
            let count = blobs + trees;
            let mut named: Vec<Vec<u32>> = Vec::new();
            for tree in 0..trees {
                let mut links = match named.len() {
                    0 => Vec::new(),
                    all if random.bool() => named[random.usize(..all)].clone(),
                    _ => (0..random.usize(..900)).map(|_| random.u32(..blobs)).collect(),
                };
                for _ in 0..random.usize(..4) {
                    let at = random.usize(..=links.len());
                    // Trees name those before them.
                    let link = match random.u8(..4) {
                        0 if tree > 0 => blobs + random.u32(..tree),
                        1 => NONE,
                        _ => random.u32(..blobs),
                    };
                    links.insert(at, link);
                }
                if random.u8(..8) == 0 {
                    links.extend(std::iter::repeat_n(random.u32(..blobs), 500));
                }
                named.push(links);
            }
            let mut lists = [Links::default(), Links::default()];
            for (tree, links) in (blobs..).zip(&named) {
                lists[random.usize(..2)].add_tree(tree, links.iter().copied());
            }
            (0..blobs).for_each(|blob| lists[0].add(blob, NodeKind::Blob, []));
            let graph = Graph::new(count as usize, lists);
            let context = format!("seed {seed}, round {round}");
            let without_gaps =
                |links: &Vec<u32>| links.iter().copied().filter(|link| *link != NONE).collect::<Vec<_>>();
            for (tree, links) in (blobs..).zip(&named) {
                assert_eq!(graph.entries(tree).collect::<Vec<_>>(), without_gaps(links), "{context}");
            }
            let mut targets = Bits::new(graph.len());
            (0..random.u32(1..4)).for_each(|_| _ = targets.insert(random.u32(..count)));
            let mut leads = vec![false; trees as usize];
            for tree in 0..trees as usize {
                leads[tree] = targets.has(blobs + tree as u32)
                    || without_gaps(&named[tree])
                        .iter()
                        .any(|link| targets.has(*link) || (*link >= blobs && leads[(*link - blobs) as usize]));
            }
            let found = graph.trees_leading_to(&targets);
            assert_eq!((blobs..count).map(|tree| found.has(tree)).collect::<Vec<_>>(), leads, "{context}");
            let (mut naming, mut expected) = (Vec::new(), Vec::new());
            graph.naming(&targets, |tree, link| naming.push((tree, link)));
            for (tree, links) in (blobs..).zip(&named) {
                expected
                    .extend(without_gaps(links).into_iter().filter(|link| targets.has(*link)).map(|link| (tree, link)));
            }
            assert_eq!(naming, expected, "{context}");
            for tree in blobs..count {
                let mut above: Vec<u32> = graph.trees_above(tree).collect();
                above.sort_unstable();
                let times = |above: u32| named[(above - blobs) as usize].iter().filter(|link| **link == tree).count();
                let expected: Vec<u32> =
                    (blobs..count).flat_map(|above| std::iter::repeat_n(above, times(above))).collect();
                assert_eq!(above, expected, "{context}");
            }
            let root = blobs + random.u32(..trees);
            let (mut reached, mut told) = (Bits::new(graph.len()), Vec::new());
            graph.reach([root], &mut reached, |object| told.push(object));
            assert_eq!(graph.reached([root], 2), reached, "{context}");
            let (mut expected, mut at) = (vec![root], 0);
            while at < expected.len() {
                if let Some(tree) = expected[at].checked_sub(blobs) {
                    for link in without_gaps(&named[tree as usize]) {
                        if !expected.contains(&link) {
                            expected.push(link);
                        }
                    }
                }
                at += 1;
            }
            told.sort_unstable();
            expected.sort_unstable();
            assert_eq!(told, expected, "{context}");
        }
    }
}
