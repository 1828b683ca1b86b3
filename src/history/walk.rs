//! One walk over the commits, parents first.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::{KeySets, NodeId, Presence, SetId, Spot};
use crate::model::{Interrupt, Order};

/// What the walk must know of a commit. Parents are numbers of commits in the same list.
#[derive(Clone, Debug)]
pub struct CommitFacts {
    /// The parents that are there.
    pub parents: Vec<u32>,
    /// Whether a parent, or a tree of a parent's, is not there or cannot be made out: what the commit holds came in at it or
    /// before it.
    pub is_cut: bool,
    /// The copy of its tree.
    pub root: NodeId,
    /// Copies of trees of its parents' that count as its own: what they have it does not remove.
    pub beside: Vec<NodeId>,
    /// Keys in its own text.
    pub own: SetId,
    /// Committer time, seconds.
    pub committer_time: Option<i64>,
    /// Author time, seconds.
    pub author_time: Option<i64>,
    /// Whether it is among those whose changes are wanted. Others only lend their trees as parents.
    pub is_wanted: bool,
}

/// In or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Introduced.
    In,
    /// Removed.
    Out,
}

/// A key came to a path or left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// In which commit.
    pub commit: u32,
    /// Which way.
    pub way: Way,
    /// Which key, where.
    pub spot: Spot,
    /// Whether it came into, or left, the commit altogether.
    pub is_key_level: bool,
    /// The other path of a move.
    pub moved: Option<Vec<u8>>,
}

/// What the walk found.
#[derive(Debug)]
pub struct History {
    /// Every change, commits in topological order.
    pub changes: Vec<Change>,
    /// For each commit, the keys that it or an ancestor holds in its tree or text.
    pub reached: Vec<SetId>,
    /// For each commit, the keys that an ancestor holds in its tree.
    pub held_before: Vec<SetId>,
    /// The keys that wanted commits hold in their trees, whoever introduced them.
    pub held: SetId,
    /// For each commit, where it stands among others.
    pub order: Vec<Order>,
    /// Whether there were more changes than are kept, or the walk was stopped.
    pub is_cut: bool,
    /// Commits that introduce a key and have no ancestor that does: (key, commit).
    pub firsts: Vec<(u32, u32)>,
    /// Of each key that was removed, the commit that removes it altogether and is the latest by committer time. Also
    /// where that is no longer among the changes.
    pub last_removals: HashMap<u32, u32>,
}

/// So many changes are kept, and so many of one key: more than any history has but one made for it, and few enough to
/// be written and read.
pub const MOST_CHANGES: usize = 100_000;
/// The same of one key.
pub const MOST_OF_KEY: usize = 20_000;
/// So many bytes of paths are kept with them: a path can be of any length.
const MOST_BYTES: usize = 32 << 20;
/// So many are made, kept or not: that takes a second or two.
const MOST_MADE: usize = 1_000_000;

/// Walks the commits. Cost: one look at each, and until there are as many changes as are kept the entries in which it
/// differs from its parents.
pub fn walk(commits: &[CommitFacts], presence: &Presence, sets: &mut KeySets, interrupt: Interrupt<'_>) -> History {
    let mut history = History {
        changes: Vec::new(),
        is_cut: false,
        reached: vec![SetId::EMPTY; commits.len()],
        held_before: vec![SetId::EMPTY; commits.len()],
        held: SetId::EMPTY,
        order: vec![Order::default(); commits.len()],
        firsts: Vec::new(),
        last_removals: HashMap::new(),
    };
    let mut kept = Kept::default();
    // Keys that a wanted commit or an ancestor of it introduces.
    let mut introduced = vec![SetId::EMPTY; commits.len()];
    for number in parents_first(commits) {
        let commit = &commits[number as usize];
        let own_keys = held(commit, presence, sets);
        let (mut parent_keys, mut above, mut reached) = (SetId::EMPTY, SetId::EMPTY, SetId::EMPTY);
        let mut held_before = SetId::EMPTY;
        let mut order = Order { seconds: commit.committer_time, generation: 0 };
        for &parent in &commit.parents {
            let parent_root = commits[parent as usize].root;
            parent_keys = sets.union(parent_keys, presence.keys(parent_root));
            above = sets.union(above, introduced[parent as usize]);
            reached = sets.union(reached, history.reached[parent as usize]);
            held_before = sets.union(held_before, history.held_before[parent as usize]);
            let before = history.order[parent as usize];
            order.seconds = order.seconds.max(before.seconds);
            order.generation = order.generation.max(before.generation.saturating_add(1));
        }
        history.held_before[number as usize] = sets.union(held_before, parent_keys);
        history.order[number as usize] = order;
        let here = sets.union(own_keys, commit.own);
        history.reached[number as usize] = sets.union(reached, here);
        introduced[number as usize] = above;
        if !commit.is_wanted {
            continue;
        }
        history.held = sets.union(history.held, own_keys);
        let mut new = sets.difference(own_keys, parent_keys);
        new.extend(sets.keys(commit.own));
        if !new.is_empty() {
            let new = sets.of(new);
            history.firsts.extend(sets.difference(new, above).into_iter().map(|key| (key, number)));
            introduced[number as usize] = sets.union(above, new);
        }
        for key in sets.difference(parent_keys, own_keys) {
            let last = history.last_removals.entry(key).or_insert(number);
            if commit.committer_time > commits[*last as usize].committer_time {
                *last = number;
            }
        }
        let roots: Vec<NodeId> = commit.parents.iter().map(|parent| commits[*parent as usize].root).collect();
        if roots.iter().all(|root| *root == commit.root) && (commit.root == 0 || !roots.is_empty()) {
            continue;
        }
        let keys = sets.keys(own_keys).chain(sets.keys(parent_keys));
        if kept.is_full() || kept.has_no_room_for(keys) || interrupt.is_set() {
            history.is_cut = true;
            continue;
        }
        for change in changes(number, commit, &roots, presence, sets, (own_keys, parent_keys)) {
            match kept.has_room(&change) {
                true => history.changes.push(change),
                false => history.is_cut = true,
            }
        }
    }
    history
}

/// The keys that a commit holds, in its tree and beside it.
fn held(commit: &CommitFacts, presence: &Presence, sets: &mut KeySets) -> SetId {
    let beside = commit.beside.iter().map(|root| presence.keys(*root));
    beside.fold(presence.keys(commit.root), |keys, more| sets.union(keys, more))
}

/// What has been kept so far.
#[derive(Default)]
struct Kept {
    of_key: HashMap<u32, usize>,
    changes: usize,
    bytes: usize,
    made: usize,
}

impl Kept {
    fn is_full(&self) -> bool {
        self.changes >= MOST_CHANGES || self.bytes >= MOST_BYTES || self.made >= MOST_MADE
    }

    /// Whether none of these keys has room for one more.
    fn has_no_room_for(&self, mut keys: impl Iterator<Item = u32>) -> bool {
        let is_full = |key| self.of_key.get(&key).is_some_and(|of_key| *of_key >= MOST_OF_KEY);
        // Nothing is asked of each key while none can be full.
        self.changes >= MOST_OF_KEY && keys.all(is_full)
    }

    /// Whether one more is kept; of each key the first always is.
    fn has_room(&mut self, change: &Change) -> bool {
        self.made += 1;
        let is_full = self.is_full();
        let of_key = self.of_key.entry(change.spot.key).or_default();
        if *of_key > 0 && (is_full || *of_key >= MOST_OF_KEY) {
            return false;
        }
        *of_key += 1;
        self.changes += 1;
        self.bytes += change.spot.path.len() + change.moved.as_ref().map_or(0, Vec::len);
        true
    }
}

/// The changes that a commit makes to what its parents with the trees `roots` hold.
fn changes(
    number: u32,
    commit: &CommitFacts,
    roots: &[NodeId],
    presence: &Presence,
    sets: &KeySets,
    (own_keys, parent_keys): (SetId, SetId),
) -> Vec<Change> {
    let own: Vec<NodeId> = std::iter::once(commit.root).chain(commit.beside.iter().copied()).collect();
    let came = presence.difference(&own[..1], roots, sets);
    let left = presence.difference(roots, &own, sets);
    let mut out = Vec::with_capacity(came.len() + left.len());
    for (way, spots, elsewhere) in [(Way::In, came, parent_keys), (Way::Out, left, own_keys)] {
        out.extend(spots.into_iter().map(|spot| {
            let is_key_level = !sets.has(elsewhere, spot.key);
            Change { commit: number, way, spot, is_key_level, moved: None }
        }));
    }
    pair_moves(&mut out);
    out
}

/// A key that left one path and came to another in the same commit was moved: paired where the content is the same, then
/// where the name of the file is, then in order of paths.
fn pair_moves(changes: &mut [Change]) {
    pair_by(changes, |spot| (spot.key, spot.object, spot.in_name));
    pair_by(changes, |spot| (spot.key, spot.path.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec)));
    pair_by(changes, |spot| spot.key);
}

/// Pairs what is not paired yet and alike in `by`, in order of paths. Cost: linear.
fn pair_by<K: Eq + Hash>(changes: &mut [Change], by: impl Fn(&Spot) -> K) {
    let is_open = |change: &Change| !change.is_key_level && change.moved.is_none();
    let mut left: HashMap<K, VecDeque<usize>> = HashMap::new();
    for (at, change) in changes.iter().enumerate().filter(|(_, change)| change.way == Way::Out && is_open(change)) {
        left.entry(by(&change.spot)).or_default().push_back(at);
    }
    if left.is_empty() {
        return;
    }
    for at in 0..changes.len() {
        if changes[at].way == Way::In
            && is_open(&changes[at])
            && let Some(from) = left.get_mut(&by(&changes[at].spot)).and_then(VecDeque::pop_front)
        {
            changes[at].moved = Some(changes[from].spot.path.clone());
            changes[from].moved = Some(changes[at].spot.path.clone());
        }
    }
}

/// Commits in an order in which every parent comes before its children. A cycle, which only damage could make, is
/// broken anywhere.
fn parents_first(commits: &[CommitFacts]) -> Vec<u32> {
    let mut order = Vec::with_capacity(commits.len());
    let mut begun = vec![false; commits.len()];
    let mut stack: Vec<(u32, usize)> = Vec::new();
    for start in 0..commits.len() as u32 {
        if !std::mem::replace(&mut begun[start as usize], true) {
            stack.push((start, 0));
        }
        while let Some((commit, at)) = stack.last_mut() {
            match commits[*commit as usize].parents.get(*at) {
                Some(&parent) => {
                    *at += 1;
                    if !std::mem::replace(&mut begun[parent as usize], true) {
                        stack.push((parent, 0));
                    }
                }
                None => {
                    order.push(*commit);
                    stack.pop();
                }
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Bits, Carriers, Graph, Links, NodeKind, TreeItem};

    /// A tree with as many files that are one blob with key 7.
    fn wide(paths: usize) -> (Presence, KeySets) {
        let mut links = Links::default();
        links.add_tree(0, std::iter::repeat_n(1, paths));
        links.add(1, NodeKind::Blob, []);
        let graph = Graph::new(2, [links]);
        let mut sets = KeySets::default();
        let carriers = Carriers { blobs: [(1, sets.of(vec![7]))].into(), names: HashMap::new() };
        let mut targets = Bits::new(graph.len());
        targets.insert(1);
        let leads = graph.trees_leading_to(&targets);
        let presence = Presence::build(&graph, &leads, &carriers, &mut sets, |_| {
            (0..paths).map(|at| TreeItem { name: format!("{at:05}").into_bytes().into(), object: Some(1) }).collect()
        });
        (presence, sets)
    }

    #[test]
    fn what_comes_and_goes_without_end_is_cut_and_its_last_removal_is_known() {
        let (presence, mut sets) = wide(1000);
        let commits: Vec<CommitFacts> = (0..100)
            .map(|number| CommitFacts {
                parents: (number > 0).then(|| number - 1).into_iter().collect(),
                is_cut: false,
                root: if number % 2 == 0 { presence.node(0) } else { 0 },
                beside: Vec::new(),
                own: SetId::EMPTY,
                committer_time: Some(i64::from(number)),
                author_time: None,
                is_wanted: true,
            })
            .collect();
        let few = walk(&commits[..20], &presence, &mut sets, Interrupt::never());
        assert_eq!((few.changes.len(), few.is_cut), (20_000, false));
        let many = walk(&commits, &presence, &mut sets, Interrupt::never());
        assert_eq!((many.changes.len(), many.is_cut), (MOST_OF_KEY, true));
        assert_eq!((many.firsts, many.last_removals), (vec![(7, 0)], HashMap::from([(7, 99)])));
        let flag = std::sync::atomic::AtomicBool::new(true);
        let stopped = walk(&commits, &presence, &mut sets, Interrupt::on(&flag));
        assert_eq!((stopped.changes.len(), stopped.is_cut), (0, true));
        assert!(sets.has(stopped.reached[99], 7), "what is reached is known all the same");
    }
}
