//! Files that are staged or stashed once more while commits have them too: what an index or a stash below the first has
//! of a key is told, whoever else keeps the blob.
//!
//! What is merely checked out stands in every index, and what a stash was made on stands in it: neither is told again.

use std::collections::{HashMap, HashSet};

use super::budget::Budget;
use super::entries::EntryMaker;
use crate::history::{NodeKind, Way};
use crate::model::{Oid, Place, Unreachable};
use crate::store::ObjectIndex;

/// What a place is told by: the path, the keeper's name, and the commits that have it.
struct Kept<'a> {
    object: ObjectIndex,
    path: &'a [u8],
    via: &'a [u8],
    commits: &'a [ObjectIndex],
}

impl EntryMaker<'_> {
    /// Such places, by key.
    pub(super) fn kept_again(&self, found: &mut HashMap<u32, Vec<Unreachable>>, budget: &mut Budget) {
        self.staged_again(found, budget);
        self.stashed_again(found, budget);
    }

    fn staged_again(&self, found: &mut HashMap<u32, Vec<Unreachable>>, budget: &mut Budget) {
        if self.store.indexes.iter().all(|(_, entries)| entries.is_empty()) {
            return;
        }
        let mut carriers: HashMap<Oid, (ObjectIndex, Vec<u32>)> = HashMap::new();
        for (object, key) in self.attribution.in_object.keys() {
            if self.roots.reached.has(*object) && self.content.graph.kind(*object) == NodeKind::Blob {
                let oid = self.store.objects.oid(*object);
                carriers.entry(oid).or_insert_with(|| (*object, Vec::new())).1.push(*key);
            }
        }
        carriers.values_mut().for_each(|(_, keys)| keys.sort_unstable());
        for (index, entries) in &self.store.indexes {
            let mut checked_out: Option<HashSet<(Vec<u8>, u32)>> = None;
            // Sides of a merge that are the same file stand there one after the other.
            let is_same = |at: usize| {
                at > 0 && (&entries[at - 1].path, entries[at - 1].oid) == (&entries[at].path, entries[at].oid)
            };
            for (_, entry) in entries.iter().enumerate().filter(|(at, _)| !is_same(*at)) {
                let Some((object, keys)) = carriers.get(&entry.oid) else { continue };
                let checked_out = checked_out.get_or_insert_with(|| self.at_head_of(index));
                for key in keys.iter().filter(|key| !checked_out.contains(&(entry.path.clone(), **key))) {
                    let kept = Kept { object: *object, path: &entry.path, via: index, commits: &[] };
                    self.tell_again(*key, &kept, found, budget);
                }
            }
        }
    }

    /// Paths with keys in the commit that the HEAD beside an index names.
    fn at_head_of(&self, index: &[u8]) -> HashSet<(Vec<u8>, u32)> {
        let own = [index.strip_suffix(b"index").unwrap_or(index), b"HEAD"].concat();
        let name = self.store.refs.branches.get(&own).unwrap_or(&own);
        let tip = self.roots.tips.iter().find(|tip| tip.name == *name);
        let number = tip.and_then(|tip| self.attribution.number_of.get(&tip.peeled));
        let Some(facts) = number.and_then(|number| self.attribution.facts.get(*number as usize)) else {
            return HashSet::new();
        };
        if facts.root == 0 {
            return HashSet::new();
        }
        let spots = self.attribution.presence.spots(facts.root, &self.attribution.sets).into_iter();
        spots.filter(|spot| !spot.in_name).map(|spot| (spot.path, spot.key)).collect()
    }

    /// Of the stashes below the first, which a log alone keeps, what they brought in themselves.
    fn stashed_again(&self, found: &mut HashMap<u32, Vec<Unreachable>>, budget: &mut Budget) {
        for change in self.attribution.unreachable.changes.iter().filter(|change| change.way == Way::In) {
            let (spot, commit) = (&change.spot, self.attribution.commits[change.commit as usize]);
            if spot.in_name || !self.roots.reached.has(spot.object) {
                continue;
            }
            let Some(keeper) = self.roots.kept_by.get(&commit).map(|by| by.name(self.store)) else { continue };
            if keeper.starts_with(b"refs/stash@{") {
                let kept = Kept { object: spot.object, path: &spot.path, via: &keeper, commits: &[commit] };
                self.tell_again(spot.key, &kept, found, budget);
            }
        }
    }

    fn tell_again(&self, key: u32, kept: &Kept<'_>, found: &mut HashMap<u32, Vec<Unreachable>>, budget: &mut Budget) {
        let told = found.entry(key).or_default();
        if !budget.has_room(key, told.len()) {
            return;
        }
        budget.spend(key, kept.path.len() + kept.via.len());
        told.push(Unreachable {
            repository: self.repository.clone(),
            object: Some(self.store.objects.oid(kept.object)),
            object_type: "blob".into(),
            place: Place::File,
            path: Some(self.detector.mask(kept.path)),
            line: self.attribution.in_object.get(&(kept.object, key)).and_then(|sighting| sighting.line),
            via: Some(self.detector.mask(kept.via)),
            commits: kept.commits.iter().map(|commit| self.store.objects.oid(*commit)).collect(),
        });
    }
}
