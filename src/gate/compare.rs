//! What one commit's tree has that others have not: trees side by side, by ids alone, and only what differs is read.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::content::Content;
use super::scan::{Scanned, Sight, scan};
use super::{Limits, Problem};
use crate::detect::Detector;
use crate::model::{Interrupt, ObjectType, Oid};
use crate::store::{Failure, Receiving, parse};

/// An entry that stands on one side and not, at the same path with the same id, on the other.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) path: Vec<u8>,
    pub(super) oid: Oid,
    /// Files of the other side at the same path.
    pub(super) against: Vec<Oid>,
    /// Whether the other side has nothing of this name there.
    pub(super) is_new_name: bool,
    /// Whether the entry is a directory: then only its name is told here.
    pub(super) is_dir: bool,
}

/// A key that one side holds at a path and the other does not.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) sight: Sight,
    pub(super) path: Vec<u8>,
    pub(super) oid: Oid,
    /// Whether it stands in the path and not in the content.
    pub(super) is_name: bool,
    /// Whether the other side holds it at the same path, in other content.
    pub(super) is_kept: bool,
}

/// How far a comparison goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it; what is missing or cannot be read is a problem of the push's.
    Pushed,
    /// As far as it goes: old content that cannot be read holds nothing.
    Old,
}

/// Reads trees and files and remembers what it saw.
pub(super) struct Comparer<'a> {
    pub(super) detector: &'a Detector,
    pub(super) limits: &'a Limits,
    pub(super) interrupt: Interrupt<'a>,
    pub(super) content: &'a Content,
    pub(super) problems: Vec<Problem>,
    /// Objects that stand in a pushed commit's tree.
    pub(super) placed: FxHashSet<Oid>,
    /// Keys of objects outside the quarantine that were scanned; of those without a key only that they were.
    outside: FxHashMap<Oid, Rc<Scanned>>,
    clean: FxHashSet<Oid>,
    told: FxHashSet<Oid>,
    trees: FxHashMap<Oid, Rc<Vec<u8>>>,
    trees_bytes: usize,
    /// Bytes and objects outside the quarantine that were scanned.
    pub(super) bytes: u64,
    pub(super) objects: u64,
    /// Containers that could not be looked into: in which object.
    pub(super) opaque: Vec<(Oid, Vec<u8>, &'static str)>,
}

struct Frame {
    path: Vec<u8>,
    from: Vec<Oid>,
    against: Vec<Oid>,
    depth: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    oid: Oid,
    is_link: bool,
    is_dir: bool,
}

impl<'a> Comparer<'a> {
    pub(super) fn new(
        detector: &'a Detector,
        limits: &'a Limits,
        interrupt: Interrupt<'a>,
        content: &'a Content,
    ) -> Self {
        Self {
            detector,
            limits,
            interrupt,
            content,
            problems: Vec::new(),
            placed: FxHashSet::default(),
            outside: FxHashMap::default(),
            clean: FxHashSet::default(),
            told: FxHashSet::default(),
            trees: FxHashMap::default(),
            trees_bytes: 0,
            bytes: 0,
            objects: 0,
            opaque: Vec::new(),
        }
    }

    fn problem(&mut self, oid: Oid, problem: Problem) {
        if self.told.insert(oid) {
            self.problems.push(problem);
        }
    }

    /// The bytes of a tree; nothing where it is none that can be read.
    fn tree(&mut self, receiving: &mut Receiving, oid: Oid, extent: Extent) -> Rc<Vec<u8>> {
        /// As many bytes of trees are kept for the next commit.
        const MOST: usize = 8 << 20;
        if let Some(bytes) = self.trees.get(&oid) {
            return Rc::clone(bytes);
        }
        let mut bytes = Vec::new();
        match receiving.read(&oid, self.limits.object_bytes, &mut bytes) {
            Ok(Some(ObjectType::Tree)) => {
                if extent == Extent::Pushed && !parse::tree(&bytes, receiving.format, |_| {}) {
                    self.problem(oid, Problem::Undecodable { oid, kind: "tree" });
                }
            }
            unread => {
                if extent == Extent::Pushed && !oid.is_builtin() {
                    match unread {
                        Ok(Some(_)) => {}
                        Ok(None) => self.problem(oid, Problem::Missing { oid, kind: "tree" }),
                        Err(failure) => self.failed(oid, failure),
                    }
                }
                return Rc::default();
            }
        }
        if self.trees_bytes + bytes.len() > MOST {
            self.trees.clear();
            self.trees_bytes = 0;
        }
        self.trees_bytes += bytes.len();
        let bytes = Rc::new(bytes);
        self.trees.insert(oid, Rc::clone(&bytes));
        bytes
    }

    fn failed(&mut self, oid: Oid, failure: Failure) {
        let problem = Problem::of_failure(oid, failure, self.limits.object_bytes);
        self.problem(oid, problem);
    }

    /// Hands over what the trees `from` have and none of the trees `against` has at the same path. An explicit stack: a
    /// tree may be as deep as its maker likes.
    fn differences(
        &mut self,
        receiving: &mut Receiving,
        from: &[Oid],
        against: &[Oid],
        extent: Extent,
        each: &mut dyn FnMut(&mut Self, &mut Receiving, Difference),
    ) {
        let from: Vec<Oid> = from.iter().copied().filter(|tree| !against.contains(tree)).collect();
        let mut stack = vec![Frame { path: Vec::new(), from, against: against.to_vec(), depth: 0 }];
        while let Some(frame) = stack.pop() {
            if self.interrupt.is_set() {
                return;
            }
            if frame.depth > self.limits.tree_depth {
                if extent == Extent::Pushed {
                    let oid = frame.from.first().copied();
                    self.problems.extend(oid.map(|oid| Problem::TooDeep { oid, limit: self.limits.tree_depth }));
                    return;
                }
                continue;
            }
            self.frame(receiving, &frame, extent, &mut stack, each);
        }
    }

    fn frame(
        &mut self,
        receiving: &mut Receiving,
        frame: &Frame,
        extent: Extent,
        stack: &mut Vec<Frame>,
        each: &mut dyn FnMut(&mut Self, &mut Receiving, Difference),
    ) {
        let format = receiving.format;
        let other = if extent == Extent::Pushed { Extent::Old } else { Extent::Pushed };
        let against: Vec<Rc<Vec<u8>>> = frame.against.iter().map(|tree| self.tree(receiving, *tree, other)).collect();
        let mut there: FxHashMap<&[u8], Vec<Entry>> = FxHashMap::default();
        for bytes in &against {
            parse::tree(bytes, format, |entry| {
                let one =
                    Entry { oid: entry.oid, is_link: entry.is_gitlink(), is_dir: entry.mode & 0o170_000 == 0o040_000 };
                there.entry(entry.name).or_default().push(one);
            });
        }
        let mut below: FxHashMap<Vec<u8>, (Vec<Oid>, Vec<Oid>)> = FxHashMap::default();
        for tree in &frame.from {
            let bytes = self.tree(receiving, *tree, extent);
            if extent == Extent::Pushed {
                self.placed.insert(*tree);
            }
            let mut differing = Vec::new();
            parse::tree(&bytes, format, |entry| {
                let same = there.get(entry.name).map(Vec::as_slice).unwrap_or_default();
                let is_link = entry.is_gitlink();
                if !same.iter().any(|other| other.oid == entry.oid && other.is_link == is_link) {
                    differing.push((entry, same));
                }
            });
            for (entry, same) in differing {
                let mut is_dir = entry.mode & 0o170_000 == 0o040_000;
                let path = join(&frame.path, entry.name);
                // A file's mode may name a tree: what is below is read all the same.
                is_dir |= self.content.trees.contains(&entry.oid) && !entry.is_submodule();
                if is_dir {
                    let (from, against) = below.entry(path.clone()).or_default();
                    from.push(entry.oid);
                    against.extend(same.iter().filter(|other| other.is_dir).map(|other| other.oid));
                }
                // What git takes for another repository's commit is not looked for, but is read where it is here: other
                // programs take odd modes for files.
                if entry.is_gitlink() && (entry.is_submodule() || !receiving.has(&entry.oid)) && !is_dir {
                    if same.is_empty() && self.detector.has_candidate(entry.name) {
                        let only_name =
                            Difference { path, oid: entry.oid, against: Vec::new(), is_new_name: true, is_dir: true };
                        each(self, receiving, only_name);
                    }
                    continue;
                }
                let files = same.iter().filter(|other| !other.is_dir && !other.is_link).map(|other| other.oid);
                let difference =
                    Difference { path, oid: entry.oid, against: files.collect(), is_new_name: same.is_empty(), is_dir };
                each(self, receiving, difference);
            }
        }
        for (path, (from, against)) in below {
            stack.push(Frame { path, from, against, depth: frame.depth + 1 });
        }
    }

    /// The keys that `from` holds where `against` does not, and with `is_kept` where it does in other content.
    pub(super) fn held(
        &mut self,
        receiving: &mut Receiving,
        from: &[Oid],
        against: &[Oid],
        extent: Extent,
    ) -> Vec<Held> {
        let mut held = Vec::new();
        self.differences(receiving, from, against, extent, &mut |this, receiving, difference| {
            let Difference { path, oid, against, is_new_name, is_dir } = difference;
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            if is_new_name && this.detector.has_candidate(name) {
                let named = scan(this.detector, name, Interrupt::never()).keys;
                held.extend(named.into_iter().map(|sight| Held {
                    sight: Sight { line: None, ..sight },
                    path: path.clone(),
                    oid,
                    is_name: true,
                    is_kept: false,
                }));
            }
            if is_dir && !this.content.carriers.contains_key(&oid) {
                return;
            }
            if extent == Extent::Pushed {
                this.placed.insert(oid);
            }
            let scanned = this.keys_of(receiving, oid, &path, extent);
            if scanned.keys.is_empty() {
                return;
            }
            let before: FxHashSet<_> = against
                .iter()
                .flat_map(|other| this.keys_of(receiving, *other, &path, Extent::Old).keys.clone())
                .map(|sight| sight.id)
                .collect();
            held.extend(scanned.keys.iter().map(|sight| Held {
                sight: sight.clone(),
                path: path.clone(),
                oid,
                is_name: false,
                is_kept: before.contains(&sight.id),
            }));
        });
        held.sort_by(|a, b| (&a.path, a.sight.id).cmp(&(&b.path, b.sight.id)));
        held.dedup_by(|a, b| (&a.path, a.sight.id, a.is_name) == (&b.path, b.sight.id, b.is_name));
        held
    }

    /// The keys of a file, scanned now if it was not yet.
    pub(super) fn keys_of(&mut self, receiving: &mut Receiving, oid: Oid, path: &[u8], extent: Extent) -> Rc<Scanned> {
        if let Some((_, scanned)) = self.content.carriers.get(&oid) {
            return Rc::new(scanned.clone());
        }
        if let Some(scanned) = self.outside.get(&oid) {
            return Rc::clone(scanned);
        }
        let nothing = Rc::new(Scanned::default());
        if oid.is_builtin() || self.clean.contains(&oid) || receiving.came_with_push(&oid) {
            return nothing;
        }
        let mut bytes = Vec::new();
        match receiving.read(&oid, self.limits.object_bytes, &mut bytes) {
            Ok(Some(_)) => {}
            _ if extent == Extent::Old => return nothing,
            Ok(None) => {
                self.problem(oid, Problem::Missing { oid, kind: "file" });
                return nothing;
            }
            Err(failure) => {
                self.failed(oid, failure);
                return nothing;
            }
        }
        self.objects += 1;
        self.bytes += bytes.len() as u64;
        let scanned = Rc::new(scan(self.detector, &bytes, self.interrupt));
        if extent == Extent::Pushed {
            self.opaque.extend(scanned.opaque.iter().map(|what| (oid, path.to_vec(), *what)));
            for limit in &scanned.limits {
                self.problem(oid, Problem::Decoding { oid, limit });
            }
        }
        if scanned.keys.is_empty() {
            self.clean.insert(oid);
        } else {
            self.outside.insert(oid, Rc::clone(&scanned));
        }
        scanned
    }

    /// What stands at a path below a tree, where something does.
    pub(super) fn at_path(&mut self, receiving: &mut Receiving, root: Oid, path: &[u8]) -> Option<Oid> {
        let mut at = root;
        for name in path.split(|byte| *byte == b'/') {
            let bytes = self.tree(receiving, at, Extent::Old);
            let mut found = None;
            parse::tree(&bytes, receiving.format, |entry| {
                if entry.name == name && found.is_none() {
                    found = Some(entry.oid);
                }
            });
            at = found?;
        }
        Some(at)
    }
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() }
}
