//! Keys in names that a pushed directory has from before: nobody brought them, and still what carries them may be new.

use rustc_hash::FxHashSet;

use super::Problem;
use super::compare::Comparer;
use super::scan::{Sight, scan};
use crate::key::KeyId;
use crate::model::Oid;
use crate::store::{Receiving, parse};

/// A key in a name that the other side has at the same path, in another version of the directory.
#[derive(Clone, Debug)]
pub(super) struct KeptName {
    pub(super) sight: Sight,
    pub(super) path: Vec<u8>,
    /// The directory that has the name.
    pub(super) within: Oid,
}

/// Those of one examination: of each directory's keys the first.
#[derive(Debug, Default)]
pub(super) struct KeptNames {
    /// Those of the comparison at hand.
    found: Vec<KeptName>,
    known: FxHashSet<(Oid, KeyId)>,
    bytes: usize,
}

impl KeptNames {
    /// As many bytes of them are told.
    const MOST: usize = 32 << 20;

    /// Notes the keys in one name of a directory; how many are new.
    pub(super) fn note(&mut self, within: Oid, above: &[Vec<u8>], name: &[u8], keys: Vec<Sight>) -> u64 {
        let before = self.found.len();
        for sight in keys {
            if !self.is_full() && self.known.insert((within, sight.id)) {
                let path = above.iter().map(Vec::as_slice).chain([name]).collect::<Vec<_>>().join(&b'/');
                self.bytes += path.len() + size_of::<KeptName>();
                self.found.push(KeptName { sight: Sight { line: None, ..sight }, path, within });
            }
        }
        (self.found.len() - before) as u64
    }

    /// Whether there may be more than are told.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > Self::MOST
    }

    /// What the comparison at hand came to.
    pub(super) fn take(&mut self) -> Vec<KeptName> {
        std::mem::take(&mut self.found)
    }
}

/// Whether the other side has a name in a directory.
type IsThere<'a> = &'a dyn Fn(&[u8]) -> bool;

impl Comparer<'_> {
    /// Notes the keys in names of a pushed directory that stand there before. What came along is known to have any; in what lay
    /// there they are looked for where that matters.
    pub(super) fn keep_names(
        &mut self,
        receiving: &Receiving,
        (within, bytes): (Oid, &[u8]),
        is_there: IsThere<'_>,
        above: &[Vec<u8>],
    ) {
        let may_have = match receiving.came_with_push(&within) {
            true => self.content.named.contains_key(&within),
            false => self.strict && self.detector.has_candidate(bytes),
        };
        if may_have {
            let scan = |name: &[u8]| match self.detector.has_candidate(name) {
                true => scan(self.detector, name, self.interrupt).keys,
                false => Vec::new(),
            };
            let names = &mut self.kept_names;
            parse::tree(bytes, receiving.format, |entry| {
                if is_there(entry.name) {
                    self.noted += names.note(within, above, entry.name, scan(entry.name));
                }
            });
            if self.kept_names.is_full() {
                Problem::TooMany.join(&mut self.problems);
            }
        }
    }
}
