//! What a report must say of one key.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::entry::{Entry, Masker, stamp};
use super::facts::{By, Carrier, CommitFacts, Facts, Held, Tip};
use super::reading::Id;
use super::search::hits;
use super::when::Moment;

/// Lines by what they tell of, for one key.
#[derive(Default)]
pub(crate) struct Account {
    /// These and no others.
    pub(crate) exactly: BTreeMap<&'static str, BTreeSet<String>>,
    /// One of these.
    pub(crate) one_of: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Account {
    pub(crate) fn tell(&mut self, of: &'static str, line: impl Into<String>) {
        self.exactly.entry(of).or_default().insert(line.into());
    }

    pub(crate) fn allow(&mut self, of: &'static str, line: impl Into<String>) {
        self.one_of.entry(of).or_default().insert(line.into());
    }
}

/// By what and at which path something is held; nothing where it is a blob by itself.
type At = Option<(By, Vec<u8>)>;

/// Makes the account of one key.
pub(crate) struct Expected<'a> {
    facts: &'a Facts,
    masker: &'a Masker,
    key: &'a str,
}

impl<'a> Expected<'a> {
    pub(crate) fn new(facts: &'a Facts, masker: &'a Masker, key: &'a str) -> Self {
        Self { facts, masker, key }
    }

    pub(crate) fn account(&self) -> Account {
        let mut account = Account::default();
        let introductions = self.introductions();
        for entry in &introductions {
            account.tell("introductions", entry.line());
        }
        let removals = self.removals();
        for entry in &removals {
            account.tell("removals", entry.line());
        }
        self.held_at(&mut account);
        self.reachable_from(&mut account);
        self.unreachable(&mut account);
        self.first_and_exposure(&mut account, &introductions, &removals);
        if let Some(count) = self.sightings() {
            account.tell("sightings", count.to_string());
        }
        account
    }

    fn holds(&self, commit: &Id) -> bool {
        self.facts.commits[commit].held.contains_key(self.key)
    }

    fn place(&self, by: By, commit: &Id) -> &'static str {
        match by {
            By::Name => "path",
            By::Content if self.facts.note_commits.contains(commit) => "note",
            By::Content => "file",
        }
    }

    fn commit_entry(&self, id: &Id) -> Entry {
        let commit = &self.facts.commits[id];
        let skewed = |parent: &Id| self.facts.commits[parent].committer.when.seconds > commit.committer.when.seconds;
        Entry {
            commit: Some(id.clone()),
            parents: commit.parents.clone(),
            author: Some(stamp(&commit.author, self.masker)),
            committer: Some(stamp(&commit.committer, self.masker)),
            subject: Some(self.masker.show(&commit.subject)),
            clock_skew: commit.parents.iter().any(skewed),
            level: "key".into(),
            ..Entry::default()
        }
    }

    /// What the trees of `commit` hold of this key and those of no parent do.
    fn introduced_by(&self, id: &Id) -> Vec<Entry> {
        let commit = &self.facts.commits[id];
        let parents: Vec<&CommitFacts> = commit.parents.iter().map(|parent| &self.facts.commits[parent]).collect();
        let new_key = !parents.iter().any(|parent| parent.held.contains_key(self.key));
        let mut entries = Vec::new();
        for (at, carrier) in commit.held.get(self.key).into_iter().flatten() {
            let held_before =
                |parent: &&CommitFacts| parent.held.get(self.key).is_some_and(|held| held.contains_key(at));
            if !parents.iter().any(held_before) {
                let mut entry = self.commit_entry(id);
                entry.level = if new_key { "key" } else { "path" }.into();
                entry.brought_back = new_key && self.was_held_before(id);
                self.put_carrier(&mut entry, at, carrier, self.place(at.0, id));
                entries.push(entry);
            }
        }
        let mut told = HashSet::new();
        for own in commit.own_text.iter().filter(|own| own.key == self.key) {
            if told.insert(own.place) {
                let mut entry = self.commit_entry(id);
                entry.place = own.place.into();
                entry.brought_back = new_key && self.was_held_before(id);
                entry.objects = Some((id.clone(), None));
                entry.position = Some((own.line, own.column));
                entries.push(entry);
            }
        }
        entries
    }

    /// Whether any ancestor of a commit holds the key in its tree.
    fn was_held_before(&self, id: &Id) -> bool {
        let (mut pending, mut seen) = (self.facts.commits[id].parents.clone(), HashSet::new());
        while let Some(ancestor) = pending.pop() {
            if !seen.insert(ancestor.clone()) {
                continue;
            }
            if self.holds(&ancestor) {
                return true;
            }
            pending.extend(self.facts.commits[&ancestor].parents.iter().cloned());
        }
        false
    }

    fn put_carrier(&self, entry: &mut Entry, at: &(By, Vec<u8>), carrier: &Carrier, place: &str) {
        let blob = (at.0 == By::Content).then(|| carrier.object.clone());
        entry.place = place.into();
        entry.path = Some(self.masker.show(&at.1));
        entry.objects = Some((carrier.object.clone(), blob));
        entry.position = carrier.position;
    }

    fn introductions(&self) -> Vec<Entry> {
        let reachable = self.facts.parents_first.iter().filter(|id| self.facts.reachable.contains(*id));
        let mut entries: Vec<Entry> = reachable.flat_map(|id| self.introduced_by(id)).collect();
        let outside = || Entry { level: "key".into(), ..Entry::default() };
        for (id, tag) in &self.facts.tags {
            if self.facts.reachable.contains(id) && tag.keys.iter().any(|key| key == self.key) {
                let tagger = tag.tagger.as_ref().map(|tagger| stamp(tagger, self.masker));
                let objects = Some((id.clone(), None));
                entries.push(Entry { place: "tag_message".into(), objects, tagger, ..outside() });
            }
        }
        for tip in &self.facts.tips {
            if self.named(tip) {
                let objects = Some((tip.id.clone(), None));
                entries.push(Entry { place: "ref_name".into(), objects, ..outside() });
            }
            if tip.target_type == "commit" {
                continue;
            }
            for (at, carrier, _) in self.held_by_tip(tip) {
                let mut entry = outside();
                match at {
                    Some(at) => self.put_carrier(&mut entry, &at, &carrier, self.place(at.0, &tip.target)),
                    None => {
                        entry.place = "file".into();
                        entry.objects = Some((carrier.object.clone(), Some(carrier.object.clone())));
                        entry.position = carrier.position;
                    }
                }
                entries.push(entry);
            }
        }
        entries
    }

    fn removals(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for id in self.facts.parents_first.iter().filter(|id| self.facts.reachable.contains(*id)) {
            let commit = &self.facts.commits[id];
            let nothing = BTreeMap::new();
            let held = commit.held.get(self.key).unwrap_or(&nothing);
            // What stands in a stash beside its own tree is not removed by it.
            let stashes = self.facts.tips.iter().filter(|tip| tip.target == *id);
            let beside = stashes.flat_map(|tip| self.beside(tip)).map(|id| &self.facts.commits[id].held);
            let beside: Vec<&(By, Vec<u8>)> =
                beside.filter_map(|held| held.get(self.key)).flat_map(BTreeMap::keys).collect();
            let parents = commit.parents.iter().map(|parent| &self.facts.commits[parent]);
            let before: BTreeSet<&(By, Vec<u8>)> =
                parents.filter_map(|parent| parent.held.get(self.key)).flat_map(BTreeMap::keys).collect();
            for at in before.into_iter().filter(|at| !held.contains_key(at) && !beside.contains(at)) {
                let mut entry = self.commit_entry(id);
                entry.level = if held.is_empty() && beside.is_empty() { "key" } else { "path" }.into();
                entry.place = self.place(at.0, id).into();
                entry.path = Some(self.masker.show(&at.1));
                entries.push(entry);
            }
        }
        entries
    }

    fn named(&self, tip: &Tip) -> bool {
        hits(&tip.name).iter().any(|hit| hit.key == self.key)
    }

    /// What stands in a stash beside its own tree: what was staged, and the files that nobody had added.
    fn beside(&self, tip: &Tip) -> impl Iterator<Item = &'a Id> {
        let facts = (tip.name == b"refs/stash").then(|| self.facts.commits.get(&tip.target)).flatten();
        facts.into_iter().flat_map(|commit| commit.parents.iter().skip(1).take(2))
    }

    /// Where what a ref is in the end holds the key, and in which commit: at paths, or at none where it is a blob.
    fn held_by_tip(&self, tip: &Tip) -> Vec<(At, Carrier, Option<Id>)> {
        let in_tree = |held: &Held| -> Vec<(At, Carrier, Option<Id>)> {
            let places = held.get(self.key).into_iter().flatten();
            places.map(|(at, carrier)| (Some(at.clone()), carrier.clone(), None)).collect()
        };
        match &*tip.target_type {
            "commit" => {
                let mut all: Vec<(At, Carrier, Option<Id>)> = Vec::new();
                for id in std::iter::once(&tip.target).chain(self.beside(tip)) {
                    let mut here = in_tree(&self.facts.commits[id].held);
                    let path = |at: &At| at.as_ref().map(|(_, path)| path.clone());
                    here.retain(|(at, ..)| !all.iter().any(|(other, ..)| path(other) == path(at)));
                    all.extend(here.into_iter().map(|(at, carrier, _)| (at, carrier, Some(id.clone()))));
                }
                all
            }
            "tree" => self.facts.tip_trees.get(&tip.target).map(in_tree).unwrap_or_default(),
            _ => {
                let mut in_blob = self.facts.blobs.get(&tip.target).into_iter().flatten();
                let first = in_blob.find(|hit| hit.key == self.key);
                let carrier = first.map(|hit| (tip.target.clone(), (hit.line, hit.column)));
                carrier
                    .map(|(object, position)| (None, Carrier { object, position: Some(position) }, None))
                    .into_iter()
                    .collect()
            }
        }
    }

    fn held_at(&self, account: &mut Account) {
        let mut counts = [0_u64; 3];
        for tip in &self.facts.tips {
            let named = self.named(tip);
            let held = self.held_by_tip(tip);
            if !named && held.is_empty() {
                continue;
            }
            let name = &tip.name;
            let is_branch = name.starts_with(b"refs/heads/") || name.starts_with(b"refs/remotes/");
            counts[if is_branch {
                0
            } else if name.starts_with(b"refs/tags/") {
                1
            } else {
                2
            }] += 1;
            let mut lines = BTreeMap::new();
            for (at, carrier, commit) in held {
                // Where both the content and the name at one path have it, which line is told is left open.
                let (by, path) = at.map_or((By::Content, None), |(by, path)| (by, Some(path)));
                let line = carrier.position.filter(|_| by == By::Content).map(|(line, _)| line);
                lines.entry((path, commit)).and_modify(|line| *line = None).or_insert(line);
            }
            if named {
                lines.insert((None, None), None);
            }
            let shown = self.masker.show(name);
            for ((path, commit), line) in lines {
                let path = path.map_or("-".into(), |path| format!("{:?}", self.masker.show(&path)));
                let line = line.map_or("any line".into(), |line| format!("line {line}"));
                account.tell("held_at.at", format!("{shown} {} {path} {line}", commit.as_deref().unwrap_or("-")));
            }
        }
        let [branches, tags, other] = counts;
        let count = branches + tags + other;
        account.tell("held_at counts", format!("{count}: {branches} branches, {tags} tags, {other} other"));
    }

    /// Commits that hold the key or have it in their own text.
    fn has(&self, id: &Id) -> bool {
        self.holds(id) || self.facts.commits[id].own_text.iter().any(|own| own.key == self.key)
    }

    fn reachable_from(&self, account: &mut Account) {
        let mut reaching: HashSet<&Id> = HashSet::new();
        for id in &self.facts.parents_first {
            if self.has(id) || self.facts.commits[id].parents.iter().any(|parent| reaching.contains(parent)) {
                reaching.insert(id);
            }
        }
        let mut count = 0;
        for tip in &self.facts.tips {
            let tagged = tip.tags.iter().any(|tag| self.facts.tags[tag].keys.iter().any(|key| key == self.key));
            let reached = reaching.contains(&tip.target) || !self.held_by_tip(tip).is_empty();
            if tagged || reached || self.named(tip) {
                account.tell("reachable_from.refs", self.masker.show(&tip.name));
                count += 1;
            }
        }
        account.tell("reachable_from.count", count.to_string());
    }

    fn unreachable(&self, account: &mut Account) {
        let gone = |id: &&Id| !self.facts.reachable.contains(*id);
        let keyed = |keys: &[String]| keys.iter().any(|key| key == self.key);
        let blobs = self.facts.blobs.iter().filter(|(_, hits)| hits.iter().any(|hit| hit.key == self.key));
        let trees = self.facts.naming_trees.iter().filter(|(_, keys)| keyed(keys));
        let in_trees = blobs.map(|(id, _)| (id, "blob")).chain(trees.map(|(id, _)| (id, "tree")));
        for (id, object_type) in in_trees.filter(|(id, _)| gone(id)) {
            let mut commits = BTreeSet::new();
            for (commit, facts) in self.facts.commits.iter().filter(|(commit, _)| gone(commit)) {
                let mut carriers = facts.held.get(self.key).into_iter().flatten();
                if carriers.any(|(_, carrier)| carrier.object == *id) {
                    commits.insert(&**commit);
                }
            }
            let commits: Vec<&str> = commits.into_iter().collect();
            account.tell("unreachable", format!("{object_type} {id} commits={}", commits.join(",")));
        }
        for (_, id) in self.staged_again() {
            account.tell("unreachable", format!("blob {id} commits="));
        }
        let in_names = |id: &Id| {
            let held = self.facts.commits[id].held.get(self.key);
            self.facts.reachable.contains(id) && held.is_some_and(|held| held.keys().any(|(by, _)| *by == By::Name))
        };
        if !self.facts.parents_first.iter().any(in_names) {
            for (id, _) in self.staged_paths() {
                account.tell("unreachable", format!("index {id}"));
            }
        }
        for (id, commit) in self.facts.commits.iter().filter(|(id, _)| gone(id)) {
            if commit.own_text.iter().any(|own| own.key == self.key) {
                account.tell("unreachable", format!("commit {id}"));
            }
        }
        for (id, _) in self.facts.tags.iter().filter(|(id, tag)| gone(id) && keyed(&tag.keys)) {
            account.tell("unreachable", format!("tag {id}"));
        }
    }

    /// Reachable files with the key that an index has at a path where the commit it is on does not hold the key: what is
    /// merely checked out is not told again.
    fn staged_again(&self) -> Vec<(&'a [u8], &'a Id)> {
        let has_key = |id: &Id| {
            let hits = self.facts.blobs.get(id).filter(|_| self.facts.reachable.contains(id));
            hits.is_some_and(|hits| hits.iter().any(|hit| hit.key == self.key))
        };
        let mut found = Vec::new();
        for index in &self.facts.indexes {
            let head = index.head.as_ref().map(|head| &self.facts.commits[head].held);
            let held = head.and_then(|held| held.get(self.key));
            let checked_out = |path: &Vec<u8>| held.is_some_and(|held| held.contains_key(&(By::Content, path.clone())));
            let again = index.staged.iter().filter(|(path, id)| has_key(id) && !checked_out(path));
            found.extend(again.map(|(path, id)| (path.as_slice(), id)));
        }
        found
    }

    /// What is staged at a path that has the key, and how often the path has it.
    fn staged_paths(&self) -> impl Iterator<Item = (&'a Id, usize)> {
        let staged = self.facts.indexes.iter().flat_map(|index| &index.staged);
        let count = |path: &[u8]| hits(path).iter().filter(|hit| hit.key == self.key).count();
        staged.map(move |(path, id)| (id, count(path))).filter(|(_, count)| *count > 0)
    }

    /// The paths at which a commit that no tip reaches, or an index, holds an object that has the key.
    pub(crate) fn paths_of_unreachable(&self) -> HashMap<Id, BTreeSet<String>> {
        let mut paths: HashMap<Id, BTreeSet<String>> = HashMap::new();
        for (_, commit) in self.facts.commits.iter().filter(|(id, _)| !self.facts.reachable.contains(*id)) {
            for (at, carrier) in commit.held.get(self.key).into_iter().flatten() {
                paths.entry(carrier.object.clone()).or_default().insert(self.masker.show(&at.1));
            }
        }
        for (path, id) in self.staged_again() {
            paths.entry(id.clone()).or_default().insert(self.masker.show(path));
        }
        paths
    }

    /// Of the commits that introduce the key and have no ancestor that does, the earliest.
    fn first_commit(&self, reachable: bool) -> Option<&'a Id> {
        let is_asked = |id: &&Id| self.facts.reachable.contains(*id) == reachable;
        let introduces = |id: &&Id| self.introduced_by(id).iter().any(|entry| entry.level == "key");
        let introducing: BTreeSet<&Id> = self.facts.parents_first.iter().filter(is_asked).filter(introduces).collect();
        let first = introducing.iter().filter(|id| !self.has_ancestor_in(id, &introducing));
        first.copied().min_by_key(|id| {
            let commit = &self.facts.commits[*id];
            (commit.committer.when.seconds, commit.author.when.seconds, *id)
        })
    }

    fn has_ancestor_in(&self, id: &Id, among: &BTreeSet<&Id>) -> bool {
        let mut seen: HashSet<&Id> = HashSet::new();
        let mut waiting: Vec<&Id> = self.facts.commits[id].parents.iter().collect();
        while let Some(ancestor) = waiting.pop() {
            if among.contains(ancestor) {
                return true;
            }
            if seen.insert(ancestor) {
                waiting.extend(&self.facts.commits[ancestor].parents);
            }
        }
        false
    }

    fn first_and_exposure(&self, account: &mut Account, introductions: &[Entry], removals: &[Entry]) {
        let reachable = !introductions.is_empty();
        if let Some(first) = self.first_commit(reachable) {
            for entry in self.introduced_by(first).iter().filter(|entry| entry.level == "key") {
                account.allow("first_introduced", format!("{} reachable={reachable}", entry.name()));
            }
            account.tell("exposure.start", self.facts.commits[first].committer.when.to_string());
        } else if reachable {
            for entry in introductions {
                account.allow("first_introduced", format!("{} reachable=true", entry.name()));
            }
        } else {
            account.allow("first_introduced", "null");
            for (id, _) in self.facts.tags.iter().filter(|(_, tag)| tag.keys.iter().any(|key| key == self.key)) {
                account.allow("first_introduced", format!("- tag_message \"-\" {id} reachable=false"));
            }
        }
        let (open, end_reason) = self.end_reason(reachable);
        account.tell("exposure.open", open.to_string());
        account.tell("exposure.end_reason", end_reason);
        let ends = removals
            .iter()
            .filter(|entry| entry.level == "key" && !open)
            .filter_map(|entry| Some(self.facts.commits[entry.commit.as_ref()?].committer.when));
        let ends: Vec<Moment> = ends.collect();
        match ends.iter().map(|end| end.seconds).max() {
            None => account.allow("exposure.end", "null"),
            Some(last) => {
                let last = ends.iter().filter(|end| end.seconds == last);
                last.for_each(|end| account.allow("exposure.end", end.to_string()));
            }
        }
    }

    fn end_reason(&self, reachable: bool) -> (bool, &'static str) {
        let at_a_tip = self.facts.tips.iter().any(|tip| self.named(tip) || !self.held_by_tip(tip).is_empty());
        let own_text = |(id, commit): (&Id, &CommitFacts)| {
            self.facts.reachable.contains(id) && commit.own_text.iter().any(|own| own.key == self.key)
        };
        let in_a_tag = |gone: bool| {
            let tags = self.facts.tags.iter().filter(|(id, _)| self.facts.reachable.contains(*id) != gone);
            tags.flat_map(|(_, tag)| &tag.keys).any(|key| key == self.key)
        };
        let open = at_a_tip || in_a_tag(false) || self.facts.commits.iter().any(own_text);
        let gone = in_a_tag(true) || self.facts.commits.keys().any(|id| self.has(id));
        match (open, reachable, gone) {
            (true, ..) => (true, "open"),
            (false, true, _) => (false, "removed"),
            (false, false, true) => (false, "ref_gone"),
            (false, false, false) => (false, "no_ref"),
        }
    }

    /// How many different (object, span) have the key; not told where a ref's name, which is no object, has it.
    fn sightings(&self) -> Option<usize> {
        let in_blobs = self.facts.blobs.values().flatten().filter(|hit| hit.key == self.key).count();
        let in_names = self.facts.naming_trees.values().flatten().filter(|key| *key == self.key).count();
        let own_texts = self.facts.commits.values().flat_map(|commit| &commit.own_text);
        let in_commits = own_texts.filter(|own| own.key == self.key).count();
        let in_tags = self.facts.tags.values().flat_map(|tag| &tag.keys).filter(|key| *key == self.key).count();
        let in_staged_paths: usize = self.staged_paths().map(|(_, count)| count).sum();
        let named = self.facts.tips.iter().any(|tip| self.named(tip));
        (!named).then_some(in_blobs + in_names + in_commits + in_tags + in_staged_paths)
    }
}
