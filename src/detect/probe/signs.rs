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
    // Of every prefix.
    (one(b'k'), one(b'_')),
    // Quoted-printable: a line that goes on, blanks behind its `=` included, and a digit that begins a character of a
    // key, of an encoding of one or of wide text.
    (one(b'='), LINE_END),
    (one(b' '), LINE_END),
    (one(b'\t'), LINE_END),
    (one(b'='), by_halves(1 << 3, 0b1111_1111)),
    // Percent and entities; backslashes.
    (by_halves(1 << 2, 1 << 5 | 1 << 6), ANY),
    (one(b'\\'), ANY),
];

/// Whether the two are a mark.
fn is_mark(byte: u8, next: u8) -> bool {
    let is = |set: ByHalves, byte: u8| set.upper >> (byte >> 4) & 1 != 0 && set.lower >> (byte & 15) & 1 != 0;
    MARKS.iter().any(|(here, behind)| is(*here, byte) && is(*behind, next))
}

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

/// What a closer look at the samples of a block tells, sixteen bits each, a bit a byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Closer {
    /// Digits that no byte of text in hex begins with.
    pub(super) no_first_digit: u32,
    /// Characters of base64 that may stand between two bytes in hex.
    pub(super) between: u32,
    /// What does not stand between two bytes in hex, as a blank does: digits, if the rest is hex.
    pub(super) solid: u32,
    /// What, as the first, second or third character of a group of four in base64, says that one of
    /// its bytes is no ASCII.
    pub(super) no_ascii: [u32; 3],
}

/// What a sample may be part of, a bit a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Samples {
    /// Text in base64.
    pub(super) base64: u8,
    /// Text in hex, or a dump.
    pub(super) hex: u8,
    /// The first whole sample of a long run of base64's alphabet.
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

/// Every sample's low bit.
const EACH: u32 = 0x0001_0001;

/// The samples of which no bit is set.
#[inline(always)]
fn none_of(mask: u32) -> u8 {
    u8::from(mask as u16 == 0) | u8::from(mask >> 16 == 0) << 1
}

impl Signs {
    /// The samples that are all of base64's alphabets.
    #[inline(always)]
    fn in_base64(&self) -> u8 {
        u8::from(self.not_base64 & 0xffff == 0) | u8::from(self.not_base64 >> STRIDE & 0xffff == 0) << 1
    }

    /// Whether there is nothing here, as in most blocks.
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        let runs = self.in_base64() | none_of(self.not_hex);
        runs == 0 && self.marks == 0 && self.nul == 0
    }

    /// What the samples may be part of; `before`: what of the block before is no base64. Without a branch, since what a
    /// sample is cannot be foretold.
    #[inline(always)]
    pub(super) fn samples(&self, before: u64, closer: &Closer) -> Samples {
        // A run that holds a container is longer, whatever it is wrapped at; a word seldom is.
        const LONG: u64 = (1 << 29) - 1;
        let now = self.not_base64;
        let (in_base64, in_hex) = (self.in_base64(), none_of(self.not_hex));
        let is_long = u8::from(now & LONG == 0) | u8::from(now >> STRIDE & LONG == 0) << 1;
        let begins = u8::from(before >> STRIDE != 0) | u8::from(now as u32 != 0) << 1;
        // A run of digits may have a mark before it that base64 has too: `0x`, `\\x`.
        const MARK: u32 = 4;
        let joined = now << MARK | before >> (BLOCK as u32 - MARK);
        let begins_hex = u8::from(before >> (STRIDE as u32 - MARK) != 0)
            | u8::from(joined & ((1 << (STRIDE as u32 + MARK)) - 1) != 0) << 1;
        Samples {
            base64: in_base64 & closer.may_be_text_in_base64(),
            hex: in_hex & !none_of(closer.solid) & (!in_base64 | closer.may_be_text_in_hex()),
            first: is_long & begins,
            first_hex: is_long & begins_hex & in_hex,
            wide: 3 & !none_of(self.nul),
        }
    }

    /// How many characters of base64 stand right before each sample.
    pub(super) fn before_samples(&self, before: u64) -> [usize; SAMPLES] {
        [(before >> STRIDE) as u32, self.not_base64 as u32].map(|not_base64| not_base64.leading_zeros() as usize)
    }
}

impl Closer {
    /// The samples that some alignment of base64 could make ASCII of.
    #[inline(always)]
    fn may_be_text_in_base64(&self) -> u8 {
        let [first, second, third] = self.no_ascii;
        // By where a group begins: what speaks against it, of all groups of one alignment together.
        let groups = first | (second & !EACH) >> 1 | (third & !(EACH * 3)) >> 2;
        let halves = groups | groups >> 8 & 0x00ff_00ff;
        let alignments = halves | halves >> 4 & 0x000f_000f;
        u8::from(alignments & 0xf != 0xf) | u8::from(alignments >> 16 & 0xf != 0xf) << 1
    }

    /// The samples that could be text in hex: where digits stand close together, every other one begins a byte.
    #[inline(always)]
    fn may_be_text_in_hex(&self) -> u8 {
        const EVERY_OTHER: u32 = 0x5555_5555;
        let seconds = none_of(self.no_first_digit & EVERY_OTHER) | none_of(self.no_first_digit & !EVERY_OTHER);
        seconds | !none_of(self.between)
    }
}

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
        signs.marks |= u64::from(is_mark(pair[0], pair[1])) << at;
        signs.not_base64 |= u64::from(!base64::is_base64(pair[0])) << at;
    }
    for (place, byte) in samples(block) {
        signs.not_hex |= u32::from(!super::SPACED_HEX[byte as usize]) << place;
        signs.nul |= u32::from(byte == 0) << place;
    }
    signs
}

/// Looks at the samples of a block more closely.
pub(super) fn look_closer(block: &Block) -> Closer {
    let mut closer = Closer::default();
    for (place, byte) in samples(block) {
        closer.no_first_digit |= u32::from(byte == b'1' || (byte > b'7' && byte.is_ascii())) << place;
        closer.between |= u32::from(byte == b'-' || byte | 0x20 == b'x') << place;
        closer.solid |= u32::from(byte > b'/' && byte.is_ascii() && byte != b'=') << place;
        let sextet = byte.wrapping_add(TO_SEXTET[usize::from(byte >> 4)]);
        for (number, mask) in closer.no_ascii.iter_mut().enumerate() {
            *mask |= u32::from(sextet & (0x20 >> (2 * number)) != 0) << place;
        }
    }
    closer
}

/// The bytes of a block's samples, numbered.
fn samples(block: &Block) -> impl Iterator<Item = (usize, u8)> {
    (0..SAMPLES).flat_map(|number| block[number * STRIDE..][..WIDTH].iter().copied()).enumerate()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_of(block: &Block, before: u64) -> Samples {
        look(block).samples(before, &look_closer(block))
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
        // The space stands between the samples; before the first, as nothing stands there.
        assert_eq!((first(0, !0), first(21, !0), first(21, 0)), (2, 1, 0));
        assert_eq!(first(64, 0), 0);
    }
}
