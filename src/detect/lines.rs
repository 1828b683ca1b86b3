//! Lines and columns of positions in an object, counted once however many there are.

use super::layer::Step;

/// One count for bytes, and one for each byte order and alignment of UTF-16 and UTF-32.
const SLOTS: usize = 13;

/// Counts forward from the last position asked for, so that a file full of keys costs one pass.
#[derive(Default)]
pub(super) struct Lines {
    counts: [Count; SLOTS],
}

#[derive(Clone, Copy)]
struct Count {
    position: usize,
    line: u64,
    line_start: usize,
}

impl Default for Count {
    fn default() -> Self {
        Self { position: 0, line: 1, line_start: 0 }
    }
}

impl Lines {
    /// Line and column, from 1, of the byte `start` of `bytes`, in the terms of the outermost step of `chain`: columns
    /// count bytes, or code units of UTF-16 and UTF-32.
    pub(super) fn of(&mut self, bytes: &[u8], chain: &[Step], start: usize) -> (u64, u64) {
        let (slot, unit) = Self::slot(chain, start);
        let phase = start % unit;
        let mut count = self.counts[slot];
        if count.position > start || (count.position == 0 && phase > 0) {
            count = Count { position: phase, line: 1, line_start: phase };
        }
        let line_end = line_end(slot);
        if unit == 1 {
            for newline in memchr::memchr_iter(b'\n', &bytes[count.position..start]) {
                count.line += 1;
                count.line_start = count.position + newline + 1;
            }
        } else {
            for (at, character) in bytes[count.position..start].chunks_exact(unit).enumerate() {
                if character == line_end {
                    count.line += 1;
                    count.line_start = count.position + (at + 1) * unit;
                }
            }
        }
        count.position = start;
        self.counts[slot] = count;
        (count.line, ((start - count.line_start) / unit) as u64 + 1)
    }

    /// Which count a position has, and how many bytes a character.
    pub(super) fn slot(chain: &[Step], start: usize) -> (usize, usize) {
        match chain.first() {
            Some(Step::Undone("utf-16le")) => (1 + start % 2, 2),
            Some(Step::Undone("utf-16be")) => (3 + start % 2, 2),
            Some(Step::Undone("utf-32le")) => (5 + start % 4, 4),
            Some(Step::Undone("utf-32be")) => (9 + start % 4, 4),
            _ => (0, 1),
        }
    }

    /// Counts the line ends of a part of an object in every way at once. `base` is where it begins, a multiple of
    /// four as its length is; `next` is the byte behind it.
    pub(super) fn advance(&mut self, part: &[u8], base: usize, next: Option<u8>) {
        let byte = |at: usize| if at == part.len() { next } else { part.get(at).copied() };
        for at in memchr::memchr_iter(b'\n', part) {
            let nuls_behind = (1..4).take_while(|more| byte(at + more) == Some(0)).count();
            let nuls_before = (1..4).take_while(|less| at.checked_sub(*less).and_then(byte) == Some(0)).count();
            let mut note = |slot: usize, end: usize| {
                let count = &mut self.counts[slot];
                (count.line, count.line_start) = (count.line + 1, base + end);
            };
            note(0, at + 1);
            if nuls_behind >= 1 {
                note(1 + at % 2, at + 2);
            }
            if nuls_before >= 1 {
                note(3 + (at + 1) % 2, at + 1);
            }
            if nuls_behind >= 3 {
                note(5 + at % 4, at + 4);
            }
            if nuls_before >= 3 {
                note(9 + (at + 1) % 4, at + 1);
            }
        }
    }

    /// How many lines ended, and where the last of them did.
    pub(super) fn counted(&self, slot: usize) -> (u64, usize) {
        (self.counts[slot].line - 1, self.counts[slot].line_start)
    }
}

/// What ends a line in the terms of a count.
fn line_end(slot: usize) -> &'static [u8] {
    match slot {
        1 | 2 => &[b'\n', 0],
        3 | 4 => &[0, b'\n'],
        5..=8 => &[b'\n', 0, 0, 0],
        9..=12 => &[0, 0, 0, b'\n'],
        _ => b"\n",
    }
}
