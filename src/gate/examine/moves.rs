//! What left one path and came to another in the same commit was moved.

use std::cmp::Reverse;
use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Work;
use crate::gate::Standing;
use crate::gate::compare::Held;
use crate::gate::scan::Sight;
use crate::key::KeyId;
use crate::model::{Confidence, Oid};

/// What left, by key: the number of each, and how far it vouches for what came.
pub(super) type Movable = FxHashMap<KeyId, Vec<(usize, Confidence)>>;

/// What came and what left, by number.
pub(super) type Pairs = FxHashMap<usize, usize>;

/// Pairs what came with what left, in the order of paths: of each the number. The surest take first, and each the least
/// sure that vouches for it, so that as many were moved as can have been.
pub(super) fn paired(came: &[Held], from: Movable) -> Pairs {
    let mut places: FxHashMap<(KeyId, Confidence), VecDeque<usize>> = FxHashMap::default();
    for (id, (at, to)) in from.into_iter().flat_map(|(id, all)| all.into_iter().map(move |one| (id, one))) {
        places.entry((id, to)).or_default().push_back(at);
    }
    let mut arrivals: Vec<usize> = (0..came.len()).filter(|at| !came[*at].is_kept).collect();
    arrivals.sort_by_key(|at| Reverse(came[*at].sight.confidence));
    let mut moved = Pairs::default();
    for arrival in arrivals {
        let Sight { id, confidence, .. } = came[arrival].sight;
        let surer = [Confidence::Low, Confidence::Medium, Confidence::High].into_iter().filter(|to| *to >= confidence);
        let at = surer.into_iter().find_map(|to| places.get_mut(&(id, to))?.pop_front());
        moved.extend(at.map(|at| (arrival, at)));
    }
    moved
}

/// The keys of which more came than left: which of it was moved hangs on what existing tips hold.
pub(super) fn contested(came: &[Held], pairs: &Pairs) -> FxHashSet<KeyId> {
    let of = |at: &usize| came[*at].sight.id;
    let moved: FxHashSet<KeyId> = pairs.keys().map(of).collect();
    let arrivals = (0..came.len()).filter(|at| !came[*at].is_kept && !pairs.contains_key(at));
    arrivals.map(|at| of(&at)).filter(|id| moved.contains(id)).collect()
}

/// What came to one commit and what left it of contested keys, until the tips were asked.
pub(super) struct Contest {
    commit: Oid,
    /// What came, and the number of its sighting.
    came: Vec<(usize, Held)>,
    /// What left and was paired with it, which is as much as can be moved; how far it vouches.
    left: Vec<(Held, Confidence)>,
}

impl Contest {
    pub(super) fn new(commit: Oid) -> Self {
        Self { commit, came: Vec::new(), left: Vec::new() }
    }

    pub(super) fn came(&mut self, sighting: usize, held: Held) {
        self.came.push((sighting, held));
    }

    pub(super) fn left(&mut self, held: Held, to: Confidence) {
        self.left.push((held, to));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.came.is_empty()
    }
}

impl Work<'_> {
    /// What a tip holds needs nothing that left: that may have gone to what no tip holds.
    pub(super) fn settle_moves(&mut self) {
        for Contest { commit, came, left } in std::mem::take(&mut self.contests) {
            let is_introduced = |sighting: &usize| {
                let sighting = self.found.sightings.get(*sighting);
                sighting.is_some_and(|sighting| sighting.standing == Standing::Introduced)
            };
            let (sightings, came): (Vec<usize>, Vec<Held>) =
                came.into_iter().filter(|(sighting, _)| is_introduced(sighting)).unzip();
            let mut from = Movable::default();
            for (at, (held, to)) in left.iter().enumerate() {
                from.entry(held.sight.id).or_default().push((at, *to));
            }
            let pairs = paired(&came, from);
            for at in pairs.keys() {
                self.found.sightings[sightings[*at]].standing = Standing::Moved;
            }
            let moved: FxHashSet<usize> = pairs.into_values().collect();
            let left = left.iter().enumerate().filter(|(at, _)| !moved.contains(at));
            self.removed(commit, left.map(|(_, (held, _))| held));
        }
    }
}
