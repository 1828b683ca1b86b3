//! Cheap detectors of runs, for what has no fixed spelling, and of the commonest prefixes.
//!
//! Nothing here decodes. One vectorised pass looks at blocks of sixty-four bytes (`signs`): where a `k_` stands or what
//! begins an escape, and what the first sixteen bytes of every thirty-two are, which no encoded credential fits between:
//! they are part of wide text, of base64 or hex that reads as text, or of nothing.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod signs;

use super::encoding::{Encoding, base64, escapes, hex, quoted};
pub(super) use signs::Sample;
use signs::{Block, Closer, Samples, Signs};

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
    /// The `k_` of a prefix.
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
pub(super) fn candidates(bytes: &[u8], take: &mut dyn FnMut(Candidate) -> usize) {
    let mut probe = Probe::default();
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
            walk(bytes, from, to, |block| avx2::look(block), |block| avx2::look_closer(block), tell);
        }
        // SAFETY: the processor has what the function is compiled for; nothing else in it is unsafe.
        return unsafe { with_vectors(bytes, from, to, tell) };
    }
    walk(bytes, from, to, signs::look, signs::look_closer, tell);
}

/// The walk over blocks.
#[inline(always)]
fn walk(
    bytes: &[u8],
    from: usize,
    to: usize,
    look: impl Fn(&Block) -> Signs,
    look_closer: impl Fn(&Block) -> Closer,
    tell: &mut impl FnMut(usize, Sign),
) {
    // What of the block before is no base64.
    let mut before = u64::MAX;
    // The block before a part is looked at for that alone.
    let mut at = from.saturating_sub(BLOCK);
    let mut last = [0x80; BLOCK + 1];
    loop {
        let rest = &bytes[at..];
        let block = match rest.first_chunk() {
            Some(block) => block,
            None => {
                // Filled up with what is part of nothing.
                last[..rest.len()].copy_from_slice(rest);
                &last
            }
        };
        let signs = look(block);
        if !signs.is_empty() && at >= from {
            let mut samples = signs.samples(before, &look_closer(block));
            for (number, run) in signs.before_samples(before).into_iter().enumerate() {
                // Words and paths of such a length are not rare.
                let start = at + number * STRIDE - run;
                if samples.first >> number & 1 != 0
                    && !base64::begins_container(&bytes[base64::behind_escape(bytes, start)..])
                {
                    samples.first &= !(1 << number);
                }
            }
            if signs.marks != 0 || !samples.is_empty() {
                tell_block(at, &signs, samples, tell);
            }
        }
        at += BLOCK;
        if rest.len() <= BLOCK || at >= to {
            return;
        }
        before = signs.not_base64;
    }
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

/// From signs to candidates.
#[derive(Default)]
pub(super) struct Probe {
    /// Up to where marks were dealt with: percent, backslashes, entities, quoted-printable.
    marked: [usize; 4],
}

impl Probe {
    /// Hands over what a sign is of, if it is anything. Signs come in order.
    pub(super) fn sign(&mut self, bytes: &[u8], at: usize, sign: Sign, take: &mut dyn FnMut(Candidate) -> usize) {
        match sign {
            Sign::Mark => self.mark(bytes, at, take),
            // What was decoded once is known by its run: which of a run's samples comes first makes no difference.
            Sign::Sample(sample) => _ = run(bytes, at, sample).map(take),
        }
    }

    /// What a mark at `at` begins.
    fn mark(&mut self, bytes: &[u8], at: usize, take: &mut dyn FnMut(Candidate) -> usize) {
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
    if signs.wide()
        && let Some(character) = wide(bytes, at)
    {
        return Some(Candidate::Wide(at + character));
    }
    // Before text: compressed bytes can read as that when they are halved elsewhere.
    if signs.first_hex()
        && let Some(digit) = hex::container_start(bytes, at)
    {
        return Some(Candidate::Hex(digit));
    }
    if signs.hex() {
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
    if signs.base64() && base64::is_text_around(bytes, at) {
        return Some(Candidate::Base64 { at, is_container: false });
    }
    signs.first().then(|| {
        let start = base64::behind_escape(bytes, base64::line_start(bytes, at));
        Candidate::Base64 { at: start, is_container: true }
    })
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
