//! Whose name stands nearest to a token, and what variable it is the value of.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::key::Context;

/// Names that tell. Words that are also plain English (tap, magic, checkout, knock) do not.
const NAMES: &[(&str, Context)] = &[
    // MoonClerk is a payment vendor of its own.
    ("moonclerk", Context::Other("MoonClerk")),
    ("clerk", Context::Clerk),
    ("stripe", Context::Other("Stripe")),
    ("paystack", Context::Other("Paystack")),
    ("paymongo", Context::Other("PayMongo")),
    ("workos", Context::Other("WorkOS")),
    ("highnote", Context::Other("Highnote")),
    ("apideck", Context::Other("Apideck")),
    ("moyasar", Context::Other("Moyasar")),
    ("fintoc", Context::Other("Fintoc")),
    ("malipo", Context::Other("Malipo")),
    ("liveblocks", Context::Other("Liveblocks")),
    ("crossmint", Context::Other("Crossmint")),
    ("picatic", Context::Other("Picatic")),
    ("checkout.com", Context::Other("Checkout.com")),
];

/// Names that tell only as words of a variable's own name: plain English else, or too short.
const OWN_NAMES: &[(&str, &str)] = &[
    ("tap", "Tap"),
    ("magic", "Magic"),
    ("knock", "Knock"),
    ("checkout", "Checkout.com"),
    ("cko", "Checkout.com"),
    ("elasticpay", "Elastic Pay"),
    ("elastic", "Elastic Pay"),
    ("elevenlabs", "ElevenLabs"),
    ("iex", "IEX"),
    ("freemius", "Freemius"),
    ("tickettailor", "Ticket Tailor"),
    ("resend", "Resend"),
    ("polar", "Polar"),
    ("github", "GitHub"),
    ("shopify", "Shopify"),
    ("lemonsqueezy", "Lemon Squeezy"),
    ("lemon", "Lemon Squeezy"),
    ("supabase", "Supabase"),
    ("replicate", "Replicate"),
    ("openai", "OpenAI"),
    ("dodo", "Dodo Payments"),
    ("brex", "Brex"),
    ("loops", "Loops"),
    ("vercel", "Vercel"),
];

/// What a line end counts in the distance to a name: a name on the token's own line beats one on another.
const LINE_END: usize = 200;

/// How far names are looked for around a token.
const NEAR: usize = 256;

/// Longer names are no names.
pub(super) const LONGEST_NAME: usize = 100;

fn search() -> Option<&'static AhoCorasick> {
    static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(aho_corasick::MatchKind::LeftmostFirst)
            .build(NAMES.iter().map(|(name, _)| name))
            .ok()
    });
    SEARCH.as_ref()
}

/// The context of the token at `at..end` of `text`: the nearest name within some 250 characters, line ends counted
/// as far.
pub(super) fn nearest(text: &[u8], at: usize, end: usize) -> Context {
    nearest_within(text, at, end, NEAR)
}

/// The same among the lines right before and behind the token's, up to one that is blank.
pub(super) fn nearest_in_block(text: &[u8], at: usize, end: usize) -> Context {
    const FAR: usize = 2048;
    let from = at.saturating_sub(FAR);
    let is_blank = |line: &[u8]| line.trim_ascii().is_empty();
    let mut first = from;
    let mut line_start = from;
    for newline in memchr::memchr_iter(b'\n', &text[from..at]).map(|newline| from + newline) {
        if newline > line_start && is_blank(&text[line_start..newline]) || newline == line_start {
            first = newline + 1;
        }
        line_start = newline + 1;
    }
    let to = text.len().min(end + FAR);
    let mut last = to;
    let mut line_start = None;
    for newline in memchr::memchr_iter(b'\n', &text[end..to]).map(|newline| end + newline) {
        if line_start.is_some_and(|start| is_blank(&text[start..newline])) {
            last = newline;
            break;
        }
        line_start = Some(newline + 1);
    }
    nearest_within(&text[first..last], at - first, end - first, FAR)
}

/// The nearest name within `far` characters of the token at `at..end`.
pub(super) fn nearest_within(text: &[u8], at: usize, end: usize, far: usize) -> Context {
    let Some(search) = search() else { return Context::None };
    // What a closed brace parts is another object's.
    let distance = |gap: &[u8]| gap.len() + LINE_END * memchr::memchr2_iter(b'\n', b'}', gap).count();
    let (first, window) = (at.saturating_sub(far), text.len().min(end.saturating_add(far)));
    let end = end.min(window);
    // Of those before, the last: the distance need not be counted for each.
    let left = search.find_iter(&text[first..at]).last();
    let left = left.map(|found| (distance(&text[first + found.end()..at]), found.pattern()));
    let right = search.find(&text[end..window]);
    let right = right.map(|found| (distance(&text[end..end + found.start()]) + 1, found.pattern()));
    left.into_iter()
        .chain(right)
        .min_by_key(|(distance, _)| *distance)
        .map_or(Context::None, |(_, name)| NAMES[name.as_usize()].1)
}

/// Whom a name of a variable names.
pub(super) fn names(variable: &[u8]) -> Context {
    let Some(search) = search() else { return Context::None };
    if let Some(found) = search.find_iter(variable).last() {
        return NAMES[found.pattern().as_usize()].1;
    }
    let own =
        words(variable).find_map(|word| OWN_NAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())));
    own.map_or(Context::None, |(_, vendor)| Context::Other(vendor))
}

/// The words of a name: parted by what is no letter or digit, or where a capital follows a lowercase letter.
fn words(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.split(|byte| !byte.is_ascii_alphanumeric())
        .flat_map(|part| part.chunk_by(|a, b| !(a.is_ascii_lowercase() && b.is_ascii_uppercase())))
}

/// The name of the variable, field or header whose value begins at `at`: what stands before the `=`, `:` or `=>`
/// there, or the word before a plain space.
pub(super) fn variable(text: &[u8], at: usize) -> Option<&[u8]> {
    let skip = |mut end: usize, set: &[u8]| {
        while end > 0 && set.contains(&text[end - 1]) {
            end -= 1;
        }
        end
    };
    let mut end = skip(at, b" \t\"'`\\");
    for word in [&b"Bearer"[..], b"bearer"] {
        if text[..end].ends_with(word) {
            end = skip(end - word.len(), b" \t\"'`\\");
        }
    }
    let operator = skip(end, b"=:>(");
    if operator == end {
        return None;
    }
    let end = skip(operator, b" \t\"'`\\]");
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$');
    let length = text[..end].iter().rev().take_while(|byte| is_name(**byte)).count();
    let name = &text[end - length..end];
    // Cutting a name could leave half a key, which nothing would mask: a long one is dropped whole. The window reaches
    // further back than any name that is kept.
    ((2..=LONGEST_NAME).contains(&length) && name.iter().any(u8::is_ascii_alphabetic)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str) -> (Context, Option<String>) {
        let at = text.find("sk_").unwrap();
        let end = at + text[at..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len() - at);
        let name = variable(text.as_bytes(), at).map(|name| String::from_utf8(name.to_vec()).unwrap());
        (nearest(text.as_bytes(), at, end), name)
    }

    #[test]
    fn the_nearest_name_decides_and_the_own_line_beats_others() {
        let clerk = "STRIPE_SECRET_KEY=x\nCLERK_SECRET_KEY=sk_test_a\nSTRIPE=y";
        assert_eq!(both(clerk), (Context::Clerk, Some("CLERK_SECRET_KEY".to_owned())));
        let stripe = "# clerk\nSTRIPE_SECRET_KEY=sk_test_a\nCLERK_SECRET_KEY=x";
        assert_eq!(both(stripe).0, Context::Other("Stripe"));
        assert_eq!(both("x = sk_test_a # stripe").0, Context::Other("Stripe"));
        assert_eq!(both("moonclerk: sk_test_a").0, Context::Other("MoonClerk"));
        assert_eq!(both("sk_test_a"), (Context::None, None));
    }

    #[test]
    fn variables_are_read_in_many_languages() {
        for (text, name) in [
            ("\"secretKey\": \"sk_test_a\"", "secretKey"),
            ("secret_key => 'sk_test_a'", "secret_key"),
            ("clerk.SetKey(\"sk_test_a\")", "clerk.SetKey"),
            ("Authorization: Bearer sk_test_a", "Authorization"),
            ("$env:CLERK_SECRET_KEY = \"sk_test_a\"", "CLERK_SECRET_KEY"),
            ("{\\\"secretKey\\\":\\\"sk_test_a\\\"}", "secretKey"),
            ("proxy_set_header Clerk-Secret-Key: sk_test_a;", "Clerk-Secret-Key"),
        ] {
            assert_eq!(both(text).1.as_deref(), Some(name), "{text}");
        }
    }
}
