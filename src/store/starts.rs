//! Where the entries of a pack begin, as bits.

/// No entry takes less: no two that git has written begin within the same eight bytes.
const LEAST: u64 = 8;
const BITS: u64 = u64::BITS as u64;

/// A bit for each eight bytes of a pack in which an entry begins.
pub(super) struct Starts(Vec<u64>);

impl Starts {
    /// Of `count` offsets. None where two are nearer than entries can be, or where they are so far apart that the bits would
    /// take longer than the offsets. Cost: two looks at each.
    pub(super) fn of(count: usize, offsets: impl Iterator<Item = u64> + Clone) -> Option<Self> {
        let words = offsets.clone().max().unwrap_or(0) / LEAST / BITS + 1;
        if words > 2 * count as u64 + 1 {
            return None;
        }
        let mut taken = vec![0u64; words as usize];
        for offset in offsets {
            let (word, bit) = place(offset);
            if taken[word] & bit != 0 {
                return None;
            }
            taken[word] |= bit;
        }
        Some(Self(taken))
    }

    /// The same with how many there are before each.
    pub(super) fn ranked(self) -> Ranks {
        let mut so_far = 0;
        let before = self.0.iter().map(|word| {
            let before = so_far;
            so_far += word.count_ones();
            before
        });
        Ranks { before: before.collect(), starts: self }
    }
}

/// How many entries begin before each.
pub(super) struct Ranks {
    starts: Starts,
    /// How many begin before each word of bits.
    before: Vec<u32>,
}

impl Ranks {
    /// How many begin before the one at this offset, which is one of those that the bits are of.
    pub(super) fn of(&self, offset: u64) -> usize {
        let (word, bit) = place(offset);
        self.before[word] as usize + (self.starts.0[word] & (bit - 1)).count_ones() as usize
    }
}

fn place(offset: u64) -> (usize, u64) {
    ((offset / LEAST / BITS) as usize, 1 << (offset / LEAST % BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_begin_before_each_as_there_are_smaller_offsets() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..100 {
            let mut offsets = vec![random.u64(..100)];
            for _ in 0..random.usize(..500) {
                let length = random.u64(LEAST..200) + u64::from(random.u8(..50) == 0) * random.u64(..3_000);
                offsets.push(offsets[offsets.len() - 1] + length);
            }
            let Some(starts) = Starts::of(offsets.len(), offsets.iter().copied()) else {
                let last = offsets[offsets.len() - 1];
                assert!(last / LEAST / BITS >= 2 * offsets.len() as u64, "seed {seed}");
                continue;
            };
            let ranks = starts.ranked();
            for (rank, offset) in offsets.iter().enumerate() {
                assert_eq!(ranks.of(*offset), rank, "seed {seed}");
            }
            let again = offsets.iter().copied().chain([*random.choice(&offsets).unwrap()]);
            assert!(Starts::of(offsets.len() + 1, again).is_none(), "seed {seed}");
        }
        assert!(Starts::of(2, [0, u64::MAX].into_iter()).is_none());
        assert!(Starts::of(0, std::iter::empty()).is_some());
    }
}
