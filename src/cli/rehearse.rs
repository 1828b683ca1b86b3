//! The plan for one repository, tried out on what it has before anything of it is written.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use crate::audit::{Auditor, Place, Recalled, Rehearsal, Tried};
use crate::key::KeyId;
use crate::model::{ObjectFormat, ObjectType, Oid};
use crate::purge::{self, Cleaner, Leak};
use crate::store::{Error, Layout};

/// What is to be cleaned out of one repository.
pub(super) struct Plan {
    pub(super) repository: PathBuf,
    /// Where that was cloned from, by the names that it has for it; masked.
    pub(super) remotes: Vec<String>,
    pub(super) leaks: Vec<Leak>,
    /// What else is there and stays: no script may say it.
    pub(super) others: Vec<Leak>,
    /// Refs that no rewrite reaches, and that are dropped for it.
    pub(super) dropped: Vec<Vec<u8>>,
    /// How many refs only replace objects by others, and are dropped as well.
    pub(super) replacements: usize,
    /// Where files stand that are dropped; of this, as of the rest in bytes, nothing is masked yet.
    pub(super) stripped: Vec<Vec<u8>>,
    /// Where files stand in which a key is written over and that are no text.
    pub(super) binary: Vec<Vec<u8>>,
    /// Where a key will be left, in words: these are foreign and not masked yet.
    pub(super) beyond: Vec<Vec<u8>>,
}

/// Why no plan is made.
pub(super) enum Refused {
    /// Two names would become one, and one of them be lost.
    Collision([Vec<u8>; 2]),
    /// The history is cut off: rewritten it would begin there, and publishing it would take away what is before that.
    Shallow,
    /// Objects were left out when it was cloned: what is in them is not known.
    Partial,
    /// It uses SHA-256 and has annotated tags, such as this ref names: `git filter-repo` loses its way there.
    Sha256Tag(Vec<u8>),
    /// A ref outside of `refs/tags` names an annotated tag: `git filter-repo` makes another tag of it.
    TagElsewhere(Vec<u8>),
    /// The first ref's whole name is what git may take the second for: it is left out of what is rewritten.
    Ambiguous([Vec<u8>; 2]),
    /// A commit or tag has people without an address or a time: `git filter-repo` ends at it.
    People(Oid),
}

/// Makes the plan of a repository from its keys and their places.
pub(super) fn plan(
    auditor: &Auditor<'_>,
    repository: PathBuf,
    layout: Layout,
    keys: Vec<Recalled>,
    others: Vec<Recalled>,
    wanted: &HashSet<KeyId>,
) -> Result<Result<Plan, Refused>, Error> {
    let rehearsal = auditor.rehearsal(layout, wanted)?;
    if let Some(refused) = refused(&rehearsal) {
        return Ok(Err(refused));
    }
    let remotes = rehearsal.store().remotes.names.iter().map(|name| auditor.detector.mask(name).to_string()).collect();
    let text = |key: &Recalled| Leak { text: key.text.clone(), written: Vec::new(), packed: Vec::new() };
    let others =
        others.into_iter().map(|key| Leak { text: key.text, written: key.in_refs, packed: Vec::new() }).collect();
    let mut leaks: Vec<Leak> = keys.iter().map(text).collect();
    let mut places: BTreeMap<Oid, Vec<(usize, &Place)>> = BTreeMap::new();
    for (at, place) in keys.iter().enumerate().flat_map(|(at, key)| key.places.iter().map(move |place| (at, place))) {
        places.entry(place.object).or_default().push((at, place));
    }
    let foreseen = Cleaner::of(&leaks);
    places.retain(|oid, _| rehearsal.object(oid, &|kind, text| foreseen.clean_in(kind, text)) != Tried::Clean);
    // What is spelt in no way that is foreseen is written over as it was found to stand there.
    for (at, place) in places.values().flatten() {
        leaks[*at].written.extend(place.written.clone());
    }
    if !rehearsal.refs_left(&|name| foreseen.clean(name)).is_empty() {
        for (leak, key) in leaks.iter_mut().zip(&keys) {
            leak.written.extend(key.in_refs.iter().cloned());
        }
    }
    let cleaner = Cleaner::of(&leaks);
    let left = strip(&rehearsal, &places, &cleaner, &mut leaks);
    let clean = |text: &[u8]| cleaner.clean(text);
    let of = |kind| move |place: &&Place| place.object_type == kind;
    let all = || keys.iter().flat_map(|key| &key.places);
    let trees: BTreeSet<Oid> = all().filter(of(ObjectType::Tree)).map(|place| place.object).collect();
    if let Some(names) = rehearsal.collision(&rehearsal.reached(trees.into_iter().collect()), &clean) {
        return Ok(Err(Refused::Collision(names)));
    }
    let dropped = rehearsal.refs_beside_commits(&all().map(|place| place.object).collect());
    let beyond = rehearsal.reached(left.keys().copied().collect());
    let mut beyond: Vec<Vec<u8>> =
        beyond.iter().map(|oid| format!("the {} {}", word(left[oid]), oid.short()).into_bytes()).collect();
    let names = rehearsal.refs_left(&clean).into_iter().filter(|name| !dropped.contains(name));
    beyond.extend(names.map(|name| [b"the name of ", name.as_slice()].concat()));
    let replacements = rehearsal.replacements();
    let (stripped, binary) = paths(&rehearsal, &leaks, all());
    Ok(Ok(Plan { repository, remotes, leaks, others, dropped, replacements, stripped, binary, beyond }))
}

/// Why a repository cannot be rewritten as it is, whatever keys it has.
fn refused(rehearsal: &Rehearsal<'_>) -> Option<Refused> {
    let store = rehearsal.store();
    if !store.shallow.is_empty() {
        return Some(Refused::Shallow);
    }
    if store.remotes.is_partial {
        return Some(Refused::Partial);
    }
    if store.format == ObjectFormat::Sha256
        && let Some(name) = rehearsal.annotated_tag()
    {
        return Some(Refused::Sha256Tag(name.to_vec()));
    }
    if let Some(name) = rehearsal.tag_elsewhere() {
        return Some(Refused::TagElsewhere(name.to_vec()));
    }
    rehearsal.ambiguous().map(Refused::Ambiguous).or_else(|| rehearsal.without_people().map(Refused::People))
}

/// Where the files stand that are dropped, and those that are no text and in which something is written over. UTF-16 is text,
/// whatever git takes it for.
fn paths<'a>(
    rehearsal: &Rehearsal<'_>,
    leaks: &[Leak],
    places: impl Iterator<Item = &'a Place>,
) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let stripped: HashSet<Oid> = leaks.iter().flat_map(|leak| leak.packed.iter().copied()).collect();
    let is_text =
        |place: &Place| place.written.is_some() || matches!(place.encoding[..], ["utf-16le" | "utf-16be", ..]);
    let others = places.filter(|place| place.object_type == ObjectType::Blob && !is_text(place));
    let others: HashSet<Oid> = others.map(|place| place.object).filter(|oid| !stripped.contains(oid)).collect();
    let binary: HashSet<Oid> = others.into_iter().filter(|oid| rehearsal.is_binary(oid)).collect();
    let paths = rehearsal.paths(&(&stripped | &binary));
    let of = |files: &HashSet<Oid>| {
        let found: BTreeSet<&Vec<u8>> = files.iter().filter_map(|oid| paths.get(oid)).flatten().collect();
        found.into_iter().cloned().collect()
    };
    (of(&stripped), of(&binary))
}

/// Has blobs dropped in which a key is left when all is written over; what is left in other objects cannot be dropped, and
/// is returned.
fn strip(
    rehearsal: &Rehearsal<'_>,
    places: &BTreeMap<Oid, Vec<(usize, &Place)>>,
    cleaner: &Cleaner,
    leaks: &mut [Leak],
) -> BTreeMap<Oid, ObjectType> {
    let mut left = BTreeMap::new();
    for (oid, here) in places {
        // One that is too large to be tried out is judged by its encodings.
        let is_clean = match rehearsal.object(oid, &|kind, text| cleaner.clean_in(kind, text)) {
            Tried::Clean => true,
            Tried::Left => false,
            Tried::NotTried => here.iter().all(|(_, place)| purge::is_written_over(&place.encoding)),
        };
        if is_clean {
            continue;
        }
        for (at, place) in here {
            match place.object_type {
                ObjectType::Blob => leaks[*at].packed.push(*oid),
                other => _ = left.insert(*oid, other),
            }
        }
    }
    left
}

fn word(kind: ObjectType) -> &'static str {
    match kind {
        ObjectType::Commit => "commit",
        ObjectType::Tag => "tag",
        ObjectType::Tree => "directory",
        ObjectType::Blob => "file",
    }
}
