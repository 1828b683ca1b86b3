//! Lines and columns of positions in an object, counted once however many there are.

use super::encoding::Window;

/// Counts forward from the last position asked for, so that a file full of keys costs one pass.
#[derive(Default)]
pub(super) struct Lines {
    /// One count for bytes, and one for each byte order and parity of UTF-16.
    counts: [Count; 5],
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
    /// Line and column, from 1, of the byte `start` of `bytes`, in the terms of the window's encoding: columns count
    /// bytes, or code units of UTF-16.
    pub(super) fn of(&mut self, bytes: &[u8], window: &Window<'_>, start: usize) -> (u64, u64) {
        match window.encoding {
            ["utf-16le"] => self.count(bytes, start, 1 + start % 2, &[b'\n', 0]),
            ["utf-16be"] => self.count(bytes, start, 3 + start % 2, &[0, b'\n']),
            _ => self.count(bytes, start, 0, b"\n"),
        }
    }

    fn count(&mut self, bytes: &[u8], start: usize, slot: usize, line_end: &[u8]) -> (u64, u64) {
        let unit = line_end.len();
        let phase = if unit == 2 { start % 2 } else { 0 };
        let mut count = self.counts[slot];
        if count.position > start || (count.position == 0 && phase > 0) {
            count = Count { position: phase, line: 1, line_start: phase };
        }
        if unit == 1 {
            for newline in memchr::memchr_iter(b'\n', &bytes[count.position..start]) {
                count.line += 1;
                count.line_start = count.position + newline + 1;
            }
        } else {
            for (at, pair) in bytes[count.position..start].chunks_exact(2).enumerate() {
                if pair == line_end {
                    count.line += 1;
                    count.line_start = count.position + at * 2 + 2;
                }
            }
        }
        count.position = start;
        self.counts[slot] = count;
        (count.line, ((start - count.line_start) / unit) as u64 + 1)
    }
}
