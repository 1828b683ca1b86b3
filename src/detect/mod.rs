//! From bytes to sightings: one literal search over an object serves every prefix in every encoding; only where a
//! needle hits is anything decoded, judged and allocated.
//!
//! No I/O, and no knowledge of what the bytes are: a blob, a tree's names, a commit, a ref's name. A new encoding is a
//! variant of `encoding::Encoding` with its needles and its window; a new kind of credential is a prefix and a verdict
//! in `key`. Cost: the search is vectorised and reads each byte once; a hit costs a few hundred bytes of work.

mod boundary;
mod context;
mod dashboard;
mod encoding;
mod lines;
mod mask;
mod neighbours;

use aho_corasick::{AhoCorasick, Input, MatchKind};

pub use dashboard::dashboard_url;
pub use neighbours::{Neighbour, siblings};

use crate::key::{KeyText, Publishable, Vendor, Verdict, decode_publishable, judge};
use crate::model::{Confidence, Kind, Span};
use encoding::{Needle, Window};
use lines::Lines;

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
    pub reason: &'static str,
    /// The bytes that stand for it.
    pub span: Span,
    /// The line of the span's first byte, from 1.
    pub line: u64,
    /// Its column, from 1.
    pub column: u64,
    /// The encodings that were undone, outermost first.
    pub encoding: &'static [&'static str],
    /// The name of the variable it is the value of.
    pub variable: Option<Vec<u8>>,
}

/// What a scan comes upon.
#[derive(Clone, Debug)]
pub enum Found {
    /// A Clerk key.
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
    /// Something in the place of a key.
    Placeholder {
        /// Its text.
        token: KeyText,
    },
    /// A publishable key, which names an instance.
    Publishable {
        /// The key.
        key: Publishable,
        /// The line it stands on.
        line: u64,
    },
}

/// The search, compiled. Cheap to share between threads.
pub struct Detector {
    search: AhoCorasick,
    needles: Vec<Needle>,
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl Detector {
    /// Compiles the search over all needles; microseconds.
    pub fn new() -> Self {
        let needles = encoding::needles();
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(needles.iter().map(|needle| &needle.bytes))
            .unwrap_or_else(|_| unreachable!("a few dozen short needles always compile"));
        Self { search, needles }
    }

    /// Whether any needle of any encoding occurs: where none does, a scan finds nothing.
    pub fn has_needle(&self, bytes: &[u8]) -> bool {
        self.search.is_match(bytes)
    }

    /// Scans `bytes` and hands over everything found, in the order in which it stands. Allocates nothing where no
    /// needle occurs.
    pub fn scan(&self, bytes: &[u8], sink: &mut dyn FnMut(Found)) {
        let mut from = 0;
        let mut lines = Lines::default();
        while let Some(hit) = self.search.find(Input::new(bytes).span(from..bytes.len())) {
            let needle = &self.needles[hit.pattern().as_usize()];
            let window = encoding::window(bytes, needle, hit.start());
            if let Some(found) = examine(bytes, needle, &window, &mut lines) {
                sink(found);
            }
            // Not behind the hit: the next needle may begin inside this one.
            from = hit.start() + 1;
        }
    }
}

fn examine(bytes: &[u8], needle: &Needle, window: &Window<'_>, lines: &mut Lines) -> Option<Found> {
    let (text, at) = (&*window.text, window.at);
    let tail = text.get(at + needle.spelling.len()..)?;
    if needle.spelling.starts_with("pk_") {
        let key = decode_publishable(&text[at..])?;
        let (line, _) = lines.of(bytes, window, window.span(at, at + 1).start);
        return Some(Found::Publishable { key, line });
    }
    if boundary::is_inside_word(text, at) {
        return None;
    }
    let run = tail.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    let end = at + needle.spelling.len() + run;
    match judge(needle.prefix, needle.spelling, tail, context::nearest(text, at, end)) {
        Verdict::Nothing => None,
        Verdict::Placeholder => Some(Found::Placeholder { token: KeyText::new(&text[at..end]) }),
        Verdict::OtherVendor(vendor) => {
            Some(Found::OtherVendor { vendor, token: KeyText::new(&text[at..end]), span: window.span(at, end) })
        }
        Verdict::Key { key, confidence, reason } => {
            let span = window.span(at, at + key.expose().len());
            let (line, column) = lines.of(bytes, window, span.start);
            Some(Found::Key(KeyFound {
                key,
                kind: Kind::SecretKey,
                confidence,
                reason,
                span,
                line,
                column,
                encoding: window.encoding,
                variable: context::variable(text, at).map(<[u8]>::to_vec),
            }))
        }
    }
}

#[cfg(test)]
mod tests;
