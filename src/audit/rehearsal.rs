//! Use case: a rewrite of a history tried out before it is made, so that what it would not reach is told beforehand.
//!
//! How text is written over is the caller's to say; here it is done to the objects that have a key, and what comes out
//! is scanned as an audit scans it. That outweighs every rule by the name of an encoding: what is wrapped, spelt in
//! both cases or encoded twice is found out by trying. The cost is that of reading those objects again; only where
//! something other than a file keeps a key is history walked, to see whether a ref still reaches it, and where a file is to be
//! named, to see by which path.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use super::{Auditor, Clock, object_clock, recall};
use crate::detect::{Detector, Found, is_archive};
use crate::key::KeyId;
use crate::model::{Interrupt, ObjectFormat, ObjectType, Oid, is_binary};
use crate::store::{Error, Layout, OpenOptions, Store, parse};

/// How a text or a name is written over.
pub type Clean<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

/// The same of an object of a type, or of a name in it.
pub type CleanIn<'a> = &'a dyn Fn(ObjectType, &[u8]) -> Vec<u8>;

/// What is below it puts other objects in the place of some, in this repository alone.
const REPLACEMENTS: &[u8] = b"refs/replace/";

/// A repository whose rewrite is tried out.
pub struct Rehearsal<'a> {
    detector: &'a Detector,
    wanted: &'a HashSet<KeyId>,
    store: Store,
    most: u64,
    time_for_object: Option<(Duration, Clock)>,
    interrupt: Interrupt<'a>,
}

/// What came of an object: the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tried {
    /// No wanted key is left in it.
    Clean,
    /// It is too large to be held, or cannot be read, or not to its end.
    NotTried,
    /// One is; or it is an archive in which a key stands in clear, which would come out damaged.
    Left,
}

impl Auditor<'_> {
    /// Opens a repository to try out the rewrite by which the wanted keys are to go.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn rehearsal<'r>(&'r self, layout: Layout, wanted: &'r HashSet<KeyId>) -> Result<Rehearsal<'r>, Error> {
        let store = Store::open(layout, OpenOptions { reflogs: false, indexes: false })?;
        let (most, time_for_object) = (self.options.max_memory / 2, self.options.time_for_object);
        Ok(Rehearsal { detector: self.detector, wanted, store, most, time_for_object, interrupt: self.interrupt })
    }
}

impl Rehearsal<'_> {
    /// The repository, as it was opened.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Writes an object over, and says what is left in it. Of commits only what a rewrite keeps is looked at: people,
    /// message and how that is encoded, and no signature or other header.
    pub fn object(&self, oid: &Oid, clean: CleanIn<'_>) -> Tried {
        let Some((kind, bytes)) = self.read(oid) else { return Tried::NotTried };
        let kept = match kind {
            ObjectType::Commit => kept_of_commit(&bytes, self.store.format),
            // Each name is a text of its own, as it is for an audit.
            ObjectType::Tree => {
                let cleaned = names_of(&bytes, self.store.format).into_iter().map(|name| clean(kind, &name));
                let judged = cleaned.filter(|name| self.detector.has_candidate(name)).map(|name| self.judge(&name));
                return judged.max().unwrap_or(Tried::Clean);
            }
            ObjectType::Blob | ObjectType::Tag => bytes,
        };
        let cleaned = clean(kind, &kept);
        if kind == ObjectType::Blob && cleaned != kept && is_archive(&kept) {
            return Tried::Left;
        }
        self.judge(&cleaned)
    }

    /// Two names that would become one, if there are any: of entries of these trees, and of refs. In silence one of them
    /// would be lost.
    pub fn collision(&self, trees: &[Oid], clean: Clean<'_>) -> Option<[Vec<u8>; 2]> {
        let names = self.refs().map(|(name, _)| name.to_vec()).collect();
        one_of_two(names, clean).or_else(|| trees.iter().find_map(|tree| one_of_two(self.names_in(tree), clean)))
    }

    /// The names of refs in which a key is left, that of HEAD's branch among them, which may have no commit yet.
    pub fn refs_left(&self, clean: Clean<'_>) -> Vec<Vec<u8>> {
        let head = self.store.refs.branches.get(b"HEAD".as_slice()).map(Vec::as_slice);
        let mut names: Vec<&[u8]> = self.refs().map(|(name, _)| name).chain(head).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter(|name| self.judge(&clean(name)) != Tried::Clean).map(<[u8]>::to_vec).collect()
    }

    /// The refs that name a file or a directory, by itself or through tags, and lead to one of these objects: a rewrite
    /// goes over commits, and passes them by.
    pub fn refs_beside_commits(&self, carriers: &HashSet<Oid>) -> Vec<Vec<u8>> {
        let leads = |(_, oid): &(&[u8], Oid)| {
            let Some(ObjectType::Blob | ObjectType::Tree) = self.leads_to(*oid) else { return false };
            let mut reached = HashSet::new();
            self.reach(vec![*oid], &mut reached);
            carriers.iter().any(|carrier| reached.contains(carrier))
        };
        self.refs().filter(leads).map(|(name, _)| name.to_vec()).collect()
    }

    /// Those of some objects that commits and tags lead to from a ref. What nothing reaches is in no new clone.
    pub fn reached(&self, objects: Vec<Oid>) -> Vec<Oid> {
        if objects.is_empty() {
            return objects;
        }
        let mut reached = HashSet::new();
        // What names no commit is dropped, and is no way to anything.
        let is_way = |oid: &Oid| self.leads_to(*oid).is_none_or(|kind| kind == ObjectType::Commit);
        let tips = self.refs().map(|(_, oid)| oid).filter(is_way).collect();
        self.reach(tips, &mut reached);
        objects.into_iter().filter(|object| reached.contains(object)).collect()
    }

    /// A ref that names an annotated tag, if any does.
    pub fn annotated_tag(&self) -> Option<&[u8]> {
        self.refs().find(|(_, oid)| self.is_tag(oid)).map(|(name, _)| name)
    }

    /// A ref outside of `refs/tags` that names an annotated tag, if any does. What exports history passes by one of a
    /// directory.
    pub fn tag_elsewhere(&self) -> Option<&[u8]> {
        let mut others = self.refs().filter(|(name, _)| !name.starts_with(b"refs/tags/"));
        let is_exported = |oid: &Oid| self.is_tag(oid) && self.leads_to(*oid) != Some(ObjectType::Tree);
        others.find(|(_, oid)| is_exported(oid)).map(|(name, _)| name)
    }

    /// Two refs of which git takes the whole name of the first for one that may be the second's, if there are any
    /// (gitrevisions): what exports history leaves such a ref out.
    pub fn ambiguous(&self) -> Option<[Vec<u8>; 2]> {
        let names: HashSet<&[u8]> = self.refs().map(|(name, _)| name).collect();
        let mut pairs = self.refs().filter_map(|(name, _)| {
            let below = |folder: &str| name.strip_prefix(folder.as_bytes());
            let of_remote = below("refs/remotes/").and_then(|name| name.strip_suffix(b"/HEAD"));
            let shorter = ["refs/", "refs/tags/", "refs/heads/", "refs/remotes/"].into_iter().filter_map(below);
            let other = shorter.chain(of_remote).find(|shorter| names.contains(shorter))?;
            Some([other.to_vec(), name.to_vec()])
        });
        pairs.next()
    }

    /// How many refs put other objects in the place of some.
    pub fn replacements(&self) -> usize {
        self.store.refs.tips.iter().filter(|tip| tip.name.starts_with(REPLACEMENTS)).count()
    }

    /// Whether an object is a file that is no text.
    pub fn is_binary(&self, oid: &Oid) -> bool {
        self.read(oid).is_some_and(|(kind, bytes)| kind == ObjectType::Blob && is_binary(&bytes))
    }

    /// Where some files stand in what refs lead to: each by one path at least. Each directory is read once.
    pub fn paths(&self, files: &HashSet<Oid>) -> BTreeMap<Oid, BTreeSet<Vec<u8>>> {
        let mut paths: BTreeMap<Oid, BTreeSet<Vec<u8>>> = BTreeMap::new();
        let mut pending: Vec<Oid> = match files.is_empty() {
            true => Vec::new(),
            false => self.refs().map(|(_, oid)| oid).collect(),
        };
        let mut seen: HashSet<Oid> = HashSet::new();
        // In which directory each was seen first, and by what name.
        let mut above: HashMap<Oid, (Oid, Vec<u8>)> = HashMap::new();
        while let Some(oid) = pending.pop() {
            // Whoever stops it gets no plan.
            if self.interrupt.is_set() {
                break;
            }
            if !seen.insert(oid) {
                continue;
            }
            let Some((kind, bytes)) = self.read(&oid) else { continue };
            if kind != ObjectType::Tree {
                recall::named(&self.store, &oid, kind, &bytes, |oid, _| pending.push(oid));
                continue;
            }
            _ = parse::tree(&bytes, self.store.format, |entry| match entry.mode & 0o170_000 {
                0o040_000 if !seen.contains(&entry.oid) => {
                    above.entry(entry.oid).or_insert_with(|| (oid, entry.name.to_vec()));
                    pending.push(entry.oid);
                }
                0o040_000 | 0o160_000 => {}
                _ if files.contains(&entry.oid) => {
                    let mut names = vec![entry.name.to_vec()];
                    let mut at = oid;
                    while let Some((outer, name)) = above.get(&at) {
                        names.push(name.clone());
                        at = *outer;
                    }
                    names.reverse();
                    paths.entry(entry.oid).or_default().insert(names.join(b"/".as_slice()));
                }
                _ => {}
            });
        }
        paths
    }

    /// A commit or tag that refs lead to and whose people no rewrite can read, if there is any: it asks for an address in
    /// angle brackets and a time behind it, and commits have both an author and a committer.
    pub fn without_people(&self) -> Option<Oid> {
        let mut pending: Vec<Oid> = self.refs().map(|(_, oid)| oid).collect();
        let mut seen: HashSet<Oid> = HashSet::new();
        while let Some(oid) = pending.pop() {
            // Whoever stops it gets no plan.
            if self.interrupt.is_set() {
                return None;
            }
            if !seen.insert(oid) {
                continue;
            }
            let Some((kind, bytes)) = self.read(&oid) else { continue };
            let is_person = |range: Range<usize>| is_person(&bytes[range]);
            let all_are_read = match kind {
                ObjectType::Commit => {
                    let commit = parse::commit(&bytes, self.store.format);
                    pending.extend(commit.parents);
                    commit.author.is_some_and(is_person) && commit.committer.is_some_and(is_person)
                }
                ObjectType::Tag => {
                    let tag = parse::tag(&bytes, self.store.format);
                    pending.extend(tag.target);
                    tag.tagger.is_none_or(is_person)
                }
                ObjectType::Blob | ObjectType::Tree => true,
            };
            if !all_are_read {
                return Some(oid);
            }
        }
        None
    }

    /// What a clone of the whole brings and a rewrite keeps: refs, no work tree's HEAD, and no replacements.
    fn refs(&self) -> impl Iterator<Item = (&[u8], Oid)> {
        let is_kept = |name: &[u8]| name.starts_with(b"refs/") && !name.starts_with(REPLACEMENTS);
        let tips = self.store.refs.tips.iter().filter(move |tip| is_kept(&tip.name));
        tips.map(|tip| (tip.name.as_slice(), tip.oid))
    }

    fn is_tag(&self, oid: &Oid) -> bool {
        self.read(oid).is_some_and(|(kind, _)| kind == ObjectType::Tag)
    }

    /// What is left in a text.
    fn judge(&self, text: &[u8]) -> Tried {
        let mut holds = false;
        let is_over = object_clock(self.time_for_object, self.interrupt);
        let unread = self.detector.scan_until(text, &is_over, &mut |found| {
            if let Found::Key(found) = found {
                holds |= self.wanted.contains(&found.key.id());
            }
        });
        match (holds, unread.limits.is_empty()) {
            (true, _) => Tried::Left,
            (false, true) => Tried::Clean,
            (false, false) => Tried::NotTried,
        }
    }

    fn read(&self, oid: &Oid) -> Option<(ObjectType, Vec<u8>)> {
        let mut bytes = Vec::new();
        let kind = self.store.read(self.store.objects.find(oid)?, self.most, &mut bytes).ok()?;
        Some((kind, bytes))
    }

    /// What a ref names, or tags lead to.
    fn leads_to(&self, mut oid: Oid) -> Option<ObjectType> {
        /// More tags in each other than anybody makes.
        const MOST: usize = 1000;
        for _ in 0..MOST {
            let (kind, bytes) = self.read(&oid)?;
            if kind != ObjectType::Tag {
                return Some(kind);
            }
            oid = parse::tag(&bytes, self.store.format).target?;
        }
        None
    }

    /// All that some objects lead to. Files are not read.
    fn reach(&self, mut pending: Vec<Oid>, reached: &mut HashSet<Oid>) {
        while let Some(oid) = pending.pop() {
            // Whoever stops it gets no plan.
            if self.interrupt.is_set() {
                return;
            }
            if !reached.insert(oid) {
                continue;
            }
            let Some((kind, bytes)) = self.read(&oid) else { continue };
            recall::named(&self.store, &oid, kind, &bytes, |oid, is_file| match is_file {
                false => pending.push(oid),
                true => _ = reached.insert(oid),
            });
        }
    }

    fn names_in(&self, tree: &Oid) -> Vec<Vec<u8>> {
        match self.read(tree) {
            Some((ObjectType::Tree, bytes)) => names_of(&bytes, self.store.format),
            _ => Vec::new(),
        }
    }
}

fn names_of(tree: &[u8], format: ObjectFormat) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    parse::tree(tree, format, |entry| names.push(entry.name.to_vec()));
    names
}

/// People, message and the name of its encoding, as a rewrite keeps them.
fn kept_of_commit(bytes: &[u8], format: ObjectFormat) -> Vec<u8> {
    let commit = parse::commit(bytes, format);
    let people = [commit.author, commit.committer].into_iter().flatten();
    let mut kept: Vec<u8> = people.flat_map(|range| [&bytes[range], b"\n"].concat()).collect();
    let mut headers = bytes[..commit.message.start].split(|byte| *byte == b'\n');
    if let Some(encoding) = headers.find_map(|line| line.strip_prefix(b"encoding ")) {
        kept.extend_from_slice(&[encoding, b"\n"].concat());
    }
    kept.extend_from_slice(&bytes[commit.message]);
    kept
}

/// `Name <address> 1700000000 +0100`, the name and the address possibly empty.
fn is_person(text: &[u8]) -> bool {
    let is_bracket = |byte: &u8| matches!(byte, b'<' | b'>');
    let mut parts = text.splitn(3, is_bracket);
    let (Some(name), Some(address), Some(when)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let brackets = [text.get(name.len()), text.get(name.len() + 1 + address.len())];
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let Some((at, zone)) = when.strip_prefix(b" ").and_then(|when| {
        let space = memchr::memchr(b' ', when)?;
        Some((&when[..space], &when[space + 1..]))
    }) else {
        return false;
    };
    name.ends_with(b" ")
        && brackets == [Some(&b'<'), Some(&b'>')]
        && is_number(at.strip_prefix(b"-").unwrap_or(at))
        && matches!(zone, [b'+' | b'-', digits @ ..] if is_number(digits))
}

/// Two of some names that are one when they are written over, or of which one is then a folder of the other.
fn one_of_two(names: Vec<Vec<u8>>, clean: Clean<'_>) -> Option<[Vec<u8>; 2]> {
    let mut cleaned: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for name in names {
        if let Some(other) = cleaned.insert(clean(&name), name.clone()) {
            return Some([other, name]);
        }
    }
    let is_changed = |(new, old): &(&Vec<u8>, &Vec<u8>)| new != old;
    cleaned.iter().filter(is_changed).find_map(|(new, old)| {
        let below = [new.as_slice(), b"/"].concat();
        let inside = cleaned.range(below.clone()..).next().filter(|(other, _)| other.starts_with(&below));
        let folders = || new.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &new[..at]);
        let around = || folders().find_map(|folder| cleaned.get(folder));
        inside.map(|(_, other)| other).or_else(around).map(|other| [old.clone(), other.clone()])
    })
}

#[cfg(test)]
mod tests {
    use super::{is_person, one_of_two};

    #[test]
    fn people_are_read_as_git_writes_them() {
        for person in ["A <a@b> 1700000000 +0000", " <> 1700000000 -0130", "A B <> -100 +9999"] {
            assert!(is_person(person.as_bytes()), "{person}");
        }
        for other in [
            "A 1700000000 +0000",
            "A <a@b>",
            "A <a@b> ",
            "A <a@b> now",
            "A <a@b> 17 0000",
            "A <a@b>17 +0000",
            "A> <a@b> 17 +0000",
            "A<a@b> 17 +0000",
            "A <a@b> <c> 17 +0000",
            "",
        ] {
            assert!(!is_person(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn names_that_would_become_one_are_found() {
        // What a careless rewrite does: one word for all.
        let clean = |name: &[u8]| String::from_utf8_lossy(name).replace(['1', '2'], "x").into_bytes();
        let found = |names: &[&str]| {
            let names = names.iter().map(|name| name.as_bytes().to_vec()).collect();
            one_of_two(names, &clean).map(|two| two.map(|name| String::from_utf8_lossy(&name).into_owned()))
        };
        let two = |one: &str, other: &str| Some([one.to_owned(), other.to_owned()]);
        assert_eq!(found(&["a", "try-1", "try-3"]), None);
        assert_eq!(found(&["try-1", "try-2"]), two("try-1", "try-2"));
        assert_eq!(found(&["try-x", "try-2"]), two("try-x", "try-2"));
        assert_eq!(found(&["try-1", "try-x/y"]), two("try-1", "try-x/y"));
        assert_eq!(found(&["try-1/y", "try-x"]), two("try-1/y", "try-x"));
        // Those that are so before are not the rewrite's doing.
        assert_eq!(found(&["a", "a/b"]), None);
    }
}
