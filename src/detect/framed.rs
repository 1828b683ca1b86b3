//! Binary formats that say how long a text is: where one says 50 bytes, what follows the fiftieth is no part of it.

use super::layer::Layer;

/// How many bytes a whole secret key has.
const KEY: usize = 50;

/// So far around a token it is looked at whether the content is binary, and for a record's header.
const NEAR: usize = 512;

/// What says that the text at `at` of a layer has exactly the length of a key, if the content is binary: right there,
/// or around the wide text that the layer was decoded from.
pub(super) fn says_key_length(layer: &Layer<'_>, at: usize) -> Option<&'static str> {
    says_length(layer.bytes, at, KEY).or_else(|| {
        let (parent, from, width) = layer.wide_outside(at)?;
        says_length(parent.bytes, from, KEY * width)
    })
}

/// What says that the text at `at` of `bytes` is `length` bytes long.
fn says_length(bytes: &[u8], at: usize, length: usize) -> Option<&'static str> {
    if !is_binary(bytes, at) {
        return None;
    }
    // MessagePack, CBOR, protobuf, Thrift, BSON and their like: the length stands right before the text, in one byte
    // or as the last or first of several. Avro and its like double it, which leaves a bit for the sign.
    let is = |byte: u8, stated: usize| usize::from(byte) == stated;
    let is_length = match &bytes[..at] {
        [.., byte] if is(*byte, length) || is(*byte, length * 2) => true,
        [.., byte, 0, 0, 0] => is(*byte, length) || is(*byte, length + 1),
        _ => false,
    };
    if is_length {
        return Some("the length that binary content states right before it is that of a key");
    }
    is_sqlite_column(bytes, at, length)
        .then_some("the record of the SQLite page it stands in gives it the length of a key")
}

/// Whether the bytes around `at` have what no text has: a control character, or what is no UTF-8.
fn is_binary(bytes: &[u8], at: usize) -> bool {
    let first = at.saturating_sub(NEAR);
    let near = &bytes[first..bytes.len().min(at + NEAR)];
    let is_control = |byte: &u8| matches!(byte, 0..=8 | 11 | 14..=26 | 28..=31);
    if near.iter().any(is_control) {
        return true;
    }
    // A character cut in two at either end is none.
    let may_be_cut = if first > 0 { 3 } else { 0 };
    let cut = near.iter().take(may_be_cut).take_while(|byte| **byte & 0xc0 == 0x80).count();
    let mut chunks = near[cut..].utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        if !chunk.invalid().is_empty() && chunks.peek().is_some() {
            return true;
        }
    }
    false
}

/// A database, a write-ahead log of either byte order and a rollback journal (SQLite's file format, sections 1.3, 4.1
/// and 3).
const SQLITE: [&[u8]; 4] = [
    b"SQLite format 3\0",
    &[0x37, 0x7f, 0x06, 0x82],
    &[0x37, 0x7f, 0x06, 0x83],
    &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7],
];

/// Whether some record has a text of `length` bytes begin at `at` (SQLite's file format, sections 1.6 and 2.1: a cell is
/// the length of its record, a row's number unless it is an index's, and the record: a header of its own length and
/// serial types, then the columns without a gap; a text of n bytes has the type 2n + 13). That both lengths agree is no
/// chance; in a database it need not be seen, since what frees a cell writes over its beginning (section 1.5).
fn is_sqlite_column(bytes: &[u8], at: usize, length: usize) -> bool {
    let text_type = (length * 2 + 13) as u64;
    let is_database = SQLITE.iter().any(|magic| bytes.starts_with(magic));
    (at.saturating_sub(NEAR)..at).rev().any(|header| {
        let Some((length, first)) = varint(bytes, header) else { return false };
        let end = header.saturating_add(length as usize);
        if !(2..=200).contains(&length) || end > at {
            return false;
        }
        let (mut next, mut column, mut is_text) = (first, end, false);
        while next < end {
            let Some((kind, after)) = varint(bytes, next) else { return false };
            let width = match kind {
                0 | 8 | 9 => 0,
                1..=4 => kind as usize,
                5 => 6,
                6 | 7 => 8,
                12.. => ((kind - 12) / 2) as usize,
                _ => return false,
            };
            // NULL, 0, 1 and what is empty stand nowhere: the text may be that of the column behind.
            if column == at && width > 0 {
                is_text = kind == text_type;
            }
            if column >= at && width > 0 && !is_text {
                return false;
            }
            column += width;
            next = after;
        }
        next == end && is_text && (is_database || is_record_length(bytes, header, (column - header) as u64))
    })
}

/// Whether before the record at `at` stands that it has so many bytes.
fn is_record_length(bytes: &[u8], at: usize, length: u64) -> bool {
    let ends_at = |start: usize, end: usize| varint(bytes, start).filter(|(_, after)| *after == end);
    let is_length = |end: usize| {
        let starts = (1..=3).filter_map(|back| end.checked_sub(back));
        starts.into_iter().any(|start| ends_at(start, end).is_some_and(|(value, _)| value == length))
    };
    // A row's number has up to nine bytes, all but the last of which go on.
    let row = 1 + bytes[..at].iter().rev().skip(1).take(8).take_while(|byte| **byte >= 0x80).count();
    let is_end = bytes[..at].last().is_some_and(|byte| *byte < 0x80);
    is_length(at) || (is_end && (1..=row).any(|row| at.checked_sub(row).is_some_and(is_length)))
}

/// SQLite's variable-length integer, of up to three bytes, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for length in 0..3 {
        let byte = *bytes.get(at + length)?;
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, at + length + 1));
        }
    }
    None
}
