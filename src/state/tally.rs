//! How a key stood when it was noted, and whether it stands so still.
//!
//! A count does not tell what went from what came: where one introduction was purged and another made since, there is
//! one as before. So each is noted by its mark, a short hash of what a rebase and a purge of something else leave as it
//! is: who wrote it, when, and the path. No commit's id, no key.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::model::{Entry, Identity, KeyReport, Place, Shown};

/// How a key stood when it was noted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    introductions: u64,
    tips: u64,
    /// How many of the tips were branches'; none in lines that earlier versions wrote.
    branches: Option<u64>,
    /// None in lines that people or earlier versions wrote.
    noted: Option<Noted>,
}

/// What is noted beside the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Noted {
    /// How many commits had removed it altogether.
    removals: u64,
    /// Its introductions.
    seen: Marks,
    /// The refs whose tips held it.
    at: Marks,
}

impl Tally {
    /// That of a line without counts: any tip and any second introduction is news.
    pub(super) const BY_HAND: Self = Self { introductions: 1, tips: 0, branches: None, noted: None };

    /// How a key stands in a report.
    pub fn of(report: &KeyReport) -> Self {
        // Where nothing says who has an object, each edit of it would be another one.
        let is_somewhere = |entry: &&Entry| {
            entry.commit.is_some() || entry.reference.is_some() || matches!(entry.place, Place::TagMessage)
        };
        let introductions = || report.introductions.iter().filter(is_somewhere);
        let commits = |entries: &mut dyn Iterator<Item = &Entry>| {
            let which = |entry: &Entry| entry.commit.map_or((None, entry.object), |commit| (Some(commit), None));
            entries.map(which).collect::<BTreeSet<_>>().len() as u64
        };
        let at_key_level = |entry: &&Entry| entry.level == crate::model::Level::Key;
        let refs: BTreeSet<&Shown> = report.held_at.at.iter().map(|place| &place.reference).collect();
        let mut at = Marks::of(refs.iter().map(|name| mark(&[branch(name.as_str()).as_bytes()])));
        // Only the first are named.
        at.whole &= refs.len() as u64 == report.held_at.count;
        // A HEAD that names no branch mostly stands where one did.
        let heads = refs.iter().filter(|name| name.as_str() == "HEAD" || name.as_str().ends_with("/HEAD"));
        Self {
            introductions: commits(&mut introductions()),
            tips: report.held_at.count,
            branches: Some(report.held_at.branches + heads.count() as u64),
            noted: Some(Noted {
                removals: commits(&mut report.removals.iter().filter(at_key_level)),
                seen: Marks::of(introductions().map(mark_of)),
                at,
            }),
        }
    }

    /// Whether a key that stood so and now stands as `now` is news: newly introduced, or back at a tip.
    pub fn is_news(&self, now: &Self) -> bool {
        // What stood on a stale pull ref alone comes to a branch with its merge, which introduces nothing.
        let came_to_branch = self.branches == Some(0) && now.branches.is_some_and(|branches| branches > 0);
        let came = now.introductions > self.introductions || (self.tips == 0 && now.tips > 0) || came_to_branch;
        let (Some(then), Some(noted)) = (&self.noted, &now.noted) else { return came };
        // It left, and what holds it is none of what did: where it stood may have been cleaned long ago.
        let is_back = noted.removals > then.removals
            && now.tips > 0
            && then.at.whole
            && then.at.marks.is_disjoint(&noted.at.marks);
        came || is_back || then.seen.lacks_any_of(&noted.seen)
    }

    /// Takes a word of a line; whether it was one of these.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn take(&mut self, word: &str) -> Result<bool, &'static str> {
        let Some((name, value)) = word.split_once('=') else { return Ok(false) };
        let count = || value.parse().map_err(|_| "a count is no number");
        match name {
            "introductions" => self.introductions = count()?,
            "tips" => self.tips = count()?,
            "branches" => self.branches = Some(count()?),
            "removals" => self.noted.get_or_insert_default().removals = count()?,
            "seen" => self.noted.get_or_insert_default().seen = Marks::parse(value)?,
            "at" => self.noted.get_or_insert_default().at = Marks::parse(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The words of a line. The counts come first: so far earlier versions read them, and what later ones added comes last.
    pub(super) fn words(&self) -> String {
        let Self { introductions, tips, branches, noted } = self;
        let counts = format!("introductions={introductions} tips={tips}");
        let words = match noted {
            Some(Noted { removals, seen, at }) => {
                format!("{counts} removals={removals} seen={} at={}", seen.text(), at.text())
            }
            None => counts,
        };
        match branches {
            Some(branches) => format!("{words} branches={branches}"),
            None => words,
        }
    }
}

/// Short hashes, the smallest ones where there are many: so what is new among those that would be kept is told from what
/// was only left out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Marks {
    marks: BTreeSet<u64>,
    /// Whether these are all.
    whole: bool,
}

impl Default for Marks {
    fn default() -> Self {
        Self { marks: BTreeSet::new(), whole: true }
    }
}

impl Marks {
    /// A line of so many is still one that people can merge.
    const MOST: usize = 100;
    /// Behind marks that are not all.
    const AND_MORE: char = '+';

    fn of(all: impl Iterator<Item = u64>) -> Self {
        let mut marks = Self::default();
        for mark in all {
            marks.marks.insert(mark);
            if marks.marks.len() > Self::MOST {
                marks.marks.pop_last();
                marks.whole = false;
            }
        }
        marks
    }

    /// Whether `now` has one that is not here, and that would be.
    fn lacks_any_of(&self, now: &Self) -> bool {
        let last = self.marks.last().copied().unwrap_or_default();
        now.marks.iter().any(|mark| (self.whole || *mark <= last) && !self.marks.contains(mark))
    }

    fn text(&self) -> String {
        let marks: Vec<String> = self.marks.iter().map(|mark| format!("{mark:0width$x}", width = DIGITS)).collect();
        marks.join(",") + if self.whole { "" } else { "+" }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let marks = text.strip_suffix(Self::AND_MORE);
        let words = marks.unwrap_or(text).split(',').filter(|word| !word.is_empty());
        let mark = |word: &str| u64::from_str_radix(word, 16).ok().filter(|_| word.len() == DIGITS);
        let all: Option<BTreeSet<u64>> = words.map(mark).collect();
        Ok(Self { marks: all.ok_or("a mark is not twelve hex digits")?, whole: marks.is_none() })
    }
}

/// Hex digits of a mark. Forty-eight bits: nobody makes another introduction look like a noted one by chance.
const DIGITS: usize = 12;

fn mark(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(DIGITS / 2).fold(0, |mark, byte| mark << 8 | u64::from(*byte))
}

/// The mark of an introduction.
fn mark_of(entry: &Entry) -> u64 {
    let shown = |text: &Option<Shown>| text.as_ref().map_or_else(String::new, |text| text.as_str().to_owned());
    let who = |identity: &Identity| format!("{}\n{}", identity.email, identity.time_raw);
    // A sighting that nobody signed is told by its object.
    let signed = entry.author.as_ref().or(entry.tagger.as_ref()).map(who);
    let signed = signed.unwrap_or_else(|| entry.object.map_or_else(String::new, |oid| oid.to_string()));
    let place = format!("{:?}", entry.place);
    let parts = [place, shown(&entry.path), shown(&entry.reference), signed];
    mark(&parts.each_ref().map(String::as_bytes))
}

/// What a clone calls the same branch.
fn branch(name: &str) -> &str {
    if let Some(branch) = name.strip_prefix("refs/heads/") {
        return branch;
    }
    let of_remote = name.strip_prefix("refs/remotes/").and_then(|name| name.split_once('/'));
    of_remote.map_or(name, |(_, branch)| branch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(introductions: u64, tips: u64, removals: u64, seen: &[u64], at: &[u64]) -> Tally {
        let marks = |all: &[u64]| Marks::of(all.iter().copied());
        Tally { introductions, tips, branches: None, noted: Some(Noted { removals, seen: marks(seen), at: marks(at) }) }
    }

    #[test]
    fn a_key_is_news_when_it_came_again_or_is_back_at_a_tip() {
        let counted = |introductions, tips| Tally { introductions, tips, branches: None, noted: None };
        let then = counted(2, 0);
        assert!(!then.is_news(&counted(2, 0)));
        assert!(!then.is_news(&counted(1, 0)));
        assert!(then.is_news(&counted(3, 0)));
        assert!(then.is_news(&counted(2, 1)));
        assert!(!counted(2, 1).is_news(&counted(2, 5)));
        assert!(!counted(2, 1).is_news(&noted(2, 1, 7, &[1, 2], &[3])), "an earlier version's line has counts alone");
    }

    #[test]
    fn what_went_and_what_came_are_told_apart_where_their_number_is_the_same() {
        let then = noted(2, 0, 1, &[1, 2], &[]);
        assert!(!then.is_news(&noted(2, 0, 1, &[1, 2], &[])));
        assert!(!then.is_news(&noted(1, 0, 1, &[2], &[])), "a branch was deleted");
        assert!(then.is_news(&noted(2, 0, 1, &[2, 3], &[])));
        let held = noted(1, 1, 0, &[1], &[7]);
        assert!(!held.is_news(&noted(1, 0, 1, &[1], &[])), "removed");
        assert!(held.is_news(&noted(1, 1, 1, &[1], &[8])), "removed, and another ref holds it");
        assert!(!held.is_news(&noted(1, 2, 1, &[1], &[7, 8])), "never gone from where it was");
        assert!(!held.is_news(&noted(1, 1, 0, &[1], &[8])), "a branch was renamed");
    }

    #[test]
    fn what_stood_at_other_tips_alone_is_news_at_a_branch() {
        let at = |branches| Tally { branches, ..noted(1, 2, 0, &[1], &[7, 8]) };
        assert!(at(Some(0)).is_news(&at(Some(1))));
        assert!(!at(Some(0)).is_news(&at(Some(0))) && !at(Some(1)).is_news(&at(Some(2))));
        assert!(!at(None).is_news(&at(Some(1))), "an earlier version did not count them");
    }

    #[test]
    fn of_many_only_what_would_be_noted_is_compared() {
        let many: Vec<u64> = (0..1000).map(|number| number * 10).collect();
        let then = noted(1000, 0, 0, &many, &[]);
        assert!(!then.is_news(&noted(1000, 0, 0, &many, &[])));
        let with = |mark: u64| [&many[1..], &[mark]].concat();
        assert!(then.is_news(&noted(1000, 0, 0, &with(55), &[])));
        assert!(!then.is_news(&noted(1000, 0, 0, &with(9_995), &[])), "it may have been there");
        assert!(then.is_news(&noted(1001, 0, 0, &with(9_995), &[])));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let many: Vec<u64> = (0..1000).map(|number| number << 20).collect();
        for tally in [
            Tally { branches: Some(1), ..noted(3, 1, 2, &[0, 1 << 47], &[5]) },
            noted(0, 0, 0, &[], &[]),
            noted(1000, 9, 0, &many, &[1]),
        ] {
            let mut read = Tally::BY_HAND;
            assert!(tally.words().split(' ').all(|word| read.take(word) == Ok(true)), "{}", tally.words());
            assert_eq!(read, tally);
        }
        let mut read = Tally::BY_HAND;
        assert_eq!((read.take("rotated"), read.take("see=1")), (Ok(false), Ok(false)));
        assert!(read.take("seen=12").is_err() && read.take("at=00000000000g").is_err() && read.take("tips=x").is_err());
    }
}
