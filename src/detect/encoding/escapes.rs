//! Escapes that stand for single characters in text that else stands as it is: percent, backslash, entities.
//!
//! None has a fixed spelling (any character of a key may be escaped or not), so a run is decoded wherever an escape
//! stands that a key or its encoding could be spelt with.

use super::super::layer::Positions;
use super::super::places::Places;
use super::super::probe::SPACED_HEX;
use super::base64::is_base64;
use super::hex::{digit, pair};
use super::{Decoded, Encoding};

/// A run is not followed further than this from where an escape stands.
const REACH_BACK: usize = 64 << 10;
const REACH_ON: usize = 256 << 10;

/// Shorter runs hold no credential.
const SHORTEST: usize = 30;

/// The byte that an escape stands for (0xff for what is no ASCII), and how many bytes it takes.
type Escape = Option<(u8, usize)>;

/// The encoding of an escape that stands at `at` and that a key, or an encoding of one, could be spelt with.
pub(in crate::detect) fn escape_at(bytes: &[u8], at: usize) -> Option<Encoding> {
    escape(bytes, at, &|behind| is_in_run(bytes, at, behind))
}

/// Whether a byte that can begin an escape begins none, whatever stands further from it than thirty bytes.
pub(in crate::detect) fn is_nothing_near(bytes: &[u8], at: usize) -> bool {
    let is_one_of_many = match bytes.get(at) {
        Some(b'\\') => bytes.get(at + 1) == Some(&b'\\'),
        _ => pair(bytes, at + 1) == Some(b'%'),
    };
    !is_one_of_many && escape(bytes, at, &|_| follows_run(bytes, at)).is_none()
}

/// Whether what stands at `at` is the spelling, escaped once or more, of a letter, a digit or a sign of base64: what ends
/// there as it stands goes on.
pub(in crate::detect) fn goes_on(bytes: &[u8], at: usize) -> bool {
    /// A percent sign can be encoded hundreds of times.
    const LONGEST: usize = 1200;
    if !matches!(bytes.get(at), Some(b'%' | b'&' | b'\\' | b'=')) {
        return false;
    }
    let mut text = bytes[at..].iter().take(LONGEST).copied().collect::<Vec<u8>>();
    let mut from = 0;
    while let Some((byte, length)) = match text.get(from) {
        Some(b'%') => percent(&text, from),
        Some(b'&') => entity(&text, from),
        Some(b'\\') => backslash(&text, from),
        Some(b'=') => pair(&text, from + 1).filter(|byte| b"+/=_".contains(byte)).map(|byte| (byte, 3)),
        _ => None,
    } {
        if byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte) {
            return true;
        }
        // It may be the beginning of another.
        from += length - 1;
        text[from] = byte;
    }
    false
}

/// The encoding of an escape at `at`; `is_in_run`: whether a line end up to a place belongs to a run.
fn escape(bytes: &[u8], at: usize, is_in_run: &dyn Fn(usize) -> bool) -> Option<Encoding> {
    // What a key has, what base64 and hex have, what a terminal's colour has, and what begins another escape.
    let tells = |byte: u8| byte.is_ascii_alphanumeric() || b"_+/=-%\\&#;[\0".contains(&byte);
    let separates = |byte: u8| b"\n\r ,:".contains(&byte);
    match bytes.get(at)? {
        b'%' => {
            let (byte, length) = percent(bytes, at)?;
            // What is no ASCII may be a container's, of which most bytes are spelt so.
            let is_containers = byte >= 0x80 && has_company(bytes, at);
            let tells = tells(byte) || is_containers || (separates(byte) && is_in_run(at + length));
            tells.then_some(Encoding::Percent)
        }
        b'&' => {
            let (byte, _) = entity(bytes, at)?;
            (tells(byte) || separates(byte)).then_some(Encoding::Entities)
        }
        b'\\' => {
            let more = bytes[at..].iter().take(64).take_while(|byte| **byte == b'\\').count();
            let last = at + more - 1;
            let is_numeric = matches!(bytes.get(last + 1), Some(b'u' | b'U' | b'x' | b'/' | b'0'..=b'7'));
            let tells = is_numeric && backslash(bytes, last).is_some_and(|(byte, _)| tells(byte) || separates(byte));
            let folds = matches!(bytes.get(last + 1), Some(b'n' | b'r')) && is_in_run(last + 2);
            // Markdown's, in a prefix: `sk\_live\_`.
            let marks_down = bytes.get(last + 1) == Some(&b'_') && bytes[..at].ends_with(b"k");
            // And zlib's marks, whose first byte is a letter: Python prints it as one.
            let is_zlibs = more == 1
                && bytes.get(at + 1) == Some(&b'x')
                && matches!(pair(bytes, at + 2), Some(0x9c | 0xda | 1))
                && (bytes[..at].ends_with(b"x") || bytes[..at].ends_with(b"\\x78"));
            (tells || folds || marks_down || is_zlibs).then_some(Encoding::Backslash)
        }
        _ => None,
    }
}

/// Whether base64, a dump of hex or a soft break of quoted-printable goes on over an escaped line end.
fn is_in_run(bytes: &[u8], at: usize, behind: usize) -> bool {
    // The other half of a line end may stand as it is.
    let is_skipped = |byte: &&u8| matches!(**byte, b'\\' | b'n' | b' ' | b'%' | b'\r' | b'\n');
    let goes_on = || {
        let skip = bytes[behind.min(bytes.len())..].iter().take(500).take_while(is_skipped).count();
        let next = bytes.get(behind + skip);
        next.is_some_and(|byte| is_base64(*byte) || matches!(byte, b'=' | b',' | b'&' | b'\\'))
    };
    follows_soft_break(bytes, at) || (follows_run(bytes, at) && goes_on())
}

/// Whether another byte in percent stands near the one at `at`: most that stand alone are a program's format.
fn has_company(bytes: &[u8], at: usize) -> bool {
    const NEAR: usize = 24;
    let near = &bytes[at.saturating_sub(NEAR)..bytes.len().min(at + NEAR)];
    let others = near.windows(3).filter(|three| three[0] == b'%' && pair(three, 1).is_some());
    others.take(2).count() > 1
}

/// Whether a `=` that ends a line of quoted-printable may stand before the escape at `at`.
fn follows_soft_break(bytes: &[u8], at: usize) -> bool {
    let before = &bytes[..at - blanks_before(bytes, at)];
    before.ends_with(b"=") || before.ends_with(b"=0D")
}

/// Whether base64 or a dump of hex may end before the escape at `at`, or such a `=`.
fn follows_run(bytes: &[u8], at: usize) -> bool {
    const LINE: usize = 24;
    let end = at - blanks_before(bytes, at);
    let is_spaced = |byte: &u8| SPACED_HEX[*byte as usize] || matches!(byte, b'\\' | b'n' | b'r' | b'%');
    let is_run =
        |before: &[u8]| before.iter().all(|byte| is_base64(*byte) || *byte == b'%') || before.iter().all(is_spaced);
    follows_soft_break(bytes, at) || end.checked_sub(LINE).is_some_and(|from| is_run(&bytes[from..end]))
}

/// How many blanks stand before `at`, up to four.
fn blanks_before(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().rev().take(4).take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// `%73`, and JavaScript's old `%u0073`.
fn percent(bytes: &[u8], at: usize) -> Escape {
    // A percent sign that was encoded again and again is one escape: a path of `%252525…` is no deep nesting.
    const AGAIN: usize = 3;
    let again = bytes[at + 1..].chunks_exact(2).take(500).take_while(|pair| *pair == b"25").count();
    if again >= AGAIN
        && let Some(value) = pair(bytes, at + 1 + again * 2)
    {
        return Some((value, 3 + again * 2));
    }
    if let Some(value) = pair(bytes, at + 1) {
        return Some((value, 3));
    }
    matches!(bytes.get(at + 1), Some(b'u')).then(|| code_point(bytes, at + 2, 4)).flatten().map(|value| (value, 6))
}

fn code_point(bytes: &[u8], at: usize, digits: usize) -> Option<u8> {
    let mut value = 0;
    for byte in bytes.get(at..at + digits)? {
        value = (value << 4) | u32::from(digit(*byte)?);
    }
    Some(ascii(value))
}

/// The byte of an ASCII character; no key has another.
fn ascii(code_point: u32) -> u8 {
    u8::try_from(code_point).ok().filter(u8::is_ascii).unwrap_or(0xff)
}

/// An escape of JSON, C, JavaScript, Rust, Python or a shell.
fn backslash(bytes: &[u8], at: usize) -> Escape {
    let next = *bytes.get(at + 1)?;
    let hex = |digits: usize| code_point(bytes, at + 2, digits).map(|character| (character, digits + 2));
    match next {
        b'u' if bytes.get(at + 2) == Some(&b'{') => {
            let digits = bytes[at + 3..].iter().take(6).take_while(|byte| digit(**byte).is_some()).count();
            let closed = bytes.get(at + 3 + digits) == Some(&b'}');
            let value = (digits > 0 && closed).then(|| code_point(bytes, at + 3, digits)).flatten()?;
            Some((value, digits + 4))
        }
        b'u' => hex(4),
        b'U' => hex(8),
        b'x' => pair(bytes, at + 2).map(|value| (value, 4)),
        b'0'..=b'3' => {
            let octal = bytes.get(at + 1..at + 4)?;
            let value = octal.iter().try_fold(0u32, |value, byte| {
                matches!(byte, b'0'..=b'7').then(|| value * 8 + u32::from(byte - b'0'))
            })?;
            Some((value as u8, 4))
        }
        b'n' => Some((b'\n', 2)),
        b'r' => Some((b'\r', 2)),
        b't' => Some((b'\t', 2)),
        b'/' | b'\\' | b'"' | b'\'' | b'_' => Some((next, 2)),
        _ => None,
    }
}

/// A numeric entity, or one of the few named ones that a key or its encoding could be spelt with.
fn entity(bytes: &[u8], at: usize) -> Escape {
    const NAMED: &[(&[u8], u8)] = &[
        (b"&amp;", b'&'),
        (b"&lowbar;", b'_'),
        (b"&UnderBar;", b'_'),
        (b"&plus;", b'+'),
        (b"&sol;", b'/'),
        (b"&equals;", b'='),
        (b"&percnt;", b'%'),
        (b"&bsol;", b'\\'),
        (b"&num;", b'#'),
        (b"&semi;", b';'),
        (b"&hyphen;", b'-'),
        (b"&quot;", b'"'),
        (b"&apos;", b'\''),
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
    ];
    if bytes.get(at + 1) != Some(&b'#') {
        let rest = &bytes[at..];
        // Programs are full of `&` and `&&`.
        if !rest.get(1).is_some_and(u8::is_ascii_alphabetic) {
            return None;
        }
        return NAMED.iter().find(|(name, _)| rest.starts_with(name)).map(|(name, value)| (*value, name.len()));
    }
    let is_hex = matches!(bytes.get(at + 2), Some(b'x' | b'X'));
    let (first, radix) = if is_hex { (at + 3, 16) } else { (at + 2, 10) };
    let digits = bytes[first.min(bytes.len())..].iter().take(9);
    let digits = digits.take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let value = bytes[first.min(bytes.len())..][..digits]
        .iter()
        .try_fold(0u32, |value, byte| value.checked_mul(radix)?.checked_add(char::from(*byte).to_digit(radix)?))?;
    // Browsers take a numeric entity without its semicolon.
    let semicolon = usize::from(bytes.get(first + digits) == Some(&b';'));
    if semicolon == 0 && value < 0x20 {
        return None;
    }
    (digits > 0).then_some((ascii(value), first + digits + semicolon - at))
}

/// The text of the run around the escape at `at`; `None` where the run is too short for a credential.
pub(in crate::detect) fn decode(bytes: &[u8], at: usize, encoding: Encoding) -> Option<Decoded> {
    let bounds = match encoding {
        Encoding::Backslash => literal_around(bytes, at, Ends::AnyQuote),
        Encoding::Entities => node_around(bytes, at),
        _ => word_around(bytes, at),
    };
    undo(bytes, bounds, encoding)
}

/// The same of a string literal up to the quote that it began with: the others may stand in it as they are.
pub(in crate::detect) fn decode_literal(bytes: &[u8], at: usize) -> Option<Decoded> {
    undo(bytes, literal_around(bytes, at, Ends::OwnQuote), Encoding::Backslash)
}

/// How the literal around `at` begins, as far as the mark of a container goes: the first escape that could be a key's may
/// stand behind that.
pub(in crate::detect) fn beginning(bytes: &[u8], at: usize) -> Vec<u8> {
    const BEFORE: usize = 512;
    const FAR: usize = 160;
    let first = at.saturating_sub(BEFORE);
    let from = memchr::memrchr3(b'"', b'\'', b'`', &bytes[first..at]).map_or(first, |quote| first + quote);
    let bounds = (from, bytes.len().min(from + FAR));
    undo(bytes, bounds, Encoding::Backslash).map_or_else(Vec::new, |decoded| decoded.text)
}

/// The text from `from` on, where the escape that stands at `at` is undone, and so much behind it.
pub(in crate::detect) fn decode_from(bytes: &[u8], from: usize, at: usize) -> Option<Decoded> {
    const BEHIND: usize = 400;
    let encoding = escape_at(bytes, at)?;
    undo(bytes, (from, bytes.len().min(at + BEHIND)), encoding)
}

fn undo(bytes: &[u8], (from, to): (usize, usize), encoding: Encoding) -> Option<Decoded> {
    if to - from < SHORTEST {
        return None;
    }
    let (mut text, mut places) = (Vec::with_capacity(to - from), Places::default());
    let (mut position, mut spelling) = (from, Spelling::default());
    let begins = match encoding {
        Encoding::Percent => b'%',
        Encoding::Entities => b'&',
        _ => b'\\',
    };
    while position < to {
        let plain = memchr::memchr(begins, &bytes[position..to]).unwrap_or(to - position);
        text.extend_from_slice(&bytes[position..position + plain]);
        places.extend(position, plain, 1);
        position += plain;
        if position == to {
            break;
        }
        let escape = match encoding {
            Encoding::Percent => percent(bytes, position),
            Encoding::Entities => entity(bytes, position),
            _ => backslash(bytes, position),
        };
        let (character, length) = match escape {
            Some((character, length)) if position + length <= to => {
                spelling.note(bytes[position + 1]);
                (character, length)
            }
            _ => (bytes[position], 1),
        };
        text.push(character);
        places.push(position, position + length);
        position += length;
    }
    let name = match encoding {
        Encoding::Percent => "percent",
        Encoding::Entities => "html-entities",
        _ => spelling.name(),
    };
    Some(Decoded { text, positions: Positions::Places(places), encoding, name, from, to })
}

/// Which escapes a run is spelt with, for its name.
#[derive(Default)]
struct Spelling {
    unicode: bool,
    hex: bool,
}

impl Spelling {
    fn note(&mut self, kind: u8) {
        self.unicode |= matches!(kind, b'u' | b'U');
        self.hex |= matches!(kind, b'x' | b'0'..=b'7');
    }

    fn name(&self) -> &'static str {
        match (self.unicode, self.hex) {
            (true, _) => "unicode-escape",
            (_, true) => "hex",
            _ => "json-escape",
        }
    }
}

/// The run around `at` that no white space and no quote ends, and a little before and behind it for its context.
fn word_around(bytes: &[u8], at: usize) -> (usize, usize) {
    const CONTEXT: usize = 200;
    let is_word = |byte: &&u8| !byte.is_ascii_whitespace() && !matches!(**byte, b'"' | b'\'' | b'<' | b'>' | b'`');
    let back = bytes[..at].iter().rev().take(REACH_BACK).take_while(is_word).count();
    let on = bytes[at..].iter().take(REACH_ON).take_while(is_word).count();
    let is_line = |byte: &&u8| !matches!(**byte, b'\n' | b'\r' | 0);
    let before = bytes[..at - back].iter().rev().take(CONTEXT).take_while(is_line).count();
    (at - back - before, at + on)
}

/// The text between tags, or the tag, around `at`.
fn node_around(bytes: &[u8], at: usize) -> (usize, usize) {
    let is_node = |byte: &&u8| !matches!(**byte, b'<' | b'>');
    let back = bytes[..at].iter().rev().take(REACH_BACK).take_while(is_node).count();
    let on = bytes[at..].iter().take(REACH_ON).take_while(is_node).count();
    (at - back, at + on)
}

/// What ends a string literal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    AnyQuote,
    /// The quote that it began with.
    OwnQuote,
}

/// The string literal around `at`: up to a quote that no backslash escapes. A line end is no end of it: some languages
/// allow one, and another encoding may have put it there.
fn literal_around(bytes: &[u8], at: usize, ends: Ends) -> (usize, usize) {
    let is_end = |position: &usize| {
        matches!(bytes[*position], b'"' | b'\'' | b'`') && (*position == 0 || bytes[*position - 1] != b'\\')
    };
    let first = at.saturating_sub(REACH_BACK);
    let from = (first..at).rev().find(is_end).map_or(first, |position| position + 1);
    let last = bytes.len().min(at + REACH_ON);
    let own = from.checked_sub(1).map(|before| bytes[before]).filter(|_| ends == Ends::OwnQuote && from > first);
    let is_own = |position: &usize| is_end(position) && own.is_none_or(|own| own == bytes[*position]);
    let to = (at..last).find(is_own).unwrap_or(last);
    // The name that the literal is the value of is context too.
    const CONTEXT: usize = 100;
    let is_line = |byte: &&u8| !matches!(**byte, b'\n' | b'\r' | 0);
    let before = bytes[..from].iter().rev().take(CONTEXT).take_while(is_line).count();
    (from - before, to)
}
