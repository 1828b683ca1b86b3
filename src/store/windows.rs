//! The parts of a file that were read lately.
//!
//! The members of a family stand near each other in a pack and are read in another order than they stand: with a few
//! dozen windows nearly everything is read once. With one, however large, it was read two to three times
//! (`docs/performance.md`).

use std::fs::File;

use super::Failure;
use super::inflate::read_some;

/// Windows into one file.
pub(super) struct Windows {
    /// Which part of the file each window is, and when it was used last: by themselves, since all are looked at for each
    /// part that is asked for.
    numbers: [u64; Self::MOST],
    used: [u64; Self::MOST],
    bytes: Vec<Vec<u8>>,
    /// Counts up with each use.
    clock: u64,
    /// What stands in two windows.
    joined: Vec<u8>,
}

impl Windows {
    /// Bytes of a window.
    const SIZE: usize = 16 << 10;
    const MOST: usize = 32;
    /// No window: of no file is there so much.
    const NONE: u64 = u64::MAX;
    /// Larger parts are better read by themselves.
    pub(super) const LARGEST: usize = Self::SIZE;

    pub(super) fn new() -> Self {
        Self {
            numbers: [Self::NONE; Self::MOST],
            used: [0; Self::MOST],
            bytes: Vec::new(),
            clock: 0,
            joined: Vec::new(),
        }
    }

    /// What stands at `at`, so many bytes of it or all there is.
    pub(super) fn get(&mut self, file: &File, at: u64, count: usize) -> Result<&[u8], Failure> {
        let (mut number, mut from) = (at / Self::SIZE as u64, (at % Self::SIZE as u64) as usize);
        let part = |bytes: &[u8], from: usize, count: usize| {
            let from = from.min(bytes.len());
            from..from.saturating_add(count).min(bytes.len())
        };
        if from + count <= Self::SIZE {
            let bytes = self.window(file, number)?;
            return Ok(&bytes[part(bytes, from, count)]);
        }
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        while joined.len() < count {
            let bytes = self.window(file, number)?;
            let range = part(bytes, from, count - joined.len());
            let is_last = range.end < Self::SIZE;
            joined.extend_from_slice(&bytes[range]);
            if is_last {
                break;
            }
            (number, from) = (number.saturating_add(1), 0);
        }
        self.joined = joined;
        Ok(&self.joined)
    }

    fn window(&mut self, file: &File, number: u64) -> Result<&[u8], Failure> {
        self.clock += 1;
        let slot = match self.numbers.iter().position(|known| *known == number) {
            Some(slot) => slot,
            None => self.fill(file, number)?,
        };
        self.used[slot] = self.clock;
        Ok(&self.bytes[slot])
    }

    /// Reads a window in place of the one that was not used for longest; which one.
    fn fill(&mut self, file: &File, number: u64) -> Result<usize, Failure> {
        let oldest = (0..Self::MOST).min_by_key(|slot| self.used[*slot]).unwrap_or_default();
        if oldest >= self.bytes.len() {
            self.bytes.resize_with(oldest + 1, Vec::new);
        }
        self.numbers[oldest] = Self::NONE;
        self.bytes[oldest].resize(Self::SIZE, 0);
        read_some(file, &mut self.bytes[oldest], number.saturating_mul(Self::SIZE as u64))?;
        self.numbers[oldest] = number;
        Ok(oldest)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_read_through_windows_is_what_stands_there() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let content: Vec<u8> = (0..Windows::SIZE * Windows::MOST * 2 + 777).map(|_| random.u8(..)).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let mut windows = Windows::new();
        for _ in 0..5000 {
            // Near the end and behind it too.
            let at = random.usize(..content.len() + 100);
            let count = random.usize(1..=Windows::LARGEST);
            let expected = content.get(at..).map_or(&[][..], |rest| &rest[..count.min(rest.len())]);
            assert_eq!(windows.get(&file, at as u64, count).unwrap(), expected, "seed {seed}");
        }
        assert_eq!(windows.bytes.len(), Windows::MOST);
        // No system has files so long: an error or nothing, and no panic.
        assert!(windows.get(&file, u64::MAX, 1).map_or(true, <[u8]>::is_empty));
    }
}
