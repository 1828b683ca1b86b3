//! What was there before, and how far it vouches for what comes.

use rustc_hash::FxHashMap;

use super::scan::Sight;
use crate::key::KeyId;
use crate::model::Confidence;
use crate::state::Class;

/// Which sightings of the past a new one may rest on.
///
/// What only warned when it was pushed has been let in by nobody: a key in pieces would else open the way for itself in clear
/// text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past<'a> {
    /// What the policy refuses.
    pub(super) refused: &'a Class,
}

impl Past<'_> {
    /// How sure a new sighting of a key may be, so as to rest on this old one: as sure as that, and as sure as can be where
    /// the old one would itself have been refused.
    pub(super) fn vouches_to(self, old: &Sight) -> Confidence {
        match self.refused.has(old.kind, old.environment, old.confidence) {
            true => Confidence::High,
            false => old.confidence,
        }
    }

    /// Notes how far an old sighting vouches for its key.
    pub(super) fn note(self, old: &Sight, vouched: &mut Vouched) {
        let to = self.vouches_to(old);
        vouched.entry(old.id).and_modify(|known| *known = to.max(*known)).or_insert(to);
    }
}

/// How far old content vouches for each of its keys.
pub(super) type Vouched = FxHashMap<KeyId, Confidence>;
