//! The one place where the gate asks the detector.

use std::collections::{BTreeSet, HashMap};

use crate::detect::{Detector, Found, Hits};
use crate::key::KeyId;
use crate::model::{Confidence, Copied, Environment, Interrupt, Kind};

/// A key that stands in an object, once however often it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) id: KeyId,
    pub(super) hint: String,
    pub(super) kind: Kind,
    pub(super) environment: Environment,
    pub(super) confidence: Confidence,
    /// The line of its first sighting, from 1, where the object has lines.
    pub(super) line: Option<u64>,
}

/// What a scan of one object came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scanned {
    pub(super) keys: Vec<Sight>,
    /// Containers in it that could not be looked into: why.
    pub(super) opaque: Vec<&'static str>,
    /// Limits of decoding that were reached: what lies beyond was not scanned.
    pub(super) limits: Vec<&'static str>,
}

impl Scanned {
    /// Takes in what another text of the same object came to.
    pub(super) fn take(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.opaque.extend(other.opaque);
        self.limits.extend(other.limits);
    }
}

/// So many different keys of one object are told apart: an object with more is a list of keys.
pub(super) const MOST_KEYS: usize = 10_000;

/// The limit that is reached where there are more.
pub(super) const MANY_KEYS: &str = "more keys than are told apart";

/// Scans some bytes. An interrupt is heeded inside of a large object too, and is a limit that was reached.
pub(super) fn scan(detector: &Detector, bytes: &[u8], interrupt: Interrupt<'_>) -> Scanned {
    scan_after(detector, bytes, None, interrupt).0
}

/// The same of bytes of which `base` says what is known; what is known of them in turn.
pub(super) fn scan_after(
    detector: &Detector,
    bytes: &[u8],
    base: Option<(&Hits, &[Copied])>,
    interrupt: Interrupt<'_>,
) -> (Scanned, Option<Hits>) {
    let mut scanned = Scanned::default();
    let mut places = HashMap::new();
    let (unread, hits) = detector.scan_after(bytes, base, &|| interrupt.is_set(), &mut |found| {
        let Found::Key(found) = found else { return };
        let id = found.key.id();
        match places.get(&id) {
            Some(&at) => {
                let sight: &mut Sight = &mut scanned.keys[at];
                sight.confidence = sight.confidence.max(found.confidence);
            }
            None if scanned.keys.len() < MOST_KEYS => {
                places.insert(id, scanned.keys.len());
                scanned.keys.push(Sight {
                    id,
                    hint: found.key.hint(),
                    kind: found.kind,
                    environment: found.key.environment_as(found.kind),
                    confidence: found.confidence,
                    line: found.line,
                });
            }
            None if scanned.limits.is_empty() => scanned.limits.push(MANY_KEYS),
            None => {}
        }
    });
    scanned.opaque.extend(unread.opaque.into_iter().map(|opaque| opaque.reason));
    scanned.limits.extend(unread.limits);
    (scanned, hits)
}

/// The lines at which each key of a text stands.
pub(super) fn lines_of(detector: &Detector, bytes: &[u8], interrupt: Interrupt<'_>) -> HashMap<KeyId, BTreeSet<u64>> {
    /// So many lines of one key are told.
    const MOST_LINES: usize = 100;
    let mut lines: HashMap<KeyId, BTreeSet<u64>> = HashMap::new();
    detector.scan_after(bytes, None, &|| interrupt.is_set(), &mut |found| {
        let Found::Key(found) = found else { return };
        let is_room = lines.len() < MOST_KEYS;
        let (id, line) = (found.key.id(), found.line);
        if let Some(line) = line.filter(|_| is_room || lines.contains_key(&id)) {
            let of_it = lines.entry(id).or_default();
            if of_it.len() < MOST_LINES {
                of_it.insert(line);
            }
        }
    });
    lines
}
