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

/// What a line end counts in the distance to a name: a name on the token's own line beats one on another.
const LINE_END: usize = 200;

/// Longer names are no names.
pub(super) const LONGEST_NAME: usize = 100;

/// The context of the token at `at..end` of `text`: the nearest name within some 250 characters, line ends counted
/// as far.
pub(super) fn nearest(text: &[u8], at: usize, end: usize) -> Context {
    static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(aho_corasick::MatchKind::LeftmostFirst)
            .build(NAMES.iter().map(|(name, _)| name))
            .ok()
    });
    let Some(search) = SEARCH.as_ref() else { return Context::None };
    let distance = |gap: &[u8]| gap.len() + LINE_END * memchr::memchr_iter(b'\n', gap).count();
    let window = text.len().min(end + 256);
    let left = search.find_iter(&text[..at]).map(|found| (distance(&text[found.end()..at]), found.pattern()));
    let right = search
        .find_iter(&text[end.min(window)..window])
        .map(|found| (distance(&text[end..end + found.start()]) + 1, found.pattern()));
    left.chain(right).min_by_key(|(distance, _)| *distance).map_or(Context::None, |(_, name)| NAMES[name.as_usize()].1)
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
