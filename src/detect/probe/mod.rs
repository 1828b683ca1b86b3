//! Cheap detectors of runs, for what has no fixed spelling, and of the commonest prefixes.
//!
//! Nothing here decodes. One vectorised pass looks at blocks of sixty-four bytes (`signs`): where a `k_` or `y_` stands
//! or what begins an escape, and what the first sixteen bytes of every thirty-two are, which no encoded credential fits
//! between: they are part of wide text, of base64 or hex that reads as text, or of nothing.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod signs;

use super::encoding::{Encoding, base64, escapes, hex, quoted};
use super::needles::Needles;
use super::token;
use crate::key::Prefix;
pub(super) use signs::Sample;
use signs::{Block, Digits, Samples, Signs};

/// The bytes that are looked at together.
pub(super) const BLOCK: usize = 64;
/// Of every so many bytes the first [`WIDTH`] are a sample.
const STRIDE: usize = 32;
/// The bytes of a sample.
const WIDTH: usize = 16;
/// The samples of a block.
const SAMPLES: usize = BLOCK / STRIDE;

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
    /// The `k_` or `y_` of a prefix.
    Prefix(usize),
}

/// What a look at a few bytes leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A byte that may begin an escape or a prefix.
    Mark,
    /// A sample of what may be a run.
    Sample(Sample),
}

/// Hands every candidate in `bytes` to `take`, which says up to where it has dealt with an escape.
pub(super) fn candidates(needles: &Needles, bytes: &[u8], take: &mut dyn FnMut(Candidate) -> usize) {
    let mut probe = Probe::new(needles);
    signs(bytes, 0, bytes.len(), &mut |at, sign| probe.sign(bytes, at, sign, take));
}

/// Hands every sign in `bytes[from..to]` to `tell`, block by block; `from` is the start of a block. A sign depends on
/// 32 bytes on either side at the most.
#[cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "measured: byte by byte it takes twenty times as long")
)]
pub(super) fn signs(bytes: &[u8], from: usize, to: usize, tell: &mut impl FnMut(usize, Sign)) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn with_vectors(bytes: &[u8], from: usize, to: usize, tell: &mut impl FnMut(usize, Sign)) {
            let looks = Looks {
                look: |block: &Block| avx2::look(block),
                text_in_base64: |block: &Block| avx2::text_in_base64(block),
                digits: |block: &Block| avx2::digits(block),
            };
            walk_in_batches(bytes, from, to, &looks, tell);
        }
        // SAFETY: the processor has what the function is compiled for; nothing else in it is unsafe.
        return unsafe { with_vectors(bytes, from, to, tell) };
    }
    let looks = Looks { look: signs::look, text_in_base64: signs::text_in_base64, digits: signs::digits };
    walk_in_batches(bytes, from, to, &looks, tell);
}

/// So many blocks are looked at before anything is done about one: what is in a block cannot be foretold, and a processor
/// that guesses wrong at each takes twice as long.
const BATCH: usize = 64;
/// The same for parts as short as most that a delta adds, for which the rest of a batch would be made in vain.
const FEW: usize = 8;

/// The looks at a block, with vectors or without.
struct Looks<L, T, D> {
    look: L,
    text_in_base64: T,
    digits: D,
}

/// The walk over blocks.
#[inline(always)]
fn walk_in_batches<L: Fn(&Block) -> Signs, T: Fn(&Block) -> u8, D: Fn(&Block) -> Digits>(
    bytes: &[u8],
    from: usize,
    to: usize,
    looks: &Looks<L, T, D>,
    tell: &mut impl FnMut(usize, Sign),
) {
    if to.saturating_sub(from) < FEW * BLOCK {
        walk::<{ FEW + 1 }, L, T, D>(bytes, from, to, looks, tell);
    } else {
        walk::<{ BATCH + 1 }, L, T, D>(bytes, from, to, looks, tell);
    }
}

/// The same with batches of one block less than are kept.
#[inline(always)]
fn walk<const KEPT: usize, L: Fn(&Block) -> Signs, T: Fn(&Block) -> u8, D: Fn(&Block) -> Digits>(
    bytes: &[u8],
    from: usize,
    to: usize,
    looks: &Looks<L, T, D>,
    tell: &mut impl FnMut(usize, Sign),
) {
    let mut all = [Signs::default(); KEPT];
    // What of the block before is no base64.
    all[0].not_base64 = u64::MAX;
    // The block before a part is looked at for that alone.
    let mut at = from.saturating_sub(BLOCK);
    let to = to.min(bytes.len());
    // The last block, filled up with what is part of nothing.
    let mut last = [0x80; BLOCK + 1];
    let rest = &bytes[bytes.len().saturating_sub(1) / BLOCK * BLOCK..];
    last[..rest.len()].copy_from_slice(rest);
    let block = |at: usize| bytes[at..].first_chunk().unwrap_or(&last);
    while at < to {
        let blocks = (to - at).div_ceil(BLOCK).min(KEPT - 1);
        let (mut told, mut hex) = (0u64, 0u64);
        for number in 0..blocks {
            let signs = (looks.look)(block(at + number * BLOCK));
            told |= u64::from(!signs.is_empty()) << number;
            hex |= u64::from(signs.may_be_hex()) << number;
            all[number + 1] = signs;
        }
        if at < from {
            told &= !1;
        }
        hex &= told;
        let mut samples = [Samples::default(); KEPT];
        let mut left = told;
        while left != 0 {
            let number = left.trailing_zeros() as usize;
            left &= left - 1;
            let (signs, before, place) = (&all[number + 1], all[number].not_base64, at + number * BLOCK);
            let mut all_of = signs.samples(before, (looks.text_in_base64)(block(place)));
            // Words and paths as long as a container's run are not rare.
            all_of.first &= beginnings(place, signs, before, |start| base64::may_begin_container(bytes, start));
            told &= !(u64::from(signs.marks == 0 && all_of.is_empty()) << number);
            samples[number] = all_of;
        }
        while hex != 0 {
            let number = hex.trailing_zeros() as usize;
            hex &= hex - 1;
            let digits = (looks.digits)(block(at + number * BLOCK));
            let in_hex = all[number + 1].samples_in_hex(all[number].not_base64, &digits);
            told |= u64::from(!in_hex.is_empty()) << number;
            samples[number].add(in_hex);
        }
        while told != 0 {
            let number = told.trailing_zeros() as usize;
            told &= told - 1;
            let (signs, before, place) = (&all[number + 1], all[number].not_base64, at + number * BLOCK);
            let mut all_of = samples[number];
            if all_of.first != 0 {
                let is_one = |start: usize| {
                    let start = base64::behind_escape(bytes, start.min(bytes.len()));
                    bytes.get(start..).is_some_and(base64::begins_container)
                };
                all_of.first &= beginnings(place, signs, before, is_one);
            }
            tell_block(place, signs, all_of, tell);
        }
        all[0] = all[blocks];
        at += blocks * BLOCK;
    }
}

/// The samples of the block at `at` whose run, by its first byte, is one, whether or not there is a run.
#[inline(always)]
fn beginnings(at: usize, signs: &Signs, before: u64, is_one: impl Fn(usize) -> bool) -> u8 {
    let mut samples = 0;
    for (number, run) in signs.before_samples(before).into_iter().enumerate() {
        samples |= u8::from(is_one((at + number * STRIDE).saturating_sub(run))) << number;
    }
    samples
}

fn tell_block(at: usize, signs: &Signs, samples: Samples, tell: &mut impl FnMut(usize, Sign)) {
    let mut marks = signs.marks;
    while marks != 0 {
        tell(at + marks.trailing_zeros() as usize, Sign::Mark);
        marks &= marks - 1;
    }
    if !samples.is_empty() {
        for number in 0..SAMPLES {
            let sample = samples.of(number);
            if !sample.is_empty() {
                tell(at + number * STRIDE, Sign::Sample(sample));
            }
        }
    }
}

/// Whether anything in `bytes` is worth a scan.
pub(super) fn has_candidate(needles: &Needles, bytes: &[u8]) -> bool {
    let mut found = needles.hits(bytes).next().is_some();
    if !found {
        candidates(needles, bytes, &mut |_| {
            found = true;
            bytes.len()
        });
    }
    found
}

/// Whether the `=` at `at` is quoted-printable's.
pub(super) fn begins_quoted(needles: &Needles, bytes: &[u8], at: usize) -> bool {
    // What a line end divides has no line ends of its own, so that this is asked once.
    quoted::begins(bytes, at, &|whole| has_candidate(needles, whole))
}

/// From signs to candidates.
pub(super) struct Probe<'n> {
    needles: &'n Needles,
    /// Up to where marks were dealt with: percent, backslashes, entities, quoted-printable.
    marked: [usize; 4],
    /// Up to where a container in spaced hex was looked for.
    spaced: usize,
}

impl<'n> Probe<'n> {
    pub(super) fn new(needles: &'n Needles) -> Self {
        Self { needles, marked: [0; 4], spaced: 0 }
    }

    /// Hands over what a sign is of, if it is anything. Signs come in order.
    pub(super) fn sign(&mut self, bytes: &[u8], at: usize, sign: Sign, take: &mut dyn FnMut(Candidate) -> usize) {
        match sign {
            Sign::Mark => self.mark(bytes, at, take),
            // What was decoded once is known by its run: which of a run's samples comes first makes no difference.
            Sign::Sample(sample) => {
                // Compressed bytes can read as text when they are halved elsewhere, and text can follow digits that begin
                // like a container: where both can be meant both are handed over.
                if sample.first_hex()
                    && let Some(digit) = hex::container_start(bytes, at)
                {
                    take(Candidate::Hex(digit));
                }
                _ = self.run(bytes, at, sample).map(take);
            }
        }
    }

    /// How far from a sign, on either side, anything can stand that decides whether it is anything
    /// ([`Probe::is_nothing`]).
    pub(super) fn reach(sign: Sign) -> usize {
        match sign {
            // Twenty-four bytes with the widest gaps; a dump's line is shorter.
            Sign::Sample(sample) if sample.hex() => 1100,
            Sign::Sample(_) => 128,
            // A percent sign that was encoded hundreds of times, and what an escaped line end leads to.
            Sign::Mark => Self::FAR,
        }
    }

    /// Whether the mark at `at` is of nothing, as most are, whatever stands further from it than thirty bytes.
    pub(super) fn is_nothing_near(bytes: &[u8], at: usize) -> bool {
        match bytes.get(at) {
            // Three bytes tell of most.
            Some(b'k' | b'y') => !Prefix::may_be_around(bytes, at) || token::is_nothing_near(bytes, at),
            Some(b'\\' | b'%' | b'&') => escapes::is_nothing_near(bytes, at),
            _ => quoted::is_nothing_near(bytes, at),
        }
    }

    /// The furthest.
    pub(super) const FAR: usize = 2 << 10;

    /// Whether a sign is of nothing, by itself and whatever stands beyond its reach. Some that are of
    /// nothing are not told: those for which there is no such bound.
    pub(super) fn is_nothing(needles: &'n Needles, bytes: &[u8], at: usize, sign: Sign) -> bool {
        let has_bound = match sign {
            Sign::Mark => true,
            // The run has its beginning near by, or it would not be the first sample of it.
            Sign::Sample(sample) => !(sample.first() || sample.first_hex()) || Self::begins_near(bytes, at),
        };
        let mut is_something = false;
        if has_bound {
            Self::new(needles).sign(bytes, at, sign, &mut |_| {
                is_something = true;
                at
            });
        }
        has_bound && !is_something
    }

    /// Whether what stands before `at` is no part of one long run.
    fn begins_near(bytes: &[u8], at: usize) -> bool {
        const NEAR: usize = 64;
        at < NEAR || bytes[at - NEAR..at].iter().any(|byte| !base64::is_base64(*byte))
    }

    /// What a mark at `at` begins.
    fn mark(&mut self, bytes: &[u8], at: usize, take: &mut dyn FnMut(Candidate) -> usize) {
        let (slot, at) = match bytes[at] {
            b'k' | b'y' => {
                if !Self::is_nothing_near(bytes, at) {
                    take(Candidate::Prefix(at));
                }
                return;
            }
            b'%' => (0, at),
            b'\\' => (1, at),
            b'&' => (2, at),
            b'=' => (3, at),
            // Blanks that end a line.
            b' ' | b'\t' => match quoted::equals_before(bytes, at) {
                Some(equals) => (3, equals),
                None => return,
            },
            _ => return,
        };
        if at < self.marked[slot] {
            return;
        }
        let candidate = match slot {
            3 => begins_quoted(self.needles, bytes, at).then_some(Candidate::Quoted(at)),
            _ => escapes::escape_at(bytes, at).map(|encoding| Candidate::Escape(at, encoding)),
        };
        if let Some(candidate) = candidate {
            self.marked[slot] = take(candidate);
        }
    }

    /// The run that the sample at `at` is part of, if it is any.
    fn run(&mut self, bytes: &[u8], at: usize, signs: Sample) -> Option<Candidate> {
        if signs.wide()
            && let Some(character) = wide(bytes, at)
        {
            return Some(Candidate::Wide(at + character));
        }
        if signs.hex() {
            let are_bytes = bytes.get(at..at + WIDTH).is_some_and(hex::are_bytes);
            if are_bytes && let Some(digit) = hex::text_around(bytes, at) {
                return Some(Candidate::Hex(digit));
            }
            if hex::is_dump(bytes, at) {
                return Some(Candidate::Dump(at));
            }
            if are_bytes {
                let start = hex::spaced_container_start(bytes, at, self.spaced);
                self.spaced = at;
                if let Some(digit) = start {
                    return Some(Candidate::Hex(digit));
                }
            }
        }
        if signs.base64() && base64::is_text_around(bytes, at) {
            return Some(Candidate::Base64 { at, is_container: false });
        }
        let start = signs.first().then(|| base64::line_start(bytes, at)).filter(|start| base64::is_long(bytes, *start));
        start.map(|start| Candidate::Base64 { at: base64::behind_escape(bytes, start), is_container: true })
    }
}

/// Bytes that stand in a dump of hex digits.
pub(super) const SPACED_HEX: [bool; 256] = {
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

/// Where in the sample at `at` a character of UTF-16 or UTF-32 stands: one of so many in a row that some sample always
/// is among them, wherever samples are taken.
fn wide(bytes: &[u8], at: usize) -> Option<usize> {
    const ROW: usize = STRIDE + WIDTH;
    let is_text = |byte: u8| matches!(byte, 0x09..=0x7e);
    let sample = bytes.get(at..at + WIDTH)?;
    let reads = |width: usize, phase: usize| {
        let fits = |at: usize| if at % width == phase { is_text(bytes[at]) } else { bytes[at] == 0 };
        (at..at + WIDTH).all(fits) && {
            let back = (0..at).rev().take(ROW).take_while(|at| fits(*at)).count();
            let on = (at + WIDTH..bytes.len()).take(ROW).take_while(|at| fits(*at)).count();
            back + WIDTH + on >= ROW
        }
    };
    let width = [2, 4].into_iter().find_map(|width| (0..width).find(|phase| reads(width, *phase)).map(|_| width))?;
    sample.iter().take(width).position(|byte| *byte != 0)
}
