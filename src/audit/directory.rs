//! What is known of a tree for the trees that are made of it.
//!
//! A version of a directory differs from the one before in an entry or two, and may have a thousand: what a delta copies
//! was looked up and searched there. Exact, because what an entry is depends on its own bytes alone, and where it begins
//! is checked.

use crate::history::NONE;
use crate::model::{Copied, ObjectFormat, Oid};
use crate::store::parse::{self, TreeEntry};

/// A tree's entries.
#[derive(Debug, Default)]
pub(super) struct Directory {
    entries: Vec<Entry>,
    /// Which of them have names that say something, in order.
    pub(super) telling: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Where the next one begins.
    end: u32,
    /// The number of what it names.
    link: u32,
}

/// A tree that is being read, and what it has of another.
pub(super) struct Reading<'a> {
    bytes: &'a [u8],
    format: ObjectFormat,
    base: Option<&'a Directory>,
    /// What of the other is copied from here on.
    parts: &'a [Copied],
    at: usize,
}

impl<'a> Reading<'a> {
    pub(super) fn new(bytes: &'a [u8], format: ObjectFormat, base: Option<(&'a Directory, &'a [Copied])>) -> Self {
        let (base, parts) = base.map_or((None, &[][..]), |(base, parts)| (Some(base), parts));
        Self { bytes, format, base, parts, at: 0 }
    }

    /// Reads on into `directory` up to the next entry that is not of the other tree; its number. What it names is to be set
    /// ([`Directory::set_link`]).
    pub(super) fn next(&mut self, directory: &mut Directory) -> Option<(u32, TreeEntry<'a>)> {
        loop {
            while let Some((part, later)) = self.parts.split_first()
                && part.to + part.length <= self.at
            {
                self.parts = later;
            }
            if let (Some(base), Some(part)) = (self.base, self.parts.first())
                && part.to <= self.at
                && part.to + part.length <= self.bytes.len()
                && let Some(end) = directory.take_over(base, *part, self.at)
            {
                self.at = end;
                continue;
            }
            let (entry, end) = parse::tree_entry(self.bytes, self.at, self.format)?;
            let number = directory.entries.len() as u32;
            directory.entries.push(Entry { end: end as u32, link: NONE });
            self.at = end;
            return Some((number, entry));
        }
    }

    /// Whether it was read to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.at == self.bytes.len()
    }
}

impl Directory {
    /// With room for as many entries as the other has.
    pub(super) fn after(base: Option<(&Self, &[Copied])>) -> Self {
        let room = base.map_or(0, |(base, _)| base.entries.len() + 4);
        Self { entries: Vec::with_capacity(room), telling: Vec::new() }
    }

    /// Takes over the entries that were copied whole, from the one that begins at `at`, if one does; where the last ends.
    fn take_over(&mut self, base: &Self, part: Copied, at: usize) -> Option<usize> {
        let start = part.from + (at - part.to);
        let before = |place: usize| base.entries.partition_point(|entry| entry.end as usize <= place);
        let (first, last) = (before(start), before(part.from + part.length));
        let begins = first.checked_sub(1).map_or(0, |before| base.entries[before].end as usize) == start;
        if !begins || first >= last {
            return None;
        }
        let moved = |end: u32| (end as usize - part.from + part.to) as u32;
        let taken = &base.entries[first..last];
        let number = self.entries.len();
        self.entries.extend(taken.iter().map(|entry| Entry { end: moved(entry.end), ..*entry }));
        let telling = base.telling.iter().map(|at| *at as usize).filter(|at| (first..last).contains(at));
        self.telling.extend(telling.map(|at| (at - first + number) as u32));
        self.entries.last().map(|entry| entry.end as usize)
    }

    /// Sets what an entry names.
    pub(super) fn set_link(&mut self, entry: u32, link: u32) {
        if let Some(entry) = self.entries.get_mut(entry as usize) {
            entry.link = link;
        }
    }

    /// What its entries name.
    pub(super) fn links(&self) -> impl Iterator<Item = u32> {
        self.entries.iter().map(|entry| entry.link)
    }

    /// Whether it is large enough that knowing it is worth the while, and small enough to be kept.
    pub(super) fn is_of_use(&self, bytes: &[u8]) -> bool {
        const SHORTEST: usize = 128;
        /// Two mebibytes, as of a blob's hits.
        const MOST: usize = 1 << 18;
        (SHORTEST..=u32::MAX as usize).contains(&bytes.len()) && self.entries.len() <= MOST
    }
}

/// The entries of a tree that are not of the one it is made of.
#[derive(Default)]
pub(super) struct NewEntries {
    pub(super) numbers: Vec<u32>,
    pub(super) oids: Vec<Oid>,
    pub(super) kinds: Vec<Named>,
    /// As in the tree, but for the ids, which look like anything.
    pub(super) names: Vec<u8>,
    pub(super) submodules: Vec<Vec<u8>>,
}

/// What an entry's mode says that it names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    File,
    Tree,
    Submodule,
    /// With another mode that git takes for a submodule's.
    Gitlink,
}

impl NewEntries {
    /// So many are dealt with together: a tree can have millions.
    pub(super) const AT_ONCE: usize = 4096;

    pub(super) fn push(&mut self, number: u32, entry: &TreeEntry<'_>) {
        self.numbers.push(number);
        self.oids.push(entry.oid);
        self.kinds.push(match entry.mode & 0o170_000 {
            0o040_000 => Named::Tree,
            _ if entry.is_submodule() => Named::Submodule,
            _ if entry.is_gitlink() => Named::Gitlink,
            _ => Named::File,
        });
        self.names.push(b' ');
        self.names.extend_from_slice(entry.name);
        self.names.push(0);
        if entry.is_submodule() {
            self.submodules.push(entry.name.to_vec());
        }
    }

    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.oids.clear();
        self.kinds.clear();
        self.names.clear();
        self.submodules.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a tree comes out as: where each entry ends and what it names, which of them tell, and whether it is whole.
    type Outcome = (Vec<(u32, u32)>, Vec<u32>, bool);

    fn read(bytes: &[u8], base: Option<(&Directory, &[Copied])>) -> (Directory, Outcome, usize) {
        let (mut directory, mut new) = (Directory::after(base), Vec::new());
        let mut reading = Reading::new(bytes, ObjectFormat::Sha1, base);
        while let Some((number, entry)) = reading.next(&mut directory) {
            let link = entry.oid.as_bytes()[..4].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
            new.push((number, link >> 1, entry.name.contains(&b'k')));
        }
        let is_whole = reading.is_whole();
        for (number, link, tells) in &new {
            directory.set_link(*number, *link);
            if *tells {
                directory.telling.push(*number);
            }
        }
        directory.telling.sort_unstable();
        let entries = directory.entries.iter().map(|entry| (entry.end, entry.link)).collect();
        let outcome = (entries, directory.telling.clone(), is_whole);
        (directory, outcome, new.len())
    }

    fn entry(random: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
        let name: String =
            (0..random.usize(1..12)).map(|_| random.choice(['a', 'k', '.', ' ']).unwrap_or('a')).collect();
        bytes.extend_from_slice(
            format!("{} {name}\0", random.choice(["100644", "40000", "160000"]).unwrap_or("1")).as_bytes(),
        );
        // Ids with what looks like an entry in them.
        bytes.extend((0..20).map(|_| *random.choice(b"\0 47abc\xff").unwrap_or(&0)));
    }

    #[test]
    fn what_is_taken_over_and_what_is_read_are_together_what_is_read_anew() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut all, mut fresh, mut broken) = (0, 0, 0);
        for round in 0..300 {
            let mut bytes = Vec::new();
            (0..random.usize(1..120)).for_each(|_| entry(&mut random, &mut bytes));
            let (mut base, ..) = read(&bytes, None);
            for version in 0..5 {
                // Cut anywhere or between entries, with something new between.
                let (mut next, mut same) = (Vec::new(), Vec::new());
                for _ in 0..random.usize(1..5) {
                    (0..random.usize(..3)).for_each(|_| entry(&mut random, &mut next));
                    let ends: Vec<usize> = base.entries.iter().map(|entry| entry.end as usize).collect();
                    let mut place = || match random.bool() {
                        true => random.usize(..=bytes.len()),
                        false => random.choice(&ends).copied().unwrap_or(0),
                    };
                    let (a, b) = (place(), place());
                    let (from, to) = (a.min(b), a.max(b));
                    same.push(Copied { from, to: next.len(), length: to - from });
                    next.extend_from_slice(&bytes[from..to]);
                }
                let (directory, outcome, new) = read(&next, Some((&base, &same)));
                assert_eq!(outcome, read(&next, None).1, "seed {seed}, round {round}, version {version}");
                (all, fresh) = (all + directory.entries.len(), fresh + new);
                if !outcome.2 || directory.entries.is_empty() {
                    broken += 1;
                    break;
                }
                (bytes, base) = (next, directory);
            }
        }
        assert!(fresh < all / 2 && broken > 20, "{fresh} of {all} read, {broken} broken");
    }
}
