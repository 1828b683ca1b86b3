//! How a token begins.

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
    /// `sk_sandbox_`
    SkSandbox,
    /// `sk_` with nothing behind it.
    SkBare,
    /// `rk_live_` or `rk_test_`, Stripe's.
    Restricted,
    /// `ek_live_` or `ek_test_`, Stripe's.
    Ephemeral,
    /// `ak_` with nothing behind it.
    AkBare,
    /// `ak_live_` or `ak_test_`.
    AkEnv,
    /// `test_sk_` or `live_sk_`, Chargily's.
    EnvSk,
    /// `skey_`, `skey_test_` or `skey_live_`, Omise's.
    Skey,
    /// `unkey_`
    Unkey,
    /// `pk_` with nothing behind it.
    PkBare,
    /// `pk_` and an environment word that is none of Clerk's.
    PkOther,
    /// `pk_live_`
    PkLive,
    /// `pk_test_`
    PkTest,
}

/// Where in each spelling its first `k_` or `y_` stands.
const MARKS: [usize; Prefix::ALL.len()] = {
    let mut marks = [0; Prefix::ALL.len()];
    let mut number = 0;
    while number < marks.len() {
        let spelling = Prefix::ALL[number].0.as_bytes();
        while !matches!(spelling[marks[number]], b'k' | b'y') || spelling[marks[number] + 1] != b'_' {
            marks[number] += 1;
        }
        number += 1;
    }
    marks
};

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
        ("sk_org_live_", Self::SkOrg),
        ("sk_org_test_", Self::SkOrg),
        ("sk_sbox_", Self::SkSbox),
        ("sk_sandbox_", Self::SkSandbox),
        ("sk_prod_", Self::SkOther),
        ("sk_production_", Self::SkOther),
        ("sk_staging_", Self::SkOther),
        ("sk_dev_", Self::SkOther),
        ("sk_", Self::SkBare),
        ("ek_live_", Self::Ephemeral),
        ("ek_test_", Self::Ephemeral),
        ("ak_live_", Self::AkEnv),
        ("ak_test_", Self::AkEnv),
        ("ak_", Self::AkBare),
        ("test_sk_", Self::EnvSk),
        ("live_sk_", Self::EnvSk),
        ("skey_", Self::Skey),
        ("skey_test_", Self::Skey),
        ("skey_live_", Self::Skey),
        ("unkey_", Self::Unkey),
        ("pk_prod_", Self::PkOther),
        ("pk_", Self::PkBare),
    ];

    /// Whether a Clerk secret key can begin so.
    pub fn is_clerk_secret(self) -> bool {
        matches!(self, Self::SkLive | Self::SkTest)
    }

    /// Whether Clerk issues something with this prefix that is no secret key.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::AkBare | Self::PkBare | Self::PkOther | Self::PkLive | Self::PkTest)
    }

    /// Whether no environment is part of it: then a body may have an underscore.
    pub fn is_bare(self) -> bool {
        matches!(self, Self::SkBare | Self::PkBare)
    }

    /// Whether it is so short that it stands in noise.
    pub fn is_short(self) -> bool {
        matches!(self, Self::SkBare | Self::AkBare | Self::PkBare)
    }

    /// Whether a prefix can have its first `k_` or `y_` at `hit` of `bytes`, by what stands before: most are in names.
    #[inline]
    pub fn may_be_around(bytes: &[u8], hit: usize) -> bool {
        match bytes.get(..=hit) {
            Some([.., before, b'k']) => matches!(before, b's' | b'p' | b'r' | b'e' | b'a'),
            Some([.., b's' | b'n', b'k', b'e', b'y']) => true,
            _ => false,
        }
    }

    /// The prefix whose first `k_` or `y_` stands at `hit` of `bytes`: where it begins, and its spelling.
    pub fn around(bytes: &[u8], hit: usize) -> Option<(usize, &'static str, Self)> {
        if !Self::may_be_around(bytes, hit) {
            return None;
        }
        let behind = bytes.get(hit + 2);
        let all = Self::ALL.iter().zip(MARKS).filter_map(|((spelling, prefix), before)| {
            // Two bytes tell most apart, without a call for each: names that begin like a prefix are not rare.
            let spelt = spelling.as_bytes();
            let is_other =
                spelt[before - 1] != bytes[hit - 1] || spelt.get(before + 2).is_some_and(|next| Some(next) != behind);
            let at = hit.checked_sub(before).filter(|_| !is_other)?;
            bytes[at..].starts_with(spelt).then_some((spelling.len() - before, at, *spelling, *prefix))
        });
        // The one that goes on longest, since `sk_` begins them all; of two the longer.
        all.max_by_key(|(behind, _, spelling, _)| (*behind, spelling.len()))
            .map(|(_, at, spelling, prefix)| (at, spelling, prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_is_known_around_its_mark() {
        for ((spelling, prefix), mark) in Prefix::ALL.iter().zip(MARKS) {
            let text = format!(" {spelling}A1b2");
            assert!(Prefix::may_be_around(text.as_bytes(), 1 + mark), "{spelling}");
            assert_eq!(Prefix::around(text.as_bytes(), 1 + mark), Some((1, *spelling, *prefix)));
        }
        // A key behind a word that ends like another's prefix.
        assert_eq!(Prefix::around(b"test_sk_live_A", 6), Some((5, "sk_live_", Prefix::SkLive)));
        assert_eq!(Prefix::around(b"my_key_1", 1), None);
    }
}
