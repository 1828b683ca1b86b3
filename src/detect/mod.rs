//! From bytes to sightings: which Clerk credentials are in them, how sure that is and why, and whose look-alikes are.
//!
//! One literal search over an object serves every prefix in every encoding that has a fixed spelling; cheap detectors
//! of runs (`probe`) serve the rest, and magics tell containers. Only where one of them hits is anything decoded and
//! allocated. What comes out of an encoding or a container is a layer (`layer`) like the object itself, and is
//! scanned the same way, so that chains compose, to a limit of depth and of bytes.
//!
//! No I/O, and no knowledge of what the bytes are: a blob, a tree's names, a commit, a ref's name. A new encoding is a
//! variant of `encoding::Encoding` with its needles or its detector and its way back to plain text; a new container is
//! a format in `container`; a new kind of credential is a needle with its judge.

mod assigned;
mod boundary;
mod container;
mod context;
mod dashboard;
mod encoding;
mod framed;
mod hits;
mod layer;
mod learned;
mod lines;
mod mask;
mod needles;
mod neighbours;
mod one_key;
mod places;
mod probe;
mod scan;
mod senders;
mod settle;
mod split;
mod stream;
mod token;
mod webhook;

pub use dashboard::dashboard_url;
pub use hits::Hits;
pub use layer::{Chain, Step};
pub use neighbours::{Neighbour, siblings};
pub use one_key::{OneKey, Search};
pub use stream::PieceScan;

use crate::key::{KeyText, Publishable, Vendor};
use crate::model::{Confidence, Copied, Kind, ReadLimits, Span};
use container::Budget;
pub use container::is_archive;
use layer::Layer;
use learned::Learned;
use needles::Needles;
use scan::Scan;

/// One key at one place in some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFound {
    /// The key.
    pub key: KeyText,
    /// What kind of credential.
    pub kind: Kind,
    /// How sure.
    pub confidence: Confidence,
    /// Why.
    pub reasons: Vec<&'static str>,
    /// The bytes that stand for it; in a container, all of the container's.
    pub span: Span,
    /// The line of the span's first byte, from 1; none in a container.
    pub line: Option<u64>,
    /// Its column, from 1, in bytes, or in code units of UTF-16 and UTF-32.
    pub column: Option<u64>,
    /// The encodings and containers that were undone, outermost first.
    pub encoding: Chain,
    /// The name of the variable it is the value of.
    pub variable: Option<Vec<u8>>,
}

/// What a scan comes upon.
#[derive(Clone, Debug)]
pub enum Found {
    /// A Clerk credential.
    Key(KeyFound),
    /// Another vendor's secret.
    OtherVendor {
        /// Whose.
        vendor: Vendor,
        /// Its text, as little to be shown as a key's.
        token: KeyText,
        /// The bytes that stand for it.
        span: Span,
    },
    /// The beginning of a key, whose rest somebody masked.
    HalfMasked {
        /// What is left of it.
        token: KeyText,
        /// The bytes that stand for it.
        span: Span,
    },
    /// Something in the place of a key.
    Placeholder {
        /// Its text.
        token: KeyText,
        /// The bytes that stand for it.
        span: Span,
    },
    /// A publishable key, which names an instance.
    Publishable {
        /// The key.
        key: Publishable,
        /// The bytes that stand for it.
        span: Span,
        /// The line it stands on; none in a container.
        line: Option<u64>,
        /// The encodings and containers that were undone, outermost first.
        encoding: Chain,
    },
}

/// What of some bytes could not be read into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Containers that are encrypted, damaged or none after all: their bytes were scanned as they are.
    pub opaque: Vec<Opaque>,
    /// Limits that were reached: what lies beyond them was not scanned.
    pub limits: Vec<&'static str>,
}

/// The limit ([`Unread::limits`]) that another scan of the same bytes may not reach: the time for an object.
pub const TIME_LIMIT: &str = "time";

/// A container whose content cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Opaque {
    /// The way to it from the object's bytes.
    pub chain: Chain,
    /// What it is and why it cannot be read.
    pub reason: &'static str,
}

impl Unread {
    fn limit(&mut self, limit: &'static str) {
        if !self.limits.contains(&limit) {
            self.limits.push(limit);
        }
    }
}

/// How far encodings and containers are followed in one object.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many encodings and containers deep.
    pub depth: usize,
    /// How many bytes may be decoded of it, all layers together.
    pub decoded: u64,
    /// How many entries of archives may be opened in it.
    pub entries: u32,
    /// Whether containers are opened at all; where they are not, each that would be is a limit that was reached.
    pub containers: bool,
}

impl Default for Limits {
    fn default() -> Self {
        let ReadLimits { max_depth, max_decoded, .. } = ReadLimits::default();
        let entries = container::Limits::default().entries;
        Self { depth: max_depth.into(), decoded: max_decoded, entries, containers: true }
    }
}

/// The search, compiled. Cheap to share between threads. What it comes upon it keeps, to mask that wherever it stands.
pub struct Detector {
    needles: Needles,
    limits: Limits,
    learned: Learned,
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl Detector {
    /// Compiles the search over all needles; microseconds.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// The same, with limits of one's own.
    pub fn with_limits(limits: Limits) -> Self {
        Self { needles: Needles::new(), limits, learned: Learned::default() }
    }

    /// How far it follows encodings and containers.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether anything in `bytes` is worth a scan: where nothing is, a scan finds nothing. Containers are not looked
    /// into: for names and other short text.
    pub fn has_candidate(&self, bytes: &[u8]) -> bool {
        probe::has_candidate(&self.needles, bytes)
    }

    /// Scans `bytes` and hands over everything found, in the order in which it stands; what could not be read into.
    /// Allocates nothing where nothing occurs. Cost: a few vectorised passes; a hit costs some hundred bytes of work,
    /// and what is decoded costs as much again as so many bytes more.
    pub fn scan(&self, bytes: &[u8], sink: &mut dyn FnMut(Found)) -> Unread {
        self.scan_until(bytes, &|| false, sink)
    }

    /// The same; `stop` is asked now and then whether to give up, which is a limit like another.
    pub fn scan_until(&self, bytes: &[u8], stop: &dyn Fn() -> bool, sink: &mut dyn FnMut(Found)) -> Unread {
        self.scan_layer(&Layer::object(bytes), stop, sink)
    }

    /// Searches `bytes`, and judges nothing: where in them something may stand. Of `base`, whose hits are known, `bytes`
    /// have the given parts; only the rest and the seams are searched. `None` where there is more than is worth
    /// keeping. Cost: a vectorised pass over what is searched.
    pub fn search(&self, bytes: &[u8], base: Option<(&Hits, &[Copied])>) -> Option<Hits> {
        Hits::of(&self.needles, bytes, base)
    }

    /// As [`Detector::scan_until`], where what [`Detector::search`] says of `bytes` is known. Cost: as much as the hits.
    pub fn examine(&self, bytes: &[u8], hits: &Hits, stop: &dyn Fn() -> bool, sink: &mut dyn FnMut(Found)) -> Unread {
        let Scan { sights, unread, .. } = self.come_upon_hits(bytes, hits, stop);
        self.settle(bytes, sights, sink);
        unread
    }

    /// Hands over what was come upon, once, and keeps what must not be shown.
    fn settle(&self, bytes: &[u8], sights: Vec<settle::Sight>, sink: &mut dyn FnMut(Found)) {
        settle::settle(bytes, sights, &mut |found| {
            self.learned.add(&found);
            sink(found);
        });
    }

    fn come_upon_hits(&self, bytes: &[u8], hits: &Hits, stop: &dyn Fn() -> bool) -> Scan<'_> {
        if hits.is_empty() && container::sniff(bytes).is_none() && !container::is_behind_script(bytes) {
            return Scan::new(self, self.limits);
        }
        let layer = Layer::object(bytes);
        self.come_upon(&layer, (self.limits, stop), |scan, budget| scan.object(&layer, hits, budget))
    }

    /// Both at once: scans `bytes`, of which `base` says what is known, and remembers where in them something may
    /// stand.
    pub fn scan_after(
        &self,
        bytes: &[u8],
        base: Option<(&Hits, &[Copied])>,
        stop: &dyn Fn() -> bool,
        sink: &mut dyn FnMut(Found),
    ) -> (Unread, Option<Hits>) {
        match self.search(bytes, base) {
            Some(hits) => (self.examine(bytes, &hits, stop, sink), Some(hits)),
            None => (self.scan_until(bytes, stop, sink), None),
        }
    }

    fn scan_layer(&self, layer: &Layer<'_>, stop: &dyn Fn() -> bool, sink: &mut dyn FnMut(Found)) -> Unread {
        let Scan { sights, unread, .. } =
            self.come_upon(layer, (self.limits, stop), |scan, budget| scan.layer(layer, budget));
        self.settle(layer.bytes, sights, sink);
        unread
    }

    /// All that can be read in a layer and below it, in every way; `how` scans it.
    fn come_upon(
        &self,
        layer: &Layer<'_>,
        (limits, stop): (Limits, &dyn Fn() -> bool),
        how: impl FnOnce(&mut Scan<'_>, &mut Budget<'_>),
    ) -> Scan<'_> {
        let mut scan = Scan::new(self, limits);
        let Limits { decoded, entries, .. } = limits;
        let limits = container::Limits { produced: decoded, entries, ..container::Limits::default() };
        how(&mut scan, &mut Budget::new(&limits, layer.bytes.len(), stop));
        if scan.has_too_many() {
            scan.unread.limit("more readings in one object than are told apart");
        }
        scan
    }
}

#[cfg(test)]
mod tests;
