//! The look at a block, with vectors of 32 bytes.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi8, _mm256_and_si256, _mm256_andnot_si256, _mm256_cmpeq_epi8, _mm256_cmpeq_epi32,
    _mm256_cmpeq_epi64, _mm256_cmpgt_epi8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_packs_epi16,
    _mm256_packs_epi32, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_srli_epi16,
};

use super::super::encoding::base64::is_base64;
use super::signs::{self, Block, Digits, Signs, TO_SEXTET};
use super::{SPACED_HEX, STRIDE, WIDTH};

type Table = [u8; 32];

/// A class of bytes as two tables by their halves: a byte is in it where both have a bit in common. Each different row
/// of the class takes a bit; both classes here have fewer than eight.
const fn by_halves(class: &[bool; 256]) -> [Table; 2] {
    let mut tables = [[0; 32]; 2];
    let mut rows = [0u16; 8];
    let mut upper = 0;
    while upper < 16 {
        let mut row = 0u16;
        let mut lower = 0;
        while lower < 16 {
            row |= (class[upper << 4 | lower] as u16) << lower;
            lower += 1;
        }
        let mut bit = 0;
        while row != 0 && rows[bit] != 0 && rows[bit] != row {
            bit += 1;
        }
        rows[bit] = if row == 0 { rows[bit] } else { row };
        // Both halves of a vector are looked up apart.
        let mut lane = 0;
        while lane < 32 && row != 0 {
            tables[1][upper + lane] = 1 << bit;
            lower = 0;
            while lower < 16 {
                tables[0][lower + lane] |= ((row >> lower & 1) as u8) << bit;
                lower += 1;
            }
            lane += 16;
        }
        upper += 1;
    }
    tables
}

static BASE64: [Table; 2] = {
    let mut class = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = is_base64(byte as u8);
        byte += 1;
    }
    by_halves(&class)
};

static HEX: [Table; 2] = by_halves(&SPACED_HEX);

/// The marks' tables: of the byte by its lower and its upper half, of the next likewise; a bit each.
static MARKS: [[Table; 2]; 2] = {
    let mut tables = [[[0; 32]; 2]; 2];
    let mut mark = 0;
    while mark < signs::MARKS.len() {
        let (here, next) = signs::MARKS[mark];
        let mut at = 0;
        while at < 32 {
            let half = at % 16;
            tables[0][0][at] |= ((here.lower >> half & 1) as u8) << mark;
            tables[0][1][at] |= ((here.upper >> half & 1) as u8) << mark;
            tables[1][0][at] |= ((next.lower >> half & 1) as u8) << mark;
            tables[1][1][at] |= ((next.upper >> half & 1) as u8) << mark;
            at += 1;
        }
        mark += 1;
    }
    tables
};

static SEXTETS: Table = {
    let mut table = [0; 32];
    let mut at = 0;
    while at < 32 {
        table[at] = TO_SEXTET[at % 16];
        at += 1;
    }
    table
};

#[target_feature(enable = "avx2")]
#[inline]
fn mask(vector: __m256i) -> u32 {
    _mm256_movemask_epi8(vector) as u32
}

#[target_feature(enable = "avx2")]
#[inline]
fn is(vector: __m256i, byte: u8) -> __m256i {
    _mm256_cmpeq_epi8(vector, _mm256_set1_epi8(byte as i8))
}

#[target_feature(enable = "avx2")]
#[inline]
fn or(one: __m256i, other: __m256i) -> __m256i {
    _mm256_or_si256(one, other)
}

#[target_feature(enable = "avx2")]
#[inline]
fn and(one: __m256i, other: __m256i) -> __m256i {
    _mm256_and_si256(one, other)
}

/// Bytes by their halves, for tables.
struct Halves {
    lower: __m256i,
    upper: __m256i,
}

impl Halves {
    #[target_feature(enable = "avx2")]
    #[inline]
    fn of(bytes: __m256i) -> Self {
        let nibble = _mm256_set1_epi8(15);
        Self { lower: and(bytes, nibble), upper: and(_mm256_srli_epi16::<4>(bytes), nibble) }
    }

    /// What the tables have of each byte.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn look_up(&self, [by_lower, by_upper]: &[Table; 2]) -> __m256i {
        let lower = _mm256_shuffle_epi8(bytemuck::must_cast(*by_lower), self.lower);
        let upper = _mm256_shuffle_epi8(bytemuck::must_cast(*by_upper), self.upper);
        and(lower, upper)
    }

    /// Which of the bytes are not of a class.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn outside(&self, class: &[Table; 2]) -> u32 {
        mask(is(self.look_up(class), 0))
    }
}

/// As [`super::signs::look`], some twenty times as fast.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn look(block: &Block) -> Signs {
    let part = |at: usize| -> __m256i {
        block[at..].first_chunk::<32>().map_or(_mm256_setzero_si256(), |bytes| bytemuck::must_cast(*bytes))
    };
    let mut signs = Signs::default();
    for at in [0, 32] {
        let (here, next) = (Halves::of(part(at)), Halves::of(part(at + 1)));
        let marks = and(here.look_up(&MARKS[0]), next.look_up(&MARKS[1]));
        signs.marks |= u64::from(!mask(is(marks, 0))) << at;
        signs.not_base64 |= u64::from(here.outside(&BASE64)) << at;
    }
    let samples = samples(block);
    signs.not_hex = Halves::of(samples).outside(&HEX);
    signs.nul = mask(is(samples, 0));
    signs
}

/// Both samples of a block.
#[target_feature(enable = "avx2")]
#[inline]
fn samples(block: &Block) -> __m256i {
    let mut both = [0; 2 * WIDTH];
    both[..WIDTH].copy_from_slice(&block[..WIDTH]);
    both[WIDTH..].copy_from_slice(&block[STRIDE..STRIDE + WIDTH]);
    bytemuck::must_cast(both)
}

/// As [`super::signs::digits`].
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn digits(block: &Block) -> Digits {
    let bytes = samples(block);
    let no_first_digit = or(_mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(b'7' as i8)), is(bytes, b'1'));
    // Every other byte, the others, of each sample: what stands against either.
    let even = _mm256_srli_epi16::<8>(no_first_digit);
    let odd = and(no_first_digit, _mm256_set1_epi16(1));
    let halves = mask(_mm256_cmpeq_epi64(_mm256_packs_epi16(even, odd), _mm256_setzero_si256()));
    let between = or(is(or(bytes, _mm256_set1_epi8(0x20)), b'x'), is(bytes, b'-'));
    let solid = _mm256_andnot_si256(is(bytes, b'='), _mm256_cmpgt_epi8(bytes, _mm256_set1_epi8(b'/' as i8)));
    Digits { first: either(halves), between: either(mask(between)), solid: either(mask(solid)) }
}

/// The samples of which anything is marked, sixteen bits each.
fn either(mask: u32) -> u8 {
    u8::from(mask as u16 != 0) | u8::from(mask >> 16 != 0) << 1
}

/// As [`super::signs::text_in_base64`].
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn text_in_base64(block: &Block) -> u8 {
    let bytes = samples(block);
    let to_sextets = _mm256_shuffle_epi8(bytemuck::must_cast(SEXTETS), Halves::of(bytes).upper);
    let sextets = _mm256_add_epi8(bytes, to_sextets);
    // What speaks against an alignment, in a group of four each; none has its top bit set, so that packing keeps it.
    let against = |alignment: u32| {
        let bits = i32::from_le_bytes(signs::NO_ASCII).rotate_right(8 * alignment);
        and(sextets, _mm256_set1_epi32(bits))
    };
    let one = _mm256_packs_epi32(against(0), against(1));
    let other = _mm256_packs_epi32(against(2), against(3));
    // Of each sample four bytes an alignment.
    let all = _mm256_packs_epi16(one, other);
    either(mask(_mm256_cmpeq_epi32(all, _mm256_setzero_si256())))
}

#[cfg(test)]
mod tests {
    use super::super::BLOCK;
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "what is called was seen to be there")]
    fn with_vectors_and_without_the_signs_are_the_same() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            return;
        }
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for round in 0..20_000 {
            let alphabet: &[u8] = match round % 4 {
                0 => b"0123456789abcdefxX ,\n-",
                1 => b"ABCxyz019+/-_=",
                2 => b"k_k_ =\n\r=36\t \0aZ%&\\)",
                _ => &[],
            };
            let mut block = [0; BLOCK + 1];
            block.fill_with(|| random.choice(alphabet).copied().unwrap_or_else(|| random.u8(..)));
            // SAFETY: the processor has AVX2, or we were not here.
            let fast = unsafe { (look(&block), text_in_base64(&block), digits(&block)) };
            assert_eq!(fast, (signs::look(&block), signs::text_in_base64(&block), signs::digits(&block)), "{block:?}");
        }
    }
}
