//! What the message says of commits: subjects, and how each can be changed.

use std::collections::{BTreeSet, HashMap};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{MOST_SIGHTINGS, Work};
use crate::gate::push::{MOST_TOPS, OTHER_BRANCHES};
use crate::gate::scan::lines_of;
use crate::gate::{CommitPart, Notes, Place, Push, Sighting, Top};
use crate::key::KeyId;
use crate::model::{ObjectType, Oid, Shown};
use crate::store::parse;

/// Which pushed branches and tags lead to a commit: a bit for each of the first branches, one for the others, one for tags.
type Refs = u64;

const TAGS: Refs = 1 << 63;
const BRANCHES: Refs = OTHER_BRANCHES | (OTHER_BRANCHES - 1);

/// How a commit is reached from what is pushed.
#[derive(Clone, Copy, Default)]
struct Lead {
    refs: Refs,
    /// The tags among them, at the commit itself.
    tags: usize,
    is_tagged: bool,
    /// Of the tops: whether it is a branch's, and its place among the new commits.
    top: Option<(bool, usize)>,
    tops: u64,
    /// The update of the notes that it is of.
    notes: Option<usize>,
}

impl Lead {
    fn join(&mut self, other: Self) {
        self.refs |= other.refs;
        self.is_tagged |= other.is_tagged;
        self.top = self.top.max(other.top);
        self.tops |= other.tops;
        self.notes = self.notes.or(other.notes);
    }
}

/// A commit's own words.
#[derive(Clone, Default)]
struct Words {
    subject: Shown,
    /// Which part each line before the message is of.
    headers: Vec<CommitPart>,
    /// The lines at which each of its keys stands.
    lines: HashMap<KeyId, BTreeSet<u64>>,
}

impl Words {
    fn of(bytes: &[u8], message: usize, subject: Shown, lines: HashMap<KeyId, BTreeSet<u64>>) -> Self {
        let mut headers = Vec::new();
        for line in bytes[..message].split_inclusive(|byte| *byte == b'\n') {
            headers.push(match line {
                // A line that begins with a blank goes on with the one before.
                [b' ', ..] => headers.last().copied().unwrap_or(CommitPart::Header),
                line if line.starts_with(b"author ") || line.starts_with(b"committer ") => CommitPart::Person,
                _ => CommitPart::Header,
            });
        }
        Self { subject, headers, lines }
    }

    /// Where a key stands besides: git copies names and what was signed into messages, and each part is changed in another
    /// way.
    fn other_places(&self, id: &KeyId, first: Option<u64>) -> Vec<Place> {
        let mut parts = vec![self.part(first)];
        let mut places = Vec::new();
        for line in self.lines.get(id).into_iter().flatten().filter(|line| Some(**line) != first) {
            let part = self.part(Some(*line));
            // Which of several headers it is says the line, and of a person nothing.
            if part == CommitPart::Header || !parts.contains(&part) {
                parts.push(part);
                places.push(Place::CommitText { line: Some(*line), part });
            }
        }
        places
    }

    fn part(&self, line: Option<u64>) -> CommitPart {
        let Some(line) = line.and_then(|line| usize::try_from(line).ok()) else { return CommitPart::Message(None) };
        let header = self.headers.get(line.saturating_sub(1)).copied();
        header.unwrap_or_else(|| CommitPart::Message(Some((line - self.headers.len()) as u64)))
    }
}

impl Work<'_> {
    /// Completes the commits of sightings. Few are shown, so no more subjects are read.
    pub(super) fn show_commits(&mut self, push: &Push) {
        const MOST: usize = 100;
        if self.found.sightings.iter().all(|sighting| sighting.commit.is_none()) {
            return;
        }
        let numbers: FxHashMap<Oid, usize> = self.order.iter().copied().zip(0..).collect();
        let leads = self.leads(push);
        let parents = self.links.values().flat_map(|links| &links.parents).copied().collect::<FxHashSet<Oid>>();
        let mut known: FxHashMap<Oid, Words> = FxHashMap::default();
        for mut sighting in std::mem::take(&mut self.found.sightings) {
            let Some(commit) = &mut sighting.commit else {
                self.found.sightings.push(sighting);
                continue;
            };
            let oid = commit.oid;
            if !known.contains_key(&oid) && known.len() < MOST {
                let words = self.words_of(&oid);
                known.insert(oid, words);
            }
            let lead = leads.get(&oid).copied().unwrap_or_default();
            commit.subject = known.get(&oid).map(|words| words.subject.clone()).unwrap_or_default();
            commit.number = numbers.get(&oid).copied().unwrap_or_default();
            commit.is_last = !parents.contains(&oid);
            let top = lead.top.and_then(|(is_branch, number)| Some(Top { oid: *self.order.get(number)?, is_branch }));
            commit.top = top.unwrap_or(commit.top);
            commit.tops = lead.tops;
            commit.branches = lead.refs & BRANCHES;
            commit.is_tagged = lead.is_tagged;
            commit.notes = lead.notes.map(|update| notes_of(push, update));
            let mut others = Vec::new();
            if let (Some(words), Place::CommitText { line, part }) = (known.get(&oid), &mut sighting.place) {
                *part = words.part(*line);
                others = words.other_places(&sighting.id, *line);
            }
            let others: Vec<Sighting> =
                others.into_iter().map(|place| Sighting { place, ..sighting.clone() }).collect();
            self.found.sightings.push(sighting);
            let room = MOST_SIGHTINGS.saturating_sub(self.found.sightings.len());
            self.found.sightings.extend(others.into_iter().take(room));
        }
    }

    fn words_of(&mut self, oid: &Oid) -> Words {
        let mut bytes = Vec::new();
        let read = self.receiving.read(oid, self.examiner.limits.object_bytes, &mut bytes);
        if !matches!(read, Ok(Some(ObjectType::Commit))) {
            return Words::default();
        }
        let from = parse::commit(&bytes, self.receiving.format).message.start;
        // Masked whole and cut then: what is cut first may be half a key.
        let line = bytes[from..].split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
        let subject = self.examiner.detector.mask(line.unwrap_or_default());
        Words::of(&bytes, from, subject, lines_of(self.examiner.detector, &bytes, self.examiner.interrupt))
    }

    /// Which pushed refs lead to each new commit, and from where.
    fn leads(&mut self, push: &Push) -> FxHashMap<Oid, Lead> {
        let mut named = self.named(push);
        let with_key = self.with_key_below();
        let mut leads: FxHashMap<Oid, Lead> = FxHashMap::default();
        // Children come after their parents.
        for (number, commit) in self.order.iter().enumerate().rev() {
            let mut lead = leads.get(commit).copied().unwrap_or_default();
            if let Some(own) = named.remove(commit) {
                let is_branch = own.refs & BRANCHES != 0;
                let is_top = own.refs != 0 && lead.refs == 0;
                if is_top && with_key.contains(commit) {
                    lead.tops |= enter(&mut self.found.tops, Top { oid: *commit, is_branch });
                }
                if is_top || lead.top.is_none() {
                    lead.top = Some((is_branch, number));
                }
                // Whoever makes a tag's commit again makes the tag.
                lead.is_tagged |= own.tags > usize::from(is_top && !is_branch);
                lead.join(own);
                leads.insert(*commit, lead);
            }
            let Some(links) = self.links.get(commit).filter(|_| leads.contains_key(commit)) else { continue };
            for parent in &links.parents {
                leads.entry(*parent).or_default().join(lead);
            }
        }
        leads
    }

    /// Which pushed refs name each commit.
    fn named(&self, push: &Push) -> FxHashMap<Oid, Lead> {
        let mut named: FxHashMap<Oid, Lead> = FxHashMap::default();
        let mut branches = 0;
        for (update, tip) in &self.tips {
            let own = named.entry(*tip).or_default();
            match name(push, *update) {
                name if name.starts_with(b"refs/notes/") => own.notes = own.notes.or(Some(*update)),
                name if name.starts_with(b"refs/tags/") => {
                    own.refs |= TAGS;
                    own.tags += 1;
                }
                _ => {
                    branches += 1;
                    own.refs |= 1u64.checked_shl(branches - 1).unwrap_or(OTHER_BRANCHES).min(OTHER_BRANCHES);
                }
            }
        }
        named
    }

    /// The new commits that have a sighting, and those made on them.
    fn with_key_below(&self) -> FxHashSet<Oid> {
        let sightings = self.found.sightings.iter();
        let mut with_key: FxHashSet<Oid> =
            sightings.filter_map(|sighting| Some(sighting.commit.as_ref()?.oid)).collect();
        for commit in &self.order {
            let links = self.links.get(commit);
            if links.is_some_and(|links| links.parents.iter().any(|parent| with_key.contains(parent))) {
                with_key.insert(*commit);
            }
        }
        with_key
    }
}

/// Takes a top in; its bit.
fn enter(tops: &mut Vec<Top>, top: Top) -> u64 {
    match tops.get_mut(MOST_TOPS) {
        Some(others) => others.is_branch &= top.is_branch,
        None => tops.push(top),
    }
    1 << (tops.len() - 1)
}

/// The notes that an update is of.
fn notes_of(push: &Push, update: usize) -> Notes {
    Notes { old: push.updates.as_ref().ok().and_then(|updates| updates.get(update)?.old) }
}

fn name(push: &Push, update: usize) -> &[u8] {
    push.updates.as_ref().ok().and_then(|updates| updates.get(update)).map_or(b"", |update| &update.name)
}
