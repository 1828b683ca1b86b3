//! Cheap detectors of runs, for what has no fixed spelling, and of the commonest prefixes.
//!
//! Nothing here decodes. One vectorised pass looks at blocks of sixty-four bytes (`signs`): where a `k_` stands or what
//! begins an escape, and what the first sixteen bytes of every thirty-two are, which no encoded credential fits between:
//! they are part of wide text, of base64 or hex that reads as text, or of nothing.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod signs;

use super::encoding::{Encoding, base64, escapes, hex, quoted};
use signs::{Block, Closer, Sample, Samples, Signs};

/// The bytes that are looked at together.
const BLOCK: usize = 64;
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
    /// The `k_` of a prefix.
    Prefix(usize),
}

/// Hands every candidate in `bytes` to `take`, which says up to where it has dealt with this kind.
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "measured: byte by byte it takes four times as long"))]
pub(super) fn candidates(bytes: &[u8], take: &mut dyn FnMut(Candidate) -> usize) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn with_vectors(bytes: &[u8], take: &mut dyn FnMut(Candidate) -> usize) {
            Walk::new(bytes).all(|block| avx2::look(block), |block| avx2::look_closer(block), take);
        }
        // SAFETY: the processor has what the function is compiled for; nothing else in it is unsafe.
        return unsafe { with_vectors(bytes, take) };
    }
    Walk::new(bytes).all(signs::look, signs::look_closer, take);
}

/// The walk over blocks.
struct Walk<'b> {
    bytes: &'b [u8],
    /// Up to where marks were dealt with: percent, backslashes, entities, quoted-printable.
    marked: [usize; 4],
    /// Up to where runs were.
    sampled: usize,
    /// What of the block before is no base64.
    before: u64,
}

impl<'b> Walk<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, marked: [0; 4], sampled: 0, before: u64::MAX }
    }

    #[inline(always)]
    fn all(
        mut self,
        look: impl Fn(&Block) -> Signs,
        look_closer: impl Fn(&Block) -> Closer,
        take: &mut dyn FnMut(Candidate) -> usize,
    ) {
        let (mut at, mut last) = (0, [0x80; BLOCK + 1]);
        loop {
            let rest = &self.bytes[at..];
            let block = match rest.first_chunk() {
                Some(block) => block,
                None => {
                    // Filled up with what is part of nothing.
                    last[..rest.len()].copy_from_slice(rest);
                    &last
                }
            };
            let signs = look(block);
            if !signs.is_empty() {
                let mut samples = signs.samples(self.before, &look_closer(block));
                for (number, run) in signs.before_samples(self.before).into_iter().enumerate() {
                    // Words and paths of such a length are not rare.
                    let start = at + number * STRIDE - run;
                    if samples.first >> number & 1 != 0 && !base64::begins_container(&self.bytes[start..]) {
                        samples.first &= !(1 << number);
                    }
                }
                if signs.marks != 0 || !samples.is_empty() {
                    self.block(at, &signs, samples, take);
                }
            }
            if rest.len() <= BLOCK {
                return;
            }
            self.before = signs.not_base64;
            at += BLOCK;
        }
    }

    fn block(&mut self, at: usize, signs: &Signs, samples: Samples, take: &mut dyn FnMut(Candidate) -> usize) {
        let mut marks = signs.marks;
        while marks != 0 {
            self.mark(at + marks.trailing_zeros() as usize, take);
            marks &= marks - 1;
        }
        for number in 0..SAMPLES {
            let place = at + number * STRIDE;
            if place >= self.sampled
                && let Some(candidate) = run(self.bytes, place, samples.of(number))
            {
                self.sampled = take(candidate);
            }
        }
    }

    /// What a mark at `at` begins.
    fn mark(&mut self, at: usize, take: &mut dyn FnMut(Candidate) -> usize) {
        let bytes = self.bytes;
        let (slot, at) = match bytes[at] {
            b'k' => {
                take(Candidate::Prefix(at));
                return;
            }
            b'%' => (0, at),
            b'\\' => (1, at),
            b'&' => (2, at),
            b'=' => (3, at),
            // Blanks that end a line.
            _ => {
                let blanks = bytes[..at].iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                match (at - blanks).checked_sub(1).filter(|before| bytes[*before] == b'=') {
                    Some(equals) => (3, equals),
                    None => return,
                }
            }
        };
        if at < self.marked[slot] {
            return;
        }
        let candidate = match slot {
            3 => quoted::begins(bytes, at).then_some(Candidate::Quoted(at)),
            _ => escapes::escape_at(bytes, at).map(|encoding| Candidate::Escape(at, encoding)),
        };
        if let Some(candidate) = candidate {
            self.marked[slot] = take(candidate);
        }
    }
}

/// The run that the sample at `at` is part of, if it is any.
fn run(bytes: &[u8], at: usize, signs: Sample) -> Option<Candidate> {
    if signs.wide
        && let Some(character) = bytes.get(at..at + WIDTH).and_then(wide)
    {
        return Some(Candidate::Wide(at + character));
    }
    if signs.hex {
        if let Some(digit) = hex::text_around(bytes, at) {
            return Some(Candidate::Hex(digit));
        }
        if hex::is_dump(bytes, at) {
            return Some(Candidate::Dump(at));
        }
        if let Some(digit) = hex::spaced_container_start(bytes, at) {
            return Some(Candidate::Hex(digit));
        }
    }
    if signs.base64 && base64::is_text_around(bytes, at) {
        return Some(Candidate::Base64 { at, is_container: false });
    }
    if signs.first_hex
        && let Some(digit) = hex::container_start(bytes, at)
    {
        return Some(Candidate::Hex(digit));
    }
    signs.first.then(|| Candidate::Base64 { at: base64::line_start(bytes, at), is_container: true })
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

/// Where in the sample a character of UTF-16 or UTF-32 stands.
fn wide(sample: &[u8]) -> Option<usize> {
    let is_text = |byte: u8| matches!(byte, 0x09..=0x7e);
    (0..2)
        .find(|parity| (0..WIDTH).all(|at| if at % 2 == *parity { is_text(sample[at]) } else { sample[at] == 0 }))
        .or_else(|| {
            (0..4).find(|k| (0..WIDTH).all(|at| if at % 4 == *k { is_text(sample[at]) } else { sample[at] == 0 }))
        })
}
