//! Keys that stand outside of objects: names of refs, lines of reflogs, paths in an index.

use std::collections::HashSet;

use super::Auditor;
use super::content::Content;
use super::entries::EntryMaker;
use super::findings::RefName;
use super::roots::{Chosen, RefClass};
use crate::history::Way;
use crate::model::{Place, Shown, Unreachable};
use crate::store::{Gap, Store};

/// Keys outside of objects.
pub(super) struct Outside {
    /// In names of refs.
    pub(super) ref_names: Vec<RefName>,
    /// In messages of reflogs, by key.
    pub(super) reflog_lines: Vec<(u32, Unreachable)>,
    /// In paths that only an index has, by key.
    pub(super) index_paths: Vec<(u32, Unreachable)>,
}

impl Outside {
    /// Scans them, and notes their keys beside those in objects.
    pub(super) fn of(
        store: &Store,
        content: &mut Content,
        auditor: &Auditor<'_>,
        repository: &Shown,
        gaps: &mut Vec<Gap>,
    ) -> Self {
        Self {
            ref_names: ref_names(store, content, auditor, gaps),
            reflog_lines: reflog_lines(store, content, auditor, repository, gaps),
            index_paths: index_paths(store, content, auditor, repository, gaps),
        }
    }
}

/// Refs with a key in their name. With `--ref` only those that match are tips, and only their names are read.
fn ref_names(store: &Store, content: &mut Content, auditor: &Auditor<'_>, gaps: &mut Vec<Gap>) -> Vec<RefName> {
    let mut found = Vec::new();
    let direct = store.refs.tips.iter().map(|tip| (&tip.name, Some(tip.oid)));
    let symbolic = store.refs.symbolic.iter().map(|symbolic| (&symbolic.name, None));
    let chosen = Chosen::of(auditor.options, &store.refs);
    for (name, object) in direct.chain(symbolic) {
        if !auditor.detector.has_candidate(name) || !chosen.has(name) {
            continue;
        }
        let keys = content.note_all(auditor, name, name, gaps);
        if !keys.is_empty() {
            found.push(RefName { keys, name: name.clone(), object, class: RefClass::of_name(name, false) });
        }
    }
    found
}

/// Lines of reflogs with a key in them, and names of logs whose ref is gone.
fn reflog_lines(
    store: &Store,
    content: &mut Content,
    auditor: &Auditor<'_>,
    repository: &Shown,
    gaps: &mut Vec<Gap>,
) -> Vec<(u32, Unreachable)> {
    let mut found = Vec::new();
    // A HEAD that names a branch is no tip, and there all the same.
    let symbolic = store.refs.symbolic.iter().map(|symbolic| &symbolic.name);
    let names = store.refs.tips.iter().map(|tip| &tip.name).chain(symbolic);
    let refs: HashSet<&[u8]> = names.map(Vec::as_slice).collect();
    for log in &store.refs.reflogs {
        let has_ref = refs.contains(log.name.as_slice());
        if !has_ref && auditor.detector.has_candidate(&log.name) {
            for key in content.note_all(auditor, &log.name, &log.name, gaps) {
                let path = auditor.detector.mask(&log.name);
                found.push((key, unreachable(repository, "reflog", Place::RefName, Some(path), None, None)));
            }
        }
        let count = log.line_count();
        for line in log.lines().filter(|line| auditor.detector.has_candidate(line.text)) {
            for key in content.note_all(auditor, line.text, &log.name, gaps) {
                let path = auditor.detector.mask(&log.name);
                let via = path.between("", &format!("@{{{}}}", line.position));
                let number = (count - line.position) as u64;
                let place = unreachable(repository, "reflog", Place::Reflog, Some(path), Some(number), Some(via));
                found.push((key, place));
            }
        }
    }
    found
}

/// Paths in an index with a key in them.
fn index_paths(
    store: &Store,
    content: &mut Content,
    auditor: &Auditor<'_>,
    repository: &Shown,
    gaps: &mut Vec<Gap>,
) -> Vec<(u32, Unreachable)> {
    let mut found = Vec::new();
    for (index, entries) in &store.indexes {
        for entry in entries.iter().filter(|entry| auditor.detector.has_candidate(&entry.path)) {
            for key in content.note_all(auditor, &entry.path, index, gaps) {
                let (path, via) = (auditor.detector.mask(&entry.path), auditor.detector.mask(index));
                let mut place = unreachable(repository, "index", Place::Path, Some(path), None, Some(via));
                place.object = Some(entry.oid);
                found.push((key, place));
            }
        }
    }
    found
}

/// Drops the paths of an index that commits hold anyway: what is checked out stands in every index.
pub(super) fn not_told_by_commits(
    make: &EntryMaker<'_>,
    mut lines: Vec<(u32, Unreachable)>,
    paths: Vec<(u32, Unreachable)>,
) -> Vec<(u32, Unreachable)> {
    let changes = &make.attribution.reachable.changes;
    let in_commits: HashSet<u32> = changes
        .iter()
        .filter(|change| change.way == Way::In && change.spot.in_name)
        .map(|change| change.spot.key)
        .collect();
    lines.extend(paths.into_iter().filter(|(key, _)| !in_commits.contains(key)));
    lines
}

fn unreachable(
    repository: &Shown,
    object_type: &'static str,
    place: Place,
    path: Option<Shown>,
    line: Option<u64>,
    via: Option<Shown>,
) -> Unreachable {
    Unreachable {
        repository: repository.clone(),
        object: None,
        object_type: object_type.into(),
        place,
        path,
        line,
        via,
        commits: Vec::new(),
    }
}
