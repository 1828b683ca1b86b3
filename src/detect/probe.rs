//! Cheap detectors of runs, for what has no fixed spelling.
//!
//! Nothing here decodes. Two vectorised passes look for the bytes that begin an escape; a third looks at sixteen bytes
//! of every thirty-two, which no encoded credential fits between: they are part of wide text, of base64 or hex that
//! reads as text, or of nothing. On ordinary files each costs a small part of the literal search.

use super::encoding::{Encoding, base64, escapes, hex, quoted};

/// A place worth decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// An ASCII character with NULs beside it.
    Wide(usize),
    /// A character of base64 that reads as text, or the first of a run that begins like a container.
    Base64 { at: usize, is_container: bool },
    /// The first digit of a byte.
    Hex(usize),
    /// A place in a dump with offsets and margins.
    Dump(usize),
    /// A byte that begins an escape.
    Escape(usize, Encoding),
    /// A `=` of quoted-printable.
    Quoted(usize),
}

/// Hands every candidate in `bytes` to `take`, which says up to where it has dealt with this kind.
pub(super) fn candidates(bytes: &[u8], take: &mut dyn FnMut(Candidate) -> usize) {
    escaped(bytes, take);
    soft_breaks(bytes, take);
    samples(bytes, take);
}

fn escaped(bytes: &[u8], take: &mut dyn FnMut(Candidate) -> usize) {
    // By encoding: percent, backslash, entities.
    let mut done = [0; 3];
    for at in memchr::memchr3_iter(b'%', b'\\', b'&', bytes) {
        let slot = match bytes[at] {
            b'%' => 0,
            b'\\' => 1,
            _ => 2,
        };
        if at < done[slot] {
            continue;
        }
        if let Some(encoding) = escapes::escape_at(bytes, at) {
            done[slot] = take(Candidate::Escape(at, encoding));
        }
    }
}

/// A `=` at a line end, or one that spells what a key, an encoding of one or wide text has.
fn soft_breaks(bytes: &[u8], take: &mut dyn FnMut(Candidate) -> usize) {
    const BLOCK: usize = 64;
    let mut done = 0;
    let mut look = |from: usize, to: usize| {
        for at in memchr::memchr_iter(b'=', &bytes[from..to]).map(|at| from + at) {
            if at >= done && quoted::begins(bytes, at) {
                done = take(Candidate::Quoted(at));
            }
        }
    };
    let next_of = bytes.get(1..).unwrap_or_default();
    let blocks = bytes.chunks_exact(BLOCK).zip(next_of.chunks_exact(BLOCK));
    let whole = blocks.len() * BLOCK;
    for (number, (block, next)) in blocks.enumerate() {
        if may_be_quoted(block, next) {
            look(number * BLOCK, (number + 1) * BLOCK);
        }
    }
    look(whole, bytes.len());
}

/// Whether a `=` of the block may begin something; `next` is the same, one byte on. Without a branch, so that it is
/// vectorised.
fn may_be_quoted(block: &[u8], next: &[u8]) -> bool {
    let mut hit = 0;
    for (byte, next) in block.iter().zip(next) {
        let tells = u8::from(*next == b'\n') | u8::from(*next == b'\r') | u8::from(next.wrapping_sub(b'0') < 6);
        hit |= u8::from(*byte == b'=') & tells;
    }
    hit != 0
}

const STRIDE: usize = 32;
const WIDTH: usize = 16;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Whether a byte of the word is below `than`, which is at most 128.
fn has_below(word: u64, than: u64) -> bool {
    word.wrapping_sub(ONES * than) & !word & HIGH != 0
}

fn samples(bytes: &[u8], take: &mut dyn FnMut(Candidate) -> usize) {
    let mut at = 0;
    let mut last_compact = usize::MAX;
    while let Some(sample) = bytes.get(at..at + WIDTH) {
        let word = |from: usize| sample[from..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let (low, high) = (word(0), word(8));
        let mut next = at + STRIDE;
        if !has_below(low, u64::from(b'+')) && !has_below(high, u64::from(b'+')) {
            if (low | high) & HIGH == 0 {
                let is_first = last_compact.wrapping_add(STRIDE) != at;
                last_compact = at;
                if let Some(candidate) = compact(bytes, at, is_first) {
                    next = next.max(take(candidate));
                }
            }
        } else if has_below(low, 1) || has_below(high, 1) {
            if let Some(character) = wide(sample) {
                next = next.max(take(Candidate::Wide(at + character)));
            }
        } else if sample.iter().all(|byte| SPACED_HEX[*byte as usize]) {
            if let Some(digit) = hex::text_around(bytes, at) {
                next = next.max(take(Candidate::Hex(digit)));
            } else if hex::is_dump(bytes, at) {
                next = next.max(take(Candidate::Dump(at)));
            }
        }
        at = next;
    }
}

/// Bytes that stand in a dump of hex digits.
pub(super) static SPACED_HEX: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(
            byte as u8,
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b'x' | b'X' | b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b'-'
                | b';' | b'.' | b'"' | b'\'' | b'=' | b'|'
        );
        byte += 1;
    }
    table
};

/// Where in the sample a character of UTF-16 or UTF-32 stands.
fn wide(sample: &[u8]) -> Option<usize> {
    let is_text = |byte: u8| matches!(byte, 0x09..=0x7e);
    (0..2)
        .find(|parity| (0..WIDTH).all(|at| if at % 2 == *parity { is_text(sample[at]) } else { sample[at] == 0 }))
        .or_else(|| {
            (0..4).find(|k| (0..WIDTH).all(|at| if at % 4 == *k { is_text(sample[at]) } else { sample[at] == 0 }))
        })
}

/// A sample without a separator: base64 or hex, if it is any.
fn compact(bytes: &[u8], at: usize, is_first: bool) -> Option<Candidate> {
    let sample = &bytes[at..at + WIDTH];
    if sample.iter().all(|byte| SPACED_HEX[*byte as usize]) {
        if let Some(digit) = hex::text_around(bytes, at) {
            return Some(Candidate::Hex(digit));
        }
        if is_first && let Some(digit) = hex::container_start(bytes, at) {
            return Some(Candidate::Hex(digit));
        }
    }
    if !sample.iter().all(|byte| base64::is_base64(*byte)) {
        return None;
    }
    if base64::is_text_around(bytes, at) {
        return Some(Candidate::Base64 { at, is_container: false });
    }
    if is_first {
        let start = base64::line_start(bytes, at);
        if base64::begins_container(&bytes[start..]) {
            return Some(Candidate::Base64 { at: start, is_container: true });
        }
    }
    None
}
