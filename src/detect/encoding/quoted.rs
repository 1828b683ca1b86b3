//! Quoted-printable (RFC 2045): `=73`, and lines that go on after a `=`.

use super::super::layer::Positions;
use super::super::places::Places;
use super::super::probe::SPACED_HEX;
use super::hex::pair;
use super::{Decoded, Encoding};

/// A run is not followed further than this.
const REACH_BACK: usize = 64 << 10;
const REACH_ON: usize = 1 << 20;

/// So many blanks may stand between a `=` and the line end that it escapes.
const BLANKS: usize = 8;

/// How long a line end is that a `=` at `at` escapes: blanks may stand between.
pub(in crate::detect) fn soft_break(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'=') {
        return None;
    }
    let blanks = bytes[at + 1..].iter().take(BLANKS).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match &bytes[at + 1 + blanks..] {
        [b'\r', b'\n', ..] => Some(blanks + 3),
        [b'\n', ..] => Some(blanks + 2),
        _ => None,
    }
}

/// The `=` before the blank at `at` that ends a line, and the blanks before it.
pub(in crate::detect) fn equals_before(bytes: &[u8], at: usize) -> Option<usize> {
    let blanks = bytes[..at].iter().rev().take(BLANKS).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    (at - blanks).checked_sub(1).filter(|before| bytes[*before] == b'=')
}

/// Whether a `=` at `at` ends a line or spells what a key, an encoding of one or wide text has, or a container's mark. A
/// line that ends so is common in source and in lists of hashes: it counts where `may_hold` says that there may be
/// something in what the line end divides.
pub(in crate::detect) fn begins(bytes: &[u8], at: usize, may_hold: &dyn Fn(&[u8]) -> bool) -> bool {
    match bytes.get(at + 1..).unwrap_or_default() {
        // `_`, `=`, `+`, `/`, a carriage return, a NUL.
        [b'5', b'F' | b'f', ..] | [b'3', b'D' | b'd', ..] | [b'2', b'B' | b'F' | b'b' | b'f', ..] => true,
        [b'0', b'D' | b'd' | b'0', ..] => true,
        _ if is_container_mark(bytes, at) => true,
        [b'3'..=b'7', _, ..] => {
            pair(bytes, at + 1).is_some_and(|byte| byte.is_ascii_alphanumeric()) && is_near_prefix(bytes, at)
        }
        [b'\n' | b'\r' | b' ' | b'\t', ..] => {
            // A line end after a blank or before an empty line joins nothing, and is common in source.
            let joins = |length: usize| {
                let mut behind = bytes[at + length..].iter().take(64);
                behind.find(|byte| !matches!(byte, b' ' | b'\t')).is_some_and(|byte| !byte.is_ascii_whitespace())
            };
            // Quoted-printable spells a `=` that is text `=3D`, so that one before another is base64's filling, as hashes in
            // lock files end; and no credential goes on behind it.
            !bytes[..at].ends_with(b"=")
                && follows_text(&bytes[..at])
                && soft_break(bytes, at).is_some_and(|length| joins(length) && divides(bytes, at, length, may_hold))
        }
        _ => false,
    }
}

/// Whether a `=`, or a blank that ends a line, is nothing, whatever stands further from it than thirty bytes.
pub(in crate::detect) fn is_nothing_near(bytes: &[u8], at: usize) -> bool {
    const NEAR: usize = 24;
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let ends_line = |equals: usize| {
        let blanks = bytes[..equals].iter().rev().take(NEAR).take_while(|byte| is_blank(byte)).count();
        !bytes[..equals].ends_with(b"=") && (blanks == NEAR || follows_text(&bytes[..equals]))
    };
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'='), Some(b'\n' | b'\r' | b' ' | b'\t')) => !ends_line(at),
        (Some(b'='), _) => {
            pair(bytes, at + 1).is_none_or(|byte| !byte.is_ascii_alphanumeric() && !begins(bytes, at, &|_| true))
        }
        (Some(b' ' | b'\t'), _) => equals_before(bytes, at).is_none(),
        _ => false,
    }
}

/// Whether the soft break at `at`, of so many bytes, may stand in a credential, in whatever encoding: there is a sign of one
/// in the line that it makes whole, or that goes on further than is looked. Whole lines: base64 and hex can have blanks and
/// escapes in them.
fn divides(bytes: &[u8], at: usize, length: usize, may_hold: &dyn Fn(&[u8]) -> bool) -> bool {
    const FURTHEST: usize = 512;
    const SPACED: usize = 24;
    /// So few digits are numbers, or none: an indentation.
    const FEW: usize = 6;
    let is_line = |byte: &&u8| !matches!(**byte, b'\n' | b'\r');
    let left = bytes[..at].iter().rev().take(FURTHEST).take_while(is_line).count();
    let behind = (at + length).min(bytes.len());
    let right = bytes[behind..].iter().take(FURTHEST).take_while(is_line).count();
    let (from, to) = (at - left, behind + right);
    let before = bytes[..from].strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let comes_from_another = before.is_some_and(|line| without_blanks(line).ends_with(b"="));
    let leads_to_another = without_blanks(&bytes[behind..to]).ends_with(b"=");
    // A dump can go on over lines that have none, and begin right before this one.
    let are_spaced = |part: &[u8]| part.len() == SPACED && part.iter().all(|byte| SPACED_HEX[usize::from(*byte)]);
    let next = &bytes[behind..bytes.len().min(behind + SPACED)];
    let is_spaced = at.checked_sub(SPACED).is_some_and(|from| are_spaced(&bytes[from..at]))
        || (are_spaced(next) && next.iter().filter(|byte| byte.is_ascii_hexdigit()).count() >= FEW);
    left == FURTHEST
        || right == FURTHEST
        || comes_from_another
        || leads_to_another
        || is_spaced
        || may_hold(&[&bytes[from..at], &bytes[behind..to]].concat())
}

/// Without a few blanks at its end.
fn without_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().rev().take(64).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[..text.len() - blanks]
}

/// Whether the `=` at `at` spells the second byte of zlib's mark or zstd's, whose first is a character.
fn is_container_mark(bytes: &[u8], at: usize) -> bool {
    match (bytes[..at].last(), pair(bytes, at + 1)) {
        (Some(b'x'), Some(level)) => matches!(level, 0x01 | 0x5e | 0x9c | 0xda),
        (first, second) => (first, second) == (Some(&b'('), Some(0xb5)),
    }
}

/// Whether a letter that is spelt by the `=` at `at`, as none need be and few are, stands in a prefix or behind one. (One
/// whose `_` are spelt has another sign.)
fn is_near_prefix(bytes: &[u8], at: usize) -> bool {
    const PREFIX: usize = 8;
    const KEY: usize = 50;
    let spells = |mut position: usize, text: &[u8]| {
        text.iter().all(|letter| {
            let spelt = if bytes.get(position) == Some(&b'=') { pair(bytes, position + 1) } else { None };
            let is_it = spelt.or(bytes.get(position).copied()) == Some(*letter);
            position += if spelt.is_some() { 3 } else { 1 };
            is_it
        })
    };
    let first = at.saturating_sub(3 * KEY);
    let near = &bytes[first..bytes.len().min(at + 3 * PREFIX)];
    memchr::memchr_iter(b'_', near)
        .map(|underscore| first + underscore + 1)
        .any(|behind| spells(behind, b"live_") || spells(behind, b"test_"))
}

/// Whether a text ends so that a line end may have been put into it: not in a blank, unless it is a line's indentation
/// (which another encoding may have escaped the line end of).
fn follows_text(before: &[u8]) -> bool {
    let blanks = before.iter().rev().take(64).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match &before[..before.len() - blanks] {
        [] => false,
        _ if blanks == 0 => true,
        [.., b'\n' | b'\r' | b';'] | [.., b'\\', b'n' | b'r'] => true,
        _ => false,
    }
}

/// The text of the lines around `at` that soft breaks join, and whether anything but line ends is escaped in it.
pub(in crate::detect) fn decode(bytes: &[u8], at: usize) -> (Decoded, bool) {
    let (from, to) = lines_around(bytes, at);
    let (mut text, mut places) = (Vec::with_capacity(to - from), Places::default());
    let (mut position, mut escapes) = (from, false);
    while position < to {
        let plain = memchr::memchr(b'=', &bytes[position..to]).unwrap_or(to - position);
        text.extend_from_slice(&bytes[position..position + plain]);
        places.extend(position, plain, 1);
        position += plain;
        if position == to {
            break;
        }
        if let Some(length) = soft_break(bytes, position) {
            position += length;
            continue;
        }
        let escaped = pair(bytes, position + 1).filter(|_| position + 3 <= to);
        let (byte, length) = escaped.map_or((b'=', 1), |byte| (byte, 3));
        escapes |= length > 1;
        text.push(byte);
        places.push(position, position + length);
        position += length;
    }
    (
        Decoded {
            text,
            positions: Positions::Places(places),
            encoding: Encoding::QuotedPrintable,
            name: "quoted-printable",
            from,
            to,
        },
        escapes,
    )
}

/// The lines around `at` in which something is escaped, and those between and beside them: not every line of a text
/// has an escape.
fn lines_around(bytes: &[u8], at: usize) -> (usize, usize) {
    /// So far from a line with an escape, if it is so many lines as well.
    const FAR: usize = 2 << 10;
    const MOST_PLAIN: usize = 64;
    let line_start = |at: usize| memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1);
    let line_end = |at: usize| memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |newline| at + newline);
    let is_quoted = |from: usize, to: usize| {
        memchr::memchr_iter(b'=', &bytes[from..to])
            .map(|equals| from + equals)
            .any(|equals| soft_break(bytes, equals).is_some() || pair(bytes, equals + 1).is_some())
    };
    let is_soft = |end: usize| {
        let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]).trim_ascii_end();
        line.ends_with(b"=")
    };
    let mut from = line_start(at);
    let (mut plain, mut last) = (0, from);
    while from > 0 && at - from < REACH_BACK && (plain < MOST_PLAIN || last - from < FAR) {
        let before = line_start(from - 1);
        if is_quoted(before, from) {
            (plain, last) = (0, before);
        } else {
            plain += 1;
        }
        from = before;
    }
    let mut to = line_end(at);
    (plain, last) = (0, to);
    while to < bytes.len() && to - at < REACH_ON && (plain < MOST_PLAIN || to - last < FAR) {
        let next = line_end(to + 1);
        // What a soft break leads to is the same line.
        if is_soft(to) || is_quoted(to + 1, next) {
            (plain, last) = (0, next);
        } else {
            plain += 1;
        }
        to = next;
    }
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_behind_an_equals_sign_but_not_behind_two() {
        let ends_softly = |text: &str| {
            let text = format!("{text}\nabcdefghijkl");
            begins(text.as_bytes(), text.rfind('=').unwrap(), &|_| true)
        };
        assert!(ends_softly("abc=") && ends_softly("abc=\r") && ends_softly("abc=3D=") && ends_softly("a b= "));
        assert!(!ends_softly("abc==") && !ends_softly("abc==\t\r") && !ends_softly("abc ="));
    }

    #[test]
    fn what_a_line_end_divides_is_asked_for_once_it_is_whole() {
        use std::cell::RefCell;
        let asked = |text: &str| {
            let all = RefCell::new(Vec::new());
            let begins = begins(text.as_bytes(), text.find('=').unwrap(), &|whole| {
                all.borrow_mut().push(String::from_utf8(whole.to_vec()).unwrap());
                false
            });
            (begins, all.into_inner())
        };
        let whole = |text: &str| (false, vec![text.to_owned()]);
        assert_eq!(asked("x\na module/v2 h1:abcdef=\nan/other v1\ny"), whole("a module/v2 h1:abcdefan/other v1"));
        assert_eq!(asked("abcdefgh= \r\n  ijklmnop\nq"), whole("abcdefgh  ijklmnop"));
        // What goes on.
        assert_eq!(asked("abcdef=\nghijkl=\nm"), (true, Vec::new()));
        let last = "abcdef=\n ghijkl=\nm";
        assert!(begins(last.as_bytes(), last.rfind('=').unwrap(), &|_| false));
        assert_eq!(asked(&format!("{}=\nb", "a".repeat(600))), (true, Vec::new()));
        assert_eq!(asked("73 6b 5f 6c 69 76 65 5f 61=\n 62 63"), (true, Vec::new()));
    }
}
