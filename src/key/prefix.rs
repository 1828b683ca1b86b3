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
    /// `pk_` with nothing behind it.
    PkBare,
    /// `pk_` and an environment word that is none of Clerk's.
    PkOther,
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

    /// The prefix whose `k_` stands at `hit` of `bytes`: where it begins, and its spelling.
    pub fn around(bytes: &[u8], hit: usize) -> Option<(usize, &'static str, Self)> {
        let at = hit.checked_sub(1)?;
        let rest = bytes.get(at..)?;
        // The longest: `sk_` begins them all.
        let all = Self::ALL.iter().filter(|(spelling, _)| rest.starts_with(spelling.as_bytes()));
        all.max_by_key(|(spelling, _)| spelling.len()).map(|(spelling, prefix)| (at, *spelling, *prefix))
    }
}
