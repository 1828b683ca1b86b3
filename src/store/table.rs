//! Looking an id up in a sorted table on disk, without reading the table.
//!
//! Pack indexes, multi-pack indexes and commit-graphs all have one: a fan-out of 256 counts and ids in order. Ids are
//! evenly spread, so a guess and one read of a few kilobytes finds one among half a million. Whoever looks up tens of
//! thousands has the file in memory soon.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::files;
use crate::model::Oid;

/// Bytes of files that are held.
static HELD: AtomicU64 = AtomicU64::new(0);

/// A file that is read in small parts, until so many were asked for that all of it takes no longer.
pub(super) struct TableFile {
    file: File,
    length: u64,
    asked: AtomicU64,
    whole: OnceLock<Vec<u8>>,
}

impl TableFile {
    /// So many bytes of such files are held in all: a server has as many packs as it likes.
    const MOST: u64 = 64 << 20;
    /// So many parts are read before, and more where the file is large: one for each so many bytes of it.
    const FIRST: u64 = 512;
    const EACH: u64 = 8 << 10;

    /// Opens a plain file.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let file = files::open(path).ok()?;
        let length = file.metadata().ok()?.len();
        Some(Self { file, length, asked: AtomicU64::new(0), whole: OnceLock::new() })
    }

    /// What stands at a place, in `buffer` or in the file's own; nothing where the file ends before. The length is known:
    /// a damaged file can claim any size, and nothing is reserved that it does not have.
    pub(super) fn part<'a>(&'a self, at: u64, size: usize, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        let end = at.checked_add(size as u64).filter(|end| *end <= self.length)?;
        if let Some(whole) = self.whole() {
            return whole.get(usize::try_from(at).ok()?..usize::try_from(end).ok()?);
        }
        buffer.resize(size, 0);
        self.file.read_exact_at(buffer, at).ok()?;
        Some(buffer)
    }

    /// So many bytes at a place.
    pub(super) fn array<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        if let Some(whole) = self.whole() {
            let at = usize::try_from(at).ok()?;
            return whole.get(at..at.checked_add(N)?)?.try_into().ok();
        }
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }

    /// Four bytes at a place, as a number.
    pub(super) fn be32(&self, at: u64) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// Eight bytes at a place, as a number.
    pub(super) fn be64(&self, at: u64) -> Option<u64> {
        self.array(at).map(u64::from_be_bytes)
    }

    fn whole(&self) -> Option<&[u8]> {
        if self.whole.get().is_none() {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed);
            if asked < (self.length / Self::EACH).max(Self::FIRST) {
                return None;
            }
            // One that cannot be held is read as before, and tried again much later.
            self.asked.store(0, Ordering::Relaxed);
            let held = HELD.load(Ordering::Relaxed);
            if held.saturating_add(self.length) > Self::MOST {
                return None;
            }
            let mut bytes = vec![0; usize::try_from(self.length).ok()?];
            self.file.read_exact_at(&mut bytes, 0).ok()?;
            if self.whole.set(bytes).is_ok() {
                HELD.fetch_add(self.length, Ordering::Relaxed);
            }
        }
        self.whole.get().map(Vec::as_slice)
    }
}

impl Drop for TableFile {
    fn drop(&mut self) {
        if self.whole.get().is_some() {
            HELD.fetch_sub(self.length, Ordering::Relaxed);
        }
    }
}

/// Where the table of a file stands.
pub(super) struct IdTable {
    /// How many ids begin with a byte up to this one.
    fanout: Box<[u32; 256]>,
    /// Where the first row begins.
    start: u64,
    /// Bytes from row to row.
    stride: usize,
    /// Where in a row the id begins.
    id_at: usize,
}

impl IdTable {
    /// Reads the fan-out at `fanout_at`; the rows begin at `start`.
    pub(super) fn read(file: &TableFile, fanout_at: u64, start: u64, stride: usize, id_at: usize) -> Option<Self> {
        let bytes: [u8; 1024] = file.array(fanout_at)?;
        let mut fanout = Box::new([0u32; 256]);
        let mut last = 0;
        for (count, four) in fanout.iter_mut().zip(bytes.chunks_exact(4)) {
            *count = u32::from_be_bytes([four[0], four[1], four[2], four[3]]);
            if *count < last {
                return None;
            }
            last = *count;
        }
        Some(Self { fanout, start, stride, id_at })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> u32 {
        self.fanout[255]
    }

    /// The row of an id. Cost: one read, seldom two.
    pub(super) fn find(&self, file: &TableFile, oid: &Oid) -> Option<u32> {
        /// So many rows are read around the guess.
        const WINDOW: u32 = 128;
        let id = oid.as_bytes();
        let first = usize::from(id[0]);
        let low = if first == 0 { 0 } else { self.fanout[first - 1] };
        let high = self.fanout[first];
        let rows = high - low;
        if rows == 0 {
            return None;
        }
        let mut buffer = Vec::new();
        if rows > WINDOW * 2 {
            let fraction = u64::from(u32::from_be_bytes([id[1], id[2], id[3], id[4]]));
            let guess = low + ((u64::from(rows) * fraction) >> 32) as u32;
            let from = guess.saturating_sub(WINDOW / 2).clamp(low, high - WINDOW);
            let window = self.rows(file, from, WINDOW, &mut buffer)?;
            let row = |at: u32| self.id(window, at, id.len());
            if row(0)? <= id && id <= row(WINDOW - 1)? {
                return self.search(window, WINDOW, id).map(|at| from + at);
            }
        }
        let all = self.rows(file, low, rows, &mut buffer)?;
        self.search(all, rows, id).map(|at| low + at)
    }

    fn rows<'a>(&self, file: &'a TableFile, from: u32, count: u32, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        // Where it begins is what a file says that may be damaged.
        let at = self.start.checked_add(u64::from(from) * self.stride as u64)?;
        file.part(at, count as usize * self.stride, buffer)
    }

    fn id<'a>(&self, buffer: &'a [u8], row: u32, hash: usize) -> Option<&'a [u8]> {
        let at = row as usize * self.stride + self.id_at;
        buffer.get(at..at + hash)
    }

    fn search(&self, buffer: &[u8], rows: u32, id: &[u8]) -> Option<u32> {
        let (mut low, mut high) = (0, rows);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.id(buffer, middle, id.len())?.cmp(id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    /// The id of a row.
    pub(super) fn id_of(&self, file: &TableFile, row: u32, hash: usize) -> Option<Oid> {
        let mut buffer = Vec::new();
        let row = self.rows(file, row, 1, &mut buffer)?;
        Oid::from_bytes(self.id(row, 0, hash)?)
    }
}

/// The chunks of a file in git's chunk format (`Documentation/gitformat-chunk.txt`): name and place. `header` is where
/// the table of contents begins.
pub(super) fn chunks(file: &TableFile, header: u64, count: u8) -> Option<Vec<([u8; 4], u64)>> {
    let mut buffer = Vec::new();
    let bytes = file.part(header, usize::from(count) * 12, &mut buffer)?;
    let row = |row: &[u8]| Some((row.get(..4)?.try_into().ok()?, u64::from_be_bytes(row.get(4..12)?.try_into().ok()?)));
    bytes.chunks_exact(12).map(row).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_table_in_memory_says_what_the_file_said() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let mut ids: Vec<[u8; 20]> = (0..3_000).map(|_| std::array::from_fn(|_| random.u8(..))).collect();
        // Some begin alike: the guess does not find them.
        ids.iter_mut().take(600).for_each(|id| id[0] = 7);
        ids.sort_unstable();
        let counts = (0..=255u8).map(|first| ids.iter().filter(|id| id[0] <= first).count() as u32);
        let mut bytes: Vec<u8> = counts.flat_map(u32::to_be_bytes).collect();
        ids.iter().for_each(|id| bytes.extend_from_slice(id));
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let file = TableFile::open(file.path()).unwrap();
        let table = IdTable::read(&file, 0, 1024, 20, 0).unwrap();
        assert!(file.whole.get().is_none());
        for _ in 0..TableFile::FIRST {
            let row = random.usize(..ids.len());
            let oid = Oid::from_bytes(&ids[row]).unwrap();
            assert_eq!(table.find(&file, &oid), Some(row as u32), "seed {seed}");
            assert_eq!(table.id_of(&file, row as u32, 20), Some(oid), "seed {seed}");
            let other = Oid::from_bytes(&std::array::from_fn::<u8, 20, _>(|_| random.u8(..))).unwrap();
            assert_eq!(table.find(&file, &other), None, "seed {seed}");
            assert_eq!(file.be32(bytes.len() as u64 - 3), None);
            assert_eq!(file.be64(u64::MAX), None);
        }
        assert!(file.whole.get().is_some());
    }
}
