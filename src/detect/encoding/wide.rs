//! UTF-16 and UTF-32, either byte order, with a mark or without.

use super::super::layer::Positions;
use super::{Decoded, Encoding};

/// What both byte orders have in common: the characters with a NUL between each two.
pub(super) fn utf16_core(text: &[u8]) -> Vec<u8> {
    let mut core: Vec<u8> = text.iter().flat_map(|byte| [*byte, 0]).collect();
    core.pop();
    core
}

/// So many characters that are no ASCII may stand in a row within one run.
const FOREIGN: usize = 64;

/// The text around the ASCII character at byte `at`, which has NULs beside it: once, or in both byte orders where its
/// ends speak for either.
pub(in crate::detect) fn decode(bytes: &[u8], at: usize) -> Vec<Decoded> {
    let width = if is_utf32(bytes, at) { 4 } else { 2 };
    let (first, second) = order(bytes, at, width);
    let read = |order| {
        // A big-endian character begins with its NULs; at the very start of the bytes they may be cut off.
        let start = if order == Order::Little { at } else { at.saturating_sub(width - 1) };
        (start + width <= bytes.len()).then(|| units(bytes, start, width, order))
    };
    [Some(first), second].into_iter().flatten().filter_map(read).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

/// Whether the characters at `at` and after it have three NULs between each two.
fn is_utf32(bytes: &[u8], at: usize) -> bool {
    let is_character = |at: usize| bytes.get(at).is_some_and(|byte| *byte != 0);
    let three = |at: usize| bytes.get(at..at + 3) == Some(&[0, 0, 0]);
    let forward = is_character(at) && three(at + 1) && is_character(at + 4);
    let backward = at >= 4 && is_character(at) && three(at - 3) && is_character(at - 4);
    forward || backward
}

/// Which byte order: a row of ASCII characters looks the same in both. Where fewer NULs than a character has stand
/// right before the row, or right behind it, that tells. Else a byte order mark does, then whether the row reaches an
/// end of the bytes, and at last whether its characters stand at even bytes.
fn order(bytes: &[u8], at: usize, width: usize) -> (Order, Option<Order>) {
    let row = Row::around(bytes, at, width, |byte| matches!(byte, 0x07..=0x0d | 0x1b | 0x20..=0x7e));
    let (first, last, nuls) = (row.first, row.last, width - 1);
    let is_cut_start = first > 0 && first < nuls && bytes[..first].iter().all(|byte| *byte == 0);
    let speaks_little = row.starts && !is_cut_start && (first < nuls || !are_nul(bytes, first - nuls, nuls));
    let speaks_big = is_cut_start || (row.ends && !are_nul(bytes, last + 1, nuls));
    match (speaks_little, speaks_big) {
        // Other text stands before the one or behind the other, and its nearest character is read as one of the row.
        (true, true) if width == 2 && is_led_in(bytes, first, last) => (Order::Big, Some(Order::Little)),
        (true, true) => (Order::Little, Some(Order::Big)),
        (true, false) => (Order::Little, None),
        (false, true) => (Order::Big, None),
        (false, false) => (order_by_mark(bytes, at, width), None),
    }
}

/// Whether a row's first character is the last one of other text before it, rather than its last one the first of other
/// text behind.
fn is_led_in(bytes: &[u8], first: usize, last: usize) -> bool {
    let is_edge = |at: usize| !bytes[at].is_ascii_alphanumeric();
    let is_behind_text = first > 0 && matches!(bytes[first - 1], b'\t' | b'\n' | b' '..=b'~');
    (is_behind_text && last + 1 == bytes.len()) || (is_edge(first) && !is_edge(last))
}

/// Characters of a row of wide text, each with its NULs.
struct Row {
    /// The first one's byte that is no NUL, and the last one's.
    first: usize,
    last: usize,
    /// Whether the row begins and ends there, and was not only followed so far.
    starts: bool,
    ends: bool,
}

impl Row {
    fn around(bytes: &[u8], at: usize, width: usize, is_text: fn(u8) -> bool) -> Self {
        /// So many characters are looked at to both sides.
        const FAR: usize = 4096;
        let nuls = width - 1;
        let is_text = |at: usize| bytes.get(at).is_some_and(|byte| is_text(*byte));
        let (mut first, mut last, mut steps) = (at, at, 0);
        while steps < FAR && first >= width && are_nul(bytes, first - nuls, nuls) && is_text(first - width) {
            (first, steps) = (first - width, steps + 1);
        }
        let starts = steps < FAR;
        steps = 0;
        while steps < FAR && are_nul(bytes, last + 1, nuls) && is_text(last + width) {
            (last, steps) = (last + width, steps + 1);
        }
        Self { first, last, starts, ends: steps < FAR }
    }
}

fn are_nul(bytes: &[u8], from: usize, count: usize) -> bool {
    bytes.get(from..from + count).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0))
}

/// The same where the row's ends do not tell.
fn order_by_mark(bytes: &[u8], at: usize, width: usize) -> Order {
    // With letters that have accents.
    let row = Row::around(bytes, at, width, |byte| byte != 0);
    let (first, nuls) = (row.first, width - 1);
    let (little, big): (&[u8], &[u8]) =
        if width == 4 { (&[0xff, 0xfe, 0, 0], &[0, 0, 0xfe, 0xff]) } else { (&[0xff, 0xfe], &[0xfe, 0xff]) };
    if bytes.starts_with(little) && at.is_multiple_of(width) {
        return Order::Little;
    }
    if bytes.starts_with(big) && at % width == nuls {
        return Order::Big;
    }
    // Whether the row's last byte, or its first, is that of a character or a NUL.
    match (row.ends, bytes.len() - row.last) {
        (true, 1) => return Order::Big,
        (true, rest) if rest == width => return Order::Little,
        _ => {}
    }
    if row.starts && first == nuls {
        return Order::Big;
    }
    if row.starts && first == 0 {
        return Order::Little;
    }
    if at.is_multiple_of(width) { Order::Little } else { Order::Big }
}

/// The run of units of `width` bytes around the one at `start`. What no byte stands for is 0xff.
fn units(bytes: &[u8], start: usize, width: usize, order: Order) -> Decoded {
    let value = |at: usize| -> u8 {
        let unit = &bytes[at..at + width];
        let (low, rest) = match order {
            Order::Little => (unit[0], &unit[1..]),
            Order::Big => (unit[width - 1], &unit[..width - 1]),
        };
        if rest.iter().all(|byte| *byte == 0) { low } else { 0xff }
    };
    let is_text = |value: u8| value != 0 && value != 0xff;
    let mut from = start;
    let (mut at, mut foreign) = (start, 0);
    while at >= width && foreign <= FOREIGN {
        at -= width;
        if is_text(value(at)) {
            (from, foreign) = (at, 0);
        } else {
            foreign += 1;
        }
    }
    let mut text = Vec::new();
    let (mut at, mut foreign, mut end) = (from, 0, 0);
    while at + width <= bytes.len() && foreign <= FOREIGN {
        let value = value(at);
        text.push(value);
        at += width;
        foreign = if is_text(value) { 0 } else { foreign + 1 };
        if foreign == 0 {
            end = text.len();
        }
    }
    text.truncate(end);
    let name = match (width, order) {
        (2, Order::Little) => "utf-16le",
        (2, Order::Big) => "utf-16be",
        (_, Order::Little) => "utf-32le",
        (_, Order::Big) => "utf-32be",
    };
    let to = from + text.len() * width;
    Decoded { text, positions: Positions::Units { first: from, width }, encoding: Encoding::Wide, name, from, to }
}
