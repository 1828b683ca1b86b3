//! Which of what carries a key is new, where the key itself is not.
//!
//! An object is new where it came along, and where it lay there and no existing ref reaches it: unreachable, in a pool, or
//! because the hook runs when everything is stored. The second takes a look at what refs reach, and is asked only where the
//! policy wants to know, of what carries a key that nobody brings. What only commits reach that lie further back than is looked
//! counts as new.

use rustc_hash::FxHashSet;

use super::Work;
use crate::gate::kept_names::KeptName;
use crate::gate::{Place, Standing, Unmasked};
use crate::key::KeyId;
use crate::model::Oid;

impl Work<'_> {
    /// Notes which objects that lay there are new all the same, and tells the names that new directories keep.
    pub(super) fn settle_newness(&mut self) {
        let is_old_key = |standing| matches!(standing, Standing::Moved | Standing::Kept | Standing::HeldByTip);
        let mut rows = std::mem::take(&mut self.lay_there);
        rows.retain(|(at, _)| self.found.sightings.get(*at).is_some_and(|sighting| is_old_key(sighting.standing)));
        let names = std::mem::take(&mut self.kept_names);
        let mut asked: FxHashSet<Oid> = rows.iter().map(|row| row.1).collect();
        if self.examiner.strict {
            let within = names.iter().map(|(_, name)| name.within);
            asked.extend(within.filter(|oid| !self.receiving.came_with_push(oid)));
        }
        let old = self.reached_by_refs(asked);
        for (at, oid) in rows {
            self.found.sightings[at].is_new_object = !old.contains(&oid);
        }
        self.tell_kept_names(names, &old);
    }

    /// Of each key in names that directories keep the first place in a new one, unless it is told of another name.
    fn tell_kept_names(&mut self, names: Vec<(Option<Oid>, KeptName)>, old: &FxHashSet<Oid>) {
        let is_name = |place: &Place| matches!(place, Place::Name { .. });
        let told = self.found.sightings.iter();
        let told = told.filter(|sighting| is_name(&sighting.place) && sighting.standing != Standing::Removed);
        let mut told: FxHashSet<KeyId> = told.map(|sighting| sighting.id).collect();
        let strict = self.examiner.strict;
        let (new, rest): (Vec<_>, Vec<_>) = names.into_iter().partition(|(_, name)| {
            self.receiving.came_with_push(&name.within) || (strict && !old.contains(&name.within))
        });
        for (is_new, names) in [(true, new), (false, rest)] {
            for (commit, KeptName { sight, path, .. }) in names {
                if told.insert(sight.id) {
                    let place = Place::Name { path: Unmasked::new(&path) };
                    self.add(&sight, place, commit, Standing::Kept, is_new);
                }
            }
        }
    }
}
