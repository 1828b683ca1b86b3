//! What left one path and came to another in the same commit was moved.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Work;
use crate::gate::Standing;
use crate::gate::compare::Held;
use crate::key::KeyId;
use crate::model::{Confidence, Oid};

/// What left, by key: the number of each, and how far it vouches for what came.
pub(super) type Movable = FxHashMap<KeyId, Vec<(usize, Confidence)>>;

/// What came and what left, by number.
pub(super) type Pairs = FxHashMap<usize, usize>;

/// What two have to have in common so as to be paired, the most first.
#[derive(Clone, Copy)]
enum Likeness {
    /// The file, or the directory that has the name.
    Object,
    /// The last name of their paths.
    LastName,
    /// Whether the key stands in the path or in the content.
    Kind,
    /// The key alone.
    Key,
}

impl Likeness {
    const ALL: [Self; 4] = [Self::Object, Self::LastName, Self::Kind, Self::Key];

    /// What it goes by.
    fn of(self, held: &Held) -> (Option<Oid>, Option<&[u8]>, Option<bool>) {
        let last_name = || held.path.rsplit(|byte| *byte == b'/').next();
        match self {
            Self::Object => (Some(held.oid), None, Some(held.is_name)),
            Self::LastName => (None, last_name(), Some(held.is_name)),
            Self::Kind => (None, None, Some(held.is_name)),
            Self::Key => (None, None, None),
        }
    }
}

/// Pairs what came with what left: of each the number. The surest take first, and each the least sure that vouches for it,
/// so that as many were moved as can have been; which of those that are as sure is told by what they have in common.
pub(super) fn paired(came: &[Held], left: &[Held], from: Movable) -> Pairs {
    const ALL: [Confidence; 3] = [Confidence::Low, Confidence::Medium, Confidence::High];
    let mut arrivals: FxHashMap<(KeyId, Confidence), Vec<usize>> = FxHashMap::default();
    for (at, Held { sight, .. }) in came.iter().enumerate().filter(|(_, held)| !held.is_kept) {
        arrivals.entry((sight.id, sight.confidence)).or_default().push(at);
    }
    let mut pairs = Pairs::default();
    for (id, places) in from {
        let mut departures = ALL.map(|to| places.iter().filter(|place| place.1 == to).map(|place| place.0).collect());
        for confidence in ALL.into_iter().rev() {
            let Some(mut waiting) = arrivals.remove(&(id, confidence)) else { continue };
            for (_, departures) in ALL.iter().zip(&mut departures).filter(|(to, _)| **to >= confidence) {
                pair((came, &mut waiting), (left, departures), &mut pairs);
            }
        }
    }
    pairs
}

/// Pairs as many as there are on both sides, and takes them out.
fn pair(
    (came, arrivals): (&[Held], &mut Vec<usize>),
    (left, departures): (&[Held], &mut Vec<usize>),
    pairs: &mut Pairs,
) {
    for likeness in Likeness::ALL {
        if arrivals.is_empty() || departures.is_empty() {
            return;
        }
        let mut alike: FxHashMap<_, VecDeque<usize>> = FxHashMap::default();
        for at in departures.iter() {
            alike.entry(likeness.of(&left[*at])).or_default().push_back(*at);
        }
        let mut taken = FxHashSet::default();
        arrivals.retain(|at| {
            let from = alike.get_mut(&likeness.of(&came[*at])).and_then(VecDeque::pop_front);
            from.is_none_or(|from| {
                taken.insert(from);
                pairs.insert(*at, from);
                false
            })
        });
        departures.retain(|at| !taken.contains(at));
    }
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
            let left: Vec<Held> = left.into_iter().map(|(held, _)| held).collect();
            let pairs = paired(&came, &left, from);
            for (at, from) in &pairs {
                self.moved(sightings[*at], &left[*from]);
            }
            let moved: FxHashSet<usize> = pairs.into_values().collect();
            let left = left.iter().enumerate().filter(|(at, _)| !moved.contains(at));
            self.removed(commit, left.map(|(_, held)| held));
        }
    }
}
