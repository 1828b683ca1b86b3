//! What one object may cost: bytes made of it, entries opened in it, time.
//!
//! One budget serves an object with everything nested in it, however deep, so that what a bomb costs is bounded
//! whatever it is built of. Nothing is reserved by a size that a file states; sizes are believed as they arrive.

use crate::detect::TIME_LIMIT;

/// What may be spent on one object.
#[derive(Clone, Copy, Debug)]
pub(in crate::detect) struct Limits {
    /// Bytes that may be made of an object, all layers together.
    pub(in crate::detect) produced: u64,
    /// Entries of archives, and streams, frames and members of compressed files, all layers together.
    pub(in crate::detect) entries: u32,
    /// Bytes that may be made of any object, however small.
    pub(in crate::detect) free: u64,
    /// Bytes that may be made, beyond those, of each byte of the object.
    pub(in crate::detect) ratio: u64,
}

impl Default for Limits {
    /// Deflate cannot expand a byte to more than 1032 (258 bytes for two bits), so no gzip, zip or PDF that is not
    /// nested ever meets the ratio. It is there for many small bombs: what a kilobyte may cost is five megabytes.
    fn default() -> Self {
        Self { produced: 256 << 20, entries: 100_000, free: 4 << 20, ratio: 1100 }
    }
}

/// A limit of ours that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::detect) enum Limit {
    /// As many bytes were made of the object as may be made of any.
    Produced,
    /// As many bytes were made of it as may be made of one of its size.
    Ratio,
    Entries,
    /// The caller said stop: its deadline, or Ctrl-C.
    Time,
    /// A decoder needs more memory for what it has to remember than it is given.
    Memory,
}

impl Limit {
    /// What it is called in coverage.
    pub(in crate::detect) fn name(self) -> &'static str {
        match self {
            Self::Produced => "bytes decoded",
            Self::Ratio => "ratio",
            Self::Entries => "entries",
            Self::Time => TIME_LIMIT,
            Self::Memory => "memory",
        }
    }
}

/// How often every byte of an object, and every byte made of it, may be read by a container's reader for nothing: once
/// on each level of nesting, and once more where damage makes a reader start over. Entries that overlap, or that are
/// stored and each the next one's container, read the same bytes again and again. That is paid for as if it made some:
/// a megabyte could be read for hours and make nothing.
const READS: u64 = 6;

/// How many bytes are read or made before the caller is asked again whether to stop.
const ASKED_EVERY: u64 = 64 << 10;

/// What may still be spent on one object.
pub(in crate::detect) struct Budget<'a> {
    bytes: u64,
    /// What it means when no bytes are left.
    short: Limit,
    entries: u32,
    /// Bytes that may still be read for nothing.
    reads: u64,
    /// Bytes read or made since the caller was asked.
    unasked: u64,
    stop: &'a dyn Fn() -> bool,
    stopped: bool,
}

impl<'a> Budget<'a> {
    /// For an object of `size` bytes. `stop` is asked after every 64 KiB at the latest; once it said yes it is not
    /// asked again.
    pub(in crate::detect) fn new(limits: &Limits, size: usize, stop: &'a dyn Fn() -> bool) -> Self {
        let by_ratio = limits.free.saturating_add(limits.ratio.saturating_mul(size as u64));
        let short = if by_ratio < limits.produced { Limit::Ratio } else { Limit::Produced };
        let bytes = by_ratio.min(limits.produced);
        let reads = READS.saturating_mul(size as u64);
        Self { bytes, short, entries: limits.entries, reads, unasked: 0, stop, stopped: false }
    }

    /// Pays for bytes that were made. Where that is more than was left, nothing is left, and what was made may be
    /// looked at all the same.
    pub(in crate::detect) fn produce(&mut self, bytes: u64) -> Result<(), Limit> {
        self.pay(bytes)?;
        self.reads = self.reads.saturating_add(READS.saturating_mul(bytes));
        self.work(bytes)
    }

    /// Pays for bytes of a container that are read, or handed over as they stand.
    pub(super) fn read(&mut self, bytes: u64) -> Result<(), Limit> {
        self.pay(bytes.saturating_sub(self.reads))?;
        self.reads = self.reads.saturating_sub(bytes);
        self.work(bytes)
    }

    fn pay(&mut self, bytes: u64) -> Result<(), Limit> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.unwrap_or(0);
        left.map(|_| ()).ok_or(self.short)
    }

    /// Counts work that is for nothing.
    pub(in crate::detect) fn work(&mut self, bytes: u64) -> Result<(), Limit> {
        self.unasked = self.unasked.saturating_add(bytes);
        if self.unasked >= ASKED_EVERY && !self.stopped {
            self.unasked = 0;
            self.stopped = (self.stop)();
        }
        if self.stopped { Err(Limit::Time) } else { Ok(()) }
    }

    /// Pays for an entry, or a stream, that is about to be opened.
    pub(in crate::detect) fn open(&mut self) -> Result<(), Limit> {
        self.entries = self.entries.checked_sub(1).ok_or(Limit::Entries)?;
        self.work(OPENING)
    }

    /// How many bytes may still be made.
    pub(super) fn room(&self) -> u64 {
        self.bytes
    }

    /// How many entries may still be opened.
    pub(super) fn entries(&self) -> usize {
        self.entries as usize
    }

    /// Whether the caller said stop.
    pub(in crate::detect) fn is_stopped(&self) -> bool {
        self.stopped
    }
}

/// What opening an entry costs, in bytes that could be decoded instead: the tables of a decoder are made ready.
const OPENING: u64 = 4 << 10;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const GO_ON: &dyn Fn() -> bool = &|| false;

    #[test]
    fn the_smaller_of_total_and_ratio_is_what_counts_and_what_is_named() {
        let limits = Limits { produced: 1000, entries: 2, free: 100, ratio: 10 };
        let mut small = Budget::new(&limits, 5, GO_ON);
        assert_eq!(small.produce(150), Ok(()));
        assert_eq!(small.produce(1), Err(Limit::Ratio));
        let mut large = Budget::new(&limits, 91, GO_ON);
        assert_eq!(large.produce(999), Ok(()));
        assert_eq!(large.produce(2), Err(Limit::Produced));
        assert_eq!(large.produce(1), Err(Limit::Produced), "what went beyond took the rest");
        assert_eq!((large.open(), large.open(), large.open()), (Ok(()), Ok(()), Err(Limit::Entries)));
    }

    #[test]
    fn what_is_read_again_and_again_is_paid_for() {
        let limits = Limits { produced: 100, ..Limits::default() };
        let mut budget = Budget::new(&limits, 10, GO_ON);
        assert_eq!(budget.read(60), Ok(()));
        assert_eq!(budget.produce(10), Ok(()));
        assert_eq!(budget.read(60), Ok(()), "what was made may be read as well");
        assert_eq!(budget.read(90), Ok(()), "paid for");
        assert_eq!(budget.read(1), Err(Limit::Produced));
    }

    #[test]
    fn the_caller_is_asked_every_64_kib_and_its_word_stays() {
        let asked = Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() == 3
        };
        let mut budget = Budget::new(&Limits::default(), 1 << 20, &stop);
        for _ in 0..128 {
            assert_eq!(budget.produce(1024), Ok(()));
        }
        assert_eq!(asked.get(), 2);
        assert_eq!(budget.work(64 << 10), Err(Limit::Time));
        assert_eq!(budget.produce(0), Err(Limit::Time));
        assert!(budget.is_stopped());
        assert_eq!(asked.get(), 3);
    }
}
