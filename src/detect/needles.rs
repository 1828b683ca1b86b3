//! The literals that one search over a layer looks for, and what each leads to.

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

/// Teddy where the processor has it.
enum Engine {
    Packed(Searcher),
    Automaton(Box<AhoCorasick>),
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
        let packed = Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(&needles).build();
        let engine = match packed {
            Some(searcher) => Engine::Packed(searcher),
            None => {
                let automaton = AhoCorasick::builder()
                    .match_kind(aho_corasick::MatchKind::LeftmostFirst)
                    .build(&needles)
                    .unwrap_or_else(|_| unreachable!("a few dozen short needles always compile"));
                Engine::Automaton(Box::new(automaton))
            }
        };
        Self { leads, engine }
    }

    /// Every hit, by where it begins. Hits may overlap.
    pub(super) fn hits<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (Lead, usize)> + 'a {
        self.numbered(bytes).map(|(number, at)| (self.lead(number), at))
    }

    /// The same, with the needles' numbers.
    pub(super) fn numbered<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (u8, usize)> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let (pattern, start) = match &self.engine {
                Engine::Packed(searcher) => {
                    let hit = searcher.find_in(bytes, aho_corasick::Span { start: from, end: bytes.len() })?;
                    (hit.pattern(), hit.start())
                }
                Engine::Automaton(automaton) => {
                    let hit = automaton.find(Input::new(bytes).span(from..bytes.len()))?;
                    (hit.pattern(), hit.start())
                }
            };
            // Not behind the hit: the next needle may begin inside this one.
            from = start + 1;
            Some((pattern.as_usize() as u8, start))
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
