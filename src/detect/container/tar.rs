//! Tar: ustar, GNU and pax, and the oldest without magic.
//!
//! Headers are told by their checksum. Where one is damaged, reading goes on at the next block that is one; an
//! archive that was appended to another is read too. Holes of sparse files are not filled: what is handed over is
//! what is stored.

use std::borrow::Cow;

use super::budget::Limit;
use super::{Fault, Reading, Seen};

const BLOCK: usize = 512;
/// Longer paths than any system has are cut.
const LONGEST_PATH: usize = 64 << 10;

type Block = [u8; BLOCK];

/// Whether bytes begin like a tar: the magic, or a header whose checksum fits.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.first_chunk().is_some_and(|block: &Block| has_magic(block) || is_header(block))
}

fn has_magic(block: &Block) -> bool {
    matches!(&block[257..263], b"ustar\0" | b"ustar ")
}

/// Whether the checksum of a header fits; old writers summed signed bytes.
fn is_header(block: &Block) -> bool {
    let Some(stated) = octal(&block[148..156]) else { return false };
    if block[0] == 0 && !has_magic(block) {
        return false;
    }
    let blank = 8 * i64::from(b' ');
    let sum = |value: fn(u8) -> i64| -> i64 {
        block[..148].iter().chain(&block[156..]).map(|byte| value(*byte)).sum::<i64>() + blank
    };
    let stated = i64::try_from(stated).unwrap_or(i64::MAX);
    stated == sum(i64::from) || stated == sum(|byte| i64::from(byte as i8))
}

/// Octal digits with spaces before and a space, a NUL or nothing behind. None where there are no digits.
fn octal(field: &[u8]) -> Option<u64> {
    let start = field.iter().position(|byte| *byte != b' ')?;
    let digits = field[start..].iter().take_while(|byte| matches!(byte, b'0'..=b'7'));
    let (count, value) = digits.fold((0, 0u64), |(count, value), digit| {
        (count + 1, value.saturating_mul(8).saturating_add(u64::from(digit - b'0')))
    });
    let is_ended = matches!(field.get(start + count), None | Some(b' ' | 0));
    (count > 0 && is_ended).then_some(value)
}

/// A size: octal, or binary where its first bit is set (GNU). An empty field is none at all.
fn size(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, rest @ ..] => {
            rest.iter().try_fold(0u64, |value, byte| value.checked_mul(256)?.checked_add(u64::from(*byte)))
        }
        _ if field.iter().all(|byte| matches!(byte, 0 | b' ')) => Some(0),
        _ => octal(field),
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    &field[..memchr::memchr(0, field).unwrap_or(field.len())]
}

/// What headers before an entry say of it.
#[derive(Default)]
struct Ahead<'a> {
    path: Option<&'a [u8]>,
    link: Option<&'a [u8]>,
    size: Option<u64>,
}

/// Reads a tar.
pub(super) fn read(bytes: &[u8], reading: &mut Reading<'_, '_>) -> Result<Seen, Limit> {
    let mut seen = Seen::Nothing;
    let mut ahead = Ahead::default();
    // Behind the two blocks of zeros that end an archive anything may follow; elsewhere it is damage.
    let mut has_ended = false;
    let mut at = 0;
    while let Some(block) = bytes[at..].first_chunk::<BLOCK>() {
        reading.spend(BLOCK, 0)?;
        if block.iter().all(|byte| *byte == 0) {
            has_ended = true;
            at += BLOCK;
        } else if is_header(block) {
            (seen, has_ended) = (Seen::Container, false);
            at = entry(bytes, at, block, &mut ahead, reading)?.min(bytes.len());
        } else {
            if at == 0 && !has_magic(block) {
                return Ok(Seen::Nothing);
            }
            if !has_ended {
                reading.note(Fault::Damaged);
            }
            seen = Seen::Container;
            ahead = Ahead::default();
            at += BLOCK;
        }
    }
    if !has_ended && at < bytes.len() {
        reading.note(Fault::Cut);
    }
    Ok(seen)
}

/// Reads the entry whose header stands at `at`; where the next may be.
fn entry<'a>(
    bytes: &'a [u8],
    at: usize,
    block: &'a Block,
    ahead: &mut Ahead<'a>,
    reading: &mut Reading<'_, '_>,
) -> Result<usize, Limit> {
    let kind = block[156];
    let mut start = at + BLOCK;
    // Old GNU sparse: the map goes on in blocks of its own.
    let mut goes_on = kind == b'S' && block[482] != 0;
    while goes_on && start + BLOCK <= bytes.len() {
        goes_on = bytes[start + 504] != 0;
        start += BLOCK;
    }
    let stated = if matches!(kind, b'L' | b'K' | b'x' | b'X' | b'g') { None } else { ahead.size };
    let length = match stated.or_else(|| size(&block[124..136])) {
        // Links, devices and directories have none, whatever they say. Hard links may, in pax.
        _ if matches!(kind, b'2'..=b'6') => 0,
        Some(_) if kind == b'1' && bytes.get(start..).and_then(<[u8]>::first_chunk).is_some_and(is_header) => 0,
        Some(length) => usize::try_from(length).unwrap_or(usize::MAX),
        None => {
            reading.note(Fault::Damaged);
            0
        }
    };
    let rest = bytes.get(start..).unwrap_or_default();
    if length > rest.len() {
        reading.note(Fault::Cut);
    }
    let data = &rest[..length.min(rest.len())];
    reading.spend(data.len(), 0)?;
    match kind {
        b'L' => ahead.path = Some(until_nul(data)),
        b'K' => ahead.link = Some(until_nul(data)),
        b'x' | b'X' => {
            reading.hand_over(Some(&path(block, None)), data);
            pax(data, ahead);
        }
        b'g' => reading.hand_over(Some(&path(block, None)), data),
        _ => {
            reading.open()?;
            let ahead = std::mem::take(ahead);
            let path = path(block, ahead.path);
            reading.hand_over(Some(&path), ahead.link.unwrap_or_else(|| until_nul(&block[157..257])));
            reading.hand_over(Some(&path), data);
        }
    }
    Ok(start.saturating_add(length.checked_next_multiple_of(BLOCK).unwrap_or(usize::MAX)))
}

/// The path of an entry: what a header before it says, or its own name behind its prefix.
fn path<'a>(block: &'a Block, ahead: Option<&'a [u8]>) -> Cow<'a, [u8]> {
    let name = until_nul(&block[..100]);
    // GNU keeps other things there, and says so by spaces behind the magic.
    let prefix = if &block[257..263] == b"ustar\0" { until_nul(&block[345..500]) } else { &[] };
    match ahead {
        Some(path) => Cow::Borrowed(&path[..path.len().min(LONGEST_PATH)]),
        None if prefix.is_empty() => Cow::Borrowed(name),
        None => Cow::Owned([prefix, b"/", name].concat()),
    }
}

/// Reads pax records, `<length> <key>=<value>\n` each, as far as they are in order.
fn pax<'a>(mut data: &'a [u8], ahead: &mut Ahead<'a>) {
    while let Some((record, rest)) = pax_record(data) {
        data = rest;
        let Some(equals) = memchr::memchr(b'=', record) else { continue };
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" | b"GNU.sparse.name" => ahead.path = Some(value),
            b"linkpath" => ahead.link = Some(value),
            b"size" => ahead.size = decimal(value),
            _ => {}
        }
    }
}

/// The first record without its length and line end, and what follows it.
fn pax_record(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr::memchr(b' ', &data[..data.len().min(20)])?;
    let length = usize::try_from(decimal(&data[..space])?).ok()?;
    if length > data.len() || length <= space + 1 {
        return None;
    }
    let (record, rest) = data.split_at(length);
    let record = &record[space + 1..];
    Some((record.strip_suffix(b"\n").unwrap_or(record), rest))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
