//! Base64, both alphabets, any alignment, on one line or broken over many.

use std::sync::Arc;

use super::super::layer::Positions;
use super::{Decoded, Encoding};
use crate::key::base64::{NO_SEXTET as NONE, SEXTETS};

/// Whether the character belongs to either alphabet.
pub(in crate::detect) const fn is_base64(byte: u8) -> bool {
    SEXTETS[byte as usize] != NONE
}

/// The six bits of a character of the alphabets.
#[cfg(test)]
pub(in crate::detect) fn value(character: u8) -> u8 {
    SEXTETS[character as usize]
}

/// Whether the `=` at `to` can be the padding of the run that ends there and makes `plain` bytes.
pub(in crate::detect) fn is_padded(bytes: &[u8], to: usize, plain: usize) -> bool {
    let last = to.checked_sub(1).map_or(NONE, |last| SEXTETS[bytes[last] as usize]);
    bytes.get(to) == Some(&b'=') && plain % 3 == 2 && last & 3 == 0
}

/// Whether four characters can be three bytes below 0x80: the first has its top bit clear, the second its fourth,
/// the third its second.
fn is_ascii_group(group: &[u8]) -> bool {
    let value = |at: usize| SEXTETS[group[at] as usize];
    (value(0) & 0b1010_0000) | (value(1) & 0b1000_1000) | (value(2) & 0b1000_0010) | (value(3) & 0x80) == 0
}

/// Whether the sixteen characters at `at` and those beside them, on short lines over their ends, read as text: enough
/// groups of four in a row, in one of the four alignments, can be bytes below 0x80. Of random characters one group in
/// eight can. There are as many as some sample always is among, wherever samples are taken: or what a version of a file
/// has would depend on where its base has it.
pub(in crate::detect) fn is_text_around(bytes: &[u8], at: usize) -> bool {
    /// Nothing that stands further off counts.
    const FAR: usize = 96;
    let fits = |phase: &usize| bytes[at + phase..at + 16].chunks_exact(4).all(is_ascii_group);
    // Most samples of other runs end here.
    if !(0..4).any(|phase| fits(&phase)) {
        return false;
    }
    if (0..4).filter(fits).any(|phase| is_text_beside(bytes, at + phase)) {
        return true;
    }
    let from = at.saturating_sub(FAR);
    let near = &bytes[from..bytes.len().min(at + 16 + FAR)];
    let run = run(near, at - from);
    if run.lines.is_none() {
        return false;
    }
    let mut characters = vec![0; run.len()];
    run.copy(near, 0, &mut characters);
    let at = run.number(at - from);
    (0..4).filter(fits).any(|phase| is_text_beside(&characters, at + phase))
}

/// Whether enough groups before and behind `first` can be text.
fn is_text_beside(bytes: &[u8], first: usize) -> bool {
    const GROUPS: usize = 12;
    let on = bytes[first..].chunks_exact(4).take(GROUPS).take_while(|group| is_ascii_group(group)).count();
    let back = bytes[..first].rchunks_exact(4).take(GROUPS - on.min(GROUPS));
    on + back.take_while(|group| is_ascii_group(group)).count() >= GROUPS
}

/// Whether a run that begins with `start` is a container's: the first bytes of each, in base64.
#[inline]
pub(in crate::detect) fn begins_container(start: &[u8]) -> bool {
    match start {
        // gzip, zip, 7z, zstd, xz, bzip2, and zlib at its four levels.
        [b'H', b'4', b's', b'I', ..]
        | [b'U', b'E', b's', b'D', b'B', ..]
        | [b'N', b'3', b'q', b'8', b'r', b'y', ..] => true,
        [b'K', b'L', b'U', b'v', b'/' | b'_', ..] | [b'/' | b'_', b'T', b'd', b'6', b'W', b'F', ..] => true,
        [b'Q', b'l', b'p', b'o', ..] | [b'e', b'J' | b'N' | b'A' | b'F', ..] => true,
        _ => false,
    }
}

/// Of each container's first two characters, which containers have it there: a bit each.
const BEGINNINGS: [[u8; 256]; 2] = {
    let all: [(&[u8], &[u8]); 7] =
        [(b"H", b"4"), (b"U", b"E"), (b"N", b"3"), (b"K", b"L"), (b"/_", b"T"), (b"Q", b"l"), (b"e", b"JNAF")];
    let mut table = [[0; 256]; 2];
    let mut number = 0;
    while number < all.len() {
        let (first, second) = all[number];
        let mut at = 0;
        while at < first.len() {
            table[0][first[at] as usize] |= 1 << number;
            at += 1;
        }
        at = 0;
        while at < second.len() {
            table[1][second[at] as usize] |= 1 << number;
            at += 1;
        }
        number += 1;
    }
    table
};

/// Whether a run of which the byte at `start` is the first, but for the digits of an escape, could begin as
/// [`begins_container`] says. Quick, without a branch that depends on the bytes.
#[inline(always)]
pub(in crate::detect) fn may_begin_container(bytes: &[u8], start: usize) -> bool {
    let behind_escape = 2 * usize::from(bytes.get(start.wrapping_sub(1)) == Some(&b'%'));
    match bytes.get(start + behind_escape..start + behind_escape + 2) {
        Some([first, second]) => BEGINNINGS[0][usize::from(*first)] & BEGINNINGS[1][usize::from(*second)] != 0,
        _ => false,
    }
}

/// Lines shorter than this are not continued on the next: a word a line is no base64.
const SHORTEST_LINE: usize = 16;

/// So many blanks at the end of a line, as editors leave them, are passed over.
const MOST_BLANKS: usize = 8;

/// Where the characters of a run stand that goes over lines. Memory: eight bytes a line.
pub(in crate::detect) struct Lines {
    /// Of each line which character of the run its first is, and where that stands.
    starts: Vec<(u32, u32)>,
    length: usize,
}

impl Lines {
    fn of(lines: &[(usize, usize)]) -> Self {
        let mut length = 0;
        let number = |(start, end): &(usize, usize)| {
            let number = length as u32;
            length += end - start;
            (number, *start as u32)
        };
        let starts = lines.iter().map(number).collect();
        Self { starts, length }
    }

    pub(in crate::detect) fn len(&self) -> usize {
        self.length
    }

    /// The line that character `number` stands on.
    fn line_of(&self, number: usize) -> usize {
        self.starts.partition_point(|(first, _)| *first as usize <= number).saturating_sub(1)
    }

    /// Where the characters of a line stand.
    fn bounds(&self, line: usize) -> std::ops::Range<usize> {
        let Some(&(first, start)) = self.starts.get(line) else { return 0..0 };
        let next = self.starts.get(line + 1).map_or(self.length, |(first, _)| *first as usize);
        start as usize..start as usize + (next - first as usize)
    }

    /// The byte at which character `number` stands, if there is one.
    pub(in crate::detect) fn place(&self, number: usize) -> Option<usize> {
        let (first, start) = *self.starts.get(self.line_of(number))?;
        (number < self.length).then(|| start as usize + (number - first as usize))
    }

    /// How many characters stand before byte `at`.
    fn number(&self, at: usize) -> usize {
        let line = self.starts.partition_point(|(_, start)| *start as usize <= at);
        let Some((first, start)) = line.checked_sub(1).map(|line| self.starts[line]) else { return 0 };
        first as usize + (at - start as usize).min(self.bounds(line - 1).len())
    }

    /// Whether a line, but for the first, begins with character `number`.
    pub(in crate::detect) fn begins_at(&self, number: usize) -> bool {
        number > 0 && self.starts.binary_search_by_key(&number, |(first, _)| *first as usize).is_ok()
    }

    /// The characters from `number` on, a line at a time.
    fn slices<'b>(&self, bytes: &'b [u8], number: usize) -> impl Iterator<Item = &'b [u8]> {
        let first = self.line_of(number);
        let skipped = number.min(self.length) - self.starts.get(first).map_or(0, |(first, _)| *first as usize);
        (first..self.starts.len()).map(move |line| {
            let bounds = self.bounds(line);
            let from = if line == first { (bounds.start + skipped).min(bounds.end) } else { bounds.start };
            &bytes[from..bounds.end]
        })
    }
}

/// The run of base64 around `at`, over line ends and indentation.
pub(in crate::detect) struct Run {
    /// None where it stands on one line.
    lines: Option<Arc<Lines>>,
    pub(in crate::detect) from: usize,
    pub(in crate::detect) to: usize,
}

/// The first byte of the run on its own line that `at` stands in.
pub(in crate::detect) fn line_start(bytes: &[u8], at: usize) -> usize {
    at - bytes[..at].iter().rev().take_while(|byte| is_base64(**byte)).count()
}

/// Whether the run that begins at `start` has as many characters, on short lines over their ends, as one has whose
/// container holds anything: so many that some sample in its first half always is looked at, wherever samples are taken.
pub(in crate::detect) fn is_long(bytes: &[u8], start: usize) -> bool {
    const LONG: usize = 60;
    /// Nothing that stands further on counts.
    const FAR: usize = 96;
    let on_line = bytes[start..].iter().take(LONG).take_while(|byte| is_base64(**byte)).count();
    on_line == LONG || on_line > 0 && run(&bytes[start..bytes.len().min(start + FAR)], 0).len() >= LONG
}

/// Where a run begins indeed, of which `start` is the first character: the digits of a `%20` before it are no part of
/// it.
#[inline]
pub(in crate::detect) fn behind_escape(bytes: &[u8], start: usize) -> usize {
    if bytes[..start].ends_with(b"%") { start + 2 } else { start }
}

/// Finds the run around `at`, whose byte is of the alphabet.
pub(in crate::detect) fn run(bytes: &[u8], at: usize) -> Run {
    let end_of = |from: usize| from + bytes[from..].iter().take_while(|byte| is_base64(**byte)).count();
    // Backward: whole lines of nothing else, the nearest first; then around, and forward.
    let (start, mark) = behind_mark(bytes, line_start(bytes, at), at);
    let mut lines = vec![(start, end_of(at))];
    while let Some(before) = lines.last().and_then(|(start, _)| previous_line(bytes, *start, mark)) {
        lines.push(before);
    }
    lines.reverse();
    while let Some(&(start, end)) = lines.last() {
        if end - start < SHORTEST_LINE {
            break;
        }
        let Some(next) = next_line(bytes, end, mark) else { break };
        lines.push(next);
    }
    let (from, to) = (lines[0].0, lines[lines.len() - 1].1);
    Run { lines: (lines.len() > 1).then(|| Arc::new(Lines::of(&lines))), from, to }
}

/// Where the characters at `start` begin indeed, and the mark that stands before them on their line and may stand before
/// those on the next: a quotation's, a comment's, a list's, a difference's.
fn behind_mark(bytes: &[u8], start: usize, at: usize) -> (usize, &[u8]) {
    const LONGEST: usize = 16;
    let line = bytes[..start].iter().rev().take(LONGEST + 1).take_while(|byte| !matches!(byte, b'\n' | b'\r')).count();
    let mark = &bytes[start - line..start];
    let is_mark = |byte: &u8| b" \t>#*/|;-+!%".contains(byte);
    if line == 0 && at > start && bytes[start] == b'+' && is_difference(bytes, start) {
        return (start + 1, &bytes[start..=start]);
    }
    let is_one = line <= LONGEST && mark.iter().all(is_mark) && mark.iter().any(|byte| !matches!(byte, b' ' | b'\t'));
    (start, if is_one { mark } else { b"" })
}

/// Whether the line that begins at `start` is one of three in a row with a plus before them. A plus is a character of
/// base64, too: one line in a quarter of a million has two such beside it by chance.
fn is_difference(bytes: &[u8], start: usize) -> bool {
    const LONGEST: usize = 1 << 10;
    let before = |start: usize| {
        let line = &bytes[start.saturating_sub(LONGEST)..start].strip_suffix(b"\n")?;
        let begin = start - 1 - line.len() + memchr::memrchr(b'\n', line)? + 1;
        (bytes[begin] == b'+').then_some(begin)
    };
    let behind = |start: usize| {
        let line = &bytes[start..bytes.len().min(start + LONGEST)];
        let begin = start + memchr::memchr(b'\n', line)? + 1;
        (bytes.get(begin) == Some(&b'+')).then_some(begin)
    };
    let count = usize::from(before(start).is_some()) + usize::from(before(start).and_then(before).is_some());
    count + usize::from(behind(start).is_some()) + usize::from(behind(start).and_then(behind).is_some()) >= 2
}

/// What stands behind the end of the line that ends at `end` but for blanks, and behind an empty line that follows.
fn behind_line_end(bytes: &[u8], end: usize) -> Option<usize> {
    let behind = |at: usize| {
        let rest = &bytes[at..];
        let blanks = rest.iter().take(MOST_BLANKS).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        match &rest[blanks..] {
            [b'\r', b'\n', ..] => Some(at + blanks + 2),
            [b'\n', ..] => Some(at + blanks + 1),
            _ => None,
        }
    };
    behind(end).map(|at| behind(at).unwrap_or(at))
}

/// The same, backward: what stands before the line end that `bytes` ends with.
fn before_line_end(bytes: &[u8]) -> Option<&[u8]> {
    let before = |bytes: &[u8]| {
        let end = bytes.strip_suffix(b"\n")?.len();
        let end = end - usize::from(bytes[..end].ends_with(b"\r"));
        let blanks = bytes[..end].iter().rev().take(MOST_BLANKS).take_while(|byte| matches!(byte, b' ' | b'\t'));
        Some(end - blanks.count())
    };
    let end = before(bytes)?;
    Some(&bytes[..before(&bytes[..end]).unwrap_or(end)])
}

/// The line after the end of a run: a line end, indentation or `mark`, characters, and a line end or padding.
fn next_line(bytes: &[u8], end: usize, mark: &[u8]) -> Option<(usize, usize)> {
    let mut at = behind_line_end(bytes, end)?;
    at += match bytes[at..].starts_with(mark) && !mark.is_empty() {
        true => mark.len(),
        false => bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count(),
    };
    let length = bytes[at..].iter().take_while(|byte| is_base64(**byte)).count();
    // A name and its value, or words, are another line than the run's.
    let is_whole = match bytes.get(at + length..) {
        Some([b'=', b'=', ..] | [b'=', b'3', b'D', ..]) => true,
        Some([b'=', b'"' | b'\'', next, ..]) => !next.is_ascii_alphanumeric(),
        Some([b'=', next, ..]) => !next.is_ascii_alphanumeric(),
        Some([b':' | b' ' | b'\t' | b'.' | b'(' | b'[' | b'{' | b'$' | b'@', ..]) => false,
        _ => true,
    };
    let is_whole = is_whole || behind_line_end(bytes, at + length).is_some();
    (length > 0 && is_whole).then_some((at, at + length))
}

/// The line before the start of a run, if it ends in nothing but a run that is long enough.
fn previous_line(bytes: &[u8], start: usize, mark: &[u8]) -> Option<(usize, usize)> {
    let blanks = bytes[..start].iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let before = match bytes[..start].strip_suffix(mark).filter(|_| !mark.is_empty()) {
        Some(before) => before,
        None => &bytes[..start - blanks],
    };
    let before = before_line_end(before)?;
    let length = before.iter().rev().take_while(|byte| is_base64(**byte)).count();
    // Of a difference's line, which has nothing between.
    let plus = usize::from(mark == b"+" && before[before.len() - length..].starts_with(b"+"));
    (length >= SHORTEST_LINE).then_some((before.len() - length + plus, before.len()))
}

impl Run {
    /// All of `bytes`, which are of the alphabet.
    pub(in crate::detect) fn of(bytes: &[u8]) -> Self {
        Self { lines: None, from: 0, to: bytes.len() }
    }

    /// Which number in the run the character at byte `at` has.
    pub(in crate::detect) fn number(&self, at: usize) -> usize {
        self.lines.as_ref().map_or_else(|| at - self.from, |lines| lines.number(at))
    }

    fn len(&self) -> usize {
        self.lines.as_ref().map_or(self.to - self.from, |lines| lines.len())
    }

    /// Copies the characters from `number` on, of which there are enough.
    fn copy(&self, bytes: &[u8], number: usize, to: &mut [u8]) {
        let Some(lines) = &self.lines else {
            let from = self.from + number;
            return to.copy_from_slice(&bytes[from..from + to.len()]);
        };
        let mut done = 0;
        for slice in lines.slices(bytes, number) {
            let part = slice.len().min(to.len() - done);
            to[done..done + part].copy_from_slice(&slice[..part]);
            done += part;
            if done == to.len() {
                return;
            }
        }
    }

    /// How many plain bytes the run has, at the most.
    pub(in crate::detect) fn plain_len(&self) -> usize {
        self.len() / 4 * 3 + 3
    }

    /// The alignments, one bit each, in which some part of the run reads as text. Looked at every 32 characters, which
    /// no credential in base64 fits between.
    pub(in crate::detect) fn text_phases(&self, bytes: &[u8]) -> u8 {
        const GROUPS: usize = 6;
        let mut phases = 0;
        let mut sample = [0; GROUPS * 4 + 3];
        for first in (0..self.len()).step_by(32) {
            if first + sample.len() > self.len() {
                // The last one reaches back, so that the end is looked at too.
                if self.len() < sample.len() || first == 0 {
                    break;
                }
            }
            let first = first.min(self.len() - sample.len());
            self.copy(bytes, first, &mut sample);
            for phase in 0..4 {
                if sample[phase..].chunks_exact(4).take(GROUPS).all(is_ascii_group) {
                    phases |= 1 << ((first + phase) % 4);
                }
            }
        }
        phases
    }

    /// The lines, but for the first, that begin like a container: what stands on those before may be no part of it. Of
    /// the shortest marks one stands in a thousand lines by chance, so only the first few lines are held to them.
    pub(in crate::detect) fn container_lines(&self, bytes: &[u8]) -> Vec<usize> {
        const FIRST: usize = 4;
        const WEAK: usize = 2;
        let Some(lines) = &self.lines else { return Vec::new() };
        let begins = |line: usize, start: usize| {
            let start = &bytes[start..self.to];
            begins_container(start) && (line < FIRST || !begins_container(&start[..start.len().min(WEAK)]))
        };
        let starts = lines.starts.iter().skip(1).enumerate();
        starts
            .filter(|(line, (_, start))| begins(*line, *start as usize))
            .map(|(_, (number, _))| *number as usize)
            .collect()
    }

    /// The plain text, from character number `phase` on.
    pub(in crate::detect) fn decode(&self, bytes: &[u8], phase: usize) -> Decoded {
        let mut text = Vec::with_capacity(self.plain_len());
        let positions = match &self.lines {
            None => {
                let first = (self.from + phase).min(self.to);
                decode_into(bytes[first..self.to].iter().copied(), &mut text);
                Positions::Sextets { first }
            }
            Some(lines) => {
                decode_into(lines.slices(bytes, phase).flatten().copied(), &mut text);
                Positions::ScatteredSextets { lines: Arc::clone(lines), first: phase }
            }
        };
        Decoded {
            text,
            positions,
            encoding: Encoding::Base64 { alignment: 0 },
            name: "base64",
            from: self.from,
            to: self.to,
        }
    }
}

fn decode_into(characters: impl Iterator<Item = u8>, text: &mut Vec<u8>) {
    let (mut bits, mut have) = (0u32, 0);
    for byte in characters {
        bits = (bits << 6) | u32::from(SEXTETS[byte as usize] & 63);
        have += 6;
        if have >= 8 {
            have -= 8;
            text.push((bits >> have) as u8);
        }
    }
}
