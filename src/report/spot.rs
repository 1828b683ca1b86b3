//! Where a key is to be pointed at, for the formats that want one place: code scanning, dashboards, test reports.

use crate::model::{
    Answer, Answers, Entry, HeldPlace, KeyReport, Liveness, Oid, Place, RepositoryReport, Shown, Skipped, Unreachable,
};

use super::{escape, wording};

/// One place of a key in one repository.
#[derive(Clone, Debug)]
pub(super) struct Spot<'a> {
    /// The file, where it is in one.
    pub(super) path: Option<&'a Shown>,
    pub(super) line: Option<u64>,
    /// A commit that has it there.
    pub(super) commit: Option<Oid>,
    /// What it is in, as a path below `.git/`, for formats that want one where it is in no file: it is the same in every
    /// report, and no tree that git accepts has such a path.
    pub(super) made_path: Vec<u8>,
    /// What it is, in words, without its path.
    pub(super) told: String,
}

/// Whether a key has anything to do with a repository.
pub(super) fn is_in(key: &KeyReport, repository: &RepositoryReport) -> bool {
    let path = &repository.path;
    let entries = key.first_introduced.iter().chain(&key.introductions).chain(&key.removals);
    entries.map(|entry| &entry.repository).any(|of| of == path)
        || key.held_at.at.iter().any(|place| place.repository == *path)
        || key.unreachable.iter().any(|place| place.repository == *path)
}

/// The places at which a key stands or came in, the one that people should look at first in front: at a tip, else
/// where it came in, else where nothing reaches it. None twice.
pub(super) fn spots<'a>(key: &'a KeyReport, repository: &RepositoryReport) -> Vec<Spot<'a>> {
    let here = |of: &Shown| *of == repository.path;
    let held = key.held_at.at.iter().filter(|place| here(&place.repository)).map(|place| held(key, place));
    let first = key.first_introduced.iter().filter(|entry| here(&entry.repository));
    let entries = first.chain(key.introductions.iter().filter(|entry| here(&entry.repository))).map(entered);
    let lost = key.unreachable.iter().filter(|place| here(&place.repository)).map(unreachable);
    let mut spots: Vec<Spot<'a>> = Vec::new();
    for spot in held.chain(entries).chain(lost) {
        let is_told = |old: &Spot<'_>| (old.path, old.line, &old.told) == (spot.path, spot.line, &spot.told);
        if !spots.iter().any(is_told) {
            spots.push(spot);
        }
        // A key in ten thousand files is found by the first of them.
        if spots.len() >= 100 {
            break;
        }
    }
    spots
}

/// A stranger's text in a sentence: whoever reads the document undoes what its format escapes.
fn visible(text: &str) -> String {
    escape::terminal(text).to_string()
}

/// What was not read, and why, in one sentence.
pub(super) fn not_read(skipped: &Skipped) -> String {
    let detail = if skipped.detail.as_str().is_empty() { String::new() } else { format!(", {}", skipped.detail) };
    visible(&format!("Not read: {} is {}{detail}", skipped.object, wording::skipped(&skipped.reason)))
}

fn held<'a>(key: &KeyReport, place: &'a HeldPlace) -> Spot<'a> {
    let told = match &place.path {
        Some(_) => format!("stands on {}", visible(place.reference.as_str())),
        None if place.line.is_some() => format!("stands at {}", wording::held(key, place, &visible)),
        None => format!("stands {}", wording::held(key, place, &visible)),
    };
    Spot {
        path: place.path.as_ref(),
        line: place.line,
        commit: place.commit,
        made_path: of_ref(&place.reference),
        told,
    }
}

fn of_ref(reference: &Shown) -> Vec<u8> {
    [b".git/", reference.unescaped().as_slice()].concat()
}

fn of_object(kind: &str, object: Option<Oid>) -> Vec<u8> {
    object.map_or_else(|| format!(".git/{kind}"), |object| format!(".git/{kind}/{object}")).into_bytes()
}

fn entered(entry: &Entry) -> Spot<'_> {
    let time = entry.committer.as_ref().or(entry.tagger.as_ref()).and_then(|person| person.moment());
    let when = time.map_or(String::new(), |time| format!(" on {}", super::clock::readable(&time)));
    let told = match entry.commit {
        Some(commit) if entry.at_or_before => format!("came in at or before commit {}{when}", commit.short()),
        Some(commit) => format!("came in with commit {}{when}", commit.short()),
        None => format!("came in with {}{when}", wording::without_commit(entry, &visible)),
    };
    let made_path = match (&entry.reference, entry.commit) {
        _ if entry.place == Place::TagMessage => of_object("tag", entry.object),
        (_, Some(commit)) => of_object("commit", Some(commit)),
        (Some(reference), None) => of_ref(reference),
        (None, None) => of_object("object", entry.object),
    };
    Spot { path: entry.path.as_ref(), line: entry.line, commit: entry.commit, made_path, told }
}

fn unreachable(place: &Unreachable) -> Spot<'_> {
    let told = format!("no ref reaches it: {}", wording::unreachable(place, &visible));
    let (path, line) = file(place).unzip();
    let made_path = match (&place.path, &*place.object_type) {
        (Some(name), "reflog") => [b".git/logs/", name.unescaped().as_slice()].concat(),
        (_, kind) => of_object(kind, place.object),
    };
    Spot { path, line: line.flatten(), commit: place.commits.first().copied(), made_path, told }
}

/// The file and line, where it is in a file: a reflog is called by its ref, which is none.
pub(super) fn file(place: &Unreachable) -> Option<(&Shown, Option<u64>)> {
    let path = place.path.as_ref().filter(|_| place.object_type != "reflog")?;
    Some((path, place.line))
}

/// How grave a key is, on one scale for all formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gravity {
    /// Known as dealt with: no news.
    Known,
    /// It may be something else.
    Possible,
    /// Clerk refused it: what was made with it is all that is left.
    Dead,
    /// A development key.
    Test,
    /// A production key, or one that does not say.
    Live,
}

/// See [`Gravity`]. What Clerk accepted is a key of Clerk's and was not dealt with, whatever else is noted of it.
pub(super) fn gravity(key: &KeyReport, answer: Option<&Answer>) -> Gravity {
    use crate::model::Environment;
    let liveness = answer.map(|answer| answer.liveness);
    match key {
        key if wording::is_quiet(key, liveness) => Gravity::Known,
        key if super::triage::is_possible(key, liveness) => Gravity::Possible,
        _ if liveness == Some(Liveness::Dead) => Gravity::Dead,
        key if key.environment == Environment::Test => Gravity::Test,
        _ => Gravity::Live,
    }
}

/// What a format that tells findings one by one says of a key in one sentence.
pub(super) fn sentence(key: &KeyReport, answer: Option<&Answer>) -> String {
    let (kind, environment) = (wording::kind(key.kind), wording::environment(key.environment));
    let exposed = super::clock::span(&key.exposure, wording::is_cut(key));
    let standing = wording::standing(key);
    let answered = answer.map_or(String::new(), |answer| {
        let says = if answer.liveness == Liveness::Unknown { "Alive or dead: " } else { "" };
        let instance = answer.instance.as_ref().map_or(String::new(), |id| format!(", instance {id}"));
        format!(" {says}{}{instance}.", wording::answered(answer, &visible))
    });
    let known = wording::known_mark(key, answer.map(|answer| answer.liveness));
    format!("Clerk {kind} {} ({environment}), {standing}{known}; exposed {exposed}.{answered}", key.hint)
}

/// The same of a key in one of several repositories, of which the sentence is true together and not of each.
pub(super) fn sentence_in(key: &KeyReport, answer: Option<&Answer>, repository: &RepositoryReport) -> String {
    let here = |of: &Shown| *of == repository.path;
    let is_own_text = |place: Place| {
        use Place::{Author, CommitHeader, CommitMessage, Committer, TagMessage};
        matches!(place, Author | CommitHeader | CommitMessage | Committer | TagMessage)
    };
    let entries = key.first_introduced.iter().chain(&key.introductions).chain(&key.removals);
    let entries = entries.filter(|entry| here(&entry.repository));
    let is_held = key.held_at.at.iter().any(|place| here(&place.repository));
    let told = match (is_held, wording::unnamed_refs(&key.held_at) > 0) {
        (true, _) => "a ref's tip has it",
        (false, true) => "a ref's tip may have it: not all that do are named",
        _ if entries.clone().any(|entry| entry.reachable && is_own_text(entry.place)) => {
            "no ref's tip has it in a file, but the text of a commit or tag has"
        }
        _ if entries.clone().any(|entry| entry.reachable) => "no ref's tip has it, but history does",
        _ => "no ref reaches it",
    };
    let path = visible(repository.path.as_str());
    format!("{} That is of all repositories together; in {path} {told}.", sentence(key, answer))
}

/// What Clerk answered about a key, where it was asked.
pub(super) fn answer<'a>(answers: Option<&'a Answers>, key: &KeyReport) -> Option<&'a Answer> {
    answers?.get(&key.id)
}

/// The name of a kind and environment as one word: `secret-key-live`.
pub(super) fn slug(key: &KeyReport) -> String {
    let word = |value: serde_json::Result<serde_json::Value>| match value {
        Ok(serde_json::Value::String(word)) => word.replace('_', "-"),
        _ => "credential".to_owned(),
    };
    format!("{}-{}", word(serde_json::to_value(key.kind)), word(serde_json::to_value(key.environment)))
}
