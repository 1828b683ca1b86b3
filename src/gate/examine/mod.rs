//! What a push brings, and which keys are in it.
//!
//! The quarantine is read whole ([`super::content`]); [`walk`] finds the commits that are new; [`held`] says how each key
//! stands to what was there before, [`moves`] what of it only went to another path, [`tips`] which of it existing refs hold.
//! This file begins and ends it.

mod held;
mod moves;
mod newness;
mod shown;
mod tips;
mod walk;
mod words;

use rustc_hash::{FxHashMap, FxHashSet};

use self::moves::Contest;
use self::tips::Open;
use super::ancestry::Ancestry;
use super::compare::Comparer;
use super::content::{self, Content, Links};
use super::doubts::Doubts;
use super::kept_names::KeptName;
use super::past::Past;
use super::scan::{Scanned, Sight, scan};
use super::{CommitShown, Examination, Limits, Place, Problem, Push, Sighting, Standing, Unmasked};
use crate::detect::Detector;
use crate::model::{Interrupt, Oid};
use crate::state::Class;
use crate::store::Receiving;

/// Reads a push.
pub struct Examiner<'a> {
    /// Finds keys.
    pub detector: &'a Detector,
    /// How much may be read.
    pub limits: &'a Limits,
    /// What the policy refuses: an old sighting that it would have let pass vouches for no surer one.
    pub refused: &'a Class,
    /// Whether it refuses new objects that carry a key which was there before.
    pub strict: bool,
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
    /// Commits that pushed refs name, by the number of the update.
    tips: Vec<(usize, Oid)>,
    /// Trees that pushed refs name.
    trees: Vec<Oid>,
    /// New objects that the pushed refs reach by themselves: commits, tags, what these tag.
    reached: FxHashSet<Oid>,
    found: Examination,
    /// Bytes of the paths in it.
    place_bytes: usize,
    /// Introductions by path, to be asked of the existing tips.
    open: Vec<Open>,
    /// What could not be looked into, to be asked of them as well.
    doubts: Doubts,
    /// What was moved to somewhere among them.
    contests: Vec<Contest>,
    /// What the sightings stand in that did not come along: by the sighting's number. Only where it matters whether it is new.
    lay_there: Vec<(usize, Oid)>,
    /// Keys in names that new directories keep, and in which commit.
    kept_names: Vec<(Option<Oid>, KeptName)>,
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
        let mut work = Work::new(self, receiving, &content, ancestry);
        work.look(push);
        // Before a refusal rests on a commit being new an exact test confirms it; where clocks were wrong all is looked at again,
        // and another that looks new then is tested as well.
        let mut tested = FxHashSet::default();
        loop {
            let mut doubtful = work.new_by_clocks();
            doubtful.retain(|commit| tested.insert(*commit));
            let old = work.ancestry.find_old(work.receiving, &doubtful);
            if old.is_empty() {
                break;
            }
            let Work { ancestry, receiving, .. } = work;
            work = Work::new(self, receiving, &content, ancestry.knowing(old));
            work.look(push);
        }
        work.ask_tips();
        work.settle_moves();
        work.settle_newness();
        work.finish(push)
    }
}

impl<'a> Work<'a> {
    fn new(
        examiner: &'a Examiner<'a>,
        receiving: &'a mut Receiving,
        content: &'a Content,
        ancestry: Ancestry<'a>,
    ) -> Self {
        let past = Past { refused: examiner.refused };
        Self {
            examiner,
            ancestry,
            receiving,
            content,
            comparer: Comparer::new(
                examiner.detector,
                examiner.limits,
                examiner.interrupt,
                content,
                past,
                examiner.strict,
            ),
            order: Vec::new(),
            links: FxHashMap::default(),
            tips: Vec::new(),
            trees: Vec::new(),
            reached: FxHashSet::default(),
            found: Examination::default(),
            place_bytes: 0,
            open: Vec::new(),
            doubts: Doubts::default(),
            contests: Vec::new(),
            lay_there: Vec::new(),
            kept_names: Vec::new(),
            removal_bytes: examiner.limits.removal_bytes,
            removals: 0,
        }
    }

    /// Looks at all that was sent, and at all that it reaches.
    fn look(&mut self, push: &Push) {
        self.quarantine();
        self.words(push);
        for (number, update) in push.updates.iter().flatten().enumerate() {
            if let Some(new) = update.new {
                self.tip(number, new);
            }
        }
        self.commits();
        self.trees();
        self.unreached();
    }

    /// The commits that did not come along and that clocks say are new, where anything was found that may rest on that.
    fn new_by_clocks(&self) -> Vec<Oid> {
        let is_removed = |sighting: &Sighting| sighting.standing == Standing::Removed;
        let found = &self.found;
        let is_nothing = found.sightings.iter().all(is_removed)
            && [&found.problems, &self.comparer.problems].iter().all(|problems| problems.is_empty())
            && found.opaque.is_empty()
            && self.kept_names.is_empty()
            && self.doubts.is_empty()
            && self.comparer.opaque.is_empty();
        if is_nothing || self.examiner.interrupt.is_set() {
            return Vec::new();
        }
        self.order.iter().copied().filter(|commit| !self.content.commits.contains_key(commit)).collect()
    }
}

impl Work<'_> {
    fn problem(&mut self, problem: Problem) {
        problem.join(&mut self.found.problems);
    }

    fn quarantine(&mut self) {
        for (oid, failure) in &self.content.failures {
            let problem = Problem::of_failure(*oid, *failure, self.examiner.limits.object_bytes);
            problem.join(&mut self.found.problems);
        }
        self.found.problems.extend(self.content.over.clone());
    }

    /// Scans what is not in the quarantine, or is no object at all; what of it could not be examined is a problem.
    fn scan(&mut self, bytes: &[u8], oid: Option<Oid>) -> Vec<Sight> {
        let scanned = scan(self.examiner.detector, bytes, self.examiner.interrupt);
        self.tell_unread(&scanned, oid);
        scanned.keys
    }

    /// Tells what of such bytes could not be looked into.
    fn tell_unread(&mut self, Scanned { opaque, limits, .. }: &Scanned, oid: Option<Oid>) {
        let named = oid.map_or_else(|| "a ref's name or a push option".to_owned(), object);
        let named = self.examiner.detector.mask(named.as_bytes());
        self.found.opaque.extend(opaque.iter().map(|what| (named.clone(), *what)));
        for limit in limits {
            self.problem(Problem::Decoding { oid, limit });
        }
    }

    /// Whether no more sightings are kept. Once so it stays so: `open` tells them by their number.
    fn is_full(&self) -> bool {
        self.found.sightings.len() >= MOST_SIGHTINGS || self.place_bytes >= MOST_PLACE_BYTES
    }

    fn add(&mut self, sight: &Sight, place: Place, commit: Option<Oid>, standing: Standing, is_new_object: bool) {
        if self.is_full() {
            return self.problem(Problem::TooMany);
        }
        self.place_bytes += place.path().map_or(0, Unmasked::length);
        // Where history is cut a commit has none for whoever pushed it, whatever it names.
        let named = |oid: &Oid| self.links.get(oid).filter(|_| !self.receiving.is_shallow(oid));
        let commit = commit.map(|oid| CommitShown::new(oid, named(&oid).map_or(0, |links| links.parents.len())));
        self.found.sightings.push(Sighting {
            id: sight.id,
            hint: sight.hint.clone(),
            kind: sight.kind,
            environment: sight.environment,
            confidence: sight.confidence,
            place,
            commit,
            standing,
            moved_from: None,
            is_new_object,
            was_there: !is_new_object,
        });
    }

    /// Everything was read: what is masked from here on is masked by all that was learned.
    fn finish(mut self, push: &Push) -> Examination {
        let detector = self.examiner.detector;
        let gaps = self.receiving.gaps.iter();
        let gaps = gaps.map(|gap| format!("{}: {}", gap.reason, detector.mask(&gap.detail)));
        // A file in the place of a directory is one for each that would be in it.
        let mut problems = Vec::new();
        gaps.for_each(|detail| Problem::Quarantine { detail }.join(&mut problems));
        self.found.problems.splice(..0, problems);
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
        for problem in std::mem::take(&mut self.comparer.problems) {
            self.problem(problem);
        }
        self.found.quarantined = self.content.objects;
        self.found.reached += self.comparer.objects;
        self.found.bytes += self.content.bytes + self.comparer.bytes;
        self.show_commits(push);
        self.note_what_was_there();
        self.found
    }

    /// What lay in a pool or unreachable, and was not sent, can be read whatever becomes of the push.
    fn note_what_was_there(&mut self) {
        let was_there = |oid: &Oid| !self.receiving.came_with_push(oid);
        for sighting in &mut self.found.sightings {
            sighting.was_there = match &sighting.place {
                Place::File { .. } => sighting.was_there,
                // A name stands in a directory, which comes with its commit.
                Place::Name { .. } | Place::CommitText { .. } => {
                    sighting.commit.as_ref().is_some_and(|commit| was_there(&commit.oid))
                }
                Place::Tag { oid, .. } | Place::Tagged { oid, .. } => was_there(oid),
                Place::Certificate { is_stored } => *is_stored,
                Place::Unreached { .. } | Place::Unplaced { .. } | Place::RefName(_) | Place::PushOption(_) => false,
            };
        }
    }
}

/// What an object is called where no path is known.
fn object(oid: Oid) -> String {
    format!("the object {}", oid.short())
}
