//! Random contents of files, with and without keys, and random changes to them.

use fastrand::Rng;

use crate::common::secrets::{Alphabet, Padding, base64, look_alike, publishable_key, utf16le};

const FILLING: [&str; 8] = [
    "",
    "# settings of the shop",
    "PORT=3000",
    "export default { fetch: 1 };",
    "  \"name\": \"shop\",",
    "NEXT_PUBLIC_CLERK_SIGN_IN_URL=/sign-in",
    "grüße, 日本語, a\\b",
    "\tindented",
];

/// Lines of text, with these keys at random places, each in a random form.
pub(crate) fn text_with(random: &mut Rng, keys: &[&str]) -> Vec<u8> {
    if random.u8(..10) == 0 {
        return wide_text_with(random, keys);
    }
    let mut lines: Vec<String> = (0..random.usize(..6)).map(|_| filling(random)).collect();
    if random.u8(..10) == 0 {
        // Large enough for git to keep the next version of it as a difference.
        lines.extend((0..random.usize(100..600)).map(|number| format!("const line{number} = {};", random.u32(..))));
    }
    for key in keys {
        for _ in 0..if random.u8(..5) == 0 { random.usize(2..4) } else { 1 } {
            let line = line_with(random, key);
            lines.insert(random.usize(..=lines.len()), line);
        }
    }
    let newline = if random.u8(..6) == 0 { "\r\n" } else { "\n" };
    let mut text = lines.join(newline);
    if random.u8(..4) > 0 {
        text.push_str(newline);
    }
    text.into_bytes()
}

/// UTF-16. Some of its characters have the bytes of a newline in them and are none.
fn wide_text_with(random: &mut Rng, keys: &[&str]) -> Vec<u8> {
    let mut text = String::from("Windows PowerShell\r\n");
    for key in keys {
        text.push_str(random.choice(["", "\u{10a}\u{a0a}\u{a05} ", "\n\n", "日本語\n"]).expect("one of them"));
        text.push_str(&format!("$env:CLERK_SECRET_KEY = \"{key}\"\r\n"));
    }
    utf16le(&text)
}

fn filling(random: &mut Rng) -> String {
    let seed = random.u64(..);
    match random.u8(..16) {
        0 => format!("STRIPE={}", look_alike(seed, 24)),
        1 => format!("stripe: '{}'", look_alike(seed, 99)),
        2 => format!("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY={}", publishable_key("clean-mole-12.clerk.accounts.dev")),
        // No key: a longer word ends in the prefix.
        3 => format!("ta{}", crate::common::secrets::test_key(seed)),
        _ => (*random.choice(&FILLING).expect("one of them")).to_owned(),
    }
}

fn line_with(random: &mut Rng, key: &str) -> String {
    match random.u8(..13) {
        0 => key.to_owned(),
        1 => format!("  secretKey: \"{key}\","),
        2 => format!("curl -H 'Authorization: Bearer {key}' https://api.clerk.com/v1/users"),
        3 => format!("https://shop.test/?key={key}&next=1"),
        4 => format!("{key} {key}"),
        5 => format!("<code>{key}</code>"),
        6 => format!("{{\"a\":[\"{key}\"]}}"),
        7 => format!("**{key}**, then"),
        8..=10 => format!("token: {}", base64_of(random, key)),
        _ => format!("CLERK_SECRET_KEY={key}"),
    }
}

/// Base64 of some text with the key in it: it starts at any of the three alignments.
pub(crate) fn base64_of(random: &mut Rng, key: &str) -> String {
    let before = random.choice(["", "=", "k=", "ID:", "key=", "user:", "a:b:c:"]).expect("one of them");
    let after = random.choice(["", ":", "\n", "\"}", ":x\n"]).expect("one of them");
    let alphabet = *random.choice(&[Alphabet::Standard, Alphabet::UrlSafe]).expect("one of them");
    let padding = *random.choice(&[Padding::None, Padding::Full]).expect("one of them");
    base64(format!("{before}{key}{after}").as_bytes(), alphabet, padding)
}

/// Another key, with all but one letter of this one.
pub(crate) fn sibling(key: &str) -> String {
    let at = key.len() - 21;
    let other = if key.as_bytes()[at] == b'Q' { "R" } else { "Q" };
    format!("{}{other}{}", &key[..at], &key[at + 1..])
}

/// The same with one character more, less or changed in or beside a key, if it has that key as it is: what was a
/// key is another, or is none any more, or what was none is one.
pub(crate) fn nudged(random: &mut Rng, content: &[u8], key: &str) -> Option<Vec<u8>> {
    let other = sibling(key);
    let short = key[..key.len() - 1].to_owned();
    let forms = [short, key.to_owned(), other.clone(), format!("{key}-"), format!("x{other}")];
    let present = forms.iter().rev().find(|form| content.windows(form.len()).any(|part| part == form.as_bytes()))?;
    let at = content.windows(present.len()).position(|part| part == present.as_bytes())?;
    let replacement = random.choice(&forms)?;
    Some([&content[..at], replacement.as_bytes(), &content[at + present.len()..]].concat())
}

/// The same with a line more: before the first, which moves all others, or after the last.
pub(crate) fn with_another_line(random: &mut Rng, content: &[u8]) -> Vec<u8> {
    let line = format!("// edit {}\n", random.u32(..));
    if let Some(rest) = content.strip_prefix(&[0xff, 0xfe]) {
        let mut changed = utf16le(&line);
        changed.extend_from_slice(rest);
        return changed;
    }
    if random.bool() {
        return [line.as_bytes(), content].concat();
    }
    let newline: &[u8] = if content.ends_with(b"\n") { b"" } else { b"\n" };
    [content, newline, line.as_bytes()].concat()
}

/// The same and something that was not there, both whole.
pub(crate) fn joined(first: &[u8], second: &[u8]) -> Vec<u8> {
    if first.starts_with(&[0xff, 0xfe]) || second.starts_with(&[0xff, 0xfe]) {
        return first.to_vec();
    }
    [first, b"\n=======\n", second].concat()
}
