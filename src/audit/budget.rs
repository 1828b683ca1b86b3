//! How much of what was found is told.
//!
//! A report grows with commits and paths, and few objects can make millions of both: four levels of trees with nine
//! entries each have 6,561 paths, and a hundred commits can take them all away and bring them back.

use std::collections::HashMap;

use crate::history::{MOST_CHANGES, MOST_OF_KEY};
use crate::model::{Entry, Shown};

/// So many places at tips are named of one key, and so many of all, where all are asked for.
const MOST_HELD_OF_KEY: usize = 50_000;
const MOST_HELD: usize = 1_000_000;

/// What may still be told. Of each key the first of each kind always is.
#[derive(Debug, Default)]
pub(super) struct Budget {
    of_key: HashMap<u32, usize>,
    told: usize,
    bytes: usize,
    held: usize,
    /// Whether anything was left out.
    pub(super) is_cut: bool,
}

impl Budget {
    /// So many bytes of text are told: names, paths and subjects can be of any length.
    const MOST_BYTES: usize = 64 << 20;

    /// Whether one more may be told of a key that has `so_far` of its kind, before it is made.
    pub(super) fn has_room(&mut self, key: u32, so_far: usize) -> bool {
        let of_key = self.of_key.get(&key).copied().unwrap_or_default();
        let has_room =
            so_far == 0 || (of_key < MOST_OF_KEY && self.told < MOST_CHANGES && self.bytes < Self::MOST_BYTES);
        self.is_cut |= !has_room;
        has_room
    }

    /// One is told, of so many bytes.
    pub(super) fn spend(&mut self, key: u32, bytes: usize) {
        *self.of_key.entry(key).or_default() += 1;
        self.told += 1;
        self.bytes += bytes;
    }

    /// An entry is told; without what is long in it where no room is left, since of each key one is told in any case.
    pub(super) fn spend_entry(&mut self, key: u32, entry: &mut Entry) {
        if self.bytes >= Self::MOST_BYTES {
            self.is_cut |= lighten(entry);
        }
        self.spend(key, weight(entry));
    }

    /// Keeps of the places at tips of one key those that may be told.
    pub(super) fn cut_held<T>(&mut self, places: &mut Vec<T>, most_named: usize) {
        let most = MOST_HELD_OF_KEY.min(MOST_HELD.saturating_sub(self.held).max(1));
        // That no more than the first hundred are named is what was asked for.
        self.is_cut |= places.len() > most && most < most_named;
        places.truncate(most.min(most_named));
        self.held += places.len();
    }

    /// So many places of one key are looked for.
    pub(super) fn most_held(most_named: usize) -> usize {
        most_named.min(MOST_HELD_OF_KEY + 1)
    }
}

/// Takes out of an entry what is long; whether anything was.
fn lighten(entry: &mut Entry) -> bool {
    const LONG: usize = 200;
    const MANY: usize = 16;
    let mut any = entry.parents.len() > MANY;
    entry.parents.truncate(MANY);
    let people = [&mut entry.author, &mut entry.committer, &mut entry.tagger].into_iter().flatten();
    let people = people.flat_map(|who| [&mut who.name, &mut who.email, &mut who.time_raw]);
    let texts = [&mut entry.subject, &mut entry.path, &mut entry.reference, &mut entry.moved].into_iter().flatten();
    for text in people.chain(texts).chain(&mut entry.encoding).filter(|text| text.as_str().len() > LONG) {
        *text = Shown::own("(left out: more than is told)");
        any = true;
    }
    any
}

/// How many bytes of a repository's text an entry has.
fn weight(entry: &Entry) -> usize {
    let text = |text: &Option<Shown>| text.as_ref().map_or(0, |text| text.as_str().len());
    let people = [&entry.author, &entry.committer, &entry.tagger].into_iter().flatten();
    let people = people.map(|who| who.name.as_str().len() + who.email.as_str().len() + who.time_raw.as_str().len());
    let encoding = entry.encoding.iter().map(|step| step.as_str().len());
    people.chain(encoding).sum::<usize>()
        + [&entry.subject, &entry.path, &entry.reference, &entry.moved].map(text).iter().sum::<usize>()
        + 40 * entry.parents.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_key_the_first_is_told_and_of_all_no_more_than_there_is_room_for() {
        let mut budget = Budget::default();
        for so_far in 0..MOST_OF_KEY {
            assert!(budget.has_room(1, so_far));
            budget.spend(1, 10);
        }
        assert!(!budget.is_cut);
        assert!(!budget.has_room(1, MOST_OF_KEY));
        assert!(budget.is_cut);
        assert!(budget.has_room(2, 1), "another key has room of its own");
        budget.spend(2, Budget::MOST_BYTES);
        assert!(!budget.has_room(2, 1) && !budget.has_room(3, 1));
        assert!(budget.has_room(3, 0), "one of each is told");
    }

    #[test]
    fn a_hundred_places_are_no_cut_and_a_hundred_thousand_are() {
        let mut budget = Budget::default();
        let mut places = vec![(); 70_000];
        budget.cut_held(&mut places, 100);
        assert_eq!((places.len(), budget.is_cut), (100, false));
        let mut places = vec![(); 70_000];
        budget.cut_held(&mut places, usize::MAX);
        assert_eq!((places.len(), budget.is_cut), (MOST_HELD_OF_KEY, true));
    }
}
