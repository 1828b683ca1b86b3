//! The literals that one search over a layer looks for, and what each leads to.

#[cfg(target_arch = "x86_64")]
mod vectors;

use std::ops::Range;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use aho_corasick::{AhoCorasick, Input};

use super::encoding::Encoding;

/// What stands where a needle hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// `whsec_`.
    Webhook,
    /// The name of a variable whose value may be a credential.
    Name,
    /// A claim address or token.
    Claim,
    /// Text in an encoding.
    Encoded(Encoding),
}

/// Parts of prefixes that are looked for encoded: `k_live_` serves `sk_live_`, `pk_live_` and `rk_live_`. As they are,
/// `probe` finds them with every other by their `k_` or `y_`.
const PREFIXES: &[&str] = &["k_live_", "k_test_"];

/// Parts of the names of variables, in the spellings of the field: `CLERK_API_KEY`, `clerk_api_key`, `clerkApiKey`,
/// `clerk-api-key`, `CLERK_APIKEY`, `ClerkAPIKey`, `CLERK_KEY`. `apiKeysUrl` of a keyless file has one too. Without their
/// beginning where it is a capital in some (`encryptionKey`, `ClerkEncryptionKey`) or a common word's (`machineSecret`).
const NAMES: &[&str] = &[
    "PI_KEY",
    "pi_key",
    "piKey",
    "pi-key",
    "PI-KEY",
    "APIKEY",
    "rkAPIKey",
    "RK_KEY",
    "MACHINE_SECRET",
    "machine_secret",
    "neSecret",
    "ne-secret",
    "NCRYPTION_KEY",
    "ncryption_key",
    "ncryptionKey",
    "ncryption-key",
];

const CLAIMS: &[&str] = &["claimUrl", "claimToken", "claim?token="];

/// All needles. So few, and so long, that the fastest search takes them: more than 32, one of three bytes, or one that
/// begins like a common word halve its speed (`tests/bench/detect.rs` measures it).
fn all() -> Vec<(Lead, Vec<u8>)> {
    let plain =
        |lead: Lead, texts: &'static [&'static str]| texts.iter().map(move |text| (lead, text.as_bytes().to_vec()));
    let mut all = vec![(Lead::Webhook, b"whsec_".to_vec())];
    all.extend(plain(Lead::Name, NAMES));
    all.extend(plain(Lead::Claim, CLAIMS));
    for text in PREFIXES {
        let encoded = Encoding::needles(text.as_bytes());
        all.extend(encoded.into_iter().map(|(encoding, bytes)| (Lead::Encoded(encoding), bytes)));
    }
    all
}

/// The compiled search.
pub(super) struct Needles {
    leads: Vec<Lead>,
    engine: Engine,
}

/// The fastest that the processor has: our own, Teddy, or one that every processor has.
enum Engine {
    #[cfg(target_arch = "x86_64")]
    Vectors(Box<vectors::Vectors>),
    Packed(Searcher),
    Automaton(Box<AhoCorasick>),
}

impl Engine {
    fn new(needles: &[Vec<u8>]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(vectors) = vectors::Vectors::new(needles) {
            return Self::Vectors(Box::new(vectors));
        }
        let packed = Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(needles).build();
        packed.map_or_else(|| Self::automaton(needles), Self::Packed)
    }

    fn automaton(needles: &[Vec<u8>]) -> Self {
        let automaton = AhoCorasick::builder()
            .match_kind(aho_corasick::MatchKind::LeftmostFirst)
            .build(needles)
            .unwrap_or_else(|_| unreachable!("a few dozen short needles always compile"));
        Self::Automaton(Box::new(automaton))
    }

    /// The number of the first needle that begins in a part of `bytes`, and where it begins.
    fn find(&self, bytes: &[u8], part: Range<usize>) -> Option<(u8, usize)> {
        let end = bytes.len().min(part.end.saturating_add(Needles::LONGEST));
        let (pattern, start) = match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vectors(vectors) => return vectors.find(bytes, part),
            Self::Packed(searcher) => {
                let hit = searcher.find_in(bytes, aho_corasick::Span { start: part.start, end })?;
                (hit.pattern(), hit.start())
            }
            Self::Automaton(automaton) => {
                let hit = automaton.find(Input::new(bytes).span(part.start..end))?;
                (hit.pattern(), hit.start())
            }
        };
        (start < part.end).then_some((pattern.as_usize() as u8, start))
    }
}

impl Needles {
    /// No needle has more bytes.
    pub(super) const LONGEST: usize = 32;

    pub(super) fn new() -> Self {
        Self::of(all())
    }

    /// Those of text in an encoding that has a secret key or a publishable key.
    pub(super) fn of_encoded() -> Self {
        Self::of(all().into_iter().filter(|(lead, _)| matches!(lead, Lead::Encoded(_))).collect())
    }

    fn of(needles: Vec<(Lead, Vec<u8>)>) -> Self {
        let (leads, needles): (Vec<Lead>, Vec<Vec<u8>>) = needles.into_iter().unzip();
        Self { leads, engine: Engine::new(&needles) }
    }

    /// Every hit, by where it begins. Hits may overlap.
    pub(super) fn hits<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (Lead, usize)> + 'a {
        self.numbered(bytes, 0..bytes.len()).map(|(number, at)| (self.lead(number), at))
    }

    /// The same of those that begin in a part of `bytes`, with the needles' numbers.
    pub(super) fn numbered<'a>(
        &'a self,
        bytes: &'a [u8],
        mut part: Range<usize>,
    ) -> impl Iterator<Item = (u8, usize)> + 'a {
        std::iter::from_fn(move || {
            if part.start >= part.end.min(bytes.len()) {
                return None;
            }
            let (number, start) = self.engine.find(bytes, part.clone())?;
            // Not behind the hit: the next needle may begin inside this one.
            part.start = start + 1;
            Some((number, start))
        })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.leads.len()
    }

    /// What a needle leads to.
    pub(super) fn lead(&self, number: u8) -> Lead {
        self.leads[usize::from(number)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needles_are_what_the_encodings_make() {
        let base64: Vec<String> = Encoding::needles(b"sk_live_")
            .into_iter()
            .filter(|(encoding, _)| matches!(encoding, Encoding::Base64 { .. }))
            .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
            .collect();
        // As every base64 tool gives them.
        assert_eq!(base64, ["c2tfbGl2ZV", "NrX2xpdmVf", "za19saXZlX"]);
        assert!(all().len() <= 32, "more needles than the fastest search takes");
        assert!(all().iter().all(|(_, needle)| needle.len() <= Needles::LONGEST));
    }

    #[test]
    fn every_needle_is_found_and_overlapping_ones_too() {
        let needles = Needles::new();
        for (lead, needle) in all() {
            let text = [b"..", needle.as_slice(), b".."].concat();
            assert!(needles.hits(&text).any(|hit| hit == (lead, 2)), "{needle:?}");
        }
        assert_eq!(needles.hits(b"whsec_whsec_piKeypi_key").count(), 4);
    }
}
