//! What a push brings, and which keys are in it.
//!
//! The quarantine is read whole ([`super::content`]); [`walk`] finds the commits that are new; [`held`] says how each key
//! stands to what was there before. This file begins and ends it.

mod held;
mod walk;
mod words;

use rustc_hash::{FxHashMap, FxHashSet};

use super::ancestry::Ancestry;
use super::compare::Comparer;
use super::content::{self, Content, Links};
use super::scan::{Scanned, Sight, scan};
use super::{CommitShown, Examination, Limits, Place, Problem, Push, Sighting, Standing};
use crate::detect::Detector;
use crate::key::KeyId;
use crate::model::{Interrupt, ObjectType, Oid, Shown};
use crate::store::{Receiving, parse};

/// Reads a push.
pub struct Examiner<'a> {
    /// Finds keys.
    pub detector: &'a Detector,
    /// How much may be read.
    pub limits: &'a Limits,
    /// Set when the time is over.
    pub interrupt: Interrupt<'a>,
    /// So many threads read a large quarantine.
    pub threads: usize,
}

/// So many sightings are kept; a push with more is refused by what it has already.
const MOST_SIGHTINGS: usize = 100_000;

/// The same for the bytes of their paths.
const MOST_PLACE_BYTES: usize = 64 << 20;

/// The examination of one push.
struct Work<'a> {
    examiner: &'a Examiner<'a>,
    receiving: &'a mut Receiving,
    ancestry: Ancestry<'a>,
    content: &'a Content,
    comparer: Comparer<'a>,
    /// New commits, parents first, and what they name.
    order: Vec<Oid>,
    links: FxHashMap<Oid, Links>,
    /// Commits that pushed refs name.
    tips: FxHashSet<Oid>,
    /// Trees that pushed refs name.
    trees: Vec<Oid>,
    /// New objects that the pushed refs reach by themselves: commits, tags, what these tag.
    reached: FxHashSet<Oid>,
    found: Examination,
    /// Bytes of the paths in it.
    place_bytes: usize,
    /// Introductions by path, to be asked of the existing tips: which sighting, key, path, whether it is a name.
    open: Vec<(usize, KeyId, Vec<u8>, bool)>,
    /// Bytes of old content that may still be read to tell removals.
    removal_bytes: u64,
    /// Removals that were told.
    removals: usize,
}

impl Examiner<'_> {
    /// Examines a push. What is read is bounded by the limits and the interrupt.
    pub fn examine(&self, receiving: &mut Receiving, push: &Push) -> Examination {
        // A push that only deletes has its words and nothing else.
        let (content, names) = match push.only_deletes() {
            true => (Content::default(), &[][..]),
            false => (
                content::read(receiving, self.detector, self.limits, self.threads, self.interrupt),
                push.full_names.as_slice(),
            ),
        };
        let ancestry = Ancestry::new(receiving, names, self.interrupt);
        let mut work = Work {
            examiner: self,
            ancestry,
            receiving,
            content: &content,
            comparer: Comparer::new(self.detector, self.limits, self.interrupt, &content),
            order: Vec::new(),
            links: FxHashMap::default(),
            tips: FxHashSet::default(),
            trees: Vec::new(),
            reached: FxHashSet::default(),
            found: Examination::default(),
            place_bytes: 0,
            open: Vec::new(),
            removal_bytes: self.limits.removal_bytes,
            removals: 0,
        };
        work.quarantine();
        work.words(push);
        for update in push.updates.iter().flatten() {
            if let Some(new) = update.new {
                work.tip(new);
            }
        }
        work.commits();
        work.trees();
        work.unreached();
        work.ask_tips();
        work.finish()
    }
}

impl Work<'_> {
    fn problem(&mut self, problem: Problem) {
        problem.join(&mut self.found.problems);
    }

    fn quarantine(&mut self) {
        for gap in &self.receiving.gaps {
            let detail = format!("{}: {}", gap.reason, self.examiner.detector.mask(&gap.detail));
            self.found.problems.push(Problem::Quarantine { detail });
        }
        for (oid, failure) in &self.content.failures {
            let problem = Problem::of_failure(*oid, *failure, self.examiner.limits.object_bytes);
            problem.join(&mut self.found.problems);
        }
        self.found.problems.extend(self.content.over.clone());
    }

    /// Scans what is not in the quarantine, or is no object at all; what of it could not be examined is a problem.
    fn scan(&mut self, bytes: &[u8], oid: Option<Oid>) -> Vec<Sight> {
        let Scanned { keys, opaque, limits } = scan(self.examiner.detector, bytes, self.examiner.interrupt);
        let named = oid.map_or_else(|| "a ref's name or a push option".to_owned(), object);
        let named = self.examiner.detector.mask(named.as_bytes());
        self.found.opaque.extend(opaque.into_iter().map(|what| (named.clone(), what)));
        for limit in limits {
            self.problem(Problem::Decoding { oid, limit });
        }
        keys
    }

    /// Whether no more sightings are kept. Once so it stays so: `open` tells them by their number.
    fn is_full(&self) -> bool {
        self.found.sightings.len() >= MOST_SIGHTINGS || self.place_bytes >= MOST_PLACE_BYTES
    }

    fn add(&mut self, sight: &Sight, place: Place, commit: Option<Oid>, standing: Standing, is_new_object: bool) {
        if self.is_full() {
            return self.problem(Problem::TooMany);
        }
        self.place_bytes += place.path().map_or(0, |path| path.as_str().len());
        let commit = commit.map(|oid| CommitShown {
            oid,
            subject: Shown::default(),
            is_tip: false,
            is_root: self.links.get(&oid).is_some_and(|links| links.parents.is_empty()),
        });
        self.found.sightings.push(Sighting {
            id: sight.id,
            hint: sight.hint.clone(),
            kind: sight.kind,
            environment: sight.environment,
            confidence: sight.confidence,
            place,
            commit,
            standing,
            is_new_object,
        });
    }

    fn finish(mut self) -> Examination {
        let detector = self.examiner.detector;
        for (oid, path, what) in &self.comparer.opaque {
            let named = if path.is_empty() { detector.mask(object(*oid).as_bytes()) } else { detector.mask(path) };
            self.found.opaque.push((named, what));
        }
        let content = self.content;
        let carriers = content.carriers.iter().map(|(oid, (_, scanned))| (oid, scanned));
        for (oid, scanned) in carriers.chain(&content.named) {
            let named = detector.mask(object(*oid).as_bytes());
            self.found.opaque.extend(scanned.opaque.iter().map(|what| (named.clone(), *what)));
            for limit in &scanned.limits {
                self.problem(Problem::Decoding { oid: Some(*oid), limit });
            }
        }
        self.found.opaque.sort();
        self.found.opaque.dedup();
        self.found.problems.append(&mut self.comparer.problems);
        self.found.quarantined = self.content.objects;
        self.found.reached += self.comparer.objects;
        self.found.bytes += self.content.bytes + self.comparer.bytes;
        self.subjects();
        self.found
    }

    /// The subjects of the commits that are named: few are shown, so no more are read.
    fn subjects(&mut self) {
        const MOST: usize = 100;
        let mut known: FxHashMap<Oid, Shown> = FxHashMap::default();
        for sighting in &mut self.found.sightings {
            let Some(commit) = &mut sighting.commit else { continue };
            commit.is_tip = self.tips.contains(&commit.oid);
            if let Some(subject) = known.get(&commit.oid) {
                commit.subject = subject.clone();
            } else if known.len() < MOST {
                let mut bytes = Vec::new();
                let read = self.receiving.read(&commit.oid, self.examiner.limits.object_bytes, &mut bytes);
                if let Ok(Some(ObjectType::Commit)) = read {
                    let message = &bytes[parse::commit(&bytes, self.receiving.format).message];
                    // Masked whole and cut then: what is cut first may be half a key.
                    let line = message.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
                    commit.subject = self.examiner.detector.mask(line.unwrap_or_default());
                }
                known.insert(commit.oid, commit.subject.clone());
            }
        }
    }
}

/// What an object is called where no path is known.
fn object(oid: Oid) -> String {
    format!("the object {}", oid.short())
}
