//! Masking: the one way by which a repository's text becomes text that may be shown.

use std::borrow::Cow;
use std::cmp::Reverse;

use super::layer::Layer;
use super::scan::Scan;
use super::{Detector, Found, Limits, settle};
use crate::model::{Shown, Span};

impl Detector {
    /// Masks text that is not a repository's own but may quote one: an error, an argument. It stays as it is apart
    /// from that.
    pub fn mask_text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.masked(text.as_bytes())).into_owned()
    }

    /// Puts the hint in the place of every key and of every other vendor's token in `text`, in every encoding that
    /// this detector knows, and of what it has come upon before. To be done before anything is cut to length or escaped.
    /// Of a text that is longer than any that a person reads its beginning is shown ([`Shown::LONGEST`]).
    pub fn mask(&self, text: &[u8]) -> Shown {
        Shown::from_masked(&self.masked(text))
    }

    /// The first line of a text that is not empty, masked with what is behind it: a key can go on there, and what the line
    /// has of it would be more than a hint.
    pub fn mask_first_line(&self, text: &[u8]) -> Option<Shown> {
        /// Further behind the line nothing is looked at: more than any credential has.
        const BEHIND: usize = 4096;
        let is_blank = |line: &[u8]| line.trim_ascii().is_empty();
        let begin = text.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let end = memchr::memchr(b'\n', &text[begin..]).map_or(text.len(), |length| begin + length);
        let masked = self.masked(&text[..text.len().min(end + BEHIND)]);
        let line = masked.split(|byte| *byte == b'\n').find(|line| !is_blank(line))?;
        Some(Shown::from_masked(line.trim_ascii()))
    }

    fn masked<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let mut spans: Vec<(Span, String)> = Vec::new();
        // Nothing is learned of what is to be shown.
        let layer = Layer::object(text);
        // Not with the limits that somebody chose for what is searched: what is beyond them would be shown.
        let limits = Limits::default();
        let scan = self.come_upon(&layer, (limits, &|| false), |scan, budget| scan.layer(&layer, budget));
        let Scan { sights, unread, .. } = scan;
        if !unread.limits.is_empty() {
            // What lies beyond a limit may be a key.
            return Cow::Owned(format!("({} bytes, not shown: more than can be masked)", text.len()).into_bytes());
        }
        settle::settle(text, sights, &mut |found| match found {
            Found::Key(found) => spans.push((found.span, found.key.hint())),
            Found::OtherVendor { token, span, .. } | Found::HalfMasked { token, span } => {
                spans.push((span, token.hint()));
            }
            Found::Placeholder { .. } | Found::Publishable { .. } => {}
        });
        spans.append(&mut self.learned.spans(text));
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        spans.sort_by_key(|(span, _)| (span.start, Reverse(span.end)));
        let mut masked = Vec::with_capacity(text.len());
        let mut from = 0;
        for (span, hint) in spans {
            // Two tokens can overlap where one is read in two encodings: both must go.
            if span.start >= from {
                masked.extend_from_slice(&text[from..span.start]);
                masked.extend_from_slice(hint.as_bytes());
            }
            from = from.max(span.end);
        }
        masked.extend_from_slice(&text[from..]);
        Cow::Owned(masked)
    }
}
