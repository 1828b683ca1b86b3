//! How each key stands to what was there before: which paths of which new commits hold it, and who else does.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Work;
use super::moves::{self, Contest, Movable};
use super::tips::{Asked, Open};
use crate::gate::compare::Held;
use crate::gate::content::Links;
use crate::gate::doubts::Doubts;
use crate::gate::past::Vouched;
use crate::gate::scan::Sight;
use crate::gate::{Place, Problem, Standing, Unmasked};
use crate::key::KeyId;
use crate::model::{Confidence, ObjectType, Oid};

/// So many removals are told.
const MOST_REMOVALS: usize = 10_000;

/// So many commits of a merge's parent, and bytes of what they changed, are looked at to tell that it never held a key.
const MOST_LINE: usize = 2_000;
const MOST_LINE_BYTES: u64 = 64 << 20;

/// A commit's parent.
#[derive(Clone, Copy, Debug)]
struct Parent {
    commit: Oid,
    tree: Oid,
}

fn trees_of(parents: &[Parent]) -> Vec<Oid> {
    parents.iter().map(|parent| parent.tree).collect()
}

impl Work<'_> {
    /// Compares every new commit with its parents. Where everything that the pushed commits name came along, and none of it
    /// has a key, there is nothing to compare: a first push costs one reading.
    pub(super) fn commits(&mut self) {
        self.found.commits = self.order.len() as u64;
        let content = self.content;
        let is_here = |commit: &Oid| {
            let links = &self.links[commit];
            content.commits.contains_key(commit)
                && links.tree.is_none_or(|tree| content.trees.contains(&tree))
                && links.parents.iter().all(|parent| self.links.contains_key(parent))
        };
        let is_all_here = !content.names_others && self.order.iter().all(is_here);
        let has_keys = content.carriers.values().map(|carrier| &carrier.1).chain(content.named.values());
        if is_all_here && has_keys.into_iter().all(|scanned| scanned.keys.is_empty()) {
            return;
        }
        for at in 0..self.order.len() {
            if self.examiner.interrupt.is_set() {
                return;
            }
            if self.is_full() {
                return self.problem(Problem::TooMany);
            }
            let commit = self.order[at];
            let links = self.links[&commit].clone();
            let Some(tree) = links.tree else { continue };
            let parents: Vec<Parent> = links
                .parents
                .iter()
                .filter_map(|parent| Some(Parent { commit: *parent, tree: self.tree_of(*parent)? }))
                .collect();
            let (came, doubts) = self.comparer.held(self.receiving, &[tree], &trees_of(&parents));
            self.ask_later_about(doubts);
            let kept = self.comparer.kept_names.take();
            self.kept_names.extend(kept.into_iter().map(|name| (Some(commit), name)));
            self.compared(commit, tree, &parents, came);
        }
    }

    /// The tree of a commit, new or old.
    pub(super) fn tree_of(&mut self, commit: Oid) -> Option<Oid> {
        if let Some(links) = self.links.get(&commit) {
            return links.tree;
        }
        let mut bytes = Vec::new();
        match self.receiving.read(&commit, self.examiner.limits.object_bytes, &mut bytes) {
            Ok(Some(ObjectType::Commit)) => Links::of(&bytes, self.receiving.format).tree,
            _ => None,
        }
    }

    /// What came to a commit, and what left it: a key that left one path and came to another was moved. Where more of it came
    /// than left, that is told when the tips were asked.
    fn compared(&mut self, commit: Oid, tree: Oid, parents: &[Parent], came: Vec<Held>) {
        // Whether something was moved is part of the decision, and is read to its end.
        let has_arrivals = came.iter().any(|held| !held.is_kept);
        let most = if has_arrivals { u64::MAX } else { self.removal_bytes };
        let mut left: Vec<Held> = Vec::new();
        if most > 0 {
            let before = self.comparer.bytes;
            left = self.left(tree, parents, most);
            self.removal_bytes = self.removal_bytes.saturating_sub(self.comparer.bytes - before);
        } else {
            self.found.removals_cut |= trees_of(parents) != [tree];
        }
        let from = self.movable(tree, parents, &came, &left);
        let vouching: FxHashMap<usize, Confidence> = from.values().flatten().copied().collect();
        let pairs = moves::paired(&came, &left, from);
        let contested = moves::contested(&came, &pairs);
        let mut contest = Contest::new(commit);
        for (at, held) in came.into_iter().enumerate() {
            let standing = match pairs.contains_key(&at) {
                _ if held.is_kept => Standing::Kept,
                true if !contested.contains(&held.sight.id) => Standing::Moved,
                _ => Standing::Introduced,
            };
            let sighting = self.found.sightings.len();
            if standing == Standing::Introduced {
                self.ask_later(&held);
            }
            self.add_held(&held, Some(commit), standing);
            if standing == Standing::Moved
                && let Some(from) = pairs.get(&at).and_then(|from| left.get(*from))
            {
                self.moved(sighting, from);
            }
            if standing == Standing::Introduced && contested.contains(&held.sight.id) {
                contest.came(sighting, held);
            }
        }
        let paired: FxHashSet<usize> = pairs.into_values().collect();
        let mut removed = Vec::new();
        for (at, held) in left.into_iter().enumerate() {
            match vouching.get(&at).filter(|_| paired.contains(&at)) {
                None => removed.push(held),
                Some(to) if contested.contains(&held.sight.id) => contest.left(held, *to),
                Some(_) => {}
            }
        }
        self.removed(commit, removed.iter());
        self.contests.extend((!contest.is_empty()).then_some(contest));
    }

    /// Notes that a key was moved, and from where.
    pub(super) fn moved(&mut self, sighting: usize, from: &Held) {
        // Past the limit there is none.
        if let Some(sighting) = self.found.sightings.get_mut(sighting) {
            sighting.standing = Standing::Moved;
            sighting.moved_from = Some(Unmasked::new(&from.path));
            self.place_bytes += from.path.len();
        }
    }

    fn add_held(&mut self, held: &Held, commit: Option<Oid>, standing: Standing) {
        let came = self.receiving.came_with_push(&held.oid);
        if self.examiner.strict && !came {
            self.lay_there.push((self.found.sightings.len(), held.oid));
        }
        self.add(&held.sight, place_of(held), commit, standing, came);
    }

    /// Tells what a commit takes away. It is told for the record alone: no push is too large for it.
    pub(super) fn removed<'h>(&mut self, commit: Oid, left: impl Iterator<Item = &'h Held>) {
        for held in left {
            if self.removals >= MOST_REMOVALS {
                self.found.removals_cut = true;
                return;
            }
            self.removals += 1;
            self.add(&held.sight, place_of(held), Some(commit), Standing::Removed, false);
        }
    }

    /// What parents hold and a tree does not.
    fn left(&mut self, tree: Oid, parents: &[Parent], most: u64) -> Vec<Held> {
        let comparison = self.comparer.held_before(self.receiving, &trees_of(parents), &[tree], most);
        self.found.removals_cut |= comparison.is_cut;
        let mut left = comparison.held;
        left.retain(|held| !held.is_kept);
        left
    }

    /// Which of what left may have moved, by key. Not what only a parent held that another parent descends from: a merge
    /// with a commit of long ago brings back what was removed since. Nor what another parent holds nowhere: a merge with a
    /// branch that went on from there does too. Unless that parent never held it since their histories parted: git puts what
    /// one side added into the directory that the other side gave another name.
    fn movable(&mut self, tree: Oid, parents: &[Parent], came: &[Held], left: &[Held]) -> Movable {
        let past = self.comparer.past;
        let mut from = Movable::default();
        for (at, held) in left.iter().enumerate() {
            from.entry(held.sight.id).or_default().push((at, past.vouches_to(&held.sight)));
        }
        let mut arriving = Vouched::default();
        for Held { sight, .. } in came.iter().filter(|held| !held.is_kept && from.contains_key(&held.sight.id)) {
            let known = arriving.entry(sight.id).or_insert(sight.confidence);
            *known = sight.confidence.max(*known);
        }
        if arriving.is_empty() || parents.len() < 2 {
            return from;
        }
        let links = &self.links;
        let parents_of = |commit: &Oid| links.get(commit).map(|links| links.parents.clone());
        let commits: Vec<Oid> = parents.iter().map(|parent| parent.commit).collect();
        let earlier = self.ancestry.descended_from(self.receiving, &commits, &parents_of);
        let last: Vec<Parent> = parents.iter().filter(|parent| !earlier.contains(&parent.commit)).copied().collect();
        if last.len() < parents.len() {
            let held: FxHashMap<(KeyId, Vec<u8>), Confidence> = self
                .left(tree, &last, u64::MAX)
                .into_iter()
                .map(|held| ((held.sight.id, held.path), past.vouches_to(&held.sight)))
                .collect();
            for (id, places) in &mut from {
                places.retain_mut(|(at, to)| {
                    let there = held.get(&(*id, left[*at].path.clone()));
                    there.map(|there| *to = *there).is_some()
                });
            }
        }
        for parent in last.iter().filter(|_| last.len() > 1) {
            if arriving.is_empty() || self.examiner.interrupt.is_set() {
                break;
            }
            let others: Vec<Oid> = last.iter().map(|other| other.tree).filter(|other| *other != parent.tree).collect();
            let held = self.held_by(parent.tree, (tree, &others), &arriving);
            let mut lacking = arriving.clone();
            lacking.retain(|id, _| !held.contains_key(id));
            if !lacking.is_empty() {
                lacking = self.never_held(*parent, &last, lacking);
            }
            let may_move = |id: &KeyId| held.contains_key(id) || lacking.contains_key(id);
            arriving.retain(|id, _| may_move(id));
            from.retain(|id, places| {
                let most = held.get(id);
                places.iter_mut().for_each(|(_, to)| *to = most.map_or(*to, |most| *most.min(to)));
                may_move(id)
            });
        }
        from
    }

    /// How far a parent vouches for keys, wherever it holds them. What it does not share with the commit's tree is known, and
    /// tells it mostly; else what it does not share with the other parents; else all of it is read, until all are found.
    fn held_by(&mut self, parent: Oid, (tree, others): (Oid, &[Oid]), asked: &Vouched) -> Vouched {
        let mut held = Vouched::default();
        for against in [&[tree][..], others, &[]] {
            if self.comparer.vouches(self.receiving, (parent, against), asked, &mut held) {
                break;
            }
        }
        held
    }

    /// Which of some keys that a parent of a merge does not hold its history never held since it left that of the other
    /// parents: none where that cannot be told within bounds. From one commit to those before it what is the same holds none.
    fn never_held(&mut self, parent: Parent, all: &[Parent], mut asked: Vouched) -> Vouched {
        let others: Vec<Oid> = all.iter().map(|other| other.commit).filter(|other| *other != parent.commit).collect();
        let line = self.ancestry.own_line(self.receiving, parent.commit, &others);
        let Some(line) = line.filter(|line| line.len() <= MOST_LINE) else { return Vouched::default() };
        let end = self.comparer.bytes.saturating_add(MOST_LINE_BYTES);
        for (commit, parents) in line {
            let tree = self.tree_of(commit);
            for before in parents {
                let (Some(tree), Some(before)) = (tree, self.tree_of(before)) else { return Vouched::default() };
                let mut held = Vouched::default();
                self.comparer.vouches(self.receiving, (before, &[tree]), &asked, &mut held);
                asked.retain(|id, _| !held.contains_key(id));
                if asked.is_empty() || self.comparer.bytes > end || self.examiner.interrupt.is_set() {
                    return Vouched::default();
                }
            }
        }
        asked
    }

    /// The sighting that is added next is one of which the tips are to be asked.
    fn ask_later(&mut self, held: &Held) {
        let sighting = self.found.sightings.len();
        let Sight { id, confidence, .. } = held.sight;
        let asked = Asked::Key { sighting, id, confidence, is_name: held.is_name };
        self.open.push(Open { path: held.path.clone(), asked });
    }

    /// The same of what could not be looked into; what there is no room for counts.
    fn ask_later_about(&mut self, doubts: Doubts) {
        for (oid, path, doubt) in doubts.into_rows() {
            if let Some((path, doubt)) = self.doubts.keep(oid, path, doubt) {
                self.comparer.tell_doubt(oid, path, doubt);
            }
        }
    }

    /// Trees that a ref names without a commit: they hold what they hold.
    pub(super) fn trees(&mut self) {
        for tree in std::mem::take(&mut self.trees) {
            let (held, doubts) = self.comparer.held(self.receiving, &[tree], &[]);
            let standing = self.standing_of_named(tree, !held.is_empty() || !doubts.is_empty());
            if standing == Standing::Introduced {
                self.ask_later_about(doubts);
            }
            for held in held {
                self.ask_later(&held);
                self.add_held(&held, None, standing);
            }
        }
    }

    /// How a file or directory stands that a ref names without a commit: where it is a part of what an existing tip holds the
    /// push brings nothing. It is looked for only if it has keys, or what could not be looked into.
    pub(super) fn standing_of_named(&mut self, oid: Oid, is_asked: bool) -> Standing {
        if !is_asked || self.receiving.came_with_push(&oid) || !self.is_below_a_tip(oid) {
            return Standing::Introduced;
        }
        Standing::HeldByTip
    }

    /// Keys in what came along and no pushed ref reaches: anyone who knows the id could read it. Where the comparison ended
    /// before its end, in what it did not come to.
    pub(super) fn unreached(&mut self) {
        let is_cut = self.examiner.interrupt.is_set() || self.is_full() || !self.comparer.problems.is_empty();
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
                let line = sight.line;
                let place = match is_cut {
                    true => Place::Unplaced { oid, kind, line },
                    false => Place::Unreached { oid, kind, line },
                };
                self.add(sight, place, None, Standing::Introduced, true);
            }
        }
    }
}

fn place_of(held: &Held) -> Place {
    let path = Unmasked::new(&held.path);
    if held.is_name { Place::Name { path } } else { Place::File { path, line: held.sight.line } }
}
