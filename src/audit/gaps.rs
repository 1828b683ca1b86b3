//! What the content pass could not read, by name.

use std::collections::HashMap;

use super::content::Content;
use super::roots::Roots;
use crate::history::{Bits, NONE, NodeKind};
use crate::store::{Gap, ObjectIndex, Store, parse};

/// What the content pass could not read, as far as it is this audit's.
pub(super) fn of_content(store: &Store, content: &Content, roots: &Roots) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let hex = |object: u32| store.objects.oid(object).to_string();
    for (object, failure) in content.failures.iter().filter(|(object, _)| roots.relevant.has(*object)) {
        gaps.push(Gap::named(failure.reason(), hex(*object).as_bytes(), failure.to_string().as_bytes()));
    }
    for (object, detail) in content.malformed.iter().filter(|(object, _)| roots.relevant.has(*object)) {
        gaps.push(Gap::named("malformed", hex(*object).as_bytes(), detail.as_bytes()));
    }
    for (object, limit) in content.limited.iter().filter(|(object, _)| roots.relevant.has(*object)) {
        gaps.push(Gap::named("limit", hex(*object).as_bytes(), limit.as_bytes()));
    }
    if content.has_too_many_keys() {
        gaps.push(Gap::named("limit", b"keys", b"there are more different keys than are told apart"));
    }
    misnamed(store, content, roots, &mut gaps);
    if !content.missing.is_empty() {
        missing(store, content, roots, &mut gaps);
    }
    gaps
}

/// What is named and is not there.
fn missing(store: &Store, content: &Content, roots: &Roots, gaps: &mut Vec<Gap>) {
    let hex = |object: u32| store.objects.oid(object).to_string();
    let mut named_by: HashMap<u32, u32> = HashMap::new();
    let mut is_missing = Bits::new(content.graph.len());
    (0..content.missing.len()).for_each(|number| _ = is_missing.insert((store.objects.len() + number) as u32));
    content.graph.naming(&is_missing, |object, missing| {
        if roots.relevant.has(object) {
            named_by.entry(missing).or_insert(object);
        }
    });
    for (number, missing) in content.missing.iter().enumerate() {
        let Some(by) = named_by.get(&((store.objects.len() + number) as u32)) else { continue };
        let is_cut = store.shallow.contains(&store.objects.oid(*by));
        let kind = match content.graph.kind(*by) {
            NodeKind::Commit => "commit",
            NodeKind::Tag => "tag",
            _ => "tree",
        };
        let detail = format!("named by {kind} {}", hex(*by));
        let reason = if is_cut { "shallow" } else { "missing" };
        gaps.push(Gap::named(reason, missing.oid.to_string().as_bytes(), detail.as_bytes()));
    }
}

/// What is named as something that it is not: git would not go on there, and what stood there nobody knows.
fn misnamed(store: &Store, content: &Content, roots: &Roots, gaps: &mut Vec<Gap>) {
    let graph = &content.graph;
    let mut tell = |object: ObjectIndex, detail: &str| {
        gaps.push(Gap::named("malformed", store.objects.oid(object).to_string().as_bytes(), detail.as_bytes()));
    };
    let is_other =
        |link: &u32, kind| *link != NONE && !matches!(graph.kind(*link), NodeKind::Absent) && graph.kind(*link) != kind;
    let relevant = graph.objects().filter(|object| roots.relevant.has(*object));
    for commit in relevant.filter(|object| graph.kind(*object) == NodeKind::Commit) {
        let links = graph.links(commit);
        if links.first().is_some_and(|tree| is_other(tree, NodeKind::Tree)) {
            tell(commit, "what the commit names as its tree is none");
        }
        if links.iter().skip(1).any(|parent| is_other(parent, NodeKind::Commit)) {
            tell(commit, "what the commit names as a parent is no commit");
        }
    }
    if content.no_trees.is_empty() {
        return;
    }
    let mut no_trees = Bits::new(graph.len());
    content.no_trees.iter().for_each(|object| _ = no_trees.insert(*object));
    let mut trees = Vec::new();
    graph.naming(&no_trees, |object, _| {
        if graph.kind(object) == NodeKind::Tree && roots.relevant.has(object) && trees.last() != Some(&object) {
            trees.push(object);
        }
    });
    let mut bytes = Vec::new();
    for tree in trees {
        let mut any = false;
        // What was moved away meanwhile is told where it is missed.
        if content.read(store, tree, &mut bytes).is_ok() {
            parse::tree(&bytes, store.format, |entry| {
                let is_none = || store.objects.find(&entry.oid).is_some_and(|object| no_trees.has(object));
                any |= entry.is_directory() && is_none();
            });
        }
        if any {
            tell(tree, "what the tree names as a directory is none");
        }
    }
}
