//! What a token is: a Clerk key and how surely, another vendor's, a placeholder, or nothing.

use super::placeholder::{is_made_up, is_placeholder_of_other_length, runs_in_order};
use super::prefix::Prefix;
use super::vendor::{Vendor, WORKOS, claims};
use super::{BODY, KeyText};
use crate::model::Confidence;

/// Whose name stands nearest to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Clerk's: a variable, a package, a host.
    Clerk,
    /// Another vendor's.
    Other(&'static str),
    /// Nobody's.
    None,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A Clerk secret key.
    Key {
        /// Its text.
        key: KeyText,
        /// How sure that is.
        confidence: Confidence,
        /// Why, in words a person can check.
        reason: &'static str,
    },
    /// Somebody else's secret.
    OtherVendor(Vendor),
    /// The beginning of a real key, whose rest somebody masked.
    HalfMasked,
    /// Made up or cut short.
    Placeholder,
    /// No token.
    Nothing,
}

const UNKNOWN: Vendor = Vendor { name: "unknown", why: "no known vendor has this length" };

/// A token to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// How it begins.
    pub prefix: Prefix,
    /// The prefix as it is spelt.
    pub spelling: &'static str,
    /// What follows the prefix: at least a few hundred bytes, where there are so many.
    pub tail: &'a [u8],
    /// Whose name stands nearest.
    pub context: Context,
    /// What says that it has exactly the length of a key, whatever follows: a length that a binary format states.
    pub framed: Option<&'static str>,
    /// Whether the encoded line ends where a key would: what follows may belong to another text.
    pub ends_line: bool,
}

impl Token<'_> {
    fn key(&self, length: usize, confidence: Confidence, reason: &'static str) -> Verdict {
        let key = KeyText::new(&[self.spelling.as_bytes(), &self.tail[..length]].concat());
        Verdict::Key { key, confidence, reason }
    }

    fn named(name: &'static str) -> Verdict {
        Verdict::OtherVendor(Vendor { name, why: "its name stands nearest" })
    }
}

/// Judges a token.
pub fn judge(token: &Token<'_>) -> Verdict {
    let tail = token.tail;
    if !token.prefix.is_clerk_secret() {
        return judge_other(token);
    }
    let run = tail.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    if run < BODY {
        return judge_short(token, run);
    }
    if is_made_up(&tail[..BODY]) {
        return Verdict::Placeholder;
    }
    if let Some(vendor) = claims_despite_length(token) {
        return Verdict::OtherVendor(vendor);
    }
    if run == BODY {
        let reason = "exactly 42 letters and digits after the prefix: Clerk's length, and no other known vendor's";
        return token.key(BODY, Confidence::High, reason);
    }
    if let Some(reason) = token.framed {
        return token.key(BODY, Confidence::High, reason);
    }
    if let Some(vendor) = claims(token.prefix, &tail[..token_len(token.prefix, tail)]) {
        return Verdict::OtherVendor(vendor);
    }
    if token.ends_line {
        let reason = "exactly 42 letters and digits after the prefix, up to the end of the encoded line";
        return token.key(BODY, Confidence::High, reason);
    }
    if is_made_up(&tail[..run]) {
        return Verdict::Placeholder;
    }
    match token.context {
        Context::Clerk => token.key(
            BODY,
            Confidence::Medium,
            "more than 42 letters and digits follow, and Clerk's name stands nearby: the first 42 may be a key",
        ),
        Context::Other(name) => Token::named(name),
        Context::None => token.key(
            BODY,
            Confidence::Low,
            "more than 42 letters and digits follow, and no vendor has that length: the first 42 may be a key",
        ),
    }
}

/// Whose a longer token is whose first character that is neither letter nor digit stands just behind the forty-second:
/// what begins like WorkOS's base64, which goes on over `+` and `/`, and what has all of Apideck's length, unless Clerk
/// is named. One key in a billion begins so.
fn claims_despite_length(token: &Token<'_>) -> Option<Vendor> {
    const APIDECK: usize = 93;
    let Token { prefix, tail, context, framed, .. } = *token;
    let is_base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let base64 = &tail[..tail.iter().take_while(is_base64).count()];
    let whole = &tail[..token_len(prefix, tail)];
    let is_apideck = whole.len() == APIDECK && context != Context::Clerk && framed.is_none();
    claims(prefix, base64)
        .filter(|vendor| vendor.name == WORKOS)
        .or_else(|| claims(prefix, whole).filter(|_| is_apideck))
}

/// A body of fewer than 42 letters and digits.
fn judge_short(token: &Token<'_>, run: usize) -> Verdict {
    let tail = token.tail;
    let whole = &tail[..token_len(token.prefix, tail)];
    let next = &tail[run..];
    // Asterisks and bullets mask, braces and dollars are templates, dots cut short.
    let is_template = matches!(next, [b'<' | b'{' | b'$' | b'_' | b'-' | b'[', ..]);
    let is_masked = masks(next);
    if run == 0 {
        let is_one = is_template || is_masked || matches!(next, [b'*' | b'.', ..]);
        return if is_one { Verdict::Placeholder } else { Verdict::Nothing };
    }
    if is_masked && is_fragment(&tail[..run]) {
        return Verdict::HalfMasked;
    }
    let is_made = is_placeholder_of_other_length(whole) || is_one_case(whole);
    if let Some(vendor) = claims(token.prefix, whole).filter(|_| !is_made) {
        return match token.context {
            Context::Other(name) => Token::named(name),
            _ => Verdict::OtherVendor(vendor),
        };
    }
    if is_masked
        || matches!(next, [b'*' | b'_' | b'{' | b'$', ..])
        // A tag that closes is the text's around a key.
        || (next.first() == Some(&b'<') && !next.starts_with(b"</") && !next.starts_with(b"<br"))
        || is_placeholder_of_other_length(&tail[..run])
        || is_one_case(&tail[..run])
    {
        return Verdict::Placeholder;
    }
    // No key of Clerk's has a hyphen.
    let has_hyphen = matches!(next, [b'-', after, ..] if after.is_ascii_alphanumeric());
    match token.context {
        Context::Clerk if run >= SHORTEST && !has_hyphen => token.key(
            run,
            Confidence::Medium,
            "not the length of a key, but Clerk's name stands nearby and no vendor claims the length",
        ),
        Context::Other(name) => Token::named(name),
        _ => Verdict::OtherVendor(UNKNOWN),
    }
}

/// Whether what follows a part of a body masks the rest, as it stands or escaped.
fn masks(next: &[u8]) -> bool {
    const MASKS: &[&str] = &[
        "**",
        "..",
        "##",
        "??",
        "\\*",
        "•",
        "…",
        "●",
        "∙",
        "·",
        "■",
        "█",
        "▓",
        "▒",
        "░",
        "▪",
        "×",
        "–",
        "—",
        "─",
        "\\u2022",
        "\\u2026",
        "\\u25cf",
        "\\u25CF",
        "\\u2588",
        "\\xe2\\x80\\xa2",
        "\\xe2\\x80\\xa6",
        "\\xe2\\x96",
        "%2A%2A",
        "%2a%2a",
        "%E2%80%A2",
        "%E2%80%A6",
        "%e2%80%a2",
        "%e2%80%a6",
        "%E2%96",
        "%e2%96",
        "=E2=80=A2",
        "=E2=80=A6",
        "=E2=96",
        "&bull;",
        "&hellip;",
        "&middot;",
        "&block;",
        "&#8226;",
        "&#8230;",
        "&#x2022;",
        "&#x2026;",
        "&#9608;",
    ];
    const WORDS: &[&[u8]] =
        &[b"redacted", b"masked", b"hidden", b"removed", b"truncated", b"snip", b"secret", b"...", b"***"];
    let in_brackets = || {
        let word = next.get(1..).unwrap_or_default();
        let begins = |start: &&[u8]| word.get(..start.len()).is_some_and(|word| word.eq_ignore_ascii_case(start));
        matches!(next.first(), Some(b'[' | b'<' | b'(' | b'{'))
            && (WORDS.iter().any(begins) || word.starts_with("…".as_bytes()))
    };
    // An escape that was undone and stood for no ASCII leaves this.
    const NO_ASCII: u8 = 0xff;
    MASKS.iter().any(|mask| next.starts_with(mask.as_bytes()))
        || next.first() == Some(&NO_ASCII)
        // The end of a comment in HTML masks nothing.
        || (next.starts_with(b"--") && next.get(2) != Some(&b'>'))
        || in_brackets()
}

/// Whether a body is letters of one case and nothing else: words, written together.
fn is_one_case(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_lowercase) || body.iter().all(u8::is_ascii_uppercase)
}

/// Bodies of other lengths than Clerk's are looked at from here on.
const SHORTEST: usize = 20;

/// Whether the part of a body before a mask was drawn at random: letters of both cases or digits between letters, and
/// no word of a placeholder.
fn is_fragment(part: &[u8]) -> bool {
    let lower = part.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    let upper = part.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
    let mixed = [lower, upper, digits].iter().filter(|count| **count > 0).count() >= 2;
    let is_long = part.len() >= 16;
    mixed && part.len() >= 8 && !runs_in_order(part) && (!is_long || !is_placeholder_of_other_length(part))
}

/// Judges a token whose prefix Clerk never issues.
fn judge_other(token: &Token<'_>) -> Verdict {
    let body = &token.tail[..token_len(token.prefix, token.tail)];
    if body.len() < 16 || is_placeholder_of_other_length(body) {
        return Verdict::Nothing;
    }
    match (claims(token.prefix, body), token.context) {
        // Clerk has such prefixes too: identifiers, publishable keys, secrets that their names tell.
        (Some(_), Context::Clerk) if token.prefix.is_shared() => Verdict::Nothing,
        (Some(_), Context::Other(name)) => Token::named(name),
        (Some(vendor), _) => Verdict::OtherVendor(vendor),
        (None, _) => Verdict::Nothing,
    }
}

/// How long a token is: some vendors' have hyphens, and Ticket Tailor's have underscores.
pub fn token_len(prefix: Prefix, tail: &[u8]) -> usize {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'-' || (**byte == b'_' && prefix.is_bare());
    tail.iter().take_while(is_part).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::vendor_examples;

    fn body(length: usize, seed: u64) -> String {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..length).map(|_| random.alphanumeric()).collect()
    }

    fn verdict(tail: &str, context: Context) -> Verdict {
        let (spelling, prefix) = ("sk_live_", Prefix::SkLive);
        judge(&Token { prefix, spelling, tail: tail.as_bytes(), context, framed: None, ends_line: false })
    }

    #[test]
    fn forty_two_is_a_key_whatever_follows_and_whoever_is_named() {
        for seed in 0..200 {
            let body = body(42, seed);
            for after in ["", "\"", "*", ",", ")", "}", "&", "<", "\\n", "%3D", "\0", "_x", "-x", "."] {
                for context in [Context::None, Context::Clerk, Context::Other("Stripe")] {
                    let judged = verdict(&format!("{body}{after}"), context);
                    assert!(
                        matches!(&judged, Verdict::Key { confidence: Confidence::High, key, .. }
                            if key.expose() == format!("sk_live_{body}").as_bytes()),
                        "seed {seed} before {after:?}: {judged:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_vendor_of_the_table_is_known_by_its_example() {
        for seed in 1..50 {
            for (vendor, token) in vendor_examples(seed) {
                let (spelling, prefix) = Prefix::ALL
                    .iter()
                    .filter(|(spelling, _)| token.starts_with(spelling))
                    .max_by_key(|p| p.0.len())
                    .unwrap();
                let tail = &token.as_bytes()[spelling.len()..];
                let judged = judge(&Token {
                    prefix: *prefix,
                    spelling,
                    tail,
                    context: Context::None,
                    framed: None,
                    ends_line: false,
                });
                assert_eq!(judged, Verdict::OtherVendor(vendor), "seed {seed}, {}…", &token[..16]);
            }
        }
    }

    #[test]
    fn longer_tokens_of_other_vendors_that_are_broken_at_forty_two_are_theirs() {
        for seed in 0..200 {
            let (body, more) = (body(42, seed), body(50, seed + 1000));
            for mark in ["+", "/", "-", "_", "A+"] {
                let workos = format!("a2V5X{}{mark}{more}", &body[..37]);
                for context in [Context::None, Context::Clerk] {
                    let judged = verdict(&workos, context);
                    assert!(matches!(judged, Verdict::OtherVendor(v) if v.name.contains("WorkOS")), "{workos}");
                }
            }
            let judged = verdict(&format!("{body}-{more}\""), Context::None);
            assert!(matches!(judged, Verdict::OtherVendor(v) if v.name == "Apideck"), "{body}");
            // Beside Clerk's name, and with any other length, it is a key as ever.
            for (tail, context) in [
                (format!("{body}-{more}"), Context::Clerk),
                (format!("{body}-{}", &more[1..]), Context::None),
                (format!("{body}/{more}"), Context::None),
            ] {
                let judged = verdict(&tail, context);
                assert!(matches!(judged, Verdict::Key { confidence: Confidence::High, .. }), "{tail}");
            }
        }
    }

    #[test]
    fn placeholders_of_the_field_are_placeholders() {
        for tail in [
            "...",
            "****",
            "xxxxxxxx",
            "123",
            "abc123",
            "your_key_here",
            "your-key",
            "{{secret}}",
            "${KEY}",
            "<...>",
            "••••",
            "1234567890abcdef",
            "mock",
            "deadbeef",
        ] {
            assert_eq!(verdict(tail, Context::Clerk), Verdict::Placeholder, "{tail}");
        }
        for mask in [
            "****************",
            "…",
            "••••••",
            "####",
            "----",
            "[REDACTED]",
            "[...]",
            "<redacted>",
            "■■■",
            "███",
            "░░░",
            "\\u2022",
            "&bull;",
            "&hellip;",
            "%2A%2A",
            "\\*\\*",
            "????",
        ] {
            let tail = format!("Ab3dEfGh1jKlMnXpQ7St{mask}");
            assert_eq!(verdict(&tail, Context::None), Verdict::HalfMasked, "{tail}");
            assert_eq!(verdict(&tail, Context::Clerk), Verdict::HalfMasked, "{tail}");
        }
        assert_eq!(verdict("", Context::None), Verdict::Nothing);
        assert_eq!(verdict("\"", Context::None), Verdict::Nothing);
    }

    #[test]
    fn other_lengths_need_clerk_nearby_and_are_never_certain() {
        let odd = body(29, 3);
        assert!(matches!(verdict(&odd, Context::Clerk), Verdict::Key { confidence: Confidence::Medium, .. }));
        assert_eq!(verdict(&odd, Context::None), Verdict::OtherVendor(UNKNOWN));
        let long = body(50, 4);
        assert!(matches!(verdict(&long, Context::Clerk), Verdict::Key { confidence: Confidence::Medium, .. }));
        assert!(matches!(verdict(&long, Context::None), Verdict::Key { confidence: Confidence::Low, .. }));
        for after in ["</td>", "<br>", "-->", "\"", "-"] {
            let tail = format!("{odd}{after}");
            assert!(matches!(verdict(&tail, Context::Clerk), Verdict::Key { .. }), "before {after}");
        }
        assert_eq!(verdict(&format!("{odd}-{odd}"), Context::Clerk), Verdict::OtherVendor(UNKNOWN));
        assert_eq!(verdict("thequickbrownfoxjumpsoverthelazydogs", Context::Clerk), Verdict::Placeholder);
        let stripe = body(24, 5);
        assert!(matches!(verdict(&stripe, Context::Clerk), Verdict::OtherVendor(v) if v.name == "Stripe"));
    }
}
