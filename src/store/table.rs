//! Looking an id up in a sorted table on disk, without reading the table.
//!
//! Pack indexes, multi-pack indexes and commit-graphs all have one: a fan-out of 256 counts and ids in order. Ids are
//! evenly spread, so a guess and one read of a few kilobytes finds one among half a million.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::model::Oid;

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
    /// The file's length: a fan-out can claim any count, and nothing is reserved that the file does not have.
    file_len: u64,
}

impl IdTable {
    /// Reads the fan-out at `fanout_at`; the rows begin at `start`.
    pub(super) fn read(file: &File, fanout_at: u64, start: u64, stride: usize, id_at: usize) -> Option<Self> {
        let mut bytes = [0; 1024];
        file.read_exact_at(&mut bytes, fanout_at).ok()?;
        let mut fanout = Box::new([0u32; 256]);
        let mut last = 0;
        for (count, four) in fanout.iter_mut().zip(bytes.chunks_exact(4)) {
            *count = u32::from_be_bytes([four[0], four[1], four[2], four[3]]);
            if *count < last {
                return None;
            }
            last = *count;
        }
        Some(Self { fanout, start, stride, id_at, file_len: file.metadata().ok()?.len() })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> u32 {
        self.fanout[255]
    }

    /// The row of an id. Cost: one read, seldom two.
    pub(super) fn find(&self, file: &File, oid: &Oid) -> Option<u32> {
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
            self.rows(file, from, WINDOW, &mut buffer)?;
            let row = |at: u32| self.id(&buffer, at, id.len());
            if row(0)? <= id && id <= row(WINDOW - 1)? {
                return self.search(&buffer, WINDOW, id).map(|at| from + at);
            }
        }
        self.rows(file, low, rows, &mut buffer)?;
        self.search(&buffer, rows, id).map(|at| low + at)
    }

    fn rows(&self, file: &File, from: u32, count: u32, buffer: &mut Vec<u8>) -> Option<()> {
        // Where it begins is what a file says that may be damaged.
        let at = self.start.checked_add(u64::from(from) * self.stride as u64)?;
        let size = count as usize * self.stride;
        if at.checked_add(size as u64)? > self.file_len {
            return None;
        }
        buffer.resize(size, 0);
        file.read_exact_at(buffer, at).ok()
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
    pub(super) fn id_of(&self, file: &File, row: u32, hash: usize) -> Option<Oid> {
        let mut buffer = Vec::new();
        self.rows(file, row, 1, &mut buffer)?;
        Oid::from_bytes(self.id(&buffer, 0, hash)?)
    }
}

/// Four bytes at a place in a file, as a number.
pub(super) fn be32_at(file: &File, at: u64) -> Option<u32> {
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(u32::from_be_bytes(bytes))
}

/// Eight bytes at a place in a file, as a number.
pub(super) fn be64_at(file: &File, at: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(u64::from_be_bytes(bytes))
}

/// The chunks of a file in git's chunk format (`Documentation/gitformat-chunk.txt`): name and place. `header` is where
/// the table of contents begins.
pub(super) fn chunks(file: &File, header: u64, count: u8) -> Option<Vec<([u8; 4], u64)>> {
    let mut bytes = vec![0; usize::from(count) * 12];
    file.read_exact_at(&mut bytes, header).ok()?;
    let row = |row: &[u8]| Some((row.get(..4)?.try_into().ok()?, u64::from_be_bytes(row.get(4..12)?.try_into().ok()?)));
    bytes.chunks_exact(12).map(row).collect()
}
