//! What is reached from where: tips, reflogs, indexes, and what narrows them.

use std::collections::HashMap;

use super::Options;
use super::content::Content;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::history::{Bits, NONE, NodeKind};
use crate::model::Oid;
use crate::store::{Gap, ObjectIndex, Refs, Store, Tip};

/// What kind of ref a tip is, in the order in which people know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RefClass {
    /// The branch that HEAD names.
    HeadBranch,
    /// A branch here.
    Branch,
    /// A branch of a remote.
    RemoteBranch,
    /// A tag.
    Tag,
    /// Anything else: pull refs, notes, stash, a detached HEAD.
    Other,
}

impl RefClass {
    fn of(tip: &Tip) -> Self {
        Self::of_name(&tip.name, tip.is_head)
    }

    pub(super) fn of_name(name: &[u8], is_head: bool) -> Self {
        if name.starts_with(b"refs/heads/") {
            if is_head { Self::HeadBranch } else { Self::Branch }
        } else if name.starts_with(b"refs/remotes/") {
            Self::RemoteBranch
        } else if name.starts_with(b"refs/tags/") {
            Self::Tag
        } else {
            Self::Other
        }
    }

    pub(super) fn is_branch(self) -> bool {
        matches!(self, Self::HeadBranch | Self::Branch | Self::RemoteBranch)
    }
}

/// So many tags of tags are followed: git has no limit, but tags in a damaged store can name each other in a circle.
const MOST_TAGS: usize = 50_000;

/// A tip whose object is there.
#[derive(Clone, Debug)]
pub(super) struct TipObject {
    pub(super) name: Vec<u8>,
    pub(super) class: RefClass,
    pub(super) object: ObjectIndex,
    /// Of the annotated tags between the ref and what it is peeled to the first, and those with a key.
    pub(super) tags: Vec<ObjectIndex>,
    /// What it is peeled to; may be absent.
    pub(super) peeled: ObjectIndex,
    /// Of a stash, the commits of what was staged and of the files that nobody had added: what is in them stands in the
    /// stash as what is in its own tree does. They are parents of it, and no other merge's parents stand where it stands.
    pub(super) beside: Vec<ObjectIndex>,
}

impl TipObject {
    /// What stands at it: what it is peeled to, and what stands beside that.
    pub(super) fn named(&self) -> impl Iterator<Item = ObjectIndex> + '_ {
        std::iter::once(self.peeled).chain(self.beside.iter().copied())
    }
}

/// Which objects are whose.
pub(super) struct Roots {
    /// In the order in which people know them.
    pub(super) tips: Vec<TipObject>,
    /// Whether of another, or of one of these, nobody knows what stands at it.
    pub(super) has_unread_tip: bool,
    /// What the tips reach, less what `--since` names.
    pub(super) reached: Bits,
    /// Objects that belong to this audit: reached ones, and unless it is narrowed the rest of the repository's own.
    pub(super) relevant: Bits,
    /// The same, and of what `--since` leaves out all that commits and refs of this audit hold all the same: what is known
    /// of a key that is brought back, or copied, stands in objects as old as that.
    pub(super) held: Bits,
    /// Commits that only `refs/notes/` reaches.
    pub(super) notes: Bits,
    /// By what an unreachable object is still kept.
    pub(super) kept_by: HashMap<ObjectIndex, Keeper>,
}

/// What keeps objects besides refs, by its number. A log can have a long name and a million lines: the names are made
/// where they are told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keeper {
    /// A log, and the position of its entry.
    Log(usize, usize),
    Index(usize),
}

impl Keeper {
    /// As people call it: `HEAD@{3}`.
    pub(super) fn name(self, store: &Store) -> Vec<u8> {
        match self {
            Self::Log(log, position) => [&store.refs.reflogs[log].name, format!("@{{{position}}}").as_bytes()].concat(),
            Self::Index(index) => store.indexes[index].0.clone(),
        }
    }
}

/// Works out what is reached. What a ref, a reflog or an index names and is not there is a gap.
pub(super) fn find(
    store: &Store,
    content: &Content,
    options: &Options,
    interrupted: bool,
    gaps: &mut Vec<Gap>,
) -> Roots {
    let graph = &content.graph;
    let (tips, has_unread_tip) = tips(store, content, options, gaps);
    let without_notes = tips.iter().filter(|tip| !is_notes(&tip.name)).map(|tip| tip.object);
    let mut reached = graph.reached(without_notes, options.threads);
    let mut notes = Bits::new(graph.len());
    let only_notes = |object| _ = notes.insert(object);
    graph.reach(tips.iter().filter(|tip| is_notes(&tip.name)).map(|tip| tip.object), &mut reached, only_notes);
    let mut left_out = Bits::new(graph.len());
    for since in &options.since {
        match resolve(store, content, since) {
            Ok(object) => graph.reach([object], &mut left_out, |_| {}),
            Err(why) => gaps.push(Gap::named("broken_ref", since.as_bytes(), why.detail())),
        }
    }
    reached.subtract(&left_out);
    if interrupted {
        // What would have reached an object may not have been read: nothing is called unreachable.
        let read = (0..store.objects.len() as u32).filter(|object| graph.kind(*object) != NodeKind::Absent);
        read.filter(|object| !left_out.has(*object)).for_each(|object| _ = reached.insert(object));
    }
    let mut relevant = reached.clone();
    let mut kept_by = HashMap::new();
    if options.reads_unreachable() {
        let mut seen = reached.clone();
        seen.add(&left_out);
        keepers(store, options, gaps, |keeper, object| {
            graph.reach([object], &mut seen, |object| {
                relevant.insert(object);
                kept_by.insert(object, keeper);
            });
        });
        let mut own = Bits::full(store.objects.len());
        store.objects.borrowed().for_each(|object| own.remove(object));
        own.subtract(&left_out);
        relevant.add(&own);
    }
    let mut held = relevant.clone();
    if !options.since.is_empty() {
        hold(content, &tips, &relevant, &mut held);
    }
    Roots { tips, has_unread_tip, reached, relevant, held, notes, kept_by }
}

/// Adds what stands in commits of this audit, and in trees and blobs that refs name.
fn hold(content: &Content, tips: &[TipObject], relevant: &Bits, held: &mut Bits) {
    let graph = &content.graph;
    let named = tips.iter().map(|tip| tip.peeled).filter(|object| graph.kind(*object) != NodeKind::Commit);
    let commits = graph.objects().filter(|object| relevant.has(*object) && graph.kind(*object) == NodeKind::Commit);
    let trees = commits.filter_map(|commit| graph.links(commit).first().copied()).filter(|tree| *tree != NONE);
    let mut below = Bits::new(graph.len());
    graph.reach(named.chain(trees), &mut below, |_| {});
    held.add(&below);
}

fn is_notes(name: &[u8]) -> bool {
    name.starts_with(b"refs/notes/")
}

/// The tips whose objects are there, and whether of one nobody knows what stands at it.
fn tips(store: &Store, content: &Content, options: &Options, gaps: &mut Vec<Gap>) -> (Vec<TipObject>, bool) {
    let (mut tips, mut has_unread) = (Vec::new(), false);
    let half_read: FxHashSet<ObjectIndex> = content.half_read().collect();
    let carriers: FxHashSet<ObjectIndex> = content.sightings.iter().map(|sighting| sighting.object).collect();
    for pattern in &options.refs {
        let aliases = store.refs.symbolic.iter().filter(|symbolic| symbolic.target.is_some());
        let mut names = store.refs.tips.iter().map(|tip| &tip.name).chain(aliases.map(|symbolic| &symbolic.name));
        if !names.any(|name| matches_ref(pattern, name)) {
            gaps.push(Gap::named("broken_ref", pattern.as_bytes(), b"--ref matches no ref here"));
        }
    }
    let chosen = Chosen::of(options, &store.refs);
    for tip in store.refs.tips.iter().filter(|tip| chosen.has(&tip.name)) {
        let Some(object) = store.objects.find(&tip.oid) else {
            if !tip.oid.is_builtin() {
                let detail = format!("it names {}, which is not there", tip.oid);
                gaps.push(Gap::named("broken_ref", &tip.name, detail.as_bytes()));
                has_unread = true;
            }
            continue;
        };
        let (mut peeled, mut tags, mut steps) = (object, Vec::new(), 0);
        while content.graph.kind(peeled) == NodeKind::Tag {
            if tags.is_empty() || carriers.contains(&peeled) {
                tags.push(peeled);
            }
            steps += 1;
            match content.graph.links(peeled).first() {
                Some(&target) if target != NONE && steps < MOST_TAGS => peeled = target,
                Some(&target) if target != NONE => {
                    let oid = store.objects.oid(object).to_string();
                    gaps.push(Gap::named("too_deep", oid.as_bytes(), b"tags of tags without end"));
                    break;
                }
                _ => break,
            }
        }
        has_unread |= match content.graph.kind(peeled) {
            NodeKind::Absent | NodeKind::Tag => true,
            NodeKind::Commit => content.has_no_tree(peeled),
            NodeKind::Blob | NodeKind::Tree => half_read.contains(&peeled),
        };
        let beside = beside(content, &tip.name, peeled);
        tips.push(TipObject { name: tip.name.clone(), class: RefClass::of(tip), object, tags, peeled, beside });
    }
    tips.sort_by(|a, b| (a.class, &a.name).cmp(&(b.class, &b.name)));
    (tips, has_unread)
}

/// What stands beside a stash's own tree: its second and third parents (git's `builtin/stash.c`, `get_stash_info`).
fn beside(content: &Content, name: &[u8], peeled: ObjectIndex) -> Vec<ObjectIndex> {
    let graph = &content.graph;
    if name != b"refs/stash" || graph.kind(peeled) != NodeKind::Commit {
        return Vec::new();
    }
    // Of a commit's links the first is its tree.
    let parents = graph.links(peeled).iter().skip(1);
    parents.skip(1).take(2).copied().filter(|parent| graph.kind(*parent) == NodeKind::Commit).collect()
}

/// Hands over what keeps objects besides refs, and the object it names: reflog entries, the stash's first, then indexes.
fn keepers(store: &Store, options: &Options, gaps: &mut Vec<Gap>, mut each: impl FnMut(Keeper, ObjectIndex)) {
    /// So many missing objects are told each by itself: a line of a log can be much shorter than the log's name.
    const MOST_MISSING: usize = 10_000;
    let logs = &store.refs.reflogs;
    let mut order: Vec<usize> = (0..logs.len()).filter(|_| options.reflog).collect();
    order.sort_by_key(|log| (logs[*log].name != b"refs/stash", &logs[*log].name));
    let mut missing: FxHashMap<Oid, Keeper> = FxHashMap::default();
    let mut keep = |keeper, oid: Oid| match store.objects.find(&oid) {
        Some(object) => each(keeper, object),
        None if oid.is_builtin() => {}
        None => _ = missing.entry(oid).or_insert(keeper),
    };
    for log in order {
        for line in logs[log].lines() {
            for (oid, position) in [(line.new, line.position), (line.old, line.position + 1)] {
                oid.into_iter().for_each(|oid| keep(Keeper::Log(log, position), oid));
            }
        }
    }
    for (number, (_, entries)) in store.indexes.iter().enumerate() {
        // A submodule's commit stands in another repository.
        for entry in entries.iter().filter(|entry| entry.mode & 0o170_000 != 0o160_000) {
            keep(Keeper::Index(number), entry.oid);
        }
    }
    let mut missing: Vec<(Oid, Keeper)> = missing.into_iter().collect();
    missing.sort_unstable_by_key(|(oid, _)| *oid);
    let (told, rest) = missing.split_at(missing.len().min(MOST_MISSING));
    for (oid, keeper) in told {
        let detail = [b"named by ", keeper.name(store).as_slice()].concat();
        gaps.push(Gap::named("missing", oid.to_string().as_bytes(), &detail));
    }
    if !rest.is_empty() {
        let detail = format!("reflogs and indexes name {} more objects that are not there", rest.len());
        gaps.push(Gap::named("missing", b"objects", detail.as_bytes()));
    }
}

/// The refs that `--ref` takes in, by their names or by those of symbolic refs that lead to them; without it every ref is.
pub(super) struct Chosen<'a> {
    patterns: &'a [String],
    by_alias: FxHashSet<&'a [u8]>,
}

impl<'a> Chosen<'a> {
    pub(super) fn of(options: &'a Options, refs: &'a Refs) -> Self {
        let mut chosen = Self { patterns: &options.refs, by_alias: FxHashSet::default() };
        let aliases = refs.symbolic.iter().filter(|symbolic| chosen.matches(&symbolic.name));
        chosen.by_alias = aliases.filter_map(|symbolic| symbolic.target.as_deref()).collect();
        chosen
    }

    pub(super) fn has(&self, name: &[u8]) -> bool {
        self.patterns.is_empty() || self.matches(name) || self.by_alias.contains(name)
    }

    fn matches(&self, name: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| matches_ref(pattern, name))
    }
}

/// What may stand before and behind a short name, in the order in which git tries it (`refs.c`, `ref_rev_parse_rules`).
const RULES: [(&[u8], &[u8]); 6] = [
    (b"", b""),
    (b"refs/", b""),
    (b"refs/tags/", b""),
    (b"refs/heads/", b""),
    (b"refs/remotes/", b""),
    (b"refs/remotes/", b"/HEAD"),
];

/// Whether a ref's name, whole or short, matches a pattern of `*` and `?`.
fn matches_ref(pattern: &str, name: &[u8]) -> bool {
    RULES.iter().any(|(before, behind)| {
        let short = name.strip_prefix(*before).and_then(|rest| rest.strip_suffix(*behind));
        short.is_some_and(|short| glob(pattern.as_bytes(), short))
    })
}

/// Whether the whole of `text` matches; `*` matches slashes too.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += 1;
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Why a revision names no commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unresolved {
    Nothing,
    Ambiguous,
}

impl Unresolved {
    fn detail(self) -> &'static [u8] {
        match self {
            Self::Nothing => b"--since names no commit here",
            Self::Ambiguous => b"--since is ambiguous: it names more than one ref or commit here",
        }
    }
}

/// The commit a revision names: an id, a ref, whole or short, or the beginning of an id; then any of `~n` and `^n`.
fn resolve(store: &Store, content: &Content, revision: &str) -> Result<ObjectIndex, Unresolved> {
    let end = revision.find(['~', '^']).unwrap_or(revision.len());
    let (name, steps) = revision.split_at(end);
    let object = named(store, content, name)?;
    follow(content, object, steps).ok_or(Unresolved::Nothing)
}

/// The commit to which steps lead, such as `~2^2`.
fn follow(content: &Content, mut object: ObjectIndex, mut steps: &str) -> Option<ObjectIndex> {
    let peel = |mut object: ObjectIndex| {
        for _ in 0..MOST_TAGS {
            if content.graph.kind(object) != NodeKind::Tag {
                return Some(object);
            }
            object = content.graph.links(object).first().copied().filter(|target| *target != NONE)?;
        }
        None
    };
    let parent = |object, number: usize| {
        let commit = peel(object)?;
        (content.graph.kind(commit) == NodeKind::Commit)
            .then(|| content.graph.links(commit).get(number).copied())?
            .filter(|parent| content.graph.kind(*parent) == NodeKind::Commit)
    };
    while !steps.is_empty() {
        let is_back = steps.starts_with('~');
        // What somebody types has letters of any length: nothing is cut by counting bytes.
        let behind = steps.strip_prefix(['~', '^'])?;
        let (digits, rest) = behind.split_at(behind.find(|it: char| !it.is_ascii_digit()).unwrap_or(behind.len()));
        let number = if digits.is_empty() { 1 } else { digits.parse().ok()? };
        steps = rest;
        match number {
            _ if is_back => {
                for _ in 0..number {
                    object = parent(object, 1)?;
                }
            }
            0 => object = peel(object)?,
            _ => object = parent(object, number)?,
        }
    }
    peel(object).filter(|object| content.graph.kind(*object) == NodeKind::Commit)
}

/// The object that a name means. A whole id is that id, whatever ref is called so: who names a branch by a commit's id
/// would else say what is left out. Where a name could mean two things git takes one of them, and only warns.
fn named(store: &Store, content: &Content, name: &str) -> Result<ObjectIndex, Unresolved> {
    if let Some(oid) = Oid::from_hex(name.as_bytes()).filter(|oid| oid.as_bytes().len() == store.format.raw_len()) {
        return store.objects.find(&oid).ok_or(Unresolved::Nothing);
    }
    let name = if name == "@" { "HEAD" } else { name };
    let whole = |(before, behind): &(&[u8], &[u8])| [*before, name.as_bytes(), *behind].concat();
    let mut found: Vec<Option<ObjectIndex>> = Vec::new();
    for whole in RULES.iter().map(whole) {
        let alias = store.refs.symbolic.iter().find(|symbolic| symbolic.name == whole);
        let target = alias.and_then(|alias| alias.target.as_ref()).unwrap_or(&whole);
        let tip = store.refs.tips.iter().find(|tip| tip.name == *target);
        found.extend(tip.map(|tip| store.objects.find(&tip.oid)));
    }
    if name.len() >= 4 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let is_no_file = |object: &ObjectIndex| !matches!(content.graph.kind(*object), NodeKind::Blob | NodeKind::Tree);
        let ids = store.objects.with_prefix(&name.to_ascii_lowercase());
        found.extend(ids.into_iter().filter(is_no_file).map(Some));
    }
    match found.as_slice() {
        [] => Err(Unresolved::Nothing),
        [only] => only.ok_or(Unresolved::Nothing),
        _ => Err(Unresolved::Ambiguous),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_are_matched_whole_or_short() {
        assert!(matches_ref("main", b"refs/heads/main"));
        assert!(matches_ref("refs/pull/*", b"refs/pull/1/head"));
        assert!(matches_ref("v1.?", b"refs/tags/v1.2"));
        assert!(matches_ref("*", b"refs/x"));
        assert!(!matches_ref("mai", b"refs/heads/main"));
        assert!(!matches_ref("main", b"refs/heads/not/main"));
    }
}
