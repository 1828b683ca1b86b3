//! Hex: two digits a byte, close together or with something between.

use super::super::layer::Positions;
use super::super::places::Places;
use super::super::probe;
use super::{Decoded, Encoding, base64};

/// `text` in digits of either case, close together.
pub(super) fn spellings(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let spell = |upper: bool| -> Vec<u8> {
        let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
        text.iter().flat_map(|byte| [digits[(byte >> 4) as usize], digits[(byte & 15) as usize]]).collect()
    };
    [spell(false), spell(true)].into_iter()
}

const NONE: u8 = 0xff;

/// The value of each digit.
const DIGITS: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            digit @ b'0'..=b'9' => digit - b'0',
            upper @ b'A'..=b'F' => upper - b'A' + 10,
            lower @ b'a'..=b'f' => lower - b'a' + 10,
            _ => NONE,
        };
        byte += 1;
    }
    table
};

/// The value of a hex digit.
pub(in crate::detect) fn digit(byte: u8) -> Option<u8> {
    Some(DIGITS[usize::from(byte)]).filter(|value| *value != NONE)
}

/// The byte that the two digits at `at` spell.
#[inline]
pub(in crate::detect) fn pair(bytes: &[u8], at: usize) -> Option<u8> {
    let [upper, lower] = bytes.get(at..at.checked_add(2)?)? else { return None };
    let (upper, lower) = (DIGITS[usize::from(*upper)], DIGITS[usize::from(*lower)]);
    // Of a digit the upper half is empty.
    ((upper | lower) & 0xf0 == 0).then_some(upper << 4 | lower)
}

/// The longest thing that stands between two bytes of a dump: `", 0x` and an indented line end.
const WIDEST_GAP: usize = 40;

/// Whether `byte` may stand between two bytes: not a digit, and nothing that begins another word. (`=` is the escape of
/// quoted-printable.)
fn is_gap(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b'-' | b';' | b'.' | b'"' | b'\'' | b'|')
}

/// What stands between one byte and the next: nothing, or separators and a `0x`; its length. (`\x` is an escape.)
fn gap(bytes: &[u8], at: usize) -> Option<usize> {
    let mut length = 0;
    while length <= WIDEST_GAP {
        let byte = *bytes.get(at + length)?;
        match byte {
            // `0x` before two digits: the 0 is no digit of the byte.
            b'0' if matches!(bytes.get(at + length + 1), Some(b'x' | b'X')) => length += 2,
            _ if digit(byte).is_some() => return Some(length),
            _ if is_gap(byte) => length += 1,
            // A soft line break of quoted-printable, whose escape it is else; and a line end that a backslash takes back, as in
            // what a Windows registry exports.
            b'=' | b'\\' if matches!(bytes.get(at + length + 1), Some(b'\r' | b'\n')) => length += 1,
            _ => return None,
        }
    }
    None
}

/// The text of the hex run around `at`, which is the first digit of a byte.
pub(in crate::detect) fn decode(bytes: &[u8], at: usize) -> Decoded {
    let mut places = Places::default();
    let mut text = Vec::new();
    let mut first = at;
    while let Some(before) = previous(bytes, first) {
        first = before;
    }
    let is_spaced = gap(bytes, first + 2).is_some_and(|gap| gap > 0);
    let mut next = first;
    while let Some(value) = pair(bytes, next) {
        // The `0x` of a byte belongs to it.
        let start = if bytes[..next].ends_with(b"0x") && is_spaced { next - 2 } else { next };
        places.push(start, next + 2);
        text.push(value);
        match gap(bytes, next + 2) {
            Some(length) => next += 2 + length,
            None => break,
        }
    }
    let to = places.last_end().unwrap_or(at);
    let is_close = to - first == text.len() * 2;
    let positions = if is_close { Positions::Units { first, width: 2 } } else { Positions::Places(places) };
    Decoded { text, positions, encoding: Encoding::Hex, name: "hex", from: first, to }
}

/// The first digit of the byte before the one at `at`.
fn previous(bytes: &[u8], at: usize) -> Option<usize> {
    // Close together, or with the shortest gap that leads here.
    (2..=WIDEST_GAP + 2).map_while(|back| at.checked_sub(back)).find_map(|before| {
        pair(bytes, before)?;
        if before + 2 == at {
            return Some(Some(before));
        }
        match gap(bytes, before + 2) {
            Some(length) if before + 2 + length == at => Some(Some(before)),
            _ => None,
        }
    })?
}

/// Whether a byte is one of text, wide text included.
fn is_text(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | b'\r' | 0x20..=0x7e)
}

/// The first digit of a byte near `at` from which on enough bytes in a row read as text.
pub(in crate::detect) fn text_around(bytes: &[u8], at: usize) -> Option<usize> {
    const NEAR: usize = 8;
    // Half of a byte, or the 0 of `0x`.
    (at..at + NEAR).find(|from| is_text_at(bytes, *from))
}

/// Whether the byte whose digits begin at `at` stands among enough that read as text: so many that some sample is among
/// their digits, wherever samples are taken.
pub(in crate::detect) fn is_text_at(bytes: &[u8], at: usize) -> bool {
    const BYTES: usize = 24;
    let (mut next, mut on) = (at, 0);
    while on < BYTES && pair(bytes, next).is_some_and(is_text) {
        on += 1;
        match gap(bytes, next + 2) {
            Some(length) => next += 2 + length,
            None => break,
        }
    }
    let (mut first, mut back) = (at, 0);
    while on >= 3
        && on + back < BYTES
        && let Some(before) = previous(bytes, first)
        && pair(bytes, before).is_some_and(is_text)
    {
        (first, back) = (before, back + 1);
    }
    on >= 3 && on + back >= BYTES
}

/// The first bytes of containers: gzip, zip, 7z, zstd, xz, bzip2, zlib.
const MAGIC: &[&[u8]] = &[
    &[0x1f, 0x8b, 0x08],
    b"PK\x03\x04",
    b"7z\xbc\xaf",
    &[0x28, 0xb5, 0x2f, 0xfd],
    b"\xfd7zXZ",
    b"BZh",
    &[0x78, 0x9c],
    &[0x78, 0x01],
    &[0x78, 0xda],
    &[0x78, 0x5e],
];

/// Whether a magic begins with each byte.
const FIRST_OF_MAGIC: [bool; 256] = {
    let mut table = [false; 256];
    let mut number = 0;
    while number < MAGIC.len() {
        table[MAGIC[number][0] as usize] = true;
        number += 1;
    }
    table
};

/// The first digit of the run around `at`, if it begins like a container and is as long as one that holds anything: so
/// long that some sample in its first half always is looked at, wherever samples are taken.
pub(in crate::detect) fn container_start(bytes: &[u8], at: usize) -> Option<usize> {
    const LONG: usize = 60;
    /// What may stand right before the digits that is of base64's alphabet too: `0x`, `\\x` and the like.
    const MARK: usize = 4;
    let is_digit = |byte: &&u8| DIGITS[usize::from(**byte)] != NONE;
    let back = bytes[..at].iter().rev().take_while(is_digit).count();
    let rest = LONG.saturating_sub(back);
    // Lines may be shorter than that.
    let on = bytes[at..].iter().take(2 * rest).filter(|byte| !matches!(byte, b'\r' | b'\n')).take(rest);
    if on.take_while(is_digit).count() < rest {
        return None;
    }
    let start = at - back;
    let before = bytes[..start].iter().rev().take(MARK + 1).take_while(|byte| base64::is_base64(**byte)).count();
    if before > MARK {
        return None;
    }
    // The digits of a `%20` before the run are no part of it.
    let start = if bytes[..start].ends_with(b"%") { start + 2 } else { start };
    // `0x`, `\\x` (PostgreSQL's) and `X'` (SQL's) leave the run as it is.
    let is_magic = |magic: &&&[u8]| magic.iter().enumerate().all(|(n, byte)| pair(bytes, start + n * 2) == Some(*byte));
    MAGIC.iter().find(is_magic).map(|_| start)
}

/// The first digit of the spaced run that begins like a container shortly before `at`, but not before `from`, and goes on
/// for as long as some sample always is in it, wherever samples are taken.
pub(in crate::detect) fn spaced_container_start(bytes: &[u8], at: usize, from: usize) -> Option<usize> {
    /// Between two samples, and a gap.
    const BACK: usize = 48;
    const LONG: usize = 64;
    let is_long = |start: usize| {
        let run = bytes[start..].iter().take(LONG).take_while(|byte| probe::SPACED_HEX[usize::from(**byte)]);
        run.count() == LONG
    };
    let is_magic = |start: usize| {
        MAGIC.iter().filter(|magic| pair(bytes, start) == magic.first().copied()).any(|magic| {
            let mut next = start;
            magic[1..].iter().all(|byte| {
                let gap = gap(bytes, next + 2).filter(|gap| *gap > 0);
                next += 2 + gap.unwrap_or(0);
                gap.is_some() && pair(bytes, next) == Some(*byte)
            })
        })
    };
    let is_part = |at: usize| at > 0 && bytes.get(at - 1).is_some_and(u8::is_ascii_hexdigit);
    let (from, to) = (at.saturating_sub(BACK).max(from), bytes.len().min(at + 9));
    let begins_one = |two: &[u8]| {
        let (upper, lower) = (DIGITS[usize::from(two[0])], DIGITS[usize::from(two[1])]);
        (upper | lower) & 0xf0 == 0 && FIRST_OF_MAGIC[usize::from(upper << 4 | lower)]
    };
    let may_be_one = bytes[from..to].windows(2).enumerate().filter(|(_, two)| begins_one(two));
    may_be_one.map(|(number, _)| from + number).find(|start| !is_part(*start) && is_magic(*start) && is_long(*start))
}

/// Whether the digits in `part` could be those of whole bytes: numbers, which are common, have odd lengths as well. What
/// the ends cut, and the 0 of a `0x`, may have any.
pub(in crate::detect) fn are_bytes(part: &[u8]) -> bool {
    let (mut group, mut is_cut) = (0, true);
    for byte in part {
        if DIGITS[usize::from(*byte)] != NONE {
            group += 1;
        } else {
            if group % 2 != 0 && !is_cut && !(group == 1 && byte | 0x20 == b'x') {
                return false;
            }
            (group, is_cut) = (0, false);
        }
    }
    true
}

/// A line of `xxd` or `hexdump -C`: an offset, at most sixteen bytes, and what they are in ASCII.
struct DumpLine {
    /// The first digits of its bytes.
    digits: Vec<usize>,
    /// One past its line end.
    next: usize,
}

/// Reads the line of a dump that begins at `start`.
fn dump_line(bytes: &[u8], start: usize) -> Option<DumpLine> {
    const BYTES: usize = 16;
    let run = |at: usize, is: fn(&u8) -> bool| bytes[at..].iter().take(40).take_while(|byte| is(byte)).count();
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let mut at = start + run(start, is_blank);
    let offset = run(at, u8::is_ascii_hexdigit);
    if !(4..=16).contains(&offset) {
        return None;
    }
    at += offset + usize::from(bytes.get(at + offset) == Some(&b':'));
    let mut digits = Vec::new();
    while digits.len() < BYTES {
        let blanks = run(at, is_blank);
        let group = run(at + blanks, u8::is_ascii_hexdigit);
        // Two blanks part the bytes in the middle or from the margin, more are left where bytes are missing.
        let is_group = (1..=2).contains(&blanks) && matches!(group, 2 | 4 | 8);
        if !is_group || (blanks == 2 && !digits.is_empty() && digits.len() != BYTES / 2) {
            break;
        }
        at += blanks;
        digits.extend((0..group).step_by(2).map(|digit| at + digit));
        at += group;
    }
    let rest = memchr::memchr(b'\n', bytes.get(at..)?).map_or(bytes.len(), |newline| at + newline + 1);
    // The margin is no longer than what it shows, two bars and blanks.
    let margin = rest - at;
    (!digits.is_empty() && (2..=80).contains(&margin)).then_some(DumpLine { digits, next: rest })
}

/// The text of the dump around `at`; `None` where there is none.
pub(in crate::detect) fn decode_dump(bytes: &[u8], at: usize) -> Option<Decoded> {
    let line_start = |at: usize| memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1);
    let mut start = line_start(at);
    dump_line(bytes, start)?;
    while start > 0 {
        let before = line_start(start - 1);
        if dump_line(bytes, before).is_none_or(|line| line.next != start) {
            break;
        }
        start = before;
    }
    let (mut places, mut text, mut next) = (Places::default(), Vec::new(), start);
    while let Some(line) = dump_line(bytes, next) {
        for digit in line.digits {
            text.extend(pair(bytes, digit));
            places.push(digit, digit + 2);
        }
        next = line.next;
        if next == bytes.len() {
            break;
        }
    }
    let positions = Positions::Places(places);
    (text.len() >= 30).then_some(Decoded {
        text,
        positions,
        encoding: Encoding::Hex,
        name: "hex",
        from: start,
        to: next,
    })
}

/// Whether the line around `at` is one of a dump.
pub(in crate::detect) fn is_dump(bytes: &[u8], at: usize) -> bool {
    const LINE: usize = 80;
    let near = at.saturating_sub(LINE);
    let newline = memchr::memrchr(b'\n', &bytes[near..at]).map(|newline| near + newline + 1);
    // A line that begins further away is none of a dump.
    let Some(start) = newline.or((near == 0).then_some(0)) else { return false };
    dump_line(bytes, start).is_some_and(|line| line.digits.len() >= 8)
}
