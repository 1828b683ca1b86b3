//! Encodings: which needles to look for in encoded bytes, and the way back to plain text.
//!
//! An encoding is a value that gives two things: what a prefix looks like in it ([`needles`], derived by code and
//! never typed in) and a [`Window`] of plain text around a hit, with a map from positions in it to the bytes of the
//! object. All that judges a token works on the window, whatever the encoding.

use std::borrow::Cow;

use crate::key::{Prefix, sextet};
use crate::model::Span;

/// How many plain characters before and behind a prefix are decoded: enough for the longest token of any vendor and
/// for the name of its variable.
const BEFORE: usize = 256;
const BEHIND: usize = 512;

/// A way in which text can stand in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Encoding {
    Raw,
    /// Both byte orders: which it is, the window finds out.
    Utf16,
    /// Standard and URL-safe alphabet alike; the number of plain bytes before the prefix in its group of three.
    Base64 {
        alignment: usize,
    },
}

/// Bytes that stand for a prefix in an encoding.
#[derive(Clone, Debug)]
pub(super) struct Needle {
    pub(super) bytes: Vec<u8>,
    pub(super) encoding: Encoding,
    pub(super) prefix: Prefix,
    pub(super) spelling: &'static str,
}

/// Every needle of every encoding.
pub(super) fn needles() -> Vec<Needle> {
    let mut all = Vec::new();
    for (spelling, prefix) in Prefix::ALL {
        let mut add = |encoding, bytes| all.push(Needle { bytes, encoding, prefix: *prefix, spelling });
        add(Encoding::Raw, spelling.as_bytes().to_vec());
        add(Encoding::Utf16, utf16_core(spelling.as_bytes()));
        // Look-alikes that Clerk never issues are counted, not reported: not worth three more needles each.
        if matches!(prefix, Prefix::SkLive | Prefix::SkTest | Prefix::PkLive | Prefix::PkTest) {
            for alignment in 0..3 {
                add(Encoding::Base64 { alignment }, base64_core(spelling.as_bytes(), alignment));
            }
        }
    }
    all
}

/// What both byte orders have in common: the characters with a NUL between each two.
fn utf16_core(text: &[u8]) -> Vec<u8> {
    let mut core: Vec<u8> = text.iter().flat_map(|byte| [*byte, 0]).collect();
    core.pop();
    core
}

/// The base64 characters that are wholly determined by `text` when `alignment` unknown bytes precede it.
fn base64_core(text: &[u8], alignment: usize) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |at: usize| (text[at / 8 - alignment] >> (7 - at % 8)) & 1;
    let (first, last) = (alignment * 8, (alignment + text.len()) * 8);
    (first.div_ceil(6)..last / 6)
        .map(|at| ALPHABET[(at * 6..at * 6 + 6).fold(0, |value, at| (value << 1) | usize::from(bit(at)))])
        .collect()
}

/// Plain text around a prefix.
pub(super) struct Window<'a> {
    /// The text; what no ASCII character stands for is 0xff.
    pub(super) text: Cow<'a, [u8]>,
    /// Where in it the prefix begins.
    pub(super) at: usize,
    /// The encodings undone, outermost first.
    pub(super) encoding: &'static [&'static str],
    map: Map,
}

/// From positions in the text to positions in the object.
enum Map {
    /// `text[0]` stands at this byte.
    Bytes(usize),
    /// `text[0]` is the two bytes at this one.
    Units(usize),
    /// `text[0]` begins with the character at this byte; may lie before the object's start by up to three.
    Sextets { first: isize, length: usize },
}

impl Window<'_> {
    /// The object's bytes that stand for `from..to` of the text.
    pub(super) fn span(&self, from: usize, to: usize) -> Span {
        match self.map {
            Map::Bytes(first) => Span { start: first + from, end: first + to },
            Map::Units(first) => Span { start: first + from * 2, end: first + to * 2 },
            Map::Sextets { first, length } => {
                let byte = |sextet: usize| (first + sextet as isize).clamp(0, length as isize) as usize;
                Span { start: byte(from * 8 / 6), end: byte((to * 8).div_ceil(6)) }
            }
        }
    }
}

/// The plain text around a needle found at `hit`.
pub(super) fn window<'a>(bytes: &'a [u8], needle: &Needle, hit: usize) -> Window<'a> {
    match needle.encoding {
        Encoding::Raw => {
            let first = hit.saturating_sub(BEFORE);
            let text = Cow::Borrowed(&bytes[first..bytes.len().min(hit + BEHIND)]);
            Window { text, at: hit - first, encoding: &[], map: Map::Bytes(first) }
        }
        Encoding::Utf16 => utf16_window(bytes, hit),
        Encoding::Base64 { alignment } => base64_window(bytes, needle, hit, alignment),
    }
}

fn utf16_window(bytes: &[u8], hit: usize) -> Window<'static> {
    let little = is_little_endian(bytes, hit);
    // A big-endian character begins with its NUL; at the very start of the bytes it may be cut off.
    let start = if little || hit == 0 { hit } else { hit - 1 };
    let before = (start / 2).min(BEFORE);
    let first = start - before * 2;
    let text = bytes[first..]
        .chunks_exact(2)
        .take(before + BEHIND)
        .map(|unit| match (little, unit) {
            (true, [low, 0]) | (false, [0, low]) => *low,
            _ => 0xff,
        })
        .collect();
    let encoding: &[&str] = if little { &["utf-16le"] } else { &["utf-16be"] };
    Window { text: Cow::Owned(text), at: before, encoding, map: Map::Units(first) }
}

/// Which byte order: the core of a needle looks the same in both. A byte that is no NUL right before the token or
/// right behind it tells. Where there is none, a byte order mark does, then where characters with a NUL between each
/// two reach an end of the bytes, and at last whether they stand at even bytes.
fn is_little_endian(bytes: &[u8], hit: usize) -> bool {
    const FAR: usize = 4096;
    let is_nul = |at: usize| bytes.get(at) == Some(&0);
    if hit == 0 || !is_nul(hit - 1) {
        return true;
    }
    let is_body = |at: usize| bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let mut end = hit;
    while is_body(end + 2) && is_nul(end + 1) {
        end += 2;
    }
    if !is_nul(end + 1) {
        return false;
    }
    match bytes {
        [0xff, 0xfe, ..] if hit.is_multiple_of(2) => return true,
        [0xfe, 0xff, ..] if hit % 2 == 1 => return false,
        _ => {}
    }
    // Alternation that begins with the very first byte, or ends with the very last, shows which of the two it is.
    let alternates = |at: usize| bytes.get(at).is_some_and(|byte| (*byte == 0) != (at + hit).is_multiple_of(2));
    if hit <= FAR && (0..hit).all(alternates) {
        return hit.is_multiple_of(2);
    }
    if bytes.len() - hit <= FAR && (hit..bytes.len()).all(alternates) {
        return (bytes.len() - hit).is_multiple_of(2);
    }
    hit.is_multiple_of(2)
}

fn base64_window<'a>(bytes: &'a [u8], needle: &Needle, hit: usize, alignment: usize) -> Window<'a> {
    // The group of four that the needle's first character belongs to begins so many characters earlier.
    let lead = (alignment * 8).div_ceil(6);
    let group = hit as isize - lead as isize;
    let back =
        bytes[..hit].iter().rev().take(BEFORE / 3 * 4 + lead).take_while(|byte| sextet(**byte).is_some()).count();
    let groups_back = back.saturating_sub(lead) / 4;
    let first = group - (groups_back * 4) as isize;
    let at = groups_back * 3 + alignment;
    let wanted = (at + BEHIND) * 4 / 3;
    let mut text = Vec::with_capacity(at + BEHIND);
    let (mut bits, mut have) = (0u32, 0);
    for offset in 0..wanted {
        let value = match usize::try_from(first + offset as isize) {
            Ok(index) if index >= hit - back.min(hit) => match bytes.get(index).and_then(|byte| sextet(*byte)) {
                Some(value) => value,
                None => break,
            },
            // Where the run begins inside the group, what is missing belongs to bytes before the prefix.
            _ => 0,
        };
        bits = (bits << 6) | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            text.push((bits >> have) as u8);
            bits &= (1 << have) - 1;
        }
    }
    // The first character of the prefix shares a sextet with what may be missing; the needle vouches for it.
    if let Some(prefix) = text.get_mut(at..at + needle.spelling.len()) {
        prefix.copy_from_slice(needle.spelling.as_bytes());
    }
    let map = Map::Sextets { first, length: bytes.len() };
    Window { text: Cow::Owned(text), at, encoding: &["base64"], map }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needles_are_what_the_encodings_make() {
        let base64: Vec<String> = needles()
            .into_iter()
            .filter(|needle| matches!(needle.encoding, Encoding::Base64 { .. }) && needle.prefix == Prefix::SkLive)
            .map(|needle| String::from_utf8(needle.bytes).unwrap())
            .collect();
        // As clerk's own documentation and every base64 tool give them.
        assert_eq!(base64, ["c2tfbGl2ZV", "NrX2xpdmVf", "za19saXZlX"]);
        assert!(needles().len() <= 64, "more needles than the fastest search takes");
    }
}
