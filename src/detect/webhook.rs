//! Webhook signing secrets, `whsec_…`. Clerk's come from Svix, and Stripe's and others' begin the same: only a name
//! tells whose one is.

use super::encoding::base64::Run;
use super::layer::Layer;
use super::scan::{note, note_secret};
use super::settle::{Sight, What};
use super::{boundary, context, token};
use crate::key::{Context, KeyText, Vendor, is_placeholder};
use crate::model::{Confidence, Kind};

const PREFIX: &[u8] = b"whsec_";

/// Svix makes 24 bytes by default, 32 characters; 75 bytes are its most.
const SHORTEST: usize = 24;
const LONGEST: usize = 100;

/// So far around a secret a file is looked at for imports and other names.
const FILE: usize = 64 << 10;

pub(super) fn examine(layer: &Layer<'_>, hit: usize, sights: &mut Vec<Sight>) {
    let bytes = layer.bytes;
    if boundary::is_inside_word(bytes, hit) && !layer.begins_line(hit) {
        return;
    }
    let body = hit + PREFIX.len();
    let variable = token::variable(layer, hit);
    // So much that what is cut off there is too long all the same.
    let text = &bytes[body..bytes.len().min(body + LONGEST + 2)];
    let length = boundary::body_length(text, [PREFIX, variable.as_deref().unwrap_or_default()], b"/+-_");
    let padding = bytes[body + length..].iter().take(2).take_while(|byte| **byte == b'=').count();
    let end = body + length + padding;
    if layer.is_plain_around(hit, end) || length > LONGEST {
        return;
    }
    let secret = KeyText::new(&bytes[hit..end]);
    if length < SHORTEST || is_placeholder(&bytes[body..body + length]) || reads(&bytes[body..body + length]) {
        let masked = matches!(bytes.get(end), Some(b'.' | b'*' | b'<' | b'{' | b'$' | 0xe2));
        if length >= 3 || masked {
            note(layer, hit, end, What::Placeholder { token: secret }, sights);
        }
        return;
    }
    let what = match owner(layer, hit, end, variable.as_deref()) {
        Ok((confidence, reason)) => {
            What::Key { key: secret, kind: Kind::WebhookSecret, confidence, reasons: vec![reason], variable }
        }
        Err(vendor) => {
            let by_own_name = variable.as_deref().is_some_and(|name| sender(name).is_some());
            What::OtherVendor { vendor, token: secret, by_own_name }
        }
    };
    note_secret(layer, (hit, body + length, end), what, sights);
}

/// Whether it is the base64 of something to read, which nobody drew: `test secret for …`.
fn reads(body: &[u8]) -> bool {
    let text = Run::of(body).decode(body, 0).text;
    let words = text.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'-' | b'.'));
    words.count() * 10 >= text.len() * 9
}

/// What stands before `WEBHOOK_SECRET` in any program, and is no sender's name.
const GENERIC: &[&str] = &[
    "account",
    "add",
    "admin",
    "api",
    "app",
    "auth",
    "backend",
    "client",
    "config",
    "const",
    "convex",
    "create",
    "current",
    "customer",
    "default",
    "deploy",
    "dev",
    "development",
    "env",
    "environment",
    "event",
    "events",
    "export",
    "expo",
    "expected",
    "external",
    "first",
    "function",
    "functions",
    "gatsby",
    "get",
    "handle",
    "identity",
    "incoming",
    "internal",
    "lambda",
    "let",
    "live",
    "local",
    "main",
    "member",
    "membership",
    "my",
    "new",
    "next",
    "node",
    "nuxt",
    "old",
    "opts",
    "options",
    "org",
    "organization",
    "our",
    "plasmo",
    "prev",
    "preview",
    "prod",
    "production",
    "project",
    "public",
    "raw",
    "react",
    "saas",
    "secret",
    "secrets",
    "server",
    "session",
    "set",
    "settings",
    "shared",
    "site",
    "stage",
    "staging",
    "svelte",
    "svix",
    "sync",
    "test",
    "testing",
    "the",
    "tmp",
    "user",
    "users",
    "validate",
    "var",
    "verify",
    "vite",
    "web",
    "website",
    "worker",
    "workers",
    "your",
];

/// Who else than Clerk a variable's name says to be the sender. Whatever word stands before `WEBHOOK_SECRET` is a sender's
/// name, unless it says something that any program has; no list of senders is ever whole.
fn sender(variable: &[u8]) -> Option<Vendor> {
    const WHY: &str = "its own variable's name says so";
    const UNKNOWN: Vendor = Vendor { name: "unknown", why: "its own variable's name begins with another sender's" };
    match context::names(variable) {
        Context::Clerk => return None,
        Context::Other(name) => return Some(Vendor { name, why: WHY }),
        Context::None => {}
    }
    let last = variable.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let words: Vec<Vec<u8>> = context::words(last).map(<[u8]>::to_ascii_lowercase).collect();
    let is_webhook = |word: &Vec<u8>| matches!(word.as_slice(), b"webhook" | b"webhooks" | b"hook" | b"hooks");
    let first = words.iter().position(is_webhook)?;
    let is_secret = words[first..].iter().any(|word| matches!(word.as_slice(), b"secret" | b"key" | b"signing"));
    let is_name = |word: &Vec<u8>| {
        word.len() >= 3
            && word.iter().all(u8::is_ascii_alphabetic)
            && !GENERIC.iter().any(|generic| generic.as_bytes() == word.as_slice())
    };
    (is_secret && words[..first].iter().any(is_name)).then_some(UNKNOWN)
}

/// Whose it is: by its own name, then the block it stands in, then the file.
fn owner(
    layer: &Layer<'_>,
    at: usize,
    end: usize,
    variable: Option<&[u8]>,
) -> Result<(Confidence, &'static str), Vendor> {
    const SHARED: Vendor =
        Vendor { name: "Svix or Stripe", why: "whsec_ is theirs and others', and no name near it says whose" };
    let other = |name| Err(Vendor { name, why: "its name stands nearest" });
    match variable.map_or(Context::None, context::names) {
        Context::Clerk => return Ok((Confidence::High, "whsec_ and base64, in a variable that names Clerk")),
        Context::Other(name) => return other(name),
        Context::None => {}
    }
    if let Some(vendor) = variable.and_then(sender) {
        return Err(vendor);
    }
    match layer.senders.nearest_in_block(layer.bytes, (at, end)) {
        Context::Clerk => {
            return Ok((Confidence::Medium, "whsec_ and base64, and Clerk is the nearest name around it"));
        }
        Context::Other(name) => return other(name),
        Context::None => {}
    }
    match layer.senders.nearest(layer.bytes, (at, end), (at.saturating_sub(FILE), end.saturating_add(FILE))) {
        Context::Clerk => Ok((Confidence::Medium, "whsec_ and base64, in a file that names Clerk and nobody nearer")),
        Context::Other(name) => other(name),
        Context::None => match layer.outside(at) {
            Some((parent, from)) => owner(parent, from, layer.end_outside(end).max(from), None),
            None => Err(SHARED),
        },
    }
}
