//! Webhook signing secrets, `whsec_…`. Clerk's come from Svix, and Stripe's and others' begin the same: only a name
//! tells whose one is.

use super::encoding::base64::Run;
use super::layer::Layer;
use super::scan::note;
use super::settle::{Sight, What};
use super::{boundary, context, token};
use crate::key::{Context, KeyText, Vendor, is_placeholder};
use crate::model::{Confidence, Kind};

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
    let body = hit + "whsec_".len();
    let is_body = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'+' | b'/' | b'-' | b'_');
    let length = bytes[body..].iter().take(LONGEST + 1).take_while(is_body).count();
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
    let variable = token::variable(layer, hit);
    let what = match owner(layer, hit, end, variable.as_deref()) {
        Ok((confidence, reason)) => {
            What::Key { key: secret, kind: Kind::WebhookSecret, confidence, reasons: vec![reason], variable }
        }
        Err(vendor) => What::OtherVendor { vendor, token: secret },
    };
    note(layer, hit, end, what, sights);
}

/// Whether it is the base64 of something to read, which nobody drew: `test secret for …`.
fn reads(body: &[u8]) -> bool {
    let text = Run::of(body).decode(body, 0).text;
    let words = text.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'-' | b'.'));
    words.count() * 10 >= text.len() * 9
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
    match context::nearest_in_block(layer.bytes, at, end) {
        Context::Clerk => {
            return Ok((Confidence::Medium, "whsec_ and base64, and Clerk is the nearest name around it"));
        }
        Context::Other(name) => return other(name),
        Context::None => {}
    }
    match context::nearest_within(layer.bytes, at, end, FILE) {
        Context::Clerk => Ok((Confidence::Medium, "whsec_ and base64, in a file that names Clerk and nobody nearer")),
        Context::Other(name) => other(name),
        Context::None => match layer.outside(at) {
            Some((parent, from)) => owner(parent, from, layer.end_outside(end).max(from), None),
            None => Err(SHARED),
        },
    }
}
