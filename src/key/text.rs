//! The text of a key, which never shows itself.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::model::{Environment, Kind};

/// The decoded text of one credential.
///
/// It has no `Display` and no `Serialize`, and its `Debug` is the hint: the one way to the text is
/// [`KeyText::expose`], so that a search for that word finds every place where a key could get out.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyText(Box<[u8]>);

impl KeyText {
    /// So many characters of each end of a body are shown at most.
    const SHOWN: usize = 4;

    /// Takes the text of a key.
    pub fn new(text: &[u8]) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes it has.
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// The text without its prefix.
    pub fn body(&self) -> &[u8] {
        self.split().1
    }

    /// The key's identity: the SHA-256 of its text.
    pub fn id(&self) -> KeyId {
        KeyId(Sha256::digest(&self.0).into())
    }

    /// What may be shown: the prefix and the first and last four characters of the body, to be compared with what
    /// the Clerk dashboard shows (how many characters that is, Clerk does not document). A short body shows less,
    /// never more than a third of itself.
    pub fn hint(&self) -> String {
        let (prefix, body) = self.split();
        let shown = (body.len() / 6).min(Self::SHOWN);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!("{}{}…{}", text(prefix), text(&body[..shown]), text(&body[body.len() - shown..]))
    }

    /// Whether a text can be how a credential's hint begins. What has more of a body than a hint shows is none, and
    /// that no key's hint begins with it says nothing.
    pub fn is_beginning_of_hint(text: &str) -> bool {
        const PREFIXES: [&str; 8] = ["sk_live_", "sk_test_", "whsec_", "ak_", "live_", "test_", "app_", "pk_test_"];
        let body = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
        // What has no prefix is told from any other word by the sign in the middle alone.
        let Some(body) = body.or_else(|| text.contains('…').then_some(text)) else { return false };
        let (first, last) = body.split_once('…').unwrap_or((body, ""));
        let is_shown = |part: &str| part.chars().count() <= Self::SHOWN && !part.contains('…');
        !first.is_empty() && is_shown(first) && is_shown(last)
    }

    /// The environment that the prefix names.
    pub fn environment(&self) -> Environment {
        let (prefix, _) = self.split();
        if prefix.ends_with(b"live_") {
            Environment::Live
        } else if prefix.ends_with(b"test_") {
            Environment::Test
        } else {
            Environment::Unknown
        }
    }

    /// Whether it is told wherever it stands: by its prefix and the length of its body, without a name.
    pub fn tells_itself(&self) -> bool {
        let body = |prefix: &str| self.expose().strip_prefix(prefix.as_bytes());
        ["sk_live_", "sk_test_"].into_iter().filter_map(body).any(|body| body.len() == super::BODY)
    }

    /// The environment of a credential of this kind: keyless applications are development instances.
    pub fn environment_as(&self, kind: Kind) -> Environment {
        match kind {
            Kind::ClaimToken | Kind::KeylessApplication => Environment::Test,
            _ => self.environment(),
        }
    }

    /// The prefix, which is one or two lowercase words each with an underscore, and the body.
    fn split(&self) -> (&[u8], &[u8]) {
        const LONGEST_WORD: usize = 10;
        let mut end = 0;
        for _ in 0..2 {
            let word = self.0[end..].iter().take_while(|byte| byte.is_ascii_lowercase()).count();
            if !(1..=LONGEST_WORD).contains(&word) || self.0.get(end + word) != Some(&b'_') {
                break;
            }
            end += word + 1;
        }
        self.0.split_at(end)
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyText({})", self.hint())
    }
}

/// The SHA-256 of a key's text. It identifies a key and does not reveal it: a body has 250 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 32]);

impl KeyId {
    /// Reads `sha256:` and 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let oid = crate::model::Oid::from_hex(hex.as_bytes())?;
        oid.as_bytes().try_into().ok().map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_its_hint_and_no_more() {
        let text = format!("sk_{}_{}", "live", "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEf");
        let key = KeyText::new(text.as_bytes());
        assert_eq!(key.hint(), "sk_live_AbCd…CdEf");
        assert_eq!(format!("{key:?}"), "KeyText(sk_live_AbCd…CdEf)");
        assert_eq!(key.environment(), Environment::Live);
        assert_eq!(KeyId::parse(&key.id().to_string()), Some(key.id()));
    }

    #[test]
    fn a_hint_begins_with_no_more_than_it_shows() {
        for good in [
            "sk_live_A",
            "sk_test_AbCd",
            "sk_live_AbCd…",
            "sk_live_AbCd…CdEf",
            "whsec_a",
            "ak_Ab",
            "live_AbCd",
            "app_2abc…AsAK",
            "62a8…",
            "62a8…ae34",
        ] {
            assert!(KeyText::is_beginning_of_hint(good), "{good}");
        }
        for bad in [
            "",
            "sk_live_",
            "sk_live_AbCdE",
            "sk_live_AbCd…CdEfG",
            "sk_live_A…b…",
            "sk_lvie_AbCd",
            "AbCd",
            "pk_live_A",
            "…",
            "…AbCd",
            "AbCdE…f",
            "sk_lvie_A…b",
        ] {
            assert!(!KeyText::is_beginning_of_hint(bad), "{bad}");
        }
    }

    #[test]
    fn a_short_body_shows_little() {
        assert_eq!(KeyText::new(b"sk_test_abc").hint(), "sk_test_…");
        assert_eq!(KeyText::new(b"odd").hint(), "…");
        assert_eq!(KeyText::new(&[b"whsec_", &[b'a'; 12][..], &[b'b'; 12]].concat()).hint(), "whsec_aaaa…bbbb");
    }
}
