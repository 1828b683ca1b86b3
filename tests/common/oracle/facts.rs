//! Everything about a repository that an audit's answers follow from.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::reading::{Id, Index, Listed, Reading};
use super::search::{Hit, byte_position, hits};
use super::when::Moment;

/// How a path has a key: in the file's content, or in the last part of the path itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    Content,
    Name,
}

/// What has the key at one path: a blob, or the tree that has the name; and the first line and column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Carrier {
    pub(crate) object: Id,
    pub(crate) position: Option<(u64, u64)>,
}

/// For each key, where one tree holds it.
pub(crate) type Held = BTreeMap<String, BTreeMap<(By, Vec<u8>), Carrier>>;

/// A ref, or the detached HEAD of a worktree.
pub(crate) struct Tip {
    pub(crate) name: Vec<u8>,
    pub(crate) id: Id,
    /// The annotated tags on the way to what it is in the end.
    pub(crate) tags: Vec<Id>,
    /// What it is in the end, and of which type.
    pub(crate) target: Id,
    pub(crate) target_type: String,
}

/// A key in a commit's own text.
pub(crate) struct OwnText {
    pub(crate) key: String,
    pub(crate) place: &'static str,
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// A name, an address and a time as they were recorded.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    pub(crate) name: Vec<u8>,
    pub(crate) email: Vec<u8>,
    pub(crate) when: Moment,
    pub(crate) recorded: String,
}

pub(crate) struct CommitFacts {
    pub(crate) parents: Vec<Id>,
    pub(crate) tree: Id,
    pub(crate) author: Stamp,
    pub(crate) committer: Stamp,
    pub(crate) subject: Vec<u8>,
    pub(crate) own_text: Vec<OwnText>,
    pub(crate) held: Held,
}

pub(crate) struct TagFacts {
    pub(crate) target: Id,
    pub(crate) target_type: String,
    pub(crate) tagger: Option<Stamp>,
    pub(crate) keys: Vec<String>,
}

#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) tips: Vec<Tip>,
    /// Every commit there is.
    pub(crate) commits: HashMap<Id, CommitFacts>,
    /// Their ids, parents before children.
    pub(crate) parents_first: Vec<Id>,
    pub(crate) tags: HashMap<Id, TagFacts>,
    /// Blobs that have a key.
    pub(crate) blobs: HashMap<Id, Vec<Hit>>,
    /// Trees that have an entry with a key in its name: the keys, one for each name it stands in.
    pub(crate) naming_trees: HashMap<Id, Vec<String>>,
    /// What trees that are tips by themselves hold.
    pub(crate) tip_trees: HashMap<Id, Held>,
    pub(crate) indexes: Vec<Index>,
    /// Every object that a tip reaches.
    pub(crate) reachable: HashSet<Id>,
    /// Commits that only `refs/notes/` reaches.
    pub(crate) note_commits: HashSet<Id>,
    /// How many commits, trees, blobs and tags there are, and how many of them no tip reaches.
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) unreachable_counts: BTreeMap<String, u64>,
    pub(crate) bytes: u64,
}

impl Facts {
    /// Reads a repository, listing the trees of its commits with `threads` gits at a time.
    pub(crate) fn read(path: &Path, threads: usize) -> Self {
        let git = Reading::new(path);
        let mut facts = Self::default();
        let named = git.tips();
        let tip_ids: Vec<Id> = named.iter().map(|(_, id)| id.clone()).collect();
        facts.indexes = git.indexes();
        facts.reachable = git.reachable(&tip_ids).into_iter().collect();
        let types = facts.read_objects(&git);
        facts.tips = named.into_iter().map(|(name, id)| facts.peel(name, id, &types)).collect();
        facts.find_note_commits(&git);
        let all: Vec<Id> = facts.commits.keys().cloned().collect();
        for (commit, parents) in git.parents_first(&all) {
            facts.commits.get_mut(&commit).expect("a commit that is there").parents = parents;
            facts.parents_first.push(commit);
        }
        facts.list_trees(&git, threads);
        facts
    }

    fn read_objects(&mut self, git: &Reading) -> HashMap<Id, String> {
        let mut types = HashMap::new();
        git.every_object(|id, object_type, content| {
            *self.counts.entry(object_type.to_owned()).or_default() += 1;
            if !self.reachable.contains(&id) {
                *self.unreachable_counts.entry(object_type.to_owned()).or_default() += 1;
            }
            self.bytes += content.len() as u64;
            match object_type {
                "blob" => {
                    let found = hits(&content);
                    if !found.is_empty() {
                        self.blobs.insert(id.clone(), found);
                    }
                }
                "tree" => {
                    let names = entry_names(&content, id.len() / 2);
                    let keys: Vec<String> = names.flat_map(hits).map(|hit| hit.key).collect();
                    if !keys.is_empty() {
                        self.naming_trees.insert(id.clone(), keys);
                    }
                }
                "commit" => {
                    self.commits.insert(id.clone(), CommitFacts::parse(&content));
                }
                _ => {
                    self.tags.insert(id.clone(), TagFacts::parse(&content));
                }
            }
            if object_type != "blob" {
                types.insert(id, object_type.to_owned());
            }
        });
        types
    }

    fn peel(&self, name: Vec<u8>, id: Id, types: &HashMap<Id, String>) -> Tip {
        let mut target = id.clone();
        let mut tags = Vec::new();
        let blob = String::from("blob");
        let mut target_type = types.get(&id).unwrap_or(&blob);
        while let Some(tag) = self.tags.get(&target) {
            tags.push(target);
            target = tag.target.clone();
            target_type = &tag.target_type;
        }
        Tip { name, id, tags, target, target_type: target_type.clone() }
    }

    fn find_note_commits(&mut self, git: &Reading) {
        let is_note = |tip: &&Tip| tip.name.starts_with(b"refs/notes/");
        let targets = |tips: Vec<&Tip>| -> Vec<Id> {
            tips.iter().filter(|tip| tip.target_type == "commit").map(|tip| tip.target.clone()).collect()
        };
        let notes = targets(self.tips.iter().filter(is_note).collect());
        if notes.is_empty() {
            return;
        }
        let others = targets(self.tips.iter().filter(|tip| !is_note(tip)).collect());
        let elsewhere: HashSet<Id> = git.commits(&others).into_iter().collect();
        self.note_commits = git.commits(&notes).into_iter().filter(|id| !elsewhere.contains(id)).collect();
    }

    /// Lists the tree of every commit, and of every tip that is a tree.
    fn list_trees(&mut self, git: &Reading, threads: usize) {
        if self.blobs.is_empty() && self.naming_trees.is_empty() {
            return;
        }
        let mut roots: BTreeSet<Id> = self.commits.values().map(|commit| commit.tree.clone()).collect();
        let tip_trees: Vec<Id> =
            self.tips.iter().filter(|tip| tip.target_type == "tree").map(|tip| tip.target.clone()).collect();
        roots.extend(tip_trees.iter().cloned());
        let roots: Vec<Id> = roots.into_iter().collect();
        let mut held: HashMap<Id, Held> = HashMap::new();
        std::thread::scope(|scope| {
            let facts = &*self;
            let listing = |roots| {
                let mut held = Vec::new();
                git.list_each(roots, |root, listed| held.push((root.clone(), facts.held_in(root, listed))));
                held
            };
            let parts = roots.chunks(roots.len().div_ceil(threads).max(1));
            let workers: Vec<_> = parts.map(|roots| scope.spawn(move || listing(roots))).collect();
            for worker in workers {
                held.extend(worker.join().expect("listing trees"));
            }
        });
        for commit in self.commits.values_mut() {
            commit.held = held[&commit.tree].clone();
        }
        self.tip_trees = tip_trees.into_iter().map(|tree| (tree.clone(), held[&tree].clone())).collect();
    }

    fn held_in(&self, root: &Id, listed: Vec<Listed>) -> Held {
        let mut held = Held::new();
        let mut folders: HashMap<Vec<u8>, Id> = HashMap::from([(Vec::new(), root.clone())]);
        for entry in listed {
            let slash = entry.path.iter().rposition(|byte| *byte == b'/');
            let (folder, name) = match slash {
                Some(slash) => (&entry.path[..slash], &entry.path[slash + 1..]),
                None => (&[][..], &entry.path[..]),
            };
            if self.naming_trees.contains_key(&folders[folder]) {
                for hit in hits(name) {
                    let carrier = Carrier { object: folders[folder].clone(), position: None };
                    held.entry(hit.key).or_default().insert((By::Name, entry.path.clone()), carrier);
                }
            }
            if entry.is_tree {
                folders.insert(entry.path, entry.id);
                continue;
            }
            for hit in self.blobs.get(&entry.id).into_iter().flatten() {
                let carrier = Carrier { object: entry.id.clone(), position: Some((hit.line, hit.column)) };
                held.entry(hit.key.clone()).or_default().entry((By::Content, entry.path.clone())).or_insert(carrier);
            }
        }
        held
    }

    /// Every key there is, wherever it stands.
    pub(crate) fn keys(&self) -> BTreeSet<String> {
        let in_blobs = self.blobs.values().flatten().map(|hit| hit.key.clone());
        let in_names = self.naming_trees.values().flatten().cloned();
        let in_commits = self.commits.values().flat_map(|commit| &commit.own_text).map(|own| own.key.clone());
        let in_tags = self.tags.values().flat_map(|tag| &tag.keys).cloned();
        let in_refs = self.tips.iter().flat_map(|tip| hits(&tip.name)).map(|hit| hit.key);
        in_blobs.chain(in_names).chain(in_commits).chain(in_tags).chain(in_refs).collect()
    }
}

impl CommitFacts {
    fn parse(raw: &[u8]) -> Self {
        let (head, message) = split_text(raw);
        let mut own_text: Vec<OwnText> = Vec::new();
        for hit in hits(head) {
            own_text.push(OwnText {
                place: header_place(head, hit.start),
                key: hit.key,
                line: hit.line,
                column: hit.column,
            });
        }
        for hit in hits(message) {
            own_text.push(OwnText { key: hit.key, place: "commit_message", line: hit.line, column: hit.column });
        }
        Self {
            parents: Vec::new(),
            tree: String::from_utf8_lossy(header(head, "tree").expect("a commit has a tree")).into_owned(),
            author: Stamp::parse(header(head, "author").expect("a commit has an author")),
            committer: Stamp::parse(header(head, "committer").expect("a commit has a committer")),
            subject: message.split(|byte| *byte == b'\n').next().unwrap_or_default().to_vec(),
            own_text,
            held: Held::new(),
        }
    }
}

impl TagFacts {
    fn parse(raw: &[u8]) -> Self {
        let (head, _) = split_text(raw);
        let word = |name| String::from_utf8_lossy(header(head, name).expect("a tag has a target")).into_owned();
        Self {
            target: word("object"),
            target_type: word("type"),
            tagger: header(head, "tagger").map(Stamp::parse),
            keys: hits(raw).into_iter().map(|hit| hit.key).collect(),
        }
    }
}

impl Stamp {
    fn parse(line: &[u8]) -> Self {
        let open = line.iter().rposition(|byte| *byte == b'<').expect("an address");
        let close = line.iter().rposition(|byte| *byte == b'>').expect("an address");
        let recorded = String::from_utf8_lossy(&line[close + 2..]).into_owned();
        Self {
            name: line[..open].strip_suffix(b" ").unwrap_or(&line[..open]).to_vec(),
            email: line[open + 1..close].to_vec(),
            when: Moment::recorded(&recorded),
            recorded,
        }
    }
}

/// The headers and the message.
fn split_text(raw: &[u8]) -> (&[u8], &[u8]) {
    let end = raw.windows(2).position(|two| two == b"\n\n").unwrap_or(raw.len());
    (&raw[..end], raw.get(end + 2..).unwrap_or_default())
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut lines = head.split(|byte| *byte == b'\n');
    lines.find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b" "))
}

/// The place that a byte of a commit's headers is in. A line that starts with a space goes on from the last.
fn header_place(head: &[u8], at: usize) -> &'static str {
    let (line, _) = byte_position(head, at);
    let lines: Vec<&[u8]> = head.split(|byte| *byte == b'\n').take(usize::try_from(line).expect("a line")).collect();
    let start = lines.iter().rev().find(|line| !line.starts_with(b" ")).expect("a header's first line");
    match start.split(|byte| *byte == b' ').next() {
        Some(b"author") => "author",
        Some(b"committer") => "committer",
        _ => "commit_header",
    }
}

/// The names of a tree's entries.
fn entry_names(tree: &[u8], id_length: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = tree;
    std::iter::from_fn(move || {
        let space = rest.iter().position(|byte| *byte == b' ')?;
        let end = space + rest[space..].iter().position(|byte| *byte == 0)?;
        let name = &rest[space + 1..end];
        rest = &rest[end + 1 + id_length..];
        Some(name)
    })
}
