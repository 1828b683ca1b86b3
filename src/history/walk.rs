//! One walk over the commits, parents first.

use std::collections::{HashMap, VecDeque};

use super::{KeySets, NodeId, Presence, SetId, Spot};
use crate::model::Order;

/// What the walk must know of a commit. Parents are numbers of commits in the same list.
#[derive(Clone, Debug)]
pub struct CommitFacts {
    /// The parents that are there.
    pub parents: Vec<u32>,
    /// Whether a parent, or a tree of a parent's, is not there: what the commit holds came in at it or before it.
    pub is_cut: bool,
    /// The copy of its tree.
    pub root: NodeId,
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
    /// For each commit, where it stands among others.
    pub order: Vec<Order>,
    /// Whether there were more changes than are kept.
    pub is_cut: bool,
    /// Commits that introduce a key and have no ancestor that does: (key, commit).
    pub firsts: Vec<(u32, u32)>,
}

/// So many changes are kept: more than any history but one made for it.
const MOST_CHANGES: usize = 1_000_000;

/// Walks the commits. Cost: one look at each, and the entries in which it differs from its parents.
pub fn walk(commits: &[CommitFacts], presence: &Presence, sets: &mut KeySets) -> History {
    let mut history = History {
        changes: Vec::new(),
        is_cut: false,
        reached: vec![SetId::EMPTY; commits.len()],
        held_before: vec![SetId::EMPTY; commits.len()],
        order: vec![Order::default(); commits.len()],
        firsts: Vec::new(),
    };
    // Keys that a wanted commit or an ancestor of it introduces.
    let mut introduced = vec![SetId::EMPTY; commits.len()];
    for number in parents_first(commits) {
        let commit = &commits[number as usize];
        let own_keys = presence.keys(commit.root);
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
        let mut new = sets.difference(own_keys, parent_keys);
        new.extend(sets.keys(commit.own));
        if !new.is_empty() {
            let new = sets.of(new);
            history.firsts.extend(sets.difference(new, above).into_iter().map(|key| (key, number)));
            introduced[number as usize] = sets.union(above, new);
        }
        if history.changes.len() < MOST_CHANGES {
            changes(number, commit, commits, presence, sets, parent_keys, &mut history.changes);
        } else {
            history.is_cut = true;
        }
    }
    history
}

fn changes(
    number: u32,
    commit: &CommitFacts,
    commits: &[CommitFacts],
    presence: &Presence,
    sets: &KeySets,
    parent_keys: SetId,
    out: &mut Vec<Change>,
) {
    let own_keys = presence.keys(commit.root);
    let roots: Vec<NodeId> = commit.parents.iter().map(|parent| commits[*parent as usize].root).collect();
    if roots.iter().all(|root| *root == commit.root) && (commit.root == 0 || !roots.is_empty()) {
        return;
    }
    let came = presence.difference(&[commit.root], &roots, sets);
    let left = presence.difference(&roots, &[commit.root], sets);
    let start = out.len();
    for (way, spots, elsewhere) in [(Way::In, came, parent_keys), (Way::Out, left, own_keys)] {
        out.extend(spots.into_iter().map(|spot| {
            let is_key_level = !sets.has(elsewhere, spot.key);
            Change { commit: number, way, spot, is_key_level, moved: None }
        }));
    }
    pair_moves(&mut out[start..]);
}

/// A key that left one path and came to another in the same commit was moved: paired in order of paths.
fn pair_moves(changes: &mut [Change]) {
    let mut left: HashMap<u32, VecDeque<usize>> = HashMap::new();
    for (at, change) in changes.iter().enumerate().filter(|(_, change)| !change.is_key_level) {
        if change.way == Way::Out {
            left.entry(change.spot.key).or_default().push_back(at);
        }
    }
    for at in 0..changes.len() {
        if changes[at].way == Way::In
            && !changes[at].is_key_level
            && let Some(from) = left.get_mut(&changes[at].spot.key).and_then(VecDeque::pop_front)
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
