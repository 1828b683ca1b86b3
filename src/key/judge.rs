//! What a token is: a Clerk key and how surely, another vendor's, a placeholder, or nothing.

use super::placeholder::{is_made_up, is_placeholder_of_other_length};
use super::vendor::{Vendor, claims};
use super::{BODY, KeyText};
use crate::model::Confidence;

/// How a token begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prefix {
    /// `sk_live_`
    SkLive,
    /// `sk_test_`
    SkTest,
    /// `sk_org_`, Stripe's.
    SkOrg,
    /// `sk_sbox_`, Checkout.com's.
    SkSbox,
    /// `sk_` and an environment word that no other rule knows.
    SkOther,
    /// `rk_live_` or `rk_test_`, Stripe's.
    Restricted,
    /// `pk_live_`
    PkLive,
    /// `pk_test_`
    PkTest,
}

impl Prefix {
    /// Every spelling that is searched for.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("sk_live_", Self::SkLive),
        ("sk_test_", Self::SkTest),
        ("pk_live_", Self::PkLive),
        ("pk_test_", Self::PkTest),
        ("rk_live_", Self::Restricted),
        ("rk_test_", Self::Restricted),
        ("sk_org_", Self::SkOrg),
        ("sk_sbox_", Self::SkSbox),
        ("sk_sandbox_", Self::SkOther),
        ("sk_prod_", Self::SkOther),
        ("sk_production_", Self::SkOther),
        ("sk_staging_", Self::SkOther),
        ("sk_dev_", Self::SkOther),
    ];

    /// Whether a Clerk secret key can begin so.
    pub fn is_clerk_secret(self) -> bool {
        matches!(self, Self::SkLive | Self::SkTest)
    }
}

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
    /// Made up, cut short or masked.
    Placeholder,
    /// No token.
    Nothing,
}

const UNKNOWN: Vendor = Vendor { name: "unknown", why: "no known vendor has this length" };

/// Judges a token that begins with `prefix`, spelt `spelling`, and goes on with `tail` (at least a few hundred
/// bytes, where there are so many).
pub fn judge(prefix: Prefix, spelling: &str, tail: &[u8], context: Context) -> Verdict {
    let run = tail.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let key = |length: usize, confidence, reason| Verdict::Key {
        key: KeyText::new(&[spelling.as_bytes(), &tail[..length]].concat()),
        confidence,
        reason,
    };
    if !prefix.is_clerk_secret() {
        return judge_other(prefix, tail);
    }
    if run == BODY {
        if is_made_up(&tail[..BODY]) {
            return Verdict::Placeholder;
        }
        return key(
            BODY,
            Confidence::High,
            "exactly 42 letters and digits after the prefix: Clerk's length, and no other known vendor's",
        );
    }
    if run > BODY {
        if let Some(vendor) = claims(prefix, &tail[..token_len(tail)]) {
            return Verdict::OtherVendor(vendor);
        }
        if is_made_up(&tail[..BODY]) || is_made_up(&tail[..run]) {
            return Verdict::Placeholder;
        }
        return match context {
            Context::Clerk => key(
                BODY,
                Confidence::Medium,
                "more than 42 letters and digits follow, and Clerk's name stands nearby: the first 42 may be a key",
            ),
            Context::Other(name) => Verdict::OtherVendor(Vendor { name, why: "its name stands nearest" }),
            Context::None => key(
                BODY,
                Confidence::Low,
                "more than 42 letters and digits follow, and no vendor has that length: the first 42 may be a key",
            ),
        };
    }
    judge_short(prefix, tail, run, context, key)
}

/// A body of fewer than 42 letters and digits.
fn judge_short(
    prefix: Prefix,
    tail: &[u8],
    run: usize,
    context: Context,
    key: impl Fn(usize, Confidence, &'static str) -> Verdict,
) -> Verdict {
    let token = &tail[..token_len(tail)];
    // Bullets and asterisks mask, braces and dollars are templates, dots cut short.
    let stops = |bytes: &[u8]| matches!(bytes, [b'*' | b'<' | b'{' | b'$' | b'.' | b'_' | b'-', ..] | [0xe2, 0x80, ..]);
    let next = &tail[run..];
    if run == 0 {
        return if stops(next) { Verdict::Placeholder } else { Verdict::Nothing };
    }
    if let Some(vendor) = claims(prefix, token)
        && !is_placeholder_of_other_length(token)
    {
        return match context {
            Context::Other(name) => Verdict::OtherVendor(Vendor { name, why: "its name stands nearest" }),
            _ => Verdict::OtherVendor(vendor),
        };
    }
    let masked = matches!(next, [b'*', ..] | [b'.', b'.', ..] | [0xe2, 0x80, ..] | [b'_' | b'<' | b'{' | b'$', ..]);
    if masked || is_placeholder_of_other_length(&tail[..run]) {
        return Verdict::Placeholder;
    }
    match context {
        Context::Clerk if run >= 20 => key(
            run,
            Confidence::Medium,
            "not the length of a key, but Clerk's name stands nearby and no vendor claims the length",
        ),
        Context::Other(name) => Verdict::OtherVendor(Vendor { name, why: "its name stands nearest" }),
        _ => Verdict::OtherVendor(UNKNOWN),
    }
}

/// Judges a token whose prefix Clerk never issues.
pub fn judge_other(prefix: Prefix, tail: &[u8]) -> Verdict {
    let token = &tail[..token_len(tail)];
    if token.len() < 16 || is_placeholder_of_other_length(token) {
        return Verdict::Nothing;
    }
    claims(prefix, token).map_or(Verdict::Nothing, Verdict::OtherVendor)
}

/// How long a token is that may have hyphens in it.
fn token_len(tail: &[u8]) -> usize {
    tail.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count()
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
        judge(Prefix::SkLive, "sk_live_", tail.as_bytes(), context)
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
                let judged = judge(*prefix, spelling, &token.as_bytes()[spelling.len()..], Context::None);
                assert_eq!(judged, Verdict::OtherVendor(vendor), "seed {seed}, {}…", &token[..16]);
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
            "AbCdEfGhIjKlMnOpQrSt****************",
            "deadbeef",
        ] {
            assert_eq!(verdict(tail, Context::Clerk), Verdict::Placeholder, "{tail}");
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
        let stripe = body(24, 5);
        assert!(matches!(verdict(&stripe, Context::Clerk), Verdict::OtherVendor(v) if v.name == "Stripe"));
    }
}
