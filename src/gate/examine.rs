//! What a push brings, and which keys are in it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::ancestry::Ancestry;
use super::compare::{Comparer, Extent, Held};
use super::content::{self, Content, Links};
use super::scan::{Sight, scan};
use super::{Limits, MalformedInput, Place, Problem, RefUpdate};
use crate::detect::Detector;
use crate::key::KeyId;
use crate::model::{Confidence, Environment, Interrupt, Kind, ObjectType, Oid, Shown};
use crate::store::{Receiving, parse};

/// A push as its server tells it.
#[derive(Clone, Debug)]
pub struct Push {
    /// The refs, or why they cannot be told.
    pub updates: Result<Vec<RefUpdate>, MalformedInput>,
    /// The push options, in order.
    pub options: Vec<Vec<u8>>,
    /// The blob of its certificate.
    pub certificate: Option<Oid>,
    /// The whole names of the refs, namespace and all, in the order of the updates.
    pub full_names: Vec<Vec<u8>>,
}

impl Push {
    /// Whether it only deletes refs.
    pub fn only_deletes(&self) -> bool {
        self.updates.as_ref().is_ok_and(|updates| updates.iter().all(|update| update.new.is_none()))
    }
}

/// How a key in a push stands to what was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The push introduces it there.
    Introduced,
    /// It left another path in the same commit.
    Moved,
    /// A parent holds it at the same path, in other content.
    Kept,
    /// An existing tip holds it at the same path.
    HeldByTip,
    /// The push takes it away there.
    Removed,
}

impl Standing {
    /// The name that the ledger uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Introduced => "introduced",
            Self::Moved => "moved",
            Self::Kept => "kept",
            Self::HeldByTip => "held_by_tip",
            Self::Removed => "removed",
        }
    }
}

/// A commit, as the message names it.
#[derive(Clone, Debug)]
pub struct CommitShown {
    /// Its id.
    pub oid: Oid,
    /// Its subject, masked.
    pub subject: Shown,
    /// Whether a pushed ref names it.
    pub is_tip: bool,
    /// Whether it has no parent.
    pub is_root: bool,
}

/// One key at one place of the push.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Which key.
    pub id: KeyId,
    /// What may be shown of it.
    pub hint: String,
    /// What kind of credential.
    pub kind: Kind,
    /// Of which environment.
    pub environment: Environment,
    /// How sure.
    pub confidence: Confidence,
    /// Where.
    pub place: Place,
    /// The commit it stands in.
    pub commit: Option<CommitShown>,
    /// How it stands to what was there before.
    pub standing: Standing,
    /// Whether the object that carries it is new.
    pub is_new_object: bool,
}

/// What was examined and found.
#[derive(Clone, Debug, Default)]
pub struct Examination {
    /// The keys.
    pub sightings: Vec<Sighting>,
    /// What could not be examined.
    pub problems: Vec<Problem>,
    /// What could not be looked into: where, and what.
    pub opaque: Vec<(Shown, &'static str)>,
    /// New objects of the quarantine.
    pub quarantined: u64,
    /// Objects read besides, because the push reaches them.
    pub reached: u64,
    /// New commits.
    pub commits: u64,
    /// Bytes scanned.
    pub bytes: u64,
    /// Whether a merge is among the new commits.
    pub has_merges: bool,
}

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

/// A tag of a tag of a tag: git has no limit.
const MOST_TAGS: usize = 10_000;

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
    /// Introductions by path, to be asked of the existing tips: which sighting, key, path, whether it is a name.
    open: Vec<(usize, KeyId, Vec<u8>, bool)>,
    /// Bytes of old content that may still be read to tell removals.
    removal_bytes: u64,
}

impl Examiner<'_> {
    /// Examines a push. What is read is bounded by the limits and the interrupt.
    pub fn examine(&self, receiving: &mut Receiving, push: &Push) -> Examination {
        if push.only_deletes() {
            return Examination::default();
        }
        let content = content::read(receiving, self.detector, self.limits, self.threads, self.interrupt);
        let ancestry = Ancestry::new(receiving, &push.full_names, self.interrupt);
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
            open: Vec::new(),
            removal_bytes: 32 << 20,
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
        if !self.found.problems.contains(&problem) {
            self.found.problems.push(problem);
        }
    }

    fn quarantine(&mut self) {
        for gap in &self.receiving.gaps {
            let detail = format!("{}: {}", gap.reason, self.examiner.detector.mask(&gap.detail));
            self.found.problems.push(Problem::Quarantine { detail });
        }
        for (oid, failure) in &self.content.failures {
            self.found.problems.push(Problem::of_failure(*oid, *failure, self.examiner.limits.object_bytes));
        }
        if self.content.is_over {
            self.found.problems.push(Problem::TooMuch { limit: self.examiner.limits.total_bytes });
        }
    }

    fn add(&mut self, sight: &Sight, place: Place, commit: Option<Oid>, standing: Standing, is_new_object: bool) {
        if self.found.sightings.len() >= MOST_SIGHTINGS {
            return self.problem(Problem::TooMany);
        }
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

    /// What the push says in words: names of refs, options, the certificate.
    fn words(&mut self, push: &Push) {
        if let Err(malformed) = &push.updates {
            self.problem(Problem::Input(*malformed));
        }
        let detector = self.examiner.detector;
        for (at, update) in push.updates.iter().flatten().enumerate() {
            let keys = scan(detector, &update.name, Interrupt::never()).keys;
            if update.new.is_none() || keys.is_empty() {
                continue;
            }
            let is_there = push.full_names.get(at).is_some_and(|name| self.receiving.tips.value(name).is_some());
            let standing = if is_there { Standing::Kept } else { Standing::Introduced };
            for sight in keys {
                self.add(&sight, Place::RefName(detector.mask(&update.name)), None, standing, !is_there);
            }
        }
        for (at, option) in push.options.iter().enumerate() {
            for sight in scan(detector, option, Interrupt::never()).keys {
                self.add(&sight, Place::PushOption(at + 1), None, Standing::Introduced, true);
            }
        }
        if let Some(certificate) = push.certificate {
            let mut bytes = Vec::new();
            match self.receiving.read(&certificate, self.examiner.limits.object_bytes, &mut bytes) {
                Ok(Some(_)) => {
                    for sight in scan(detector, &bytes, self.examiner.interrupt).keys {
                        self.add(&sight, Place::Certificate, None, Standing::Introduced, true);
                    }
                }
                Ok(None) => self.problem(Problem::Missing { oid: certificate, kind: "certificate" }),
                Err(failure) => {
                    let limit = self.examiner.limits.object_bytes;
                    self.problem(Problem::of_failure(certificate, failure, limit));
                }
            }
        }
    }

    /// Follows what a ref is to name to a commit, tree or blob.
    fn tip(&mut self, mut oid: Oid) {
        for _ in 0..MOST_TAGS {
            if self.examiner.interrupt.is_set() || !self.reached.insert(oid) {
                return;
            }
            if self.content.commits.contains_key(&oid) {
                self.tips.insert(oid);
                return self.commit(oid);
            }
            let came = self.receiving.came_with_push(&oid);
            if !came && self.ancestry.is_old(self.receiving, &oid) {
                return;
            }
            let mut bytes = Vec::new();
            let kind = match self.receiving.read(&oid, self.examiner.limits.object_bytes, &mut bytes) {
                Ok(Some(kind)) => kind,
                Ok(None) => return self.problem(Problem::Missing { oid, kind: "object" }),
                Err(failure) => {
                    let limit = self.examiner.limits.object_bytes;
                    return self.problem(Problem::of_failure(oid, failure, limit));
                }
            };
            match kind {
                ObjectType::Commit => {
                    self.tips.insert(oid);
                    return self.commit(oid);
                }
                _ if !came && self.ancestry.is_tip(self.receiving, &oid) => return,
                ObjectType::Tree => return self.trees.push(oid),
                ObjectType::Blob => {
                    for sight in scan(self.examiner.detector, &bytes, self.examiner.interrupt).keys {
                        let place = Place::Tagged { oid, line: sight.line };
                        self.add(&sight, place, None, Standing::Introduced, true);
                    }
                    return self.count(bytes.len(), came);
                }
                ObjectType::Tag => {
                    for sight in scan(self.examiner.detector, &bytes, self.examiner.interrupt).keys {
                        self.add(&sight, Place::Tag { oid, line: sight.line }, None, Standing::Introduced, true);
                    }
                    self.count(bytes.len(), came);
                    match parse::tag(&bytes, self.receiving.format).target {
                        Some(target) => oid = target,
                        None => return self.problem(Problem::Undecodable { oid, kind: "tag" }),
                    }
                }
            }
        }
        self.problem(Problem::Undecodable { oid, kind: "chain of tags" });
    }

    fn count(&mut self, bytes: usize, came_with_push: bool) {
        if !came_with_push {
            self.found.reached += 1;
            self.found.bytes += bytes as u64;
        }
    }

    /// Walks from a new commit to old ones; new commits are put in order, parents first.
    fn commit(&mut self, tip: Oid) {
        let mut stack: Vec<(Oid, usize)> = Vec::new();
        if self.enter(tip) {
            stack.push((tip, 0));
        }
        while let Some((commit, at)) = stack.last_mut() {
            if self.examiner.interrupt.is_set() {
                return;
            }
            let (commit, number) = (*commit, *at);
            *at += 1;
            let parent = self.links.get(&commit).and_then(|links| links.parents.get(number).copied());
            match parent {
                None => {
                    self.order.push(commit);
                    stack.pop();
                }
                Some(parent) if self.is_new_commit(commit, parent) && self.enter(parent) => stack.push((parent, 0)),
                Some(_) => {}
            }
        }
    }

    /// Whether a parent of a new commit is new too and there.
    fn is_new_commit(&mut self, child: Oid, parent: Oid) -> bool {
        if self.links.contains_key(&parent) || self.content.commits.contains_key(&parent) {
            return true;
        }
        if self.ancestry.is_old(self.receiving, &parent) {
            return false;
        }
        if self.receiving.has(&parent) {
            return true;
        }
        if !self.receiving.is_shallow(&child) {
            self.problem(Problem::Missing { oid: parent, kind: "commit" });
        }
        false
    }

    /// Takes in what a new commit names, and the keys of its own text; whether it was not known before.
    fn enter(&mut self, oid: Oid) -> bool {
        if self.links.contains_key(&oid) {
            return false;
        }
        self.reached.insert(oid);
        let links = match self.content.commits.get(&oid) {
            Some(links) => links.clone(),
            None => {
                let mut bytes = Vec::new();
                match self.receiving.read(&oid, self.examiner.limits.object_bytes, &mut bytes) {
                    Ok(Some(ObjectType::Commit)) => {}
                    Ok(Some(_)) => {
                        self.problem(Problem::Undecodable { oid, kind: "parent" });
                        return false;
                    }
                    Ok(None) => {
                        self.problem(Problem::Missing { oid, kind: "commit" });
                        return false;
                    }
                    Err(failure) => {
                        let limit = self.examiner.limits.object_bytes;
                        self.problem(Problem::of_failure(oid, failure, limit));
                        return false;
                    }
                }
                self.count(bytes.len(), false);
                let links = Links::of(&bytes, self.receiving.format);
                self.links.insert(oid, links.clone());
                for sight in scan(self.examiner.detector, &bytes, self.examiner.interrupt).keys {
                    let place = Place::CommitText { line: sight.line };
                    self.add(&sight, place, Some(oid), Standing::Introduced, true);
                }
                links
            }
        };
        if links.is_malformed {
            self.problem(Problem::Undecodable { oid, kind: "commit" });
        }
        self.found.has_merges |= links.parents.len() > 1;
        self.links.insert(oid, links);
        if let Some((_, scanned)) = self.content.carriers.get(&oid) {
            for sight in &scanned.keys {
                self.add(sight, Place::CommitText { line: sight.line }, Some(oid), Standing::Introduced, true);
            }
        }
        true
    }

    /// Compares every new commit with its parents. Where everything that the pushed commits name came along, and none of it
    /// has a key, there is nothing to compare: a first push costs one reading.
    fn commits(&mut self) {
        self.found.commits = self.order.len() as u64;
        let content = self.content;
        let is_here = |commit: &Oid| {
            let links = &self.links[commit];
            content.commits.contains_key(commit)
                && links.tree.is_none_or(|tree| content.trees.contains(&tree))
                && links.parents.iter().all(|parent| self.links.contains_key(parent))
        };
        let is_all_here = !content.names_others && self.order.iter().all(is_here);
        if is_all_here && content.carriers.is_empty() && content.named.is_empty() {
            return;
        }
        for at in 0..self.order.len() {
            if self.examiner.interrupt.is_set() {
                return;
            }
            let commit = self.order[at];
            let links = self.links[&commit].clone();
            let Some(tree) = links.tree else { continue };
            let parents: Vec<Oid> = links.parents.iter().filter_map(|parent| self.tree_of(*parent)).collect();
            let came = self.comparer.held(self.receiving, &[tree], &parents, Extent::Pushed);
            self.compared(commit, tree, &parents, links.parents.len(), came);
        }
    }

    /// The tree of a commit, new or old.
    fn tree_of(&mut self, commit: Oid) -> Option<Oid> {
        if let Some(links) = self.links.get(&commit) {
            return links.tree;
        }
        let mut bytes = Vec::new();
        match self.receiving.read(&commit, self.examiner.limits.object_bytes, &mut bytes) {
            Ok(Some(ObjectType::Commit)) => Links::of(&bytes, self.receiving.format).tree,
            _ => None,
        }
    }

    /// What came to a commit, and what left it: a key that left one path and came to another was moved, paired in the
    /// order of paths.
    fn compared(&mut self, commit: Oid, tree: Oid, parents: &[Oid], parent_count: usize, came: Vec<Held>) {
        let has_arrivals = came.iter().any(|held| !held.is_kept);
        let tells_removals = parent_count == 1 && self.removal_bytes > 0;
        let mut left: Vec<Held> = Vec::new();
        if has_arrivals || tells_removals {
            let before = self.comparer.bytes;
            left = self.comparer.held(self.receiving, parents, &[tree], Extent::Old);
            left.retain(|held| !held.is_kept);
            self.removal_bytes = self.removal_bytes.saturating_sub(self.comparer.bytes - before);
        }
        let mut from: FxHashMap<KeyId, std::collections::VecDeque<usize>> = FxHashMap::default();
        for (at, held) in left.iter().enumerate() {
            from.entry(held.sight.id).or_default().push_back(at);
        }
        let mut moved_from = FxHashSet::default();
        for held in came {
            let place = self.place_of(&held);
            let is_new = self.receiving.came_with_push(&held.oid);
            if held.is_kept {
                self.add(&held.sight, place, Some(commit), Standing::Kept, true);
            } else if let Some(at) = from.get_mut(&held.sight.id).and_then(std::collections::VecDeque::pop_front) {
                moved_from.insert(at);
                let is_new = is_new || left[at].oid != held.oid;
                self.add(&held.sight, place, Some(commit), Standing::Moved, is_new);
            } else {
                self.open.push((self.found.sightings.len(), held.sight.id, held.path.clone(), held.is_name));
                self.add(&held.sight, place, Some(commit), Standing::Introduced, true);
            }
        }
        for (at, held) in left.iter().enumerate() {
            if !moved_from.contains(&at) && parent_count == 1 {
                let place = self.place_of(held);
                self.add(&held.sight, place, Some(commit), Standing::Removed, false);
            }
        }
    }

    fn place_of(&self, held: &Held) -> Place {
        let path = self.examiner.detector.mask(&held.path);
        if held.is_name { Place::Name { path } } else { Place::File { path, line: held.sight.line } }
    }

    /// Trees that a ref names without a commit: they hold what they hold.
    fn trees(&mut self) {
        for tree in std::mem::take(&mut self.trees) {
            for held in self.comparer.held(self.receiving, &[tree], &[], Extent::Pushed) {
                let place = self.place_of(&held);
                self.open.push((self.found.sightings.len(), held.sight.id, held.path.clone(), held.is_name));
                self.add(&held.sight, place, None, Standing::Introduced, true);
            }
        }
    }

    /// Keys in what came along and no pushed ref reaches: anyone who knows the id could read it.
    fn unreached(&mut self) {
        if self.examiner.interrupt.is_set() {
            return;
        }
        let content = self.content;
        let mut unreached: Vec<(Oid, ObjectType, &[Sight])> = Vec::new();
        for (oid, (kind, scanned)) in &content.carriers {
            if !self.reached.contains(oid) && !self.comparer.placed.contains(oid) {
                unreached.push((*oid, *kind, &scanned.keys));
            }
        }
        for (oid, scanned) in &content.named {
            if !self.comparer.placed.contains(oid) {
                unreached.push((*oid, ObjectType::Tree, &scanned.keys));
            }
        }
        unreached.sort_unstable_by_key(|row| row.0);
        for (oid, kind, keys) in unreached {
            for sight in keys {
                let place = Place::Unreached { oid, kind, line: sight.line };
                self.add(sight, place, None, Standing::Introduced, true);
            }
        }
    }

    /// Introductions that an existing tip holds at the same path are none; neither are those of a commit that clocks alone
    /// made look new.
    fn ask_tips(&mut self) {
        let mut open = std::mem::take(&mut self.open);
        let mut old = FxHashSet::default();
        for sighting in self.found.sightings.iter().filter(|sighting| sighting.standing == Standing::Introduced) {
            if let Some(commit) = &sighting.commit
                && !self.content.commits.contains_key(&commit.oid)
                && self.ancestry.is_surely_old(self.receiving, &commit.oid)
            {
                old.insert(commit.oid);
            }
        }
        for sighting in &mut self.found.sightings {
            if sighting.commit.as_ref().is_some_and(|commit| old.contains(&commit.oid)) {
                sighting.standing = Standing::HeldByTip;
            }
        }
        open.retain(|row| self.found.sightings.get(row.0).is_some_and(|one| one.standing == Standing::Introduced));
        if open.is_empty() {
            return;
        }
        let mut tips: Vec<Oid> = self.ancestry.tips(self.receiving).iter().copied().collect();
        tips.sort_unstable();
        let mut seen = FxHashSet::default();
        for tip in tips {
            if open.is_empty() || self.examiner.interrupt.is_set() {
                return;
            }
            let Some(tree) = self.tree_of(tip).filter(|tree| seen.insert(*tree)) else { continue };
            open.retain(|(at, id, path, is_name)| {
                let there = self.comparer.at_path(self.receiving, tree, path);
                let holds = there.is_some_and(|oid| {
                    *is_name
                        || self
                            .comparer
                            .keys_of(self.receiving, oid, path, Extent::Old)
                            .keys
                            .iter()
                            .any(|it| it.id == *id)
                });
                if holds {
                    self.found.sightings[*at].standing = Standing::HeldByTip;
                }
                !holds
            });
        }
    }

    fn finish(mut self) -> Examination {
        let detector = self.examiner.detector;
        for (oid, path, what) in &self.comparer.opaque {
            let named = if path.is_empty() { detector.mask(oid.short().as_bytes()) } else { detector.mask(path) };
            self.found.opaque.push((named, what));
        }
        for (oid, (_, scanned)) in &self.content.carriers {
            let named = detector.mask(oid.short().as_bytes());
            self.found.opaque.extend(scanned.opaque.iter().map(|what| (named.clone(), *what)));
            self.found.problems.extend(scanned.limits.iter().map(|limit| Problem::Decoding { oid: *oid, limit }));
        }
        self.found.opaque.sort();
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
