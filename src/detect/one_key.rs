//! The search for one key whose text is known.
//!
//! It answers a smaller question than a scan: may the key be in these bytes? Where it says no, a scan would not find
//! it, in any encoding; where it says maybe, a scan tells. It goes the way of a scan through the same encodings and
//! containers, with the same limits, but with half the needles: a secret key is found by its prefix alone, so names,
//! claim addresses and webhook secrets need not be looked for, and what else a prefix begins is let go. That is all that
//! exactness leaves out: any character of a key may be escaped, and base64, hex and wide text may hold any of that once
//! more, so what has no fixed spelling must be undone here too.

use super::layer::Layer;
use super::learned::Learned;
use super::needles::Needles;
use super::settle::What;
use super::{Detector, Hits, Unread};
use crate::key::KeyText;
use crate::model::Copied;

/// The search for one secret key, compiled.
pub struct OneKey {
    detector: Detector,
    key: KeyText,
}

/// What a search for one key in some bytes has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// A scan would find neither the key nor a publishable key; what could not be read into.
    Nothing(Unread),
    /// A scan tells.
    Maybe,
}

impl Detector {
    /// The search for `key` with this detector's limits; `None` for a kind of credential that is not told by its
    /// prefix alone.
    pub fn for_key(&self, key: &KeyText) -> Option<OneKey> {
        let is_secret = ["sk_live_", "sk_test_"].iter().any(|prefix| key.expose().starts_with(prefix.as_bytes()));
        let detector = || Self { needles: Needles::of_encoded(), limits: self.limits, learned: Learned::default() };
        is_secret.then(|| OneKey { detector: detector(), key: key.clone() })
    }
}

impl OneKey {
    /// Searches `bytes`. `stop` as for [`Detector::scan_until`].
    pub fn search(&self, bytes: &[u8], stop: &dyn Fn() -> bool) -> Search {
        self.search_after(bytes, None, stop).0
    }

    /// The same of bytes of which `base` says what is known, as [`Detector::scan_after`].
    pub fn search_after(
        &self,
        bytes: &[u8],
        base: Option<(&Hits, &[Copied])>,
        stop: &dyn Fn() -> bool,
    ) -> (Search, Option<Hits>) {
        let hits = self.detector.search(bytes, base);
        let scan = match &hits {
            Some(hits) => self.detector.come_upon_hits(bytes, hits, stop),
            None => {
                let layer = Layer::object(bytes);
                self.detector.come_upon(&layer, (self.detector.limits, stop), |scan, budget| scan.layer(&layer, budget))
            }
        };
        // Before it is settled which of several readings stays: what a scan keeps, it came upon.
        let tells = scan.sights.iter().any(|sight| match &sight.what {
            What::Key { key, .. } => *key == self.key,
            What::Publishable { .. } => true,
            What::OtherVendor { .. } | What::HalfMasked { .. } | What::Placeholder { .. } => false,
        });
        (if tells { Search::Maybe } else { Search::Nothing(scan.unread) }, hits)
    }

    /// Whether a short text may hold the key, as [`Detector::has_candidate`].
    pub fn has_candidate(&self, bytes: &[u8]) -> bool {
        self.detector.has_candidate(bytes)
    }
}
