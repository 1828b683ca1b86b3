//! From what the pushed refs are to name down to what is old.

use super::Work;
use crate::gate::content::Links;
use crate::gate::scan::{Scanned, scan};
use crate::gate::{CommitPart, Place, Problem, Standing};
use crate::model::{ObjectType, Oid};
use crate::store::{Failure, parse};

/// A tag of a tag of a tag: git has no limit.
const MOST_TAGS: usize = 10_000;

impl Work<'_> {
    /// Follows what the ref of an update is to name to a commit, tree or blob.
    pub(super) fn tip(&mut self, update: usize, mut oid: Oid) {
        for _ in 0..MOST_TAGS {
            if self.examiner.interrupt.is_set() {
                return;
            }
            let is_known = !self.reached.insert(oid);
            if self.content.commits.contains_key(&oid) || self.links.contains_key(&oid) {
                self.tips.push((update, oid));
                return self.commit(oid);
            }
            if is_known {
                return;
            }
            let came = self.receiving.came_with_push(&oid);
            if !came && self.ancestry.is_old(self.receiving, &oid) {
                return;
            }
            let mut bytes = Vec::new();
            let kind = match self.receiving.read(&oid, self.examiner.limits.object_bytes, &mut bytes) {
                Ok(Some(kind)) => kind,
                Ok(None) => return self.problem(Problem::Missing { oid, kind: "object" }),
                // However large it is: of what was there before nothing comes.
                Err(Failure::TooLarge(_)) if !came && self.is_there(oid) => return,
                Err(failure) => {
                    let limit = self.examiner.limits.object_bytes;
                    return self.problem(Problem::of_failure(oid, failure, limit));
                }
            };
            match kind {
                ObjectType::Commit => {
                    self.tips.push((update, oid));
                    return self.commit(oid);
                }
                _ if !came && self.ancestry.is_tip(self.receiving, &oid) => return,
                ObjectType::Tree => return self.trees.push(oid),
                ObjectType::Blob => {
                    let scanned = scan(self.examiner.detector, &bytes, self.examiner.interrupt);
                    let standing = self.standing_of_named(oid, scanned != Scanned::default());
                    if standing == Standing::Introduced {
                        self.tell_unread(&scanned, Some(oid));
                    }
                    for sight in scanned.keys {
                        let place = Place::Tagged { oid, line: sight.line };
                        self.add(&sight, place, None, standing, came);
                    }
                    return self.count(bytes.len(), came);
                }
                ObjectType::Tag => {
                    for sight in self.scan(&bytes, Some(oid)) {
                        self.add(&sight, Place::Tag { oid, line: sight.line }, None, Standing::Introduced, true);
                    }
                    self.count(bytes.len(), came);
                    match parse::tag(&bytes, self.receiving.format).target {
                        Some(target) => oid = target,
                        None => return self.problem(Problem::Undecodable { oid, kind: "tag" }),
                    }
                }
            }
        }
        self.problem(Problem::Undecodable { oid, kind: "chain of tags" });
    }

    /// Whether an existing ref names an object, or a tip holds it.
    fn is_there(&mut self, oid: Oid) -> bool {
        self.ancestry.is_tip(self.receiving, &oid) || self.is_below_a_tip(oid)
    }

    fn count(&mut self, bytes: usize, came_with_push: bool) {
        if !came_with_push {
            self.found.reached += 1;
            self.found.bytes += bytes as u64;
        }
    }

    /// Walks from a new commit to old ones; new commits are put in order, parents first.
    fn commit(&mut self, tip: Oid) {
        let mut stack: Vec<(Oid, usize)> = Vec::new();
        if self.enter(tip) {
            stack.push((tip, 0));
        }
        while let Some((commit, at)) = stack.last_mut() {
            if self.examiner.interrupt.is_set() {
                return;
            }
            let (commit, number) = (*commit, *at);
            *at += 1;
            let parent = self.links.get(&commit).and_then(|links| links.parents.get(number).copied());
            match parent {
                None => {
                    self.order.push(commit);
                    stack.pop();
                }
                Some(parent) if self.is_new_commit(commit, parent) && self.enter(parent) => stack.push((parent, 0)),
                Some(_) => {}
            }
        }
    }

    /// Whether a parent of a new commit is new too and there.
    fn is_new_commit(&mut self, child: Oid, parent: Oid) -> bool {
        if self.links.contains_key(&parent) || self.content.commits.contains_key(&parent) {
            return true;
        }
        if self.ancestry.is_old(self.receiving, &parent) {
            return false;
        }
        if self.receiving.has(&parent) {
            return true;
        }
        if !self.receiving.is_shallow(&child) {
            self.problem(Problem::Missing { oid: parent, kind: "commit" });
        }
        false
    }

    /// Takes in what a new commit names, and the keys of its own text; whether it was not known before.
    fn enter(&mut self, oid: Oid) -> bool {
        if self.links.contains_key(&oid) {
            return false;
        }
        self.reached.insert(oid);
        let links = match self.content.commits.get(&oid) {
            Some(links) => links.clone(),
            None => {
                let mut bytes = Vec::new();
                match self.receiving.read(&oid, self.examiner.limits.object_bytes, &mut bytes) {
                    Ok(Some(ObjectType::Commit)) => {}
                    Ok(Some(_)) => {
                        self.problem(Problem::Undecodable { oid, kind: "parent" });
                        return false;
                    }
                    Ok(None) => {
                        self.problem(Problem::Missing { oid, kind: "commit" });
                        return false;
                    }
                    Err(failure) => {
                        let limit = self.examiner.limits.object_bytes;
                        self.problem(Problem::of_failure(oid, failure, limit));
                        return false;
                    }
                }
                self.count(bytes.len(), false);
                let links = Links::of(&bytes, self.receiving.format);
                self.links.insert(oid, links.clone());
                for sight in self.scan(&bytes, Some(oid)) {
                    let place = commit_text(sight.line);
                    self.add(&sight, place, Some(oid), Standing::Introduced, true);
                }
                links
            }
        };
        if links.is_malformed {
            self.problem(Problem::Undecodable { oid, kind: "commit" });
        }
        self.found.has_merges |= links.parents.len() > 1;
        self.links.insert(oid, links);
        if let Some((_, scanned)) = self.content.carriers.get(&oid) {
            for sight in &scanned.keys {
                self.add(sight, commit_text(sight.line), Some(oid), Standing::Introduced, true);
            }
        }
        true
    }
}

/// A place in a commit's own text, of which the part is found out once it is shown.
fn commit_text(line: Option<u64>) -> Place {
    Place::CommitText { line, part: CommitPart::Message(None) }
}
