//! From history to what a report says of each key, for one repository.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};

use super::attribute::Attribution;
use super::budget::Budget;
use super::content::{Content, Sighting};
use super::details::DetailsReader;
use super::entries::{EntryMaker, entry_order};
use super::key_table::KeyInfo;
use super::roots::{RefClass, Roots, TipObject};
use crate::history::{Bits, Change, NONE, NodeKind, SetId, Spot, Way};
use crate::key::{KeyId, is_bundled_for_browsers};
use crate::model::{
    EndReason, Entry, Exposure, HeldAt, HeldPlace, Interrupt, KeyReport, Level, Oid, Place, ReachableFrom, ReachedRef,
    Unreachable, Where,
};
use crate::store::ObjectIndex;

/// A ref whose name has keys in it.
pub(super) struct RefName {
    pub(super) keys: Vec<u32>,
    pub(super) name: Vec<u8>,
    pub(super) object: Option<Oid>,
    pub(super) class: RefClass,
}

/// What each tip holds and what it reaches, in the order of the tips.
pub(super) struct TipKeys {
    held: Vec<SetId>,
    /// The same without what stands in the ref's own name.
    held_in_files: Vec<SetId>,
    reached: Vec<SetId>,
    /// What stands in the ref's own name.
    named: Vec<SetId>,
    /// By key, those of the refs with a key in their name that are no tips.
    no_tips: HashMap<u32, Vec<usize>>,
}

impl TipKeys {
    pub(super) fn of(
        attribution: &mut Attribution<'_>,
        content: &Content,
        roots: &Roots,
        ref_names: &[RefName],
    ) -> Self {
        let mut by_object: HashMap<u32, Vec<u32>> = HashMap::new();
        for sighting in &content.sightings {
            by_object.entry(sighting.object).or_default().push(sighting.key);
        }
        let mut in_names: HashMap<&[u8], Vec<u32>> = HashMap::new();
        for named in ref_names {
            in_names.entry(&named.name).or_default().extend(&named.keys);
        }
        let own = |object: &u32| by_object.get(object).cloned().unwrap_or_default();
        let (mut held, mut held_in_files, mut reached, mut named) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for tip in &roots.tips {
            let number = attribution.number_of.get(&tip.peeled).copied();
            let kind = content.graph.kind(tip.peeled);
            let tree = match number {
                Some(number) => attribution.facts[number as usize].root,
                None => attribution.presence.node(tip.peeled),
            };
            let in_blob = if kind == NodeKind::Blob { own(&tip.peeled) } else { Vec::new() };
            let in_blob = attribution.sets.of(in_blob);
            let in_name = attribution.sets.of(in_names.remove(tip.name.as_slice()).unwrap_or_default());
            let mut in_files = attribution.sets.union(attribution.presence.keys(tree), in_blob);
            for beside in tip.beside.iter().filter_map(|beside| attribution.number_of.get(beside)) {
                let root = attribution.facts[*beside as usize].root;
                in_files = attribution.sets.union(in_files, attribution.presence.keys(root));
            }
            let here = attribution.sets.union(in_files, in_name);
            let in_tags = attribution.sets.of(tip.tags.iter().flat_map(own).collect());
            let history = number.map_or(SetId::EMPTY, |number| attribution.reachable.reached[number as usize]);
            let all = attribution.sets.union(here, in_tags);
            held.push(here);
            held_in_files.push(in_files);
            reached.push(attribution.sets.union(all, history));
            named.push(in_name);
        }
        let mut no_tips: HashMap<u32, Vec<usize>> = HashMap::new();
        for (at, of) in ref_names.iter().enumerate().filter(|(_, of)| in_names.contains_key(of.name.as_slice())) {
            of.keys.iter().for_each(|key| no_tips.entry(*key).or_default().push(at));
        }
        Self { held, held_in_files, reached, named, no_tips }
    }
}

/// The parts of an audit that findings are made from.
pub(super) struct Findings<'a> {
    pub(super) make: EntryMaker<'a>,
    /// Whether it was stopped before everything was read and looked at.
    pub(super) interrupted: bool,
    /// Who may stop what is left to do.
    pub(super) interrupt: Interrupt<'a>,
    pub(super) tip_keys: TipKeys,
    pub(super) ref_names: &'a [RefName],
    /// Sightings outside of objects: lines of reflogs, paths in an index.
    pub(super) outside: Vec<(u32, Unreachable)>,
    /// How many refs and places are named.
    pub(super) most: usize,
    /// What the tips' own trees reach, once it was asked for.
    pub(super) below_tips: OnceCell<Bits>,
    /// These trees, once they were asked for.
    pub(super) tip_trees: OnceCell<Vec<ObjectIndex>>,
    /// Whether a tip has something hidden where a parent has and its child has not, once it was asked for.
    pub(super) origins: RefCell<HashMap<(ObjectIndex, ObjectIndex), bool>>,
}

/// What belongs to one key, gathered once.
#[derive(Default)]
struct OfKey<'a> {
    sightings: Vec<&'a Sighting>,
    /// Commits that introduce it and have no ancestor that does.
    firsts: Vec<u32>,
    unreachable_firsts: Vec<u32>,
    /// Its introductions by commits that no ref reaches.
    unreachable_changes: Vec<&'a Change>,
    introductions: Vec<Entry>,
    removals: Vec<Entry>,
    unreachable: Vec<Unreachable>,
    /// Whether a tip's tree reaches it by a path that cannot be named.
    is_below_tip: bool,
}

fn is_bundled(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(is_bundled_for_browsers)
}

impl<'a> Findings<'a> {
    /// A report for each key that stands in something this audit is about, and of each as much as `budget` has room for.
    pub(super) fn reports(mut self, budget: &mut Budget) -> Vec<(KeyId, KeyReport)> {
        let mut details = DetailsReader::new(self.make.store, self.make.content, self.make.detector);
        let mut of_key = self.gather(&mut details, budget);
        let mut reports = Vec::new();
        for (number, info) in self.make.content.keys.iter().enumerate() {
            let key = number as u32;
            let mut of = of_key.remove(&key).unwrap_or_default();
            of.introductions.extend(self.first_of_all(key, &of, &mut details));
            if !self.interrupt.is_set() {
                of.introductions.extend(self.make.at_tips(key, &mut details, budget));
            }
            // Where it was not read what a tip has, the worse is told.
            let is_unread = self.interrupted || self.interrupt.is_set();
            let is_nowhere = of.introductions.is_empty() && of.removals.is_empty();
            // What commits hold and none of them introduces, parents that `--since` leaves out held.
            if is_nowhere && (is_unread || !self.make.attribution.is_held(key)) {
                of.introductions = self.make.by_object(&of.sightings, budget);
                of.is_below_tip =
                    is_unread || of.sightings.iter().any(|sighting| self.below_tips().has(sighting.object));
            }
            // What `--since` leaves out may be edited or removed after it: that is no finding of what comes after.
            if of.introductions.is_empty() && of.unreachable.is_empty() {
                continue;
            }
            of.introductions.sort_by_cached_key(entry_order);
            of.removals.sort_by_cached_key(entry_order);
            reports.push((info.text.id(), self.report(key, info, of, &mut details, budget)));
        }
        reports
    }

    /// What the tips' own trees reach. Asked for only where paths are too deep to name.
    fn below_tips(&self) -> &Bits {
        self.below_tips.get_or_init(|| {
            let graph = &self.make.content.graph;
            let mut below = Bits::new(graph.len());
            let named = self.make.roots.tips.iter().flat_map(TipObject::named);
            let trees = named.filter_map(|object| match graph.kind(object) {
                NodeKind::Commit => graph.links(object).first().copied().filter(|tree| *tree != NONE),
                _ => Some(object),
            });
            graph.reach(trees, &mut below, |_| {});
            below
        })
    }

    /// The sightings of each key, and its entries of commits and tags.
    fn entries(&self, details: &mut DetailsReader<'_>, budget: &mut Budget) -> BTreeMap<u32, OfKey<'a>> {
        let make = self.make;
        let mut of_key: BTreeMap<u32, OfKey<'a>> = BTreeMap::new();
        for sighting in &make.content.sightings {
            let of = of_key.entry(sighting.key).or_default();
            of.sightings.push(sighting);
            let kind = make.content.graph.kind(sighting.object);
            if matches!(kind, NodeKind::Commit | NodeKind::Tag)
                && make.roots.reached.has(sighting.object)
                && budget.has_room(sighting.key, of.introductions.len())
            {
                let mut entry = make.own_text(sighting, true, details);
                budget.spend_entry(sighting.key, &mut entry);
                of.introductions.push(entry);
            }
        }
        for change in &make.attribution.reachable.changes {
            if self.interrupt.is_set() {
                break;
            }
            let of = of_key.entry(change.spot.key).or_default();
            let entries = match change.way {
                Way::In => &mut of.introductions,
                Way::Out => &mut of.removals,
            };
            if budget.has_room(change.spot.key, entries.len()) {
                let mut entry = make.change(change, true, details);
                budget.spend_entry(change.spot.key, &mut entry);
                entries.push(entry);
            }
        }
        of_key
    }

    fn gather(&mut self, details: &mut DetailsReader<'_>, budget: &mut Budget) -> BTreeMap<u32, OfKey<'a>> {
        let make = self.make;
        let mut of_key = self.entries(details, budget);
        for named in self.ref_names {
            for key in &named.keys {
                let mut entry = make.outside(Place::RefName);
                entry.object = named.object;
                entry.reference = Some(make.detector.mask(&named.name));
                of_key.entry(*key).or_default().introductions.push(entry);
            }
        }
        for (key, commit) in &make.attribution.reachable.firsts {
            of_key.entry(*key).or_default().firsts.push(*commit);
        }
        for (key, commit) in &make.attribution.unreachable.firsts {
            of_key.entry(*key).or_default().unreachable_firsts.push(*commit);
        }
        for change in make.attribution.unreachable.changes.iter().filter(|change| change.way == Way::In) {
            of_key.entry(change.spot.key).or_default().unreachable_changes.push(change);
        }
        for (key, places) in make.unreachable(self.interrupt, budget) {
            of_key.entry(key).or_default().unreachable.extend(places);
        }
        for (key, place) in std::mem::take(&mut self.outside) {
            of_key.entry(key).or_default().unreachable.push(place);
        }
        for of in of_key.values_mut() {
            of.unreachable.sort_by(|a, b| {
                (a.object, a.place, &a.via, a.line, &a.path).cmp(&(b.object, b.place, &b.via, b.line, &b.path))
            });
        }
        of_key
    }

    fn report(
        &self,
        key: u32,
        info: &KeyInfo,
        of: OfKey<'_>,
        details: &mut DetailsReader<'_>,
        budget: &mut Budget,
    ) -> KeyReport {
        let mask = |name: &Vec<u8>| self.make.detector.mask(name);
        let held_at = self.held(key, budget);
        let reachable_from = self.reached(key);
        let first_introduced = self.first(&of, details);
        let standing = if held_at.branches > 0 && self.is_in_branch(key) {
            Where::BranchTip
        } else if held_at.count > 0 {
            Where::OtherTip
        } else if !of.introductions.is_empty() || reachable_from.count > 0 {
            Where::History
        } else {
            Where::Unreachable
        };
        KeyReport {
            id: info.text.id().to_string(),
            kind: info.kind,
            environment: info.text.environment_as(info.kind),
            hint: info.text.hint(),
            confidence: info.confidence,
            reasons: info.reasons.iter().map(|reason| (*reason).to_owned()).collect(),
            known: false,
            known_again: false,
            standing,
            instance: None,
            variables: info.variables.iter().take(20).map(mask).collect(),
            in_browser_bundle: info.variables.iter().any(|name| is_bundled(name)),
            exposure: self.exposure(key, &of, first_introduced.as_ref(), held_at.count > 0, details),
            first_introduced,
            introductions: of.introductions,
            removals: of.removals,
            held_at,
            reachable_from,
            unreachable: of.unreachable,
            siblings: Vec::new(),
            consumers: Vec::new(),
            sightings: info.sightings,
            ledger: Vec::new(),
        }
    }

    /// Whether what a branch names has it: a branch's own name is no file at its tip.
    fn is_in_branch(&self, key: u32) -> bool {
        let mut tips = self.make.roots.tips.iter().zip(&self.tip_keys.held_in_files);
        tips.any(|(tip, keys)| tip.class.is_branch() && self.make.attribution.sets.has(*keys, key))
    }

    /// The earliest of commits.
    fn earliest(&self, commits: &[u32]) -> Option<u32> {
        let attribution = self.make.attribution;
        commits.iter().copied().min_by_key(|commit| {
            let facts = &attribution.facts[*commit as usize];
            // A commit whose time cannot be read comes after those that have one.
            let time = |seconds: Option<i64>| (seconds.is_none(), seconds);
            (time(facts.committer_time), time(facts.author_time), attribution.commits[*commit as usize])
        })
    }

    /// The first introduction by a reachable commit, where there is one and, of very many, it is not among those told.
    fn first_of_all(&self, key: u32, of: &OfKey<'_>, details: &mut DetailsReader<'_>) -> Option<Entry> {
        let attribution = self.make.attribution;
        let commit = self.earliest(&of.firsts)?;
        let object = attribution.commits[commit as usize];
        let oid = self.make.store.objects.oid(object);
        if of.introductions.iter().any(|entry| entry.commit == Some(oid)) {
            return None;
        }
        let spots = self.make.spots(attribution.facts[commit as usize].root, key);
        let in_tree = spots.into_iter().next().map(|spot: Spot| {
            let change = Change { commit, way: Way::In, spot, is_key_level: true, moved: None };
            self.make.change(&change, true, details)
        });
        in_tree.or_else(|| {
            let own = of.sightings.iter().find(|sighting| sighting.object == object)?;
            Some(self.make.own_text(own, true, details))
        })
    }

    /// The first introduction: by a reachable commit, else by a tag, else by a commit that no ref reaches, else by such a
    /// tag. None where commits only copy and move what was introduced before them.
    fn first(&self, of: &OfKey<'_>, details: &mut DetailsReader<'_>) -> Option<Entry> {
        let (attribution, store) = (self.make.attribution, self.make.store);
        if let Some(commit) = self.earliest(&of.firsts) {
            let oid = store.objects.oid(attribution.commits[commit as usize]);
            let is_its = |entry: &&Entry| entry.commit == Some(oid) && entry.level == Level::Key;
            return of.introductions.iter().find(is_its).cloned();
        }
        if !of.introductions.is_empty() {
            // Another path alone is no introduction: it was, before what `--since` leaves out.
            let mut at_key_level = of.introductions.iter().filter(|entry| entry.level == Level::Key);
            let tag = at_key_level.clone().find(|entry| entry.tagger.is_some());
            return tag.or_else(|| at_key_level.next()).cloned();
        }
        let Some(commit) = self.earliest(&of.unreachable_firsts) else {
            let in_tags = of.sightings.iter().filter(|sighting| self.is_in_tag(sighting));
            return in_tags.map(|sighting| self.make.own_text(sighting, false, details)).min_by_key(entry_order);
        };
        let mut entries: Vec<Entry> = of
            .unreachable_changes
            .iter()
            .filter(|change| change.commit == commit)
            .map(|change| self.make.change(change, false, details))
            .collect();
        let object = attribution.commits[commit as usize];
        let own = of.sightings.iter().filter(|sighting| sighting.object == object);
        entries.extend(own.map(|sighting| self.make.own_text(sighting, false, details)));
        entries.into_iter().min_by_key(entry_order)
    }

    fn is_in_tag(&self, sighting: &Sighting) -> bool {
        self.make.content.graph.kind(sighting.object) == NodeKind::Tag
    }

    fn exposure(
        &self,
        key: u32,
        of: &OfKey<'_>,
        first: Option<&Entry>,
        is_held: bool,
        details: &mut DetailsReader<'_>,
    ) -> Exposure {
        let clock = |entry: &Entry| {
            let identity = entry.committer.as_ref().or(entry.tagger.as_ref())?;
            identity.moment().map(Cow::into_owned)
        };
        let start = first.and_then(clock);
        let is_own_text = |entry: &Entry| !matches!(entry.place, Place::File | Place::Note | Place::Path);
        let is_open = is_held || of.is_below_tip || of.introductions.iter().any(is_own_text);
        if is_open || self.may_be_at_tip(key, of) {
            return Exposure { start, end: None, open: true, end_reason: EndReason::Open };
        }
        let attribution = self.make.attribution;
        if let Some(last) = attribution.reachable.last_removals.get(&key) {
            // It is gone from every tip; where what the commit has cannot be read, it left with a later one.
            let is_sure = !attribution.may_hold(self.make.content, *last, key);
            let about = details.of(attribution.commits[*last as usize], false);
            let end = about.committer.as_ref().and_then(|committer| committer.moment()).filter(|_| is_sure);
            let end = end.map(Cow::into_owned);
            return Exposure { start, end, open: false, end_reason: EndReason::Removed };
        }
        let was_reached = !of.introductions.is_empty()
            || !of.unreachable_firsts.is_empty()
            || of.sightings.iter().any(|sighting| self.is_in_tag(sighting));
        let end_reason = if was_reached { EndReason::RefGone } else { EndReason::NoRef };
        Exposure { start, end: None, open: false, end_reason }
    }

    /// Whether a tip has something that cannot be read where the key stood before, or cannot be read at all. Then the worse
    /// is told.
    fn may_be_at_tip(&self, key: u32, of: &OfKey<'_>) -> bool {
        let make = &self.make;
        if make.roots.has_unread_tip && !of.introductions.is_empty() {
            return true;
        }
        let attribution = make.attribution;
        let unsure = attribution.unsure.get(&key).into_iter().flatten().flat_map(|paths| paths.iter());
        let changed = attribution.changes(key).map(|change| &change.spot.path);
        let mut paths: Vec<&[u8]> = unsure.chain(changed).map(Vec::as_slice).collect();
        paths.sort_unstable();
        paths.dedup();
        attribution.hidden.is_at_any(self.tip_trees(), &paths)
            || attribution.changes(key).any(|change| {
                let origins = attribution.origins(make.content, change);
                origins.into_iter().any(|(parent, commit)| self.is_origin_at_tip(parent, commit))
            })
    }

    /// Whether a tip has something hidden where `parent` has and `commit` has not. Cost: looked for once.
    fn is_origin_at_tip(&self, parent: ObjectIndex, commit: ObjectIndex) -> bool {
        let known = self.origins.borrow().get(&(parent, commit)).copied();
        known.unwrap_or_else(|| {
            let hidden = &self.make.attribution.hidden;
            let mut paths = hidden.only_in(parent, &[commit]);
            paths.sort_unstable();
            let paths: Vec<&[u8]> = paths.iter().map(Vec::as_slice).collect();
            let is_at_tip = hidden.is_at_any(self.tip_trees(), &paths);
            self.origins.borrow_mut().insert((parent, commit), is_at_tip);
            is_at_tip
        })
    }

    /// The tips' own trees, each once.
    fn tip_trees(&self) -> &[ObjectIndex] {
        self.tip_trees.get_or_init(|| {
            let graph = &self.make.content.graph;
            let mut trees: Vec<ObjectIndex> = (self.make.roots.tips.iter().flat_map(TipObject::named))
                .filter_map(|object| match graph.kind(object) {
                    NodeKind::Commit => graph.links(object).first().copied().filter(|tree| *tree != NONE),
                    NodeKind::Tree => Some(object),
                    _ => None,
                })
                .collect();
            trees.sort_unstable();
            trees.dedup();
            trees
        })
    }

    fn held(&self, key: u32, budget: &mut Budget) -> HeldAt {
        let make = &self.make;
        let mut report = HeldAt::default();
        let mut count = |class: RefClass| {
            report.count += 1;
            match class {
                class if class.is_branch() => report.branches += 1,
                RefClass::Tag => report.tags += 1,
                _ => report.other += 1,
            }
        };
        let mut at = Vec::new();
        for (number, (tip, keys)) in make.roots.tips.iter().zip(&self.tip_keys.held).enumerate() {
            if make.attribution.sets.has(*keys, key) {
                count(tip.class);
                let room = Budget::most_held(self.most).saturating_sub(at.len());
                if room > 0 && !self.interrupt.is_set() {
                    self.held_places(key, (tip, self.tip_keys.named[number]), room, &mut at);
                }
            }
        }
        // Symbolic refs are no tips, and yet their names are read by whoever fetches.
        for named in self.tip_keys.no_tips.get(&key).into_iter().flatten().map(|at| &self.ref_names[*at]) {
            count(named.class);
            at.push(self.held_place(&named.name, None, None, None));
        }
        budget.cut_held(&mut at, self.most);
        report.at = at;
        report
    }

    fn held_places(&self, key: u32, (tip, named): (&TipObject, SetId), room: usize, at: &mut Vec<HeldPlace>) {
        let attribution = self.make.attribution;
        let line = |object: u32| attribution.in_object.get(&(object, key)).map(|sighting| sighting.line);
        let before = at.len();
        // What is staged the work tree has too, mostly: each path is told once.
        let mut told = HashSet::new();
        for object in tip.named() {
            let number = attribution.number_of.get(&object);
            let commit = number.map(|_| self.make.store.objects.oid(object));
            let node = match number {
                Some(number) => attribution.facts[*number as usize].root,
                None => attribution.presence.node(object),
            };
            let room = room.saturating_sub(at.len() - before);
            let mut spots = self.make.spots(node, key);
            spots.retain(|spot| !told.contains(&spot.path));
            for spot in spots.iter().take(room) {
                let line = if spot.in_name { None } else { line(spot.object).flatten() };
                at.push(self.held_place(&tip.name, commit, Some(&spot.path), line));
            }
            told.extend(spots.into_iter().filter(|_| !tip.beside.is_empty()).map(|spot| spot.path));
        }
        // What a commit or tag has in its own text stands in no file.
        let is_blob = self.make.content.graph.kind(tip.peeled) == NodeKind::Blob;
        let in_blob = line(tip.peeled).filter(|_| is_blob);
        if in_blob.is_some() && at.len() == before {
            at.push(self.held_place(&tip.name, None, None, in_blob.flatten()));
        }
        if attribution.sets.has(named, key) {
            at.push(self.held_place(&tip.name, None, None, None));
        }
    }

    fn held_place(&self, name: &[u8], commit: Option<Oid>, path: Option<&[u8]>, line: Option<u64>) -> HeldPlace {
        HeldPlace {
            repository: self.make.repository.clone(),
            reference: self.make.detector.mask(name),
            commit,
            path: path.map(|path| self.make.detector.mask(path)),
            line,
        }
    }

    fn reached(&self, key: u32) -> ReachableFrom {
        let mut report = ReachableFrom::default();
        for (tip, keys) in self.make.roots.tips.iter().zip(&self.tip_keys.reached) {
            if self.make.attribution.sets.has(*keys, key) {
                report.count += 1;
                if report.refs.len() < self.most {
                    let reference = self.make.detector.mask(&tip.name);
                    report.refs.push(reference.clone());
                    report.at.push(ReachedRef { repository: self.make.repository.clone(), reference });
                }
            }
        }
        report
    }
}
