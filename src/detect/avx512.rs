//! Tables of all ASCII, looked up for sixty-four bytes at once (AVX-512 VBMI).

use std::arch::x86_64::{__m512i, _mm512_permutex2var_epi8};

/// The bytes of a vector.
pub(super) const WIDTH: usize = 64;

/// What is to be told of each byte of ASCII, its halves by the bit that tells them apart.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Table(pub(super) [u8; 2 * WIDTH]);

/// Whether the processor has what is asked for here.
pub(super) fn is_there() -> bool {
    use std::arch::is_x86_feature_detected;
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
}

/// The bytes of `block` from `at` on.
#[inline(always)]
pub(super) fn part<const LENGTH: usize>(block: &[u8; LENGTH], at: usize) -> __m512i {
    let part = block[at..].first_chunk::<WIDTH>();
    bytemuck::must_cast(*part.unwrap_or(&[0; WIDTH]))
}

/// What a table has of each byte. Of bytes beyond ASCII it is what it has of them without their top bit.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
#[inline]
pub(super) fn look_up(table: &Table, bytes: __m512i) -> __m512i {
    _mm512_permutex2var_epi8(part(&table.0, 0), bytes, part(&table.0, WIDTH))
}
