//! Commits and tags as reports show them: read when they are needed, once each.

use std::collections::HashMap;
use std::rc::Rc;

use super::content::Content;
use crate::detect::Detector;
use crate::model::{Identity, Oid, RawTime, Shown};
use crate::store::{ObjectIndex, Store, parse};

/// What a report says of a commit or a tag.
#[derive(Clone, Debug)]
pub(super) struct Details {
    pub(super) oid: Oid,
    pub(super) parents: Vec<Oid>,
    pub(super) author: Option<Identity>,
    pub(super) committer: Option<Identity>,
    pub(super) tagger: Option<Identity>,
    pub(super) subject: Option<Shown>,
    /// Committer or tagger time, seconds.
    pub(super) seconds: Option<i64>,
}

/// Reads and keeps details.
pub(super) struct DetailsReader<'a> {
    store: &'a Store,
    content: &'a Content,
    detector: &'a Detector,
    read: HashMap<ObjectIndex, Rc<Details>>,
}

impl<'a> DetailsReader<'a> {
    pub(super) fn new(store: &'a Store, content: &'a Content, detector: &'a Detector) -> Self {
        Self { store, content, detector, read: HashMap::new() }
    }

    /// The details of a commit or, where `is_tag`, a tag.
    pub(super) fn of(&mut self, object: ObjectIndex, is_tag: bool) -> Rc<Details> {
        if let Some(known) = self.read.get(&object) {
            return known.clone();
        }
        let mut bytes = Vec::new();
        let oid = self.store.objects.oid(object);
        let nothing = Details {
            oid,
            parents: Vec::new(),
            author: None,
            committer: None,
            tagger: None,
            subject: None,
            seconds: None,
        };
        let details = match self.content.read(self.store, object, &mut bytes) {
            Err(_) => nothing,
            Ok(_) if is_tag => {
                let tag = parse::tag(&bytes, self.store.format);
                let tagger = tag.tagger.map(|range| &bytes[range]);
                Details {
                    tagger: tagger.map(|line| self.identity(line)),
                    subject: self.subject(&bytes[tag.message.start.min(bytes.len())..]),
                    seconds: tagger.and_then(seconds),
                    ..nothing
                }
            }
            Ok(_) => {
                let commit = parse::commit(&bytes, self.store.format);
                let author = commit.author.map(|range| &bytes[range]);
                let committer = commit.committer.map(|range| &bytes[range]);
                Details {
                    parents: commit.parents,
                    author: author.map(|line| self.identity(line)),
                    committer: committer.map(|line| self.identity(line)),
                    subject: self.subject(&bytes[commit.message.start.min(bytes.len())..]),
                    seconds: committer.and_then(seconds),
                    ..nothing
                }
            }
        };
        let details = Rc::new(details);
        self.read.insert(object, details.clone());
        details
    }

    fn identity(&self, line: &[u8]) -> Identity {
        let ident = parse::ident(line);
        Identity {
            name: self.detector.mask(ident.name),
            email: self.detector.mask(ident.email),
            time: RawTime::parse(ident.time).and_then(|time| time.rfc3339()),
            time_raw: self.detector.mask(ident.time),
        }
    }

    /// The first line that is not empty.
    fn subject(&self, message: &[u8]) -> Option<Shown> {
        self.detector.mask_first_line(message)
    }
}

fn seconds(line: &[u8]) -> Option<i64> {
    RawTime::parse(parse::ident(line).time).map(|time| time.seconds)
}
