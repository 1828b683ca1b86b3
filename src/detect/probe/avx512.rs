//! The look at a block, with one vector for all of it.

use std::arch::x86_64::{
    _mm512_mask_blend_epi8, _mm512_mask_test_epi8_mask, _mm512_movepi8_mask, _mm512_set1_epi8, _mm512_testn_epi8_mask,
};

use super::super::avx512::{Table, look_up, part};
use super::super::encoding::base64::is_base64;
use super::signs::{Block, MARKS_OF, Signs};
use super::{SPACED_HEX, STRIDE};

/// Bits of a class table: a character of base64, and what may stand in a dump of hex digits.
const BASE64: u8 = 1;
const HEX: u8 = 2;

static CLASSES: Table = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = is_base64(byte as u8) as u8 * BASE64 | SPACED_HEX[byte] as u8 * HEX;
        byte += 1;
    }
    Table(table)
};

/// The marks that each byte of ASCII may begin, and may follow in.
static MARKS: [Table; 2] = [ascii(&MARKS_OF[0]), ascii(&MARKS_OF[1])];

/// The marks that a byte beyond ASCII may follow in, whichever it is. It begins none.
const BEYOND: u8 = {
    let mut byte = 128;
    while byte < 256 {
        assert!(MARKS_OF[0][byte] == 0 && MARKS_OF[1][byte] == MARKS_OF[1][128]);
        byte += 1;
    }
    MARKS_OF[1][128]
};

const fn ascii(all: &[u8; 256]) -> Table {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = all[byte];
        byte += 1;
    }
    Table(table)
}

/// As [`super::signs::look`], in a third of the time that two vectors take.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
#[inline]
pub(super) fn look(block: &Block) -> Signs {
    let (here, next) = (part(block, 0), part(block, 1));
    let beyond = _mm512_movepi8_mask(here);
    let follows = look_up(&MARKS[1], next);
    let follows = _mm512_mask_blend_epi8(_mm512_movepi8_mask(next), follows, _mm512_set1_epi8(BEYOND as i8));
    let classes = look_up(&CLASSES, here);
    let outside = |class: u8| _mm512_testn_epi8_mask(classes, _mm512_set1_epi8(class as i8)) | beyond;
    Signs {
        marks: _mm512_mask_test_epi8_mask(!beyond, look_up(&MARKS[0], here), follows),
        not_base64: outside(BASE64),
        not_hex: of_samples(outside(HEX)),
        nul: of_samples(_mm512_testn_epi8_mask(here, here)),
    }
}

/// What of a bit for each byte of a block belongs to its samples.
#[inline(always)]
fn of_samples(bits: u64) -> u32 {
    (bits & 0xffff | (bits >> STRIDE & 0xffff) << 16) as u32
}

#[cfg(test)]
mod tests {
    use super::super::super::avx512::is_there;
    use super::super::{BLOCK, signs};
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "what is called was seen to be there")]
    fn with_one_vector_and_without_the_signs_are_the_same() {
        if !is_there() {
            return;
        }
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for round in 0..20_000 {
            let mut block = [0; BLOCK + 1];
            block.fill_with(|| signs::tests::random_byte(&mut random, round));
            // SAFETY: the processor has what is called for, or we were not here.
            assert_eq!(unsafe { look(&block) }, signs::look(&block), "{block:?}");
        }
    }
}
