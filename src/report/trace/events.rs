//! What happened to a key, as one line of time over all repositories.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;

use super::Trace;
use crate::model::{Contained, Entry, Identity, KeyReport, LedgerEntry, Level, Oid, Order, Shown};
use crate::report::clock;

/// One thing that happened.
#[derive(Serialize)]
pub(super) struct Event<'a> {
    pub(super) time: Option<Cow<'a, str>>,
    pub(super) what: &'static str,
    /// Those that have the same commit, or where it was pushed.
    pub(super) repositories: Vec<&'a Shown>,
    pub(super) commit: Option<Oid>,
    pub(super) subject: Option<&'a Shown>,
    pub(super) path: Option<&'a Shown>,
    pub(super) line: Option<u64>,
    #[serde(rename = "ref")]
    pub(super) reference: Option<&'a Shown>,
    pub(super) moved_from: Option<&'a Shown>,
    pub(super) author: Option<&'a Identity>,
    pub(super) committer: Option<&'a Identity>,
    pub(super) tagger: Option<&'a Identity>,
    pub(super) at_or_before: bool,
    pub(super) clock_skew: bool,
    pub(super) reachable: Option<bool>,
    pub(super) first_tag: Option<&'a Contained>,
    pub(super) push: Option<&'a LedgerEntry>,
    #[serde(skip)]
    pub(super) entry: Option<&'a Entry>,
}

/// Everything that happened, in the order of its time, and where clocks contradict ancestry in that; what has no time comes
/// last. Commits have their makers' clocks and pushes the server's, and of a commit and a push of the same second the commit
/// comes first.
pub(super) fn events(trace: Trace<'_>) -> Vec<Event<'_>> {
    let mut all: Vec<(Order, Event<'_>)> = trace.report.keys.first().map_or(Vec::new(), |key| {
        once(by_commits(key).into_iter().map(|(entry, is_introduction)| {
            (entry.order, by_commit(entry, name_of(entry, is_introduction), trace.tags))
        }))
    });
    let pushes = trace.ledger.iter().filter_map(|entry| {
        let seconds = clock::seconds(entry.time.as_str());
        Some((Order { seconds, generation: u32::MAX }, by_push(entry)?))
    });
    all.extend(pushes);
    all.sort_by_key(|(order, _)| turn(*order));
    all.into_iter().map(|(_, event)| event).collect()
}

fn turn(order: Order) -> (bool, Order) {
    (order.seconds.is_none(), order)
}

/// What several repositories tell of one commit, once. One in which history is cut knows less of it than one that has its
/// parents.
fn once<'a>(events: impl Iterator<Item = (Order, Event<'a>)>) -> Vec<(Order, Event<'a>)> {
    let mut all: Vec<(Order, Event<'a>)> = Vec::new();
    let mut numbers = HashMap::new();
    for (order, event) in events {
        let Some(entry) = event.entry.filter(|entry| entry.commit.or(entry.object).is_some()) else {
            all.push((order, event));
            continue;
        };
        let is_removal = matches!(event.what, "removed" | "removed here");
        let same = (entry.commit, entry.object, event.path, event.line, event.reference, is_removal);
        let number = *numbers.entry((same, entry.place.name())).or_insert(all.len());
        match all.get_mut(number) {
            // Of one repository nothing is left out.
            Some((old_order, old)) if !old.repositories.contains(&&entry.repository) => {
                *old_order = (*old_order).max(order);
                let more = if old.at_or_before && !event.at_or_before { std::mem::replace(old, event) } else { event };
                join(old, more);
            }
            _ => all.push((order, event)),
        }
    }
    all
}

/// Adds what another repository tells of the same.
fn join<'a>(event: &mut Event<'a>, more: Event<'a>) {
    event.repositories.extend(more.repositories);
    event.repositories.sort();
    event.reachable = event.reachable.max(more.reachable);
    let made = |tag: &&Contained| (tag.time.is_none(), tag.time.clone(), tag.tag.clone());
    event.first_tag = event.first_tag.into_iter().chain(more.first_tag).min_by_key(made);
}

/// What happened to the key by an entry. What came in on two lines of history was not brought back by the later.
fn name_of(entry: &Entry, is_introduction: bool) -> &'static str {
    match (is_introduction, entry.level, &entry.moved) {
        (true, _, Some(_)) => "moved",
        (true, Level::Key, None) if entry.brought_back => "brought back",
        (true, Level::Key, None) => "introduced",
        (true, Level::Path, None) => "copied",
        (false, Level::Key, _) => "removed",
        (false, Level::Path, _) => "removed here",
    }
}

/// What commits, tags and refs did to it, in order, and whether it came in by that.
fn by_commits(key: &KeyReport) -> Vec<(&Entry, bool)> {
    let first = key.first_introduced.iter().filter(|_| key.introductions.is_empty());
    let came = first.chain(&key.introductions).map(|entry| (entry, true));
    // The other half of a move is told by where it went.
    let went = key.removals.iter().filter(|entry| entry.moved.is_none()).map(|entry| (entry, false));
    let mut entries: Vec<(&Entry, bool)> = came.chain(went).collect();
    entries.sort_by_key(|(entry, _)| turn(entry.order));
    entries
}

fn by_commit<'a>(entry: &'a Entry, what: &'static str, tags: &'a [Contained]) -> Event<'a> {
    let whole = |person: &'a Option<Identity>| person.as_ref().filter(|_| !entry.at_or_before);
    let clock = entry.committer.as_ref().or(entry.tagger.as_ref());
    let is_here = |tag: &&Contained| Some(tag.commit) == entry.commit && tag.repository == entry.repository;
    Event {
        time: clock.and_then(Identity::moment),
        what,
        repositories: vec![&entry.repository],
        commit: entry.commit,
        subject: entry.subject.as_ref(),
        path: entry.path.as_ref(),
        line: entry.line,
        reference: entry.reference.as_ref(),
        moved_from: entry.moved.as_ref().filter(|_| what == "moved"),
        author: whole(&entry.author),
        committer: whole(&entry.committer),
        tagger: whole(&entry.tagger),
        at_or_before: entry.at_or_before,
        clock_skew: entry.clock_skew,
        reachable: Some(entry.reachable),
        first_tag: tags.iter().find(is_here).filter(|_| matches!(what, "introduced" | "brought back" | "copied")),
        push: None,
        entry: Some(entry),
    }
}

/// What the gate decided of a push that brought it; nothing for one in which it stood where it stood before.
fn by_push(entry: &LedgerEntry) -> Option<Event<'_>> {
    let what = match (entry.verdict.as_str(), entry.decision.as_str()) {
        (_, "passed") if !entry.introduced => return None,
        ("refused", _) => "push refused",
        _ => "pushed",
    };
    Some(Event {
        time: Some(entry.time.as_str().into()),
        what,
        repositories: entry.repository.iter().collect(),
        commit: None,
        subject: None,
        path: None,
        line: None,
        reference: None,
        moved_from: None,
        author: None,
        committer: None,
        tagger: None,
        at_or_before: false,
        clock_skew: false,
        reachable: None,
        first_tag: None,
        push: Some(entry),
        entry: None,
    })
}
