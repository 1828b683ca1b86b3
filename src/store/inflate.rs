//! Inflating, with the size known beforehand and nothing trusted.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use flate2::{Decompress, FlushDecompress, Status};

use super::Failure;
use super::deflate::{self, Short};
use super::windows::Windows;

/// How much is reserved for an object before any of it has been seen: a header can claim any size.
const TRUSTED: usize = 16 << 20;
/// How much compressed data is read at once.
const CHUNK: usize = 1 << 20;

/// Decoders with their input buffer, to be used again and again.
pub(super) struct Inflater {
    /// In pieces: what is large, or odd.
    decoder: Decompress,
    /// In one go, in half the time.
    whole: libdeflater::Decompressor,
    /// The same of what is short.
    short: Short,
    input: Vec<u8>,
    windows: Option<Windows>,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self {
            decoder: Decompress::new(true),
            whole: libdeflater::Decompressor::new(),
            short: Short::new(),
            input: Vec::new(),
            windows: None,
        }
    }

    /// For many streams of one and the same file.
    pub(super) fn of_one_file() -> Self {
        Self { windows: Some(Windows::new()), ..Self::new() }
    }

    /// What comes is of another file.
    pub(super) fn turn(&mut self) {
        self.windows = self.windows.as_ref().map(|_| Windows::new());
    }

    /// What stands at `at` of `file`, so many bytes of it or all there is.
    pub(super) fn at_hand(&mut self, file: &File, at: u64, count: usize) -> Result<&[u8], Failure> {
        at_hand((&mut self.windows, &mut self.input), file, at, count)
    }

    /// Inflates the stream at `start` of `file`, which ends before `end`, into `out`, replacing what is there. It
    /// must have exactly `size` bytes.
    pub(super) fn inflate(
        &mut self,
        file: &File,
        (start, end): (u64, u64),
        size: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        // Deflate adds little to what it cannot shrink, so one read mostly does; a base may be followed by gigabytes.
        let mut chunk = (size + size / 512 + 64).min(CHUNK);
        let take = |at: u64, chunk: usize| usize::try_from(end.saturating_sub(at)).unwrap_or(chunk).min(chunk);
        let count = take(start, chunk);
        if size <= TRUSTED {
            let input = at_hand((&mut self.windows, &mut self.input), file, start, count)?;
            // What is longer already need not be made so again: it is written over. Nor is it moved to where there is room.
            if out.capacity() < size {
                out.clear();
            }
            room(out, size.saturating_sub(out.len()))?;
            out.resize(size, 0);
            if size <= deflate::LONGEST && self.short.inflate(input, out).is_some() {
                return Ok(());
            }
            if self.whole.zlib_decompress(input, out) == Ok(size) {
                return Ok(());
            }
        }
        self.read(file, start, count)?;
        // The other decoder says what is wrong, or that nothing is: the stream may be longer than was read.
        self.decoder.reset(true);
        out.clear();
        room(out, size.min(TRUSTED) + 1)?;
        let mut at = start;
        loop {
            if at > start {
                chunk = CHUNK;
                self.read(file, at, take(at, chunk))?;
            }
            if self.input.is_empty() {
                return Err(Failure::Corrupt("its data is cut short"));
            }
            let before = self.decoder.total_in();
            let done = pump(&mut self.decoder, &self.input, size, out)?;
            if done {
                return if out.len() == size { Ok(()) } else { Err(Failure::Corrupt("it is shorter than it says")) };
            }
            let used = self.decoder.total_in() - before;
            if used == 0 {
                return Err(Failure::Corrupt("its data is cut short"));
            }
            at += used;
        }
    }

    /// The first bytes of the stream at `start`, as many as `out` takes or it has; how many.
    pub(super) fn beginning(
        &mut self,
        file: &File,
        (start, end): (u64, u64),
        out: &mut [u8],
    ) -> Result<usize, Failure> {
        /// More than what stands before the first byte in any deflate stream, and a few bytes more.
        const ENOUGH: u64 = 1 << 10;
        self.read(file, start, end.saturating_sub(start).min(ENOUGH) as usize)?;
        self.decoder.reset(true);
        let mut filled = 0;
        loop {
            let (read, written) = (self.decoder.total_in(), self.decoder.total_out());
            let status = self
                .decoder
                .decompress(&self.input[read as usize..], &mut out[filled..], FlushDecompress::None)
                .map_err(|_| DAMAGED)?;
            filled += (self.decoder.total_out() - written) as usize;
            let is_stuck = self.decoder.total_in() == read && self.decoder.total_out() == written;
            if filled == out.len() || status == Status::StreamEnd || is_stuck {
                return Ok(filled);
            }
        }
    }

    /// How many bytes the stream at `start` of `file` takes, which must inflate to exactly `size`.
    pub(super) fn extent(&mut self, file: &File, (start, end): (u64, u64), size: u64) -> Result<u64, Failure> {
        let mut out = [0; 16 << 10];
        let (mut left, mut at) = (size, start);
        self.decoder.reset(true);
        loop {
            let likely = usize::try_from(left.saturating_add(left / 512 + 64)).unwrap_or(CHUNK).min(CHUNK);
            self.read(file, at, usize::try_from(end.saturating_sub(at)).unwrap_or(likely).min(likely))?;
            let mut used = 0;
            loop {
                let (read, written) = (self.decoder.total_in(), self.decoder.total_out());
                let status = self
                    .decoder
                    .decompress(&self.input[used..], &mut out, FlushDecompress::None)
                    .map_err(|_| DAMAGED)?;
                let (read, written) =
                    ((self.decoder.total_in() - read) as usize, (self.decoder.total_out() - written) as usize);
                used += read;
                left = left.checked_sub(written as u64).ok_or(Failure::Corrupt("it is longer than it says"))?;
                if status == Status::StreamEnd {
                    let is_whole = left == 0;
                    let taken = at - start + used as u64;
                    return is_whole.then_some(taken).ok_or(Failure::Corrupt("it is shorter than it says"));
                }
                if used == self.input.len() && written < out.len() {
                    break;
                }
                if read == 0 && written == 0 {
                    return Err(DAMAGED);
                }
            }
            if self.input.is_empty() {
                return Err(Failure::Corrupt("its data is cut short"));
            }
            at += used as u64;
        }
    }

    /// Inflates the stream at `start` of `file` in pieces. It must have exactly `size` bytes.
    pub(super) fn pieces<'a>(&'a mut self, file: &'a File, (start, end): (u64, u64), size: u64) -> Pieces<'a> {
        self.decoder.reset(true);
        self.input.clear();
        Pieces { inflater: self, file, at: start, end, used: 0, left: size, skip: 0, is_over: false, piece: Vec::new() }
    }

    /// Reads so many bytes from `at`, or what there is of them.
    fn read(&mut self, file: &File, at: u64, count: usize) -> Result<(), Failure> {
        self.input.resize(count, 0);
        read_some(file, &mut self.input, at)
    }

    /// Inflates bytes at hand into `out` up to the end of the stream; at most `limit` bytes.
    pub(super) fn inflate_all(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.decoder.reset(true);
        out.clear();
        room(out, input.len().saturating_mul(3).min(TRUSTED).min(limit) + 1)?;
        if pump(&mut self.decoder, input, limit, out)? {
            Ok(())
        } else {
            Err(Failure::Corrupt("its data is cut short"))
        }
    }

    /// Inflates a stream at the beginning of `input`; how many bytes of it the stream takes.
    pub(super) fn inflate_prefix(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<usize, Failure> {
        self.inflate_all(input, limit, out)?;
        Ok(self.decoder.total_in() as usize)
    }
}

/// What stands at `at` of `file`, in a window where there are any and it is short.
fn at_hand<'a>(
    (windows, input): (&'a mut Option<Windows>, &'a mut Vec<u8>),
    file: &File,
    at: u64,
    count: usize,
) -> Result<&'a [u8], Failure> {
    match windows {
        Some(windows) if (1..=Windows::LARGEST).contains(&count) => windows.get(file, at, count),
        _ => {
            input.resize(count, 0);
            read_some(file, input, at)?;
            Ok(input)
        }
    }
}

/// An object that is inflated piece by piece: what is too large to be held.
pub struct Pieces<'a> {
    inflater: &'a mut Inflater,
    file: &'a File,
    /// Where what is to be read next stands, and where it ends at the latest.
    at: u64,
    end: u64,
    /// How much of the input is used up.
    used: usize,
    /// Bytes still to come.
    left: u64,
    /// Bytes that are left out first.
    skip: usize,
    is_over: bool,
    piece: Vec<u8>,
}

impl Pieces<'_> {
    /// Without its first bytes.
    pub(super) fn without(mut self, skip: usize) -> Self {
        self.skip = skip;
        self
    }

    /// How many bytes are still to come.
    pub fn left(&self) -> u64 {
        self.left.saturating_sub(self.skip as u64)
    }

    /// The next bytes, never none; `None` at the end.
    ///
    /// # Errors
    /// Where it is damaged, or not as long as it says.
    pub fn next_piece(&mut self) -> Result<Option<&[u8]>, Failure> {
        const PIECE: usize = 256 << 10;
        self.piece.resize(PIECE, 0);
        loop {
            if self.is_over {
                return if self.left == 0 { Ok(None) } else { Err(Failure::Corrupt("it is shorter than it says")) };
            }
            if self.used == self.inflater.input.len() {
                let count = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(CHUNK).min(CHUNK);
                self.inflater.read(self.file, self.at, count)?;
                self.at += self.inflater.input.len() as u64;
                self.used = 0;
            }
            let Inflater { decoder, input, .. } = &mut *self.inflater;
            let (read, written) = (decoder.total_in(), decoder.total_out());
            let status =
                decoder.decompress(&input[self.used..], &mut self.piece, FlushDecompress::None).map_err(|_| DAMAGED)?;
            self.used += (decoder.total_in() - read) as usize;
            let count = (decoder.total_out() - written) as usize;
            self.is_over = status == Status::StreamEnd;
            self.left = self.left.checked_sub(count as u64).ok_or(Failure::Corrupt("it is longer than it says"))?;
            if count == 0 && !self.is_over && (input.is_empty() || self.used < input.len()) {
                return Err(Failure::Corrupt("its data is cut short"));
            }
            let skipped = self.skip.min(count);
            self.skip -= skipped;
            if skipped < count {
                return Ok(Some(&self.piece[skipped..count]));
            }
        }
    }
}

const DAMAGED: Failure = Failure::Corrupt("its compressed data is damaged");

/// Makes room for so many bytes more. An object that there is no room for is one that cannot be read, and no reason for
/// the program to end without a word.
pub(super) fn room(out: &mut Vec<u8>, more: usize) -> Result<(), Failure> {
    if out.capacity() - out.len() >= more {
        return Ok(());
    }
    // Or what is nothing any more would be copied to the new place.
    if out.is_empty() {
        *out = Vec::new();
    }
    out.try_reserve_exact(more).map_err(|_| Failure::Memory)
}

/// Inflates until the stream or the input ends; whether the stream did. More than `limit` bytes are an error.
fn pump(decoder: &mut Decompress, mut input: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<bool, Failure> {
    loop {
        if out.len() == out.capacity() {
            // No more than that: what is held is counted. One byte more than there may be tells that there are more.
            room(out, out.len().clamp(64, TRUSTED).min(limit.saturating_sub(out.len()).saturating_add(1)))?;
        }
        let (read, written) = (decoder.total_in(), out.len());
        let status = decoder.decompress_vec(input, out, FlushDecompress::None).map_err(|_| DAMAGED)?;
        let used = (decoder.total_in() - read) as usize;
        input = &input[used..];
        if out.len() > limit {
            return Err(Failure::Corrupt("it is longer than it says"));
        }
        match status {
            Status::StreamEnd => return Ok(true),
            _ if used == 0 && out.len() == written && out.len() < out.capacity() => return Ok(false),
            _ => {}
        }
    }
}

/// Fills `buffer` from `at`, as far as the file goes.
pub(super) fn read_some(file: &File, buffer: &mut Vec<u8>, at: u64) -> Result<(), Failure> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::Io(error.kind())),
        }
    }
    buffer.truncate(filled);
    Ok(())
}
