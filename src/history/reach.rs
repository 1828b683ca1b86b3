//! What roots reach, on all threads.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::{Bits, Graph, NONE, NodeKind};

/// A set that several threads add to.
struct SharedBits(Vec<AtomicU64>);

impl SharedBits {
    /// Adds a number; whether it was not there before.
    fn insert(&self, number: u32) -> bool {
        let (word, bit) = (&self.0[number as usize / 64], 1 << (number % 64));
        // Mostly it is there, and to look does not take the word from others.
        word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }
}

impl Graph {
    /// All that `roots` reach, parts included. Commits are followed by one thread, what hangs from them by all.
    pub fn reached(&self, roots: impl IntoIterator<Item = u32>, threads: usize) -> Bits {
        const SHARE: usize = 64;
        // Not shared yet: a step from commit to commit waits for memory, and an insertion that others could see would have
        // all that comes after it wait as well.
        let mut reached = Bits::new(self.len());
        let (mut pending, mut trees) = (Vec::new(), Vec::new());
        let mut take = |node: u32, pending: &mut Vec<u32>| {
            if node != NONE && reached.insert(node) {
                match self.kind(node) {
                    NodeKind::Commit | NodeKind::Tag => pending.push(node),
                    _ => trees.push(node),
                }
            }
        };
        for root in roots {
            take(root, &mut pending);
            while let Some(commit) = pending.pop() {
                self.links(commit).iter().for_each(|link| take(*link, &mut pending));
            }
        }
        let reached = SharedBits(reached.into_words().into_iter().map(AtomicU64::new).collect());
        let next = AtomicUsize::new(0);
        let work = || {
            let mut pending: Vec<u32> = Vec::new();
            loop {
                let from = next.fetch_add(SHARE, Ordering::Relaxed);
                let Some(some) = trees.get(from..trees.len().min(from.saturating_add(SHARE))) else { return };
                if some.is_empty() {
                    return;
                }
                pending.extend_from_slice(some);
                while let Some(node) = pending.pop() {
                    pending.extend(self.links(node).iter().filter(|link| **link != NONE && reached.insert(**link)));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.min(trees.len().div_ceil(SHARE)) {
                // Where there is no thread to be had the others do it.
                _ = std::thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        Bits::of_words(reached.0.into_iter().map(AtomicU64::into_inner).collect())
    }
}
