//! Whose a look-alike is. Many vendors begin their secrets with `sk_`; none but Clerk is known to follow it with
//! exactly 42 letters and digits.

use super::placeholder::class_changes;
use super::prefix::Prefix;

/// What is known of a token that is not Clerk's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Vendor {
    /// The vendor, or what is honest where several share a shape.
    pub name: &'static str,
    /// What says so.
    pub why: &'static str,
}

struct Rule {
    vendor: Vendor,
    claims: fn(Prefix, &[u8]) -> bool,
    /// A prefix and the shape of a body: `#` lower hex, `^` upper hex, `~` lower alphanumeric, `?` alphanumeric,
    /// anything else itself.
    example: (&'static str, &'static str),
}

fn is_env(prefix: Prefix) -> bool {
    matches!(prefix, Prefix::SkLive | Prefix::SkTest)
}

fn alphanumeric(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_alphanumeric)
}

fn lower(body: &[u8]) -> bool {
    body.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn lower_hex(body: &[u8]) -> bool {
    body.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `1234_567890_` and 32 hex digits.
fn ticket(body: &[u8]) -> bool {
    let mut parts = body.split(|byte| *byte == b'_');
    let mut digits =
        |count: usize| parts.next().is_some_and(|part| part.len() == count && part.iter().all(u8::is_ascii_digit));
    digits(4) && digits(6) && parts.next().is_some_and(|part| part.len() == 32 && lower_hex(part))
}

fn uuid(body: &[u8]) -> bool {
    body.len() >= 36
        && body[..36]
            .iter()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() })
}

/// Whether somebody drew it: for prefixes so short that programs have them in names. Both cases, and a digit or more
/// changes of case than words have that are written together.
fn drawn(body: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| body.iter().any(is);
    alphanumeric(body)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && (has(u8::is_ascii_digit) || class_changes(body) * 10 >= body.len() * 2)
}

fn has_digit(body: &[u8]) -> bool {
    body.iter().any(u8::is_ascii_digit)
}

/// `12345678_` and 32 capitals and digits.
fn click_up(body: &[u8]) -> bool {
    let digits = body.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = body[digits..].strip_prefix(b"_").unwrap_or_default();
    let is_code = rest.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    digits > 0 && rest.len() == 32 && is_code
}

/// Whose bodies are base64 that goes on over `+` and `/`.
pub(super) const WORKOS: &str = "WorkOS or Highnote";

/// The first rule that claims a token decides.
const RULES: &[Rule] = &[
    Rule {
        vendor: Vendor { name: "Stripe", why: "rk_ is Stripe's restricted key" },
        claims: |prefix, _| prefix == Prefix::Restricted,
        example: ("rk_live_", "????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Stripe", why: "sk_org_ is Stripe's organization key" },
        claims: |prefix, _| prefix == Prefix::SkOrg,
        example: ("sk_org_", "????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: WORKOS, why: "the body begins with the base64 of key_" },
        claims: |_, body| body.starts_with(b"a2V5X") && body.len() >= 60,
        example: ("sk_live_", "a2V5X3?????????????????????????????????????????????????????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Checkout.com", why: "the body is a UUID" },
        claims: |prefix, body| !prefix.is_shared() && uuid(body),
        example: ("sk_test_", "########-####-####-####-############"),
    },
    Rule {
        vendor: Vendor { name: "Checkout.com", why: "sk_sbox_ is Checkout.com's sandbox key" },
        claims: |prefix, _| prefix == Prefix::SkSbox,
        example: ("sk_sbox_", "~~~~~~~~~~~~~~~~~~~~~~~~~~~"),
    },
    Rule {
        vendor: Vendor { name: "ElevenLabs", why: "sk_ and 48 hex digits" },
        claims: |prefix, body| prefix == Prefix::SkBare && body.len() == 48 && lower_hex(body),
        example: ("sk_", "################################################"),
    },
    Rule {
        vendor: Vendor { name: "IEX", why: "sk_ and 32 hex digits" },
        claims: |prefix, body| prefix == Prefix::SkBare && body.len() == 32 && lower_hex(body),
        example: ("sk_", "################################"),
    },
    Rule {
        vendor: Vendor { name: "Ticket Tailor", why: "sk_, two numbers and 32 hex digits" },
        claims: |prefix, body| prefix == Prefix::SkBare && ticket(body),
        example: ("sk_", "1234_567890_################################"),
    },
    Rule {
        vendor: Vendor { name: "Elastic Pay", why: "sk_sandbox_ and 32 letters and digits" },
        claims: |prefix, body| prefix == Prefix::SkSandbox && body.len() == 32 && alphanumeric(body),
        example: ("sk_sandbox_", "????????????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Stripe", why: "24 letters and digits (Tap and PayMongo have the same shape)" },
        claims: |prefix, body| is_env(prefix) && body.len() == 24 && alphanumeric(body),
        example: ("sk_live_", "????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Stripe", why: "34 letters and digits" },
        claims: |prefix, body| is_env(prefix) && body.len() == 34 && alphanumeric(body),
        example: ("sk_test_", "??????????????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Stripe", why: "99 or 107 letters and digits" },
        claims: |prefix, body| is_env(prefix) && matches!(body.len(), 99 | 107) && alphanumeric(body),
        example: (
            "sk_live_",
            "51?????????????????????????????????????????????????????????????????????????????????????????????????",
        ),
    },
    Rule {
        vendor: Vendor { name: "Stripe", why: "a long body that begins with 51, Stripe's account mark" },
        claims: |prefix, body| is_env(prefix) && body.len() >= 60 && body.starts_with(b"51") && alphanumeric(body),
        example: ("sk_test_", "51????????????????????????????????????????????????????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Paystack", why: "40 lowercase letters and digits" },
        claims: |prefix, body| is_env(prefix) && body.len() == 40 && lower(body),
        example: ("sk_live_", "########################################"),
    },
    Rule {
        vendor: Vendor { name: "Picatic or Elastic Pay", why: "32 lowercase letters and digits" },
        claims: |prefix, body| prefix == Prefix::SkLive && body.len() == 32 && lower(body),
        example: ("sk_live_", "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~"),
    },
    Rule {
        vendor: Vendor { name: "Apideck", why: "93 letters, digits and hyphens" },
        claims: |prefix, body| is_env(prefix) && body.len() == 93,
        example: (
            "sk_live_",
            "??????????????????????????????-???????????????????????????????-??????????????????????????????",
        ),
    },
    Rule {
        vendor: Vendor { name: "Magic", why: "16 capital hex digits" },
        claims: |prefix, body| {
            is_env(prefix) && body.len() == 16 && body.iter().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b))
        },
        example: ("sk_live_", "^^^^^^^^^^^^^^^^"),
    },
    Rule {
        vendor: Vendor { name: "Elastic Pay", why: "32 letters and digits of both cases" },
        claims: |prefix, body| prefix == Prefix::SkLive && body.len() == 32 && alphanumeric(body),
        example: ("sk_live_", "A????????????????????????????B??"),
    },
    Rule {
        vendor: Vendor { name: "Freemius", why: "sk_ and 29 characters" },
        claims: |prefix, body| prefix == Prefix::SkBare && body.len() == 29 && drawn(body),
        example: ("sk_", "A1a??????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Liveblocks", why: "sk_prod_ or sk_dev_ and 64 characters" },
        claims: |prefix, body| prefix == Prefix::SkOther && body.len() == 64,
        example: ("sk_prod_", "????????????????????????????????????????????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Crossmint or Liveblocks", why: "its environment word is none of Clerk's" },
        claims: |prefix, body| prefix == Prefix::SkOther && body.len() >= 16,
        example: ("sk_staging_", "????????????????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Stripe", why: "ek_ is Stripe's ephemeral key" },
        claims: |prefix, body| prefix == Prefix::Ephemeral && alphanumeric(body),
        example: ("ek_live_", "????????????????????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Stripe", why: "sk_org_ is Stripe's organization key" },
        claims: |prefix, _| prefix == Prefix::SkOrg,
        example: ("sk_org_live_", "????????????????????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Pagar.me", why: "ak_live_ or ak_test_ and 30 letters and digits" },
        claims: |prefix, body| prefix == Prefix::AkEnv && body.len() == 30 && alphanumeric(body),
        example: ("ak_live_", "A1a???????????????????????????"),
    },
    Rule {
        vendor: Vendor {
            name: "Chargily",
            why: "test_sk_ or live_sk_: the words are the other way round than Clerk's",
        },
        claims: |prefix, body| prefix == Prefix::EnvSk && body.len() >= 20 && drawn(body),
        example: ("test_sk_", "A1a?????????????????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Omise", why: "skey_, an environment and 19 lowercase letters and digits" },
        claims: |prefix, body| prefix == Prefix::Skey && body.len() == 19 && lower(body) && has_digit(body),
        example: ("skey_test_", "5~~~~~~~~~~~~~~~~~~"),
    },
    Rule {
        vendor: Vendor { name: "Unkey", why: "unkey_ and 20 to 32 letters and digits" },
        claims: |prefix, body| prefix == Prefix::Unkey && (20..=32).contains(&body.len()) && drawn(body),
        example: ("unkey_", "A1a???????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Composio", why: "ak_ and 20 letters and digits" },
        claims: |prefix, body| prefix == Prefix::AkBare && body.len() == 20 && drawn(body),
        example: ("ak_", "A1a?????????????????"),
    },
    Rule {
        vendor: Vendor { name: "ngrok", why: "ak_ and 25 to 30 letters and digits" },
        claims: |prefix, body| prefix == Prefix::AkBare && (25..=30).contains(&body.len()) && drawn(body),
        example: ("ak_", "A1a????????????????????????"),
    },
    Rule {
        vendor: Vendor { name: "Salesloft", why: "ak_ and 64 hex digits" },
        claims: |prefix, body| prefix == Prefix::AkBare && body.len() == 64 && lower_hex(body),
        example: ("ak_", "################################################################"),
    },
    Rule {
        vendor: Vendor { name: "Klaviyo", why: "pk_ and 34 hex digits" },
        claims: |prefix, body| prefix == Prefix::PkBare && body.len() == 34 && lower_hex(body),
        example: ("pk_", "##################################"),
    },
    Rule {
        vendor: Vendor { name: "ClickUp", why: "pk_, a number and 32 capitals and digits" },
        claims: |prefix, body| prefix == Prefix::PkBare && click_up(body),
        example: ("pk_", "90817263_^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    },
    Rule {
        vendor: Vendor { name: "Checkio", why: "pk_ and 45 letters and digits" },
        claims: |prefix, body| prefix == Prefix::PkBare && body.len() == 45 && drawn(body),
        example: ("pk_", "A1a??????????????????????????????????????????"),
    },
    Rule {
        vendor: Vendor {
            name: "Courier",
            why: "pk_, an environment and 28 letters and digits that are no host's name",
        },
        claims: |prefix, body| {
            matches!(prefix, Prefix::PkOther | Prefix::PkLive | Prefix::PkTest)
                && body.len() == 28
                && alphanumeric(body)
        },
        example: ("pk_prod_", "A1??????????????????????????"),
    },
];

/// The vendor whose shape this is, if the table knows it. `body` is all that could belong to the token: letters,
/// digits and hyphens.
pub fn claims(prefix: Prefix, body: &[u8]) -> Option<Vendor> {
    RULES.iter().find(|rule| (rule.claims)(prefix, body)).map(|rule| rule.vendor)
}

/// Every rule's vendor with a token of its shape, made from `seed`.
pub fn examples(seed: u64) -> Vec<(Vendor, String)> {
    let mut state = seed | 1;
    let mut draw = |alphabet: &[u8]| {
        // A linear congruential generator is all that an example needs (Knuth, MMIX).
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(alphabet[(state >> 33) as usize % alphabet.len()])
    };
    RULES
        .iter()
        .map(|rule| {
            let (prefix, shape) = rule.example;
            let body = shape.chars().map(|kind| match kind {
                '#' => draw(b"0123456789abcdef"),
                '^' => draw(b"0123456789ABCDEF"),
                '~' => draw(b"0123456789abcdefghijklmnopqrstuvwxyz"),
                '?' => draw(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
                other => other,
            });
            (rule.vendor, format!("{prefix}{}", body.collect::<String>()))
        })
        .collect()
}
