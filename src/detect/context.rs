//! Whose name stands nearest to a token, and what variable it is the value of.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::bytes::Regex;

use crate::key::{Context, decode_publishable};
use crate::model::Span;

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
    // Where they decode: no other vendor's publishable key holds a host.
    ("pk_live_", Context::Clerk),
    ("pk_test_", Context::Clerk),
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
    ("paddle", "Paddle"),
    ("lob", "Lob"),
    ("lithic", "Lithic"),
    ("twilio", "Twilio"),
    ("sendgrid", "SendGrid"),
    ("whop", "Whop"),
    ("trigger", "Trigger.dev"),
    ("column", "Column"),
    ("adyen", "Adyen"),
    ("gocardless", "GoCardless"),
    ("courier", "Courier"),
    ("klaviyo", "Klaviyo"),
    ("clickup", "ClickUp"),
    ("checkio", "Checkio"),
    ("composio", "Composio"),
    ("ngrok", "ngrok"),
    ("pagarme", "Pagar.me"),
    ("salesloft", "Salesloft"),
    ("unkey", "Unkey"),
    ("chargily", "Chargily"),
    ("omise", "Omise"),
    ("loops", "Loops"),
    ("vercel", "Vercel"),
];

/// What a line end counts in the distance to a name: a name on the token's own line beats one on another.
const LINE_END: usize = 200;

/// How far names are looked for around a token.
const NEAR: usize = 256;

/// Longer names are no names.
pub(super) const LONGEST_NAME: usize = 100;

pub(super) fn search_of(names: impl Iterator<Item = &'static str>) -> Option<AhoCorasick> {
    let mut search = AhoCorasick::builder();
    search.ascii_case_insensitive(true).match_kind(aho_corasick::MatchKind::LeftmostFirst).build(names).ok()
}

pub(super) fn search() -> Option<&'static AhoCorasick> {
    static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| search_of(NAMES.iter().map(|(name, _)| *name)));
    SEARCH.as_ref()
}

/// Whom the word at a place of a text names, and where what it names ends.
pub(super) type NamedAt = fn(&[u8], (usize, usize), usize) -> Option<(usize, Context)>;

/// The context of the token at `at..end` of `text`: the nearest name within some 250 characters, line ends counted
/// as far.
pub(super) fn nearest(text: &[u8], at: usize, end: usize) -> Context {
    let issuers = search().map(|search| (search, named_at as NamedAt));
    nearest_of(text, (at, end), NEAR, issuers)
}

/// A name beside a token: how many line ends and how many bytes stand between.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    lines: usize,
    bytes: usize,
    whose: Context,
}

impl Beside {
    pub(super) fn new(gap: &[u8], whose: Context) -> Self {
        // What a closed brace parts is another object's.
        Self { lines: memchr::memchr2_iter(b'\n', b'}', gap).count(), bytes: gap.len(), whose }
    }

    pub(super) fn distance(&self) -> usize {
        self.bytes + LINE_END * self.lines
    }
}

/// Whom the name at `start..end` of `text` names, if it does.
pub(super) fn named_at(text: &[u8], (start, end): (usize, usize), name: usize) -> Option<(usize, Context)> {
    let (word, whose) = NAMES[name];
    if !word.starts_with("pk_") {
        return Some((end, whose));
    }
    let is_apart = !start.checked_sub(1).is_some_and(|before| text[before].is_ascii_lowercase());
    let key = decode_publishable(&text[start..]).filter(|_| is_apart)?;
    Some((start + key.text.len(), whose))
}

/// The nearest name within `far` characters of the token at `at..end`, of those that some searches find.
pub(super) fn nearest_of<'s>(
    text: &[u8],
    (at, end): (usize, usize),
    far: usize,
    searches: impl IntoIterator<Item = (&'s AhoCorasick, NamedAt)>,
) -> Context {
    let (first, window) = (at.saturating_sub(far), text.len().min(end.saturating_add(far)));
    let end = end.min(window);
    let (mut left, mut right) = (None::<Beside>, None::<(Beside, usize)>);
    for (search, named) in searches {
        // Of those before, the last: the distance need not be counted for each.
        let before = search.find_iter(&text[first..at]).filter_map(|found| {
            named(&text[..at], (first + found.start(), first + found.end()), found.pattern().as_usize())
        });
        if let Some((name_end, whose)) = before.last() {
            let beside = Beside::new(&text[name_end.min(at)..at], whose);
            left = Some(left.filter(|old| old.distance() <= beside.distance()).unwrap_or(beside));
        }
        let behind = search.find_iter(&text[end..window]).find_map(|found| {
            let start = end + found.start();
            Some((start, named(text, (start, end + found.end()), found.pattern().as_usize())?.1))
        });
        if let Some((start, whose)) = behind {
            let beside = Beside::new(&text[end..start], whose);
            right = Some(right.filter(|(old, _)| old.distance() <= beside.distance()).unwrap_or((beside, start)));
        }
    }
    nearer(text, at, left, right)
}

/// Who is meant of the nearest before the token at `at` and the nearest behind it, which begins where it says.
pub(super) fn nearer(text: &[u8], at: usize, left: Option<Beside>, right: Option<(Beside, usize)>) -> Context {
    match (left, right) {
        (None, None) => Context::None,
        (Some(left), None) => left.whose,
        (None, Some((right, _))) => right.whose,
        // A name above is the heading of what stands below it, as one below is of what comes then.
        (Some(left), Some((right, start)))
            if right.lines > 0 && (right.lines == left.lines || opens_another(text, at, start)) =>
        {
            left.whose
        }
        (Some(left), Some((right, _))) if right.distance() < left.distance() => right.whose,
        (Some(left), Some(_)) => left.whose,
    }
}

/// Whether the line of the name at `start` begins something that the line of the token at `at`, above it, is no part of:
/// a comment, a heading, an item of a list, a line further out.
fn opens_another(text: &[u8], at: usize, start: usize) -> bool {
    // Further in, a line's beginning says nothing of a name.
    const LONGEST_LINE: usize = 2048;
    let line = |at: usize| {
        let first = at.saturating_sub(LONGEST_LINE);
        let from = memchr::memrchr(b'\n', &text[first..at]).map_or(first, |newline| first + newline + 1);
        let line = &text[from..];
        let blanks = line.iter().take(LONGEST_LINE).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        (from, blanks, &line[blanks..])
    };
    let ((own, own_blanks, _), (other, blanks, rest)) = (line(at), line(start));
    const MARKS: &[&[u8]] = &[b"#", b"//", b"/*", b"[", b";", b"--", b"- ", b"* ", b"<!--"];
    own != other && (blanks < own_blanks || MARKS.iter().any(|mark| rest.starts_with(mark)))
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
pub(super) fn words(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.split(|byte| !byte.is_ascii_alphanumeric())
        .flat_map(|part| part.chunk_by(|a, b| !(a.is_ascii_lowercase() && b.is_ascii_uppercase())))
}

/// What may stand between a value and an operator, and between that and a name.
const QUOTES: &[u8] = b" \t\"'`\\";

/// Where the characters of `set` begin that end at `end`; quotes as HTML spells them in attributes are some too.
fn skip(text: &[u8], mut end: usize, set: &[u8]) -> usize {
    const ENTITIES: &[&[u8]] = &[b"&quot;", b"&#34;", b"&#x22;", b"&#39;"];
    loop {
        match text[..end].last() {
            Some(last) if set.contains(last) => end -= 1,
            Some(b';') if set.contains(&b'"') => match ENTITIES.iter().find(|entity| text[..end].ends_with(entity)) {
                Some(entity) => end -= entity.len(),
                None => return end,
            },
            _ => return end,
        }
    }
}

/// The name that ends at `end`; of one that is too long to be one, no more than shows that. In a text of tokens without
/// anything between them each would else be followed to the text's beginning.
fn name_before(text: &[u8], end: usize) -> Span {
    const ENOUGH: usize = LONGEST_NAME + 8;
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'_' | b'-' | b'.' | b'$');
    Span { start: end - text[..end].iter().rev().take(ENOUGH).take_while(is_name).count(), end }
}

/// The name of the variable, field or header whose value begins at `at`: what stands before the `=`, `:` or `=>`
/// there, a default's `||` or `:-`, or the word before a plain space.
pub(super) fn variable(text: &[u8], at: usize) -> Option<&[u8]> {
    let Span { start, end } = variable_at(text, at)?;
    text.get(start..end)
}

/// Where it stands.
pub(super) fn variable_at(text: &[u8], at: usize) -> Option<Span> {
    let mut end = skip(text, at, QUOTES);
    for word in [&b"Bearer"[..], b"bearer"] {
        if text[..end].ends_with(word) {
            end = skip(text, end - word.len(), QUOTES);
        }
    }
    let name = own_name(text, name_before(text, before_operator(text, end, at)?));
    let mut start = name.start;
    // The letter of an escaped line end or tab is no part of the name.
    if text[..start].ends_with(b"\\") && matches!(text.get(start), Some(b'n' | b't' | b'r')) {
        start += 1;
    }
    // Cutting a name could leave half a key, which nothing would mask: a long one is dropped whole.
    let is_short = (2..=LONGEST_NAME).contains(&(name.end.saturating_sub(start)));
    let own = text.get(start..name.end)?;
    let is_name = is_short && own.iter().any(u8::is_ascii_alphabetic);
    is_name.then(|| Span { start: start + reached_through(own), end: name.end })
}

/// How much of a name only says that the variable is one of the environment: `process.env.`, `import.meta.env.`, `env.`.
pub(super) fn reached_through(name: &[u8]) -> usize {
    const ENVIRONMENTS: &[&[u8]] = &[b"env", b"environ"];
    let Some(dot) = memchr::memrchr(b'.', name).filter(|dot| dot + 2 < name.len()) else { return 0 };
    let last = name[..dot].rsplit(|byte| matches!(byte, b'.' | b'$')).next().unwrap_or_default();
    if ENVIRONMENTS.iter().any(|word| last.eq_ignore_ascii_case(word)) { dot + 1 } else { 0 }
}

/// Where the name ends that the value behind `end` is given to; its first character is at `at`.
fn before_operator(text: &[u8], end: usize, at: usize) -> Option<usize> {
    const DEFAULTS: &[&[u8]] = &[b"||=", b"??=", b"||", b"??", b"?:", b":-", b":=", b" or"];
    let mut end = end;
    // A value on a line of its own, and YAML's `>-` and `|`.
    if text[..end].ends_with(b"\n") {
        let line_end = skip(text, end, b"\r\n \t");
        let folded = skip(text, line_end, b"|>-+ \t");
        if !text[..folded].ends_with(b":") && !text[..line_end].ends_with(b"=") {
            return None;
        }
        end = if text[..folded].ends_with(b":") { folded } else { line_end };
    }
    let before = &text[..end];
    if let Some(operator) = DEFAULTS.iter().find(|operator| before.ends_with(operator)) {
        return Some(skip(text, end - operator.len(), b" \t\"'`\\])}!"));
    }
    let operator = skip(text, end, b"=:>(");
    if operator < end {
        return Some(skip(text, operator, b" \t\"'`\\]"));
    }
    let last_word = |end: usize| {
        let word = name_before(text, skip(text, end, b" \t"));
        text[word.start..word.end].to_ascii_lowercase()
    };
    if before.ends_with(b",") {
        // The default that a call has for an environment's variable, or the value that it gives it.
        const GETS: &[&[u8]] = &[b"env", b"get", b"fetch", b"environ", b"config", b"env.set"];
        let name_end = skip(text, end - 1, QUOTES);
        let call = skip(text, name_before(text, name_end).start, QUOTES);
        let is_call = text[..call].ends_with(b"(");
        let gets = is_call.then(|| last_word(call - 1))?;
        return GETS.iter().any(|name| gets.ends_with(name)).then_some(name_end);
    }
    const SETS: &[&[u8]] = &[b"env", b"arg", b"setx", b"setenv", b"define", b"proxy_set_header", b"add_header"];
    let name = name_before(text, end);
    let sets = (end < at && name.start < end).then(|| last_word(name.start))?;
    SETS.contains(&sets.as_slice()).then_some(end)
}

/// What a value is given to, where the name right before it only says that it is one: a type, a tag of a list of
/// properties, the field `value` beside a field `name`.
fn own_name(text: &[u8], name: Span) -> Span {
    const TYPES: &[&[u8]] = &[b"string", b"String", b"str", b"any", b"&str"];
    let word = &text[name.start..name.end];
    let before = &text[..name.start];
    if TYPES.contains(&word) {
        let typed = skip(text, name.start, b" \t&?");
        let is_colon = text[..typed].ends_with(b":");
        let end = if is_colon { skip(text, typed - 1, b" \t?!\"'") } else { typed };
        let other = name_before(text, end);
        if end < name.start && other.start < other.end {
            return other;
        }
    }
    if before.ends_with(b"<") {
        let tag = skip(text, name.start - 1, b" \t\r\n");
        let opened = text[..tag].ends_with(b">").then(|| name_before(text, tag - 1).start);
        let closed = opened.filter(|start| text[..*start].ends_with(b"</"));
        return closed.map_or(name, |start| name_before(text, start - 2));
    }
    let is_value = word.len() >= 5 && word[word.len() - 5..].eq_ignore_ascii_case(b"value");
    if is_value || word == b"default" { field_before(text, name.start).unwrap_or(name) } else { name }
}

/// The name that the item has whose field `value` begins at `at`.
fn field_before(text: &[u8], at: usize) -> Option<Span> {
    static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(concat!(
            r#"(?i-u)(?:(?:name|key)["'`\\]{0,40}[ \t]{0,8}[:=][ \t]{0,8}|\b(?:variable|output)[ \t]{1,8})"#,
            r#"["'`\\]{0,40}([a-z_$][a-z0-9_.$\-]{1,99})["'`\\]{0,40}(?:[ \t]{0,8}\{)?"#
        ))
        .ok()
    });
    const FAR: usize = 320;
    let from = at.saturating_sub(FAR);
    let found = NAME.as_ref()?.captures_iter(&text[from..at]).last()?;
    let (whole, name) = (found.get(0)?, found.get(1)?);
    let between = &text[from + whole.end()..at];
    let is_item = |line: &[u8]| line.trim_ascii_start().starts_with(b"-");
    let is_parted =
        between.iter().any(|byte| b"{}<>".contains(byte)) || between.split(|byte| *byte == b'\n').skip(1).any(is_item);
    (!is_parted).then(|| Span { start: from + name.start(), end: from + name.end() })
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
    fn no_name_is_followed_further_than_one_can_be_long() {
        let text = "sk_live_".repeat(1000);
        assert!(text.len() - name_before(text.as_bytes(), text.len()).start < 2 * LONGEST_NAME);
        let named = |length: usize| both(&format!("{}=sk_test_a", "N".repeat(length))).1.map(|name| name.len());
        assert_eq!((named(LONGEST_NAME), named(LONGEST_NAME + 1)), (Some(LONGEST_NAME), None));
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
            ("proxy_set_header Clerk-Secret-Key sk_test_a;", "Clerk-Secret-Key"),
            ("ENV CLERK_SECRET_KEY sk_test_a", "CLERK_SECRET_KEY"),
            ("x = CLERK_KEY || 'sk_test_a'", "CLERK_KEY"),
            ("x = process.env.CLERK_KEY ?? \"sk_test_a\"", "CLERK_KEY"),
            ("env.CLERK_KEY:sk_test_a", "CLERK_KEY"),
            ("import.meta.env.VITE_CLERK_KEY || 'sk_test_a'", "VITE_CLERK_KEY"),
            ("os.environ[\"CLERK_KEY\"] = \"sk_test_a\"", "CLERK_KEY"),
            ("ENV['CLERK_KEY'] ||= 'sk_test_a'", "CLERK_KEY"),
            ("Deno.env.get(\"CLERK_KEY\") ?? \"sk_test_a\"", "CLERK_KEY"),
            ("Deno.env.set(\"CLERK_KEY\", \"sk_test_a\")", "CLERK_KEY"),
            ("os.Setenv(\"CLERK_KEY\", \"sk_test_a\")", "CLERK_KEY"),
            ("clerk.secretKey = \"sk_test_a\"", "clerk.secretKey"),
            ("process.env.=sk_test_a", "process.env."),
            ("os.environ.get(\"CLERK_KEY\", \"sk_test_a\")", "CLERK_KEY"),
            ("os.getenv('CLERK_KEY') or 'sk_test_a'", "CLERK_KEY"),
            ("${CLERK_KEY:-sk_test_a}", "CLERK_KEY"),
            ("const CLERK_KEY: string = 'sk_test_a'", "CLERK_KEY"),
            ("const ClerkKey string = \"sk_test_a\"", "ClerkKey"),
            ("String clerkKey = \"sk_test_a\"", "clerkKey"),
            ("- name: CLERK_KEY\n  value: sk_test_a", "CLERK_KEY"),
            ("{\"name\":\"CLERK_KEY\",\"value\":\"sk_test_a\"}", "CLERK_KEY"),
            ("- name: OTHER\n- value: sk_test_a", "value"),
            ("variable \"clerk_key\" {\n  type = string\n  default = \"sk_test_a\"", "clerk_key"),
            ("<key>CLERK_KEY</key>\n<string>sk_test_a</string>", "CLERK_KEY"),
            ("<CLERK_KEY>sk_test_a<", "CLERK_KEY"),
            ("{&quot;secretKey&quot;:&quot;sk_test_a&quot;}", "secretKey"),
            ("\"A=1\\nCLERK_KEY=sk_test_a\"", "CLERK_KEY"),
            ("clerk_key: >-\n  sk_test_a", "clerk_key"),
        ] {
            assert_eq!(both(text).1.as_deref(), Some(name), "{text}");
        }
    }
}
