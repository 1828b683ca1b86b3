//! Tokens that begin with a vendor's prefix.

use super::layer::{Ending, Joins, Layer};
use super::scan::note;
use super::settle::{Sight, What};
use super::{boundary, context, framed, split};
use crate::key::{
    BODY, Context, KeyText, Prefix, Token, Verdict, decode_publishable, is_made_up, judge, token_len, vendor_claims,
};
use crate::model::{Confidence, Kind};

/// So much of what follows a prefix is looked at: more than the longest token of any vendor.
const TAIL: usize = 1024;
/// A prefix that Clerk never issues and a shorter body are a name.
const SHORTEST_OF_OTHERS: usize = 16;
/// The longest publishable key.
const PUBLISHABLE: usize = 420;

/// Whether a `k_` or `y_` at `hit` is no token's, whatever stands further from it than sixteen bytes: most are in names.
pub(super) fn is_nothing_near(bytes: &[u8], hit: usize) -> bool {
    Prefix::around(bytes, hit).is_none_or(|(at, _, prefix)| is_in_name(bytes, at, prefix))
}

/// Whether a prefix at `at` is so short that it stands by chance in what goes on before it: in names, and in long runs of
/// base64.
fn is_in_name(bytes: &[u8], at: usize, prefix: Prefix) -> bool {
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    prefix.is_short() && bytes[..at].last().is_some_and(goes_on)
}

/// Judges the token whose prefix has a needle at `hit`.
pub(super) fn examine(layer: &Layer<'_>, hit: usize, sights: &mut Vec<Sight>) {
    let bytes = layer.bytes;
    let Some((at, spelling, prefix)) = Prefix::around(bytes, hit) else { return };
    if matches!(prefix, Prefix::PkLive | Prefix::PkTest) && publishable(layer, at, sights) {
        return;
    }
    let body = at + spelling.len();
    let tail = &bytes[body..bytes.len().min(body + TAIL)];
    // Only what is long enough is looked at as closely as that.
    let letters = tail.iter().take(BODY).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let may_be_framed = prefix.is_clerk_secret() && letters == BODY;
    let framed = if may_be_framed { framed::says_key_length(layer, at) } else { None };
    if framed.is_none() && boundary::is_inside_word(bytes, at) && !layer.begins_line(at) {
        return;
    }
    if is_in_name(bytes, at, prefix) {
        return;
    }
    if prefix == Prefix::SkBare
        && let Some(joined) = split::joined_prefix(tail)
    {
        return pieces(layer, (at, body), &joined, sights);
    }
    let end = body + token_len(prefix, tail);
    // Names that begin so are nobody's, whoever is named beside them.
    if !prefix.is_clerk_secret() && vendor_claims(prefix, &bytes[body..end]).is_none() {
        return;
    }
    // The layer above has what stands in it as it is. Names are looked for only where they can matter: soups of escapes
    // have the same token in a dozen layers, and programs are full of names that begin so.
    let is_told_above = layer.is_plain_around(at, end);
    let may_be_in_parts = prefix.is_clerk_secret() && split::joined(tail).is_some();
    let is_name = !prefix.is_clerk_secret() && end - body < SHORTEST_OF_OTHERS;
    if !may_be_in_parts && (is_told_above || is_name) {
        return;
    }
    let own = variable(layer, at);
    let own = own.as_deref().map_or(Context::None, context::names);
    let near = if own == Context::None { around(layer, at, end) } else { own };
    let by_own_name = matches!(own, Context::Other(_));
    let verdict =
        judge(&Token { prefix, spelling, tail, context: near, framed, ends_line: layer.begins_line(body + BODY) });
    let is_key = matches!(&verdict, Verdict::Key { confidence: Confidence::High, .. });
    if !is_key && may_be_in_parts && put_together(layer, (at, body), prefix, near, sights) {
        return;
    }
    if is_told_above {
        return;
    }
    let over = over_line_end(layer, at, body, end);
    let what = match verdict {
        Verdict::Nothing => return,
        // The layer above has the line as it stands.
        _ if matches!(over, Some(Over::Loose)) => return,
        Verdict::Placeholder => What::Placeholder { token: KeyText::new(&bytes[at..end]) },
        Verdict::HalfMasked => What::HalfMasked { token: KeyText::new(&bytes[at..end]) },
        Verdict::OtherVendor(vendor) => What::OtherVendor { vendor, token: KeyText::new(&bytes[at..end]), by_own_name },
        Verdict::Key { key, confidence, reason } => {
            let end = at + key.expose().len();
            let is_claimed = |first: usize| vendor_claims(prefix, &tail[..first]).is_some();
            let told = (confidence, reason);
            let Some((confidence, reason)) = sure_of(layer, end, over, (told, near), is_claimed) else { return };
            note(layer, at, end, key_of(layer, at, key, confidence, reason), sights);
            return;
        }
    };
    if over.is_none() {
        note(layer, at, end, what, sights);
    }
}

/// Notes the publishable key at `at`, if there is one and the layer above has it not as it is; whether there is one.
fn publishable(layer: &Layer<'_>, at: usize, sights: &mut Vec<Sight>) -> bool {
    let text = &layer.bytes[at..layer.bytes.len().min(at + PUBLISHABLE)];
    let Some(key) = decode_publishable(text) else { return false };
    let end = at + key.text.len();
    if !layer.is_plain(at, end) {
        note(layer, at, end, What::Publishable { key }, sights);
    }
    true
}

/// How sure a key is that ends at `end`, and why, where it stands over a line end or its text is broken off; `None` where
/// it is none. `is_claimed`: whether some vendor's tokens have a body of so many characters.
fn sure_of(
    layer: &Layer<'_>,
    end: usize,
    over: Option<Over>,
    (told, near): ((Confidence, &'static str), Context),
    is_claimed: impl Fn(usize) -> bool,
) -> Option<(Confidence, &'static str)> {
    let is_high = told.0 == Confidence::High;
    let surer = if near == Context::Clerk { Confidence::Medium } else { Confidence::Low };
    match over {
        // Beside other escapes that say so the break is no guess.
        Some(Over::Quoted { first }) => (is_high && !is_claimed(first))
            .then_some((Confidence::Medium, "42 letters and digits, broken by a soft line break of quoted-printable")),
        Some(Over::Prefix) => Some((surer, "its prefix is broken by a soft line break")),
        Some(Over::Loose) | None if is_high && layer.ending(end) == Ending::Cut => {
            Some((surer, "42 letters and digits up to where the encoded text is broken off: more may belong to it"))
        }
        Some(Over::Loose) | None => Some(told),
    }
}

fn key_of(layer: &Layer<'_>, at: usize, key: KeyText, confidence: Confidence, reason: &'static str) -> What {
    What::Key { key, kind: Kind::SecretKey, confidence, reasons: vec![reason], variable: variable(layer, at) }
}

/// A key whose very prefix is in parts.
fn pieces(layer: &Layer<'_>, (at, body): (usize, usize), joined: &split::Joined, sights: &mut Vec<Sight>) {
    let end = body + joined.end;
    if is_made_up(&joined.body[joined.body.len() - BODY..]) || layer.is_plain_around(at, end) {
        return;
    }
    let own = variable(layer, at);
    let own = own.as_deref().map_or(Context::None, context::names);
    let near = if own == Context::None { around(layer, at, end) } else { own };
    let confidence = if near == Context::Clerk { Confidence::Medium } else { Confidence::Low };
    let key = KeyText::new(&[&layer.bytes[at..body], &joined.body].concat());
    note(layer, at, end, key_of(layer, at, key, confidence, joined.reason), sights);
}

/// A key in parts, whose first part no vendor's table claims.
fn put_together(
    layer: &Layer<'_>,
    (at, body): (usize, usize),
    prefix: Prefix,
    near: Context,
    sights: &mut Vec<Sight>,
) -> bool {
    let tail = &layer.bytes[body..layer.bytes.len().min(body + TAIL)];
    let Some(joined) = split::joined(tail) else { return false };
    if is_made_up(&joined.body) || vendor_claims(prefix, &tail[..joined.first]).is_some() {
        return false;
    }
    if layer.is_plain_around(at, body + joined.end) {
        return true;
    }
    let confidence = if near == Context::Clerk { Confidence::Medium } else { Confidence::Low };
    let key = KeyText::new(&[&layer.bytes[at..body], &joined.body].concat());
    note(layer, at, body + joined.end, key_of(layer, at, key, confidence, joined.reason), sights);
    true
}

/// How a token stands over a line end that quoted-printable took out.
enum Over {
    /// In its body, and nothing else says that the text is quoted-printable. The layer above puts it together.
    Loose,
    /// In its body, whose first part has so many characters.
    Quoted { first: usize },
    /// In its prefix, and nothing else says that the text is quoted-printable.
    Prefix,
}

/// Whether the token at `at..end` stands on two lines, in a layer that takes out line ends or one below it.
fn over_line_end(layer: &Layer<'_>, at: usize, body: usize, end: usize) -> Option<Over> {
    let is_loose = match layer.joins {
        Joins::Nothing => {
            let (parent, from) = layer.outside(at).filter(|_| layer.is_plain(at, end))?;
            return over_line_end(parent, from, from + (body - at), from + (end - at));
        }
        Joins::Lines => true,
        Joins::QuotedLines => false,
    };
    let goes_on = |from: usize, to: usize| layer.is_gapless(from, to);
    match (goes_on(at, end), goes_on(body, end)) {
        (true, _) => None,
        (false, true) => is_loose.then_some(Over::Prefix),
        (false, false) if is_loose => Some(Over::Loose),
        (false, false) => {
            let first = (body + 1..=end).take_while(|to| goes_on(body, *to)).count();
            Some(Over::Quoted { first })
        }
    }
}

/// The name nearest to a token: in its own layer, else in those around it.
pub(super) fn around(layer: &Layer<'_>, at: usize, end: usize) -> Context {
    match context::nearest(layer.bytes, at, end) {
        Context::None => match layer.outside(at) {
            Some((parent, from)) => around(parent, from, layer.end_outside(end)),
            None => Context::None,
        },
        found => found,
    }
}

/// The name of the variable that the text at `at` is the value of: in its own layer or, where the value begins it,
/// in the one around it.
pub(super) fn variable(layer: &Layer<'_>, at: usize) -> Option<Vec<u8>> {
    match context::variable(layer.bytes, at) {
        Some(name) => Some(name.to_vec()),
        None if at <= 3 => layer.outside(at).and_then(|(parent, from)| variable(parent, from)),
        None => None,
    }
}
