//! What sixty-four bytes tell at one look.
//!
//! Nothing is decided here: what a sign leaves open, the detector of the run decides. But where a run is, its sign is
//! not missing.

use super::super::encoding::base64;
use super::{BLOCK, SAMPLES, STRIDE, WIDTH};

/// A block, and the byte behind it.
pub(super) type Block = [u8; BLOCK + 1];

/// A set of bytes by their halves: a bit for each upper half, and for each lower one.
#[derive(Clone, Copy)]
pub(super) struct ByHalves {
    pub(super) upper: u16,
    pub(super) lower: u16,
}

const fn by_halves(upper: u16, lower: u16) -> ByHalves {
    ByHalves { upper, lower }
}

const fn one(byte: u8) -> ByHalves {
    by_halves(1 << (byte >> 4), 1 << (byte & 15))
}

const ANY: ByHalves = by_halves(u16::MAX, u16::MAX);
const LINE_END: ByHalves = by_halves(1, 1 << b'\n' | 1 << b'\r');

/// A byte and the next that together may begin what has no fixed spelling. At most eight.
pub(super) const MARKS: &[(ByHalves, ByHalves)] = &[
    // Of every prefix: `k_` and `y_` (and `i_` and `{_`, which are few).
    (by_halves(1 << 6 | 1 << 7, 1 << 11 | 1 << 9), one(b'_')),
    // Quoted-printable: a line that goes on, blanks behind its `=` included, and a digit that begins a character of a
    // key, of an encoding of one, of wide text or of a container.
    (one(b'='), LINE_END),
    (one(b' '), LINE_END),
    (one(b'\t'), LINE_END),
    (one(b'='), by_halves(1 << 3 | 1 << 4, 0b10_1111_1111)),
    // Percent before a digit or `u`; an entity's `#` or first letter (programs have `&` before much else); backslashes.
    (one(b'%'), by_halves(1 << 3 | 1 << 4 | 1 << 6 | 1 << 7, 0b11_1111_1111)),
    (one(b'&'), by_halves(1 << 2 | 1 << 5 | 1 << 6 | 1 << 7, 0b0101_0001_1010_1111)),
    (one(b'\\'), ANY),
];

/// The marks that each byte may begin, and may follow in: a bit a mark.
const MARKS_OF: [[u8; 256]; 2] = {
    let mut table = [[0; 256]; 2];
    let mut byte = 0;
    while byte < 256 {
        let mut mark = 0;
        while mark < MARKS.len() {
            let (here, next) = MARKS[mark];
            table[0][byte] |= ((here.upper >> (byte >> 4) & here.lower >> (byte & 15) & 1) as u8) << mark;
            table[1][byte] |= ((next.upper >> (byte >> 4) & next.lower >> (byte & 15) & 1) as u8) << mark;
            mark += 1;
        }
        byte += 1;
    }
    table
};

/// What the bytes of a block are, a bit a byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs {
    /// What begins a prefix or an escape ([`MARKS`]).
    pub(super) marks: u64,
    /// No characters of base64.
    pub(super) not_base64: u64,
    /// Of the samples, sixteen bits each: what stands in no dump of hex digits.
    pub(super) not_hex: u32,
    /// Of the samples: NULs.
    pub(super) nul: u32,
}

/// What a closer look at samples in which all may stand in hex tells, a bit a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digits {
    /// Every other character is a digit that a byte of text in hex can begin with, where it is a digit.
    pub(super) first: u8,
    /// Some of its characters of base64 may stand between two bytes in hex.
    pub(super) between: u8,
    /// Some of it does not stand between two bytes in hex, as a blank does: digits, if the rest is hex.
    pub(super) solid: u8,
}

/// What a sample may be part of, a bit a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Samples {
    /// Text in base64.
    pub(super) base64: u8,
    /// Text in hex, or a dump.
    pub(super) hex: u8,
    /// The first whole sample of a run of base64's alphabet.
    pub(super) first: u8,
    /// The same, and nothing in it but what stands in hex.
    pub(super) first_hex: u8,
    /// Wide text.
    pub(super) wide: u8,
}

/// What one sample may be part of, as in [`Samples`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::detect) struct Sample(u8);

impl Sample {
    const BASE64: u8 = 1;
    const HEX: u8 = 2;
    const FIRST: u8 = 4;
    const FIRST_HEX: u8 = 8;
    const WIDE: u8 = 16;

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn base64(self) -> bool {
        self.0 & Self::BASE64 != 0
    }

    pub(super) fn hex(self) -> bool {
        self.0 & Self::HEX != 0
    }

    pub(super) fn first(self) -> bool {
        self.0 & Self::FIRST != 0
    }

    pub(super) fn first_hex(self) -> bool {
        self.0 & Self::FIRST_HEX != 0
    }

    pub(super) fn wide(self) -> bool {
        self.0 & Self::WIDE != 0
    }
}

impl Samples {
    #[inline(always)]
    pub(super) fn is_empty(self) -> bool {
        self.base64 | self.hex | self.first | self.first_hex | self.wide == 0
    }

    /// These and others.
    #[inline(always)]
    pub(super) fn add(&mut self, others: Self) {
        self.base64 |= others.base64;
        self.hex |= others.hex;
        self.first |= others.first;
        self.first_hex |= others.first_hex;
        self.wide |= others.wide;
    }

    /// The same of one sample.
    pub(super) fn of(self, number: usize) -> Sample {
        let bit = |samples: u8, bit: u8| (samples >> number & 1) * bit;
        Sample(
            bit(self.base64, Sample::BASE64)
                | bit(self.hex, Sample::HEX)
                | bit(self.first, Sample::FIRST)
                | bit(self.first_hex, Sample::FIRST_HEX)
                | bit(self.wide, Sample::WIDE),
        )
    }
}

/// The samples of which no bit is set.
#[inline(always)]
fn none_of(mask: u32) -> u8 {
    u8::from(mask as u16 == 0) | u8::from(mask >> 16 == 0) << 1
}

/// Whether some sample has no bit set; it may be said of two bits that are all there are as well.
#[inline(always)]
fn may_be_none(mask: u32) -> u32 {
    mask.wrapping_sub(0x0001_0001) & !mask & 0x8000_8000
}

impl Signs {
    /// The samples that are all of base64's alphabets.
    #[inline(always)]
    fn in_base64(&self) -> u8 {
        u8::from(self.not_base64 & 0xffff == 0) | u8::from(self.not_base64 >> STRIDE & 0xffff == 0) << 1
    }

    /// Whether there is nothing here, as in most blocks; a few others are let through.
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        let not_base64 = (self.not_base64 & 0xffff) as u32 | (self.not_base64 >> 16) as u32 & 0xffff_0000;
        let runs = may_be_none(not_base64) | may_be_none(self.not_hex);
        self.marks | u64::from(runs | self.nul) == 0
    }

    /// Whether some sample may be all of what stands in hex.
    #[inline(always)]
    pub(super) fn may_be_hex(&self) -> bool {
        may_be_none(self.not_hex) != 0
    }

    /// What the samples may be part of, hex apart; `before`: what of the block before is no base64; and which of them could
    /// be text in base64 if they are base64. Without a branch, since what a sample is cannot be foretold.
    #[inline(always)]
    pub(super) fn samples(&self, before: u64, text_in_base64: u8) -> Samples {
        let begins = u8::from(before >> STRIDE != 0) | u8::from(self.not_base64 as u32 != 0) << 1;
        Samples {
            base64: self.in_base64() & text_in_base64,
            first: self.in_base64() & begins,
            wide: 3 & !none_of(self.nul),
            ..Samples::default()
        }
    }

    /// The rest of that.
    #[inline(always)]
    pub(super) fn samples_in_hex(&self, before: u64, digits: &Digits) -> Samples {
        // A run of digits may have a mark before it that base64 has too: `0x`, `\\x`.
        const MARK: u32 = 4;
        let joined = self.not_base64 << MARK | before >> (BLOCK as u32 - MARK);
        let begins = u8::from(before >> (STRIDE as u32 - MARK) != 0)
            | u8::from(joined & ((1 << (STRIDE as u32 + MARK)) - 1) != 0) << 1;
        let in_hex = none_of(self.not_hex);
        Samples {
            // Where digits stand close together, every other one begins a byte.
            hex: in_hex & digits.solid & (!self.in_base64() | digits.first | digits.between),
            first_hex: self.in_base64() & begins & in_hex,
            ..Samples::default()
        }
    }

    /// How many characters of base64 stand right before each sample.
    pub(super) fn before_samples(&self, before: u64) -> [usize; SAMPLES] {
        [(before >> STRIDE) as u32, self.not_base64 as u32].map(|not_base64| not_base64.leading_zeros() as usize)
    }
}

/// The bits that say, in the first, second and third character of a group of four in base64, that one of its bytes is no
/// ASCII.
pub(super) const NO_ASCII: [u8; 4] = [0x20, 0x08, 0x02, 0];

/// From a character of base64 to its six bits, by its upper half: what is to be added. Not exact for `+`, `-`, `/` and
/// `_`, which may get fewer of the bits that matter here than they have.
pub(super) const TO_SEXTET: [u8; 16] = {
    let mut table = [0; 16];
    table[2] = 0u8.wrapping_sub(b'+');
    table[3] = 52u8.wrapping_sub(b'0');
    table[4] = 0u8.wrapping_sub(b'A');
    table[5] = table[4];
    table[6] = 26u8.wrapping_sub(b'a');
    table[7] = table[6];
    table
};

/// Looks at a block, byte by byte.
pub(super) fn look(block: &Block) -> Signs {
    let mut signs = Signs::default();
    for (at, pair) in block.windows(2).enumerate() {
        let mark = MARKS_OF[0][usize::from(pair[0])] & MARKS_OF[1][usize::from(pair[1])];
        signs.marks |= u64::from(mark != 0) << at;
        signs.not_base64 |= u64::from(!base64::is_base64(pair[0])) << at;
    }
    for (place, byte) in samples(block).flatten().enumerate() {
        signs.not_hex |= u32::from(!super::SPACED_HEX[usize::from(*byte)]) << place;
        signs.nul |= u32::from(*byte == 0) << place;
    }
    signs
}

/// The samples that some alignment of base64 could make ASCII of.
pub(super) fn text_in_base64(block: &Block) -> u8 {
    samples_where(block, |sample| {
        (0..4).any(|alignment| {
            sample.iter().enumerate().all(|(at, byte)| {
                let sextet = byte.wrapping_add(TO_SEXTET[usize::from(byte >> 4)]);
                sextet & NO_ASCII[(at + alignment) % 4] == 0
            })
        })
    })
}

/// Looks at the digits in the samples of a block.
pub(super) fn digits(block: &Block) -> Digits {
    let begins = |byte: &u8| *byte != b'1' && (*byte <= b'7' || !byte.is_ascii());
    Digits {
        first: samples_where(block, |sample| (0..2).any(|half| sample.iter().skip(half).step_by(2).all(begins))),
        between: samples_where(block, |sample| sample.iter().any(|byte| *byte == b'-' || byte | 0x20 == b'x')),
        solid: samples_where(block, |sample| {
            sample.iter().any(|byte| *byte > b'/' && byte.is_ascii() && *byte != b'=')
        }),
    }
}

fn samples_where(block: &Block, is: impl Fn(&[u8]) -> bool) -> u8 {
    samples(block).enumerate().map(|(number, sample)| u8::from(is(sample)) << number).sum()
}

/// The samples of a block.
fn samples(block: &Block) -> impl Iterator<Item = &[u8]> {
    (0..SAMPLES).map(|number| &block[number * STRIDE..][..WIDTH])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_of(block: &Block, before: u64) -> Samples {
        let signs = look(block);
        let mut samples = signs.samples(before, text_in_base64(block));
        samples.add(signs.samples_in_hex(before, &digits(block)));
        samples
    }

    /// A sample of a text in an encoding, in every place where one can stand.
    fn samples_of(text: &[u8]) -> Vec<(usize, Samples)> {
        (0..text.len().saturating_sub(BLOCK)).map(|at| (at, all_of(text[at..].first_chunk().unwrap(), !0))).collect()
    }

    #[test]
    fn text_in_base64_and_in_hex_has_its_sign_in_every_sample() {
        let mut random = fastrand::Rng::with_seed(3);
        let plain: Vec<u8> = (0..4000).map(|_| random.u8(b' '..0x7f)).collect();
        let alphabet: Vec<u8> = (0..=255).filter(|byte| base64::is_base64(*byte)).collect();
        let sextet = |value: u8| *alphabet.iter().find(|byte| base64::value(**byte) == value).unwrap();
        let base64: Vec<u8> = plain
            .chunks_exact(3)
            .flat_map(|three| {
                let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
                [18, 12, 6, 0].map(|shift| sextet((bits >> shift & 63) as u8))
            })
            .collect();
        assert!(samples_of(&base64).iter().all(|(_, samples)| samples.base64 == 3));
        for apart in ["", "-", ", 0x", ":", "0x", " "] {
            let hex: Vec<String> = plain.iter().map(|byte| format!("{byte:02X}")).collect();
            assert!(samples_of(hex.join(apart).as_bytes()).iter().all(|(_, samples)| samples.hex == 3), "{apart}");
        }
    }

    #[test]
    fn what_is_no_text_has_seldom_a_sign() {
        let mut random = fastrand::Rng::with_seed(4);
        let digits: Vec<u8> = (0..40_000).map(|_| *random.choice(b"0123456789abcdef").unwrap()).collect();
        let signs = samples_of(&digits).iter().filter(|(_, samples)| samples.hex != 0).count();
        assert!(signs < 1000, "{signs}");
        let letters: Vec<u8> = (0..40_000).map(|_| random.alphanumeric() as u8).collect();
        let signs = samples_of(&letters).iter().filter(|(_, samples)| samples.base64 != 0).count();
        assert!(signs < 1000, "{signs}");
    }

    #[test]
    fn the_first_sample_of_each_run_is_told() {
        let mut text = [b'a'; 200];
        text[20] = b' ';
        let first = |at: usize, before: u64| all_of(text[at..].first_chunk().unwrap(), before).first;
        // Each begins behind something: the space, or nothing.
        assert_eq!((first(0, !0), first(21, !0), first(21, 0)), (3, 1, 0));
        assert_eq!(first(64, 0), 0);
    }
}
