//! The search for needles with vectors of 64 bytes: four bytes in a row looked up at once tell which few of them may begin
//! at a place, and those are compared.

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{__m512i, _mm512_and_si512, _mm512_permutex2var_epi8, _mm512_test_epi8_mask};
use std::ops::Range;

/// The bytes of a vector.
const WIDTH: usize = 64;
/// So many bytes of each needle are looked up.
const LOOKED_UP: usize = 4;
/// A bit each in what is looked up.
const BUCKETS: usize = 8;

/// What is to be told of each byte of ASCII.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Table([u8; 2 * WIDTH]);

/// The bytes in which needles may begin, and those that belong to the last of them.
type Block = [u8; WIDTH + LOOKED_UP - 1];

/// Places at which a needle may begin.
struct Places {
    from: usize,
    /// A bit each, counted from there.
    left: u64,
    /// The buckets of the needles that may begin at each.
    buckets: [u8; WIDTH],
}

/// A search that the processor was seen to be able to do.
pub(super) struct Vectors {
    needles: Vec<Vec<u8>>,
    /// The numbers of the needles of each, in order.
    buckets: [Vec<u8>; BUCKETS],
    /// Of each of a needle's first bytes, the buckets of the needles that have it there.
    tables: [Table; LOOKED_UP],
}

impl Vectors {
    /// Nothing if the processor cannot do it, or a needle is too short or not ASCII.
    pub(super) fn new(needles: &[Vec<u8>]) -> Option<Self> {
        let fits = |needle: &Vec<u8>| needle.len() >= LOOKED_UP && needle.is_ascii();
        if !is_there() || needles.len() > 256 || !needles.iter().all(fits) {
            return None;
        }
        // Needles that begin alike share a bucket: what is looked up tells more where its needles are less different.
        let mut sorted: Vec<u8> = (0..needles.len()).map(|number| number as u8).collect();
        sorted.sort_by_key(|number| &needles[usize::from(*number)]);
        let mut buckets: [Vec<u8>; BUCKETS] = Default::default();
        let mut tables = [Table([0; 2 * WIDTH]); LOOKED_UP];
        for (bucket, numbers) in sorted.chunks(needles.len().div_ceil(BUCKETS).max(1)).enumerate() {
            for number in numbers {
                for (table, byte) in tables.iter_mut().zip(&needles[usize::from(*number)]) {
                    table.0[usize::from(*byte)] |= 1 << bucket;
                }
            }
            buckets[bucket] = numbers.to_vec();
            buckets[bucket].sort_unstable();
        }
        Some(Self { needles: needles.to_vec(), buckets, tables })
    }

    /// The first hit that begins in `part`: of those that begin at one place, the one with the lowest number.
    #[expect(unsafe_code, reason = "measured: the search that needs no such processor takes three times as long")]
    pub(super) fn find(&self, bytes: &[u8], mut part: Range<usize>) -> Option<(u8, usize)> {
        part.end = part.end.min(bytes.len());
        while part.start < part.end {
            // SAFETY: the processor has what the function is compiled for, or there would be none of these.
            let mut places = unsafe { self.places(bytes, &mut part) }?;
            while places.left != 0 {
                let place = places.left.trailing_zeros() as usize;
                places.left &= places.left - 1;
                let at = places.from + place;
                if let Some(number) = self.at(&bytes[at..], places.buckets[place]) {
                    return Some((number, at));
                }
            }
        }
        None
    }

    /// The next places in `part` at which a needle may begin; `part` is what comes after them.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn places(&self, bytes: &[u8], part: &mut Range<usize>) -> Option<Places> {
        // Nothing is called in this loop, so that the tables stay where they are.
        while part.start < part.end {
            let from = part.start;
            let Some(block) = bytes[from..].first_chunk() else { return Some(self.last_places(bytes, part)) };
            part.start += WIDTH;
            let places = self.places_in(block, from, part.end);
            if places.left != 0 {
                return Some(places);
            }
        }
        None
    }

    /// The same where less than a block is left.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    #[inline(never)]
    fn last_places(&self, bytes: &[u8], part: &mut Range<usize>) -> Places {
        // What is beyond the end is part of no needle: no hit rests on it.
        let mut block = [0; WIDTH + LOOKED_UP - 1];
        let from = part.start;
        block.iter_mut().zip(&bytes[from..]).for_each(|(to, byte)| *to = *byte);
        part.start += WIDTH;
        self.places_in(&block, from, part.end)
    }

    /// Places in a block that begins at `from`, up to `end`.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    #[inline]
    fn places_in(&self, block: &Block, from: usize, end: usize) -> Places {
        let [one, two, three, four] = &self.tables;
        let begins = _mm512_and_si512(look_up(one, part(block, 0)), look_up(two, part(block, 1)));
        let goes_on = _mm512_and_si512(look_up(three, part(block, 2)), look_up(four, part(block, 3)));
        let fits = _mm512_and_si512(begins, goes_on);
        let mut left = _mm512_test_epi8_mask(begins, goes_on);
        if end - from < WIDTH {
            left &= (1 << (end - from)) - 1;
        }
        Places { from, left, buckets: bytemuck::must_cast(fits) }
    }

    /// The needle that `bytes` begin with, of those of some buckets.
    fn at(&self, bytes: &[u8], mut buckets: u8) -> Option<u8> {
        let mut lowest: Option<u8> = None;
        while buckets != 0 {
            let bucket = &self.buckets[buckets.trailing_zeros() as usize];
            buckets &= buckets - 1;
            let found = bucket.iter().find(|number| bytes.starts_with(&self.needles[usize::from(**number)]));
            lowest = lowest.into_iter().chain(found.copied()).min();
        }
        lowest
    }
}

/// Whether the processor has what is asked for here.
fn is_there() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
}

/// The bytes of `block` from `at` on.
#[inline(always)]
fn part<const LENGTH: usize>(block: &[u8; LENGTH], at: usize) -> __m512i {
    let part = block[at..].first_chunk::<WIDTH>();
    bytemuck::must_cast(*part.unwrap_or(&[0; WIDTH]))
}

/// What a table has of each byte. Of bytes beyond ASCII it is what it has of them without their top bit.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
#[inline]
fn look_up(table: &Table, bytes: __m512i) -> __m512i {
    _mm512_permutex2var_epi8(part(&table.0, 0), bytes, part(&table.0, WIDTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_what_comparing_finds() {
        let needles: Vec<Vec<u8>> = super::super::all().into_iter().map(|(_, needle)| needle).collect();
        let Some(vectors) = Vectors::new(&needles) else { return };
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let mut hits = 0;
        for _ in 0..3000 {
            let mut text = Vec::new();
            for _ in 0..random.usize(..12) {
                let needle = &needles[random.usize(..needles.len())];
                match random.u8(..4) {
                    0 => text.extend_from_slice(needle),
                    1 => text.extend_from_slice(&needle[..random.usize(..needle.len())]),
                    2 => text.extend(needle.iter().map(|byte| byte | 0x80)),
                    _ => text.extend((0..random.usize(..70)).map(|_| random.u8(..))),
                }
            }
            for from in 0..=text.len() {
                let to = random.usize(from..=text.len() + 1);
                let starts = |at: usize| needles.iter().position(|needle| text[at..].starts_with(needle));
                let expected = (from..to.min(text.len())).find_map(|at| starts(at).map(|number| (number as u8, at)));
                assert_eq!(vectors.find(&text, from..to), expected, "{from}..{to} of {text:?}");
                hits += usize::from(expected.is_some());
            }
        }
        assert!(hits > 1000);
    }
}
