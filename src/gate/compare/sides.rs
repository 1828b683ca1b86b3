//! Trees side by side: what those of one side have and those of the other have not, by ids alone.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Comparer, Extent};
use crate::gate::Problem;
use crate::model::Oid;
use crate::store::{Receiving, parse};

/// An entry that stands on one side and not, at the same path with the same id, on the other.
pub(super) struct Difference<'a> {
    /// The directories above it, and its name.
    pub(super) above: &'a [Vec<u8>],
    pub(super) name: &'a [u8],
    /// The directory that it is in.
    pub(super) within: Oid,
    pub(super) oid: Oid,
    /// What the other side has at the same path.
    pub(super) same: &'a [Entry],
    pub(super) is_dir: bool,
    /// Whether git takes it for another repository's commit: then only its name is looked at.
    pub(super) is_elsewhere: bool,
}

impl Difference<'_> {
    pub(super) fn path(&self) -> Vec<u8> {
        let mut path = Vec::new();
        for name in self.above {
            path.extend_from_slice(name);
            path.push(b'/');
        }
        path.extend_from_slice(self.name);
        path
    }
}

/// Trees that stand at one path, to be laid beside those that stand there on the other side. Each list is sorted and has
/// no tree twice: a tree may name another a thousand times.
struct Frame {
    name: Vec<u8>,
    from: Vec<Oid>,
    against: Vec<Oid>,
    /// How many directories it is below the root.
    depth: usize,
}

impl Frame {
    fn new(name: Vec<u8>, depth: usize, mut from: Vec<Oid>, mut against: Vec<Oid>) -> Self {
        for list in [&mut from, &mut against] {
            list.sort_unstable();
            list.dedup();
        }
        Self { name, from, against, depth }
    }
}

/// What is on the stack of a comparison.
enum Step {
    Enter(Frame),
    /// Everything below a frame was seen; so much had been noted before.
    Leave((Vec<Oid>, Vec<Oid>), u64),
}

/// A longer path is no file's.
const LONGEST_PATH: usize = 64 << 10;

/// So many bytes of directories are laid beside one of a commit's. Of a merge of thousands the other parents hold nothing then,
/// which makes more of it new, never less.
const MOST_AGAINST: usize = 32 << 20;

/// After so many directories of one comparison the trees in which there was nothing are remembered: a few trees that name
/// each other many times have more paths than can ever be walked.
const MANY_FRAMES: u64 = 10_000;

/// What a tree has at a name, as git takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gate) struct Entry {
    pub(in crate::gate) oid: Oid,
    /// Another repository's commit.
    pub(in crate::gate) is_link: bool,
    pub(in crate::gate) is_dir: bool,
}

impl Entry {
    pub(in crate::gate) fn of(entry: &parse::TreeEntry<'_>) -> Self {
        Self { oid: entry.oid, is_link: entry.is_gitlink(), is_dir: entry.mode & 0o170_000 == 0o040_000 }
    }

    pub(in crate::gate) fn is_file(&self) -> bool {
        !self.is_dir && !self.is_link
    }
}

impl Comparer<'_> {
    /// Hands over what the trees `from` have and none of the trees `against` has at the same path, until it is answered no.
    /// An explicit stack: a tree may be as deep as its maker likes.
    pub(super) fn differences(
        &mut self,
        receiving: &mut Receiving,
        from: &[Oid],
        against: &[Oid],
        extent: Extent,
        each: &mut dyn FnMut(&mut Self, &mut Receiving, &Difference<'_>) -> bool,
    ) {
        let from: Vec<Oid> = from.iter().copied().filter(|tree| !against.contains(tree)).collect();
        let mut stack = vec![Step::Enter(Frame::new(Vec::new(), 0, from, against.to_vec()))];
        let mut above: Vec<Vec<u8>> = Vec::new();
        let mut nothing_in: FxHashSet<(Vec<Oid>, Vec<Oid>)> = FxHashSet::default();
        let mut frames = 0u64;
        while let Some(step) = stack.pop() {
            if self.interrupt.is_set() {
                return;
            }
            let mut frame = match step {
                Step::Enter(frame) => frame,
                Step::Leave(trees, before) => {
                    if self.noted == before {
                        nothing_in.insert(trees);
                    }
                    continue;
                }
            };
            above.truncate(frame.depth.saturating_sub(1));
            if frame.depth > 0 {
                above.push(std::mem::take(&mut frame.name));
            }
            if let Some(problem) = self.too_far(&frame, &above) {
                if extent == Extent::Pushed {
                    problem.join(&mut self.problems);
                    return;
                }
                continue;
            }
            frames += 1;
            if frames > MANY_FRAMES && frame.from.len() + frame.against.len() <= 8 {
                let trees = (frame.from.clone(), frame.against.clone());
                if nothing_in.contains(&trees) {
                    continue;
                }
                stack.push(Step::Leave(trees, self.noted));
            }
            if !self.frame(receiving, &frame, &above, extent, &mut stack, each) {
                return;
            }
        }
    }

    fn too_far(&self, frame: &Frame, above: &[Vec<u8>]) -> Option<Problem> {
        let oid = *frame.from.first()?;
        if frame.depth > self.limits.tree_depth {
            return Some(Problem::TooDeep { oid, limit: self.limits.tree_depth });
        }
        let bytes: usize = above.iter().map(|name| name.len() + 1).sum();
        (bytes > LONGEST_PATH).then_some(Problem::LongPath { oid, limit: LONGEST_PATH })
    }

    /// Hands over what the trees of one path have and those on the other side have not, and puts what is below on the stack.
    fn frame(
        &mut self,
        receiving: &mut Receiving,
        frame: &Frame,
        above: &[Vec<u8>],
        extent: Extent,
        stack: &mut Vec<Step>,
        each: &mut dyn FnMut(&mut Self, &mut Receiving, &Difference<'_>) -> bool,
    ) -> bool {
        let format = receiving.format;
        let against = self.against(receiving, frame, extent);
        let mut there: FxHashMap<&[u8], Vec<Entry>> = FxHashMap::default();
        for bytes in &against {
            parse::tree(bytes, format, |entry| {
                there.entry(entry.name).or_default().push(Entry::of(&entry));
            });
        }
        let mut below: FxHashMap<Vec<u8>, (Vec<Oid>, Vec<Oid>)> = FxHashMap::default();
        for tree in &frame.from {
            let bytes = self.tree(receiving, *tree, extent);
            if extent == Extent::Pushed {
                self.placed.insert(*tree);
                self.keep_names(receiving, (*tree, &bytes), &|name| there.contains_key(name), above);
            }
            let mut differing = Vec::new();
            parse::tree(&bytes, format, |entry| {
                let same = there.get(entry.name).map(Vec::as_slice).unwrap_or_default();
                // By mode as well: what stands behind a link, or behind a file's mode that names a tree, nobody can read
                // there, and the same behind another mode is new.
                let one = Entry::of(&entry);
                if !same.contains(&one) {
                    differing.push((entry, same));
                }
            });
            for (entry, same) in differing {
                let is_dir = self.is_dir(&entry);
                if is_dir {
                    let dirs = || same.iter().filter(|other| other.is_dir).map(|other| other.oid).collect();
                    below.entry(entry.name.to_vec()).or_insert_with(|| (Vec::new(), dirs())).0.push(entry.oid);
                }
                // What git takes for another repository's commit is not looked for, but is read where it is here: other
                // programs take odd modes for files.
                let is_elsewhere =
                    entry.is_gitlink() && (entry.is_submodule() || !receiving.has(&entry.oid)) && !is_dir;
                let (within, oid) = (*tree, entry.oid);
                let difference = Difference { above, name: entry.name, within, oid, same, is_dir, is_elsewhere };
                if !each(self, receiving, &difference) {
                    return false;
                }
            }
        }
        let depth = frame.depth + 1;
        let frames = below.into_iter().map(|(name, (from, against))| Frame::new(name, depth, from, against));
        stack.extend(frames.map(Step::Enter));
        true
    }

    /// The trees on the other side of a frame, as many as are laid beside it.
    fn against(&mut self, receiving: &mut Receiving, frame: &Frame, extent: Extent) -> Vec<Rc<Vec<u8>>> {
        let other = if extent == Extent::Pushed { Extent::Old } else { Extent::Pushed };
        let (mut against, mut bytes) = (Vec::new(), 0);
        for tree in &frame.against {
            if bytes > MOST_AGAINST || self.interrupt.is_set() {
                break;
            }
            let tree = self.tree(receiving, *tree, other);
            bytes += tree.len();
            against.push(tree);
        }
        against
    }

    /// Whether an entry leads to a tree. A file's mode may name one: what is below is read all the same.
    fn is_dir(&self, entry: &parse::TreeEntry<'_>) -> bool {
        entry.mode & 0o170_000 == 0o040_000 || (self.content.trees.contains(&entry.oid) && !entry.is_submodule())
    }
}
