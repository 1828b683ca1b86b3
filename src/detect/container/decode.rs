//! Decoders of single streams behind one contract: a step reads at most 64 KiB or one block, makes about as much, and
//! says how it went; [`pump`] takes the steps, pays for each, and stops where the budget does.

use std::io::Read;

use bzip2::Decompress as BzDecompress;
use flate2::{Decompress, FlushDecompress, Status};
use lzma_rust2::{Action, DICT_SIZE_MIN, Lzma2Stream, LzmaStream, StreamResult, XzStream};
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::budget::Limit;
use super::{Fault, Reading, Stop};

/// How much a decoder remembers of what it made. Every usual setting of xz, zstd and 7z stays below; streams that ask
/// for more (`zstd --long`, dictionaries set by hand) are read as far as they do without.
pub(super) const WINDOW: usize = 64 << 20;
/// How much is read, and how much made, at once.
const STEP: usize = 64 << 10;

/// What one step of a decoder did.
pub(super) struct Step {
    /// Bytes of the input that are done with.
    used: usize,
    /// Bytes written to the output; they are good whatever the state.
    made: usize,
    state: State,
}

/// Where a step left off.
enum State {
    Going,
    Ended,
    Stopped(Stop),
}

/// A decoder of one stream.
pub(super) trait Decoder {
    /// Decodes some of `input`, which is all there is of it, into `out`, which is not empty. To do nothing and say
    /// [`State::Going`] is to want input that is not there.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step;
}

/// Decodes the stream at the beginning of `input` to the end of `out`. Says how much of the input it took, and the
/// fault if there is one. What was made up to a fault or a limit is in `out`.
pub(super) fn pump(
    decoder: &mut impl Decoder,
    input: &[u8],
    out: &mut Vec<u8>,
    reading: &mut Reading<'_, '_>,
) -> Result<(usize, Option<Fault>), Limit> {
    let mut end = out.len();
    let pumped = pump_to(decoder, input, (out, &mut end), reading);
    out.truncate(end);
    pumped
}

/// The same, to `end` of `out`; what stands behind that is nothing yet, and is there so that no byte is made ready twice.
fn pump_to(
    decoder: &mut impl Decoder,
    input: &[u8],
    (out, end): (&mut Vec<u8>, &mut usize),
    reading: &mut Reading<'_, '_>,
) -> Result<(usize, Option<Fault>), Limit> {
    let mut at = 0;
    loop {
        let rest = &input[at..];
        // Most entries are small and many: room for what they make, not more.
        let room = rest.len().saturating_mul(4).clamp(1024, STEP);
        if out.len() < *end + room {
            out.resize(*end + room, 0);
        }
        let step = decoder.step(rest, &mut out[*end..*end + room]);
        *end += step.made;
        at += step.used;
        // What a step makes may not be seen before a later one.
        reading.budget.work(room as u64)?;
        reading.spend(step.used, step.made)?;
        match step.state {
            State::Ended => return Ok((at, None)),
            State::Stopped(Stop::Fault(fault)) => return Ok((at, Some(fault))),
            State::Stopped(Stop::Limit(limit)) => return Err(limit),
            State::Going if step.used == 0 && step.made == 0 => return Ok((at, Some(Fault::Cut))),
            State::Going => {}
        }
    }
}

/// As [`pump`], where a fault is the end of it.
pub(super) fn whole(
    decoder: &mut impl Decoder,
    input: &[u8],
    out: &mut Vec<u8>,
    reading: &mut Reading<'_, '_>,
) -> Result<usize, Stop> {
    let (used, fault) = pump(decoder, input, out, reading)?;
    fault.map_or(Ok(used), |fault| Err(fault.into()))
}

/// The part of the input that one step may read.
fn chunk(input: &[u8]) -> &[u8] {
    &input[..input.len().min(STEP)]
}

/// Deflate, raw or with zlib's header and checksum. To be used again and again.
pub(super) struct Inflate {
    steps: Decompress,
    at_once: libdeflater::Decompressor,
}

impl Inflate {
    pub(super) fn new() -> Self {
        Self { steps: Decompress::new(false), at_once: libdeflater::Decompressor::new() }
    }

    /// Ready for raw deflate.
    pub(super) fn raw(&mut self) -> &mut Self {
        self.steps.reset(false);
        self
    }

    /// Ready for zlib.
    pub(super) fn zlib(&mut self) -> &mut Self {
        self.steps.reset(true);
        self
    }

    /// Inflates raw deflate that makes just what there is room for, in half the time that steps take; whether it did.
    pub(super) fn at_once(&mut self, input: &[u8], out: &mut [u8]) -> bool {
        self.at_once.deflate_decompress(input, out) == Ok(out.len())
    }
}

impl Decoder for Inflate {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        let (read, written) = (self.steps.total_in(), self.steps.total_out());
        let state = match self.steps.decompress(chunk(input), out, FlushDecompress::None) {
            Ok(Status::StreamEnd) => State::Ended,
            Ok(_) => State::Going,
            Err(_) => State::Stopped(Fault::Damaged.into()),
        };
        let (used, made) = (self.steps.total_in() - read, self.steps.total_out() - written);
        Step { used: used as usize, made: made as usize, state }
    }
}

/// One stream of bzip2.
pub(super) struct Bunzip(BzDecompress);

impl Bunzip {
    pub(super) fn new() -> Self {
        Self(BzDecompress::new(false))
    }
}

impl Decoder for Bunzip {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        let (read, written) = (self.0.total_in(), self.0.total_out());
        let state = match self.0.decompress(chunk(input), out) {
            Ok(bzip2::Status::StreamEnd) => State::Ended,
            Ok(bzip2::Status::MemNeeded) => State::Stopped(Limit::Memory.into()),
            Ok(_) => State::Going,
            Err(_) => State::Stopped(Fault::Damaged.into()),
        };
        let (used, made) = (self.0.total_in() - read, self.0.total_out() - written);
        Step { used: used as usize, made: made as usize, state }
    }
}

/// One stream of the LZMA family. Their windows grow with what is made.
pub(super) struct Lzma {
    stream: LzmaKind,
    /// Whether the stream may ask for more than is remembered.
    is_wide: bool,
}

enum LzmaKind {
    One(Box<LzmaStream>),
    Two(Box<Lzma2Stream>),
    Xz(Box<XzStream>),
}

impl Lzma {
    pub(super) fn xz() -> Self {
        Self { stream: LzmaKind::Xz(Box::new(XzStream::new(false))), is_wide: false }
    }

    /// Raw LZMA with the five bytes that describe it; `size` is how much it makes, where that is known.
    pub(super) fn one(properties: &[u8], size: Option<u64>, reading: &mut Reading<'_, '_>) -> Result<Self, Stop> {
        let [properties, dictionary @ ..] = <[u8; 5]>::try_from(properties).map_err(|_| Fault::Damaged)?;
        let dictionary = u32::from_le_bytes(dictionary).max(DICT_SIZE_MIN);
        let is_wide = dictionary > WINDOW as u32;
        // Its table of literals has up to six megabytes, whatever it makes.
        let literal_bits = u32::from(properties % 9 + properties / 9 % 5);
        reading.spend(0, 0x600 << literal_bits)?;
        let stream =
            LzmaStream::new_with_props(size.unwrap_or(u64::MAX), properties, dictionary.min(WINDOW as u32), None)
                .map_err(|_| Fault::Damaged)?;
        Ok(Self { stream: LzmaKind::One(Box::new(stream)), is_wide })
    }

    /// Raw LZMA2 with the byte that describes it.
    pub(super) fn two(properties: &[u8]) -> Result<Self, Stop> {
        let dictionary = match properties {
            [40] => u32::MAX,
            [bits @ 0..40] => (2 | u32::from(bits & 1)) << (bits / 2 + 11),
            _ => return Err(Fault::Damaged.into()),
        };
        let is_wide = dictionary > WINDOW as u32;
        Ok(Self { stream: LzmaKind::Two(Box::new(Lzma2Stream::new(dictionary.min(WINDOW as u32)))), is_wide })
    }

    fn totals(&self) -> (u64, u64) {
        match &self.stream {
            LzmaKind::One(stream) => (stream.total_in(), stream.total_out()),
            LzmaKind::Two(stream) => (stream.total_in(), stream.total_out()),
            LzmaKind::Xz(stream) => (stream.total_in(), stream.total_out()),
        }
    }

    fn process(&mut self, input: &[u8], out: &mut [u8], action: Action) -> std::io::Result<StreamResult> {
        match &mut self.stream {
            LzmaKind::One(stream) => stream.process(input, out, action),
            LzmaKind::Two(stream) => stream.process(input, out, action),
            LzmaKind::Xz(stream) => {
                let result = stream.process(input, out, action);
                // What beside the dictionary is counted is less than a megabyte.
                self.is_wide = stream.memory_usage().unwrap_or(0) as usize > (WINDOW >> 10) + (1 << 10);
                result
            }
        }
    }
}

impl Decoder for Lzma {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        let before = self.totals();
        // The dictionary of xz is in its block's header, and cannot be made smaller.
        if self.is_wide && matches!(self.stream, LzmaKind::Xz(_)) && before.1 > (WINDOW - 2 * STEP) as u64 {
            return Step { used: 0, made: 0, state: State::Stopped(Limit::Memory.into()) };
        }
        let action = if input.len() <= STEP { Action::Finish } else { Action::Run };
        let state = match self.process(chunk(input), out, action) {
            Ok(StreamResult { status: lzma_rust2::Status::StreamEnd, .. }) => State::Ended,
            Ok(_) => State::Going,
            Err(error) => State::Stopped(match error.kind() {
                std::io::ErrorKind::UnexpectedEof => Fault::Cut.into(),
                std::io::ErrorKind::Unsupported => Fault::Method.into(),
                std::io::ErrorKind::OutOfMemory => Limit::Memory.into(),
                // It went farther back than is remembered.
                _ if self.is_wide && before.1 >= WINDOW as u64 => Limit::Memory.into(),
                _ => Fault::Damaged.into(),
            }),
        };
        let after = self.totals();
        Step { used: (after.0 - before.0) as usize, made: (after.1 - before.1) as usize, state }
    }
}

/// One frame of zstd. To be used again and again.
pub(super) struct Unzstd {
    frames: FrameDecoder,
    place: Place,
    /// How much of the frame is remembered, as a power of two.
    window: u32,
    /// Whether the frame may ask for more.
    is_wide: bool,
    /// Bytes made of the frame.
    made: u64,
}

/// Kinds of a zstd block (RFC 8878, 3.1.1.2.2).
const STORED: u32 = 0;
const REPEATED: u32 = 1;

/// How far a frame was read.
#[derive(Clone, Copy)]
enum Place {
    Header,
    Blocks,
    /// Everything is decoded; what is left is to be collected. With what then is to be told.
    Done(Option<Fault>),
}

impl Unzstd {
    pub(super) fn new() -> Self {
        Self { frames: FrameDecoder::new(), place: Place::Header, window: 0, is_wide: false, made: 0 }
    }

    /// Ready for the next frame. The decoder gives nothing out before its window is full, so the window is no larger
    /// than what may be made: what lies farther back is needed only by what goes beyond that.
    pub(super) fn frame(&mut self, reading: &Reading<'_, '_>) -> &mut Self {
        let room = reading.budget.room().clamp(128 << 10, WINDOW as u64);
        self.window = room.next_power_of_two().ilog2();
        self.frames.set_max_window_size(1 << self.window);
        (self.place, self.is_wide, self.made) = (Place::Header, false, 0);
        self
    }

    fn header(&mut self, input: &[u8]) -> Step {
        let mut rest = input;
        let mut result = self.frames.reset(&mut rest);
        if let Err(FrameDecoderError::WindowSizeTooBig { .. }) = result {
            self.is_wide = true;
            (result, rest) = self.narrowed(input);
        }
        let state = match result {
            Ok(()) => {
                self.place = Place::Blocks;
                State::Going
            }
            Err(FrameDecoderError::DictNotProvided { .. }) => State::Stopped(Fault::Method.into()),
            // A header has at most 18 bytes.
            Err(FrameDecoderError::ReadFrameHeaderError(_)) if input.len() < 18 => State::Stopped(Fault::Cut.into()),
            Err(_) => State::Stopped(Fault::Damaged.into()),
        };
        Step { used: input.len() - rest.len(), made: 0, state }
    }

    /// Reads a frame's header as if it asked for no more than is remembered; and what follows it.
    fn narrowed<'i>(&mut self, input: &'i [u8]) -> (Result<(), FrameDecoderError>, &'i [u8]) {
        // RFC 8878, 3.1.1.1: magic, descriptor, then the window unless the content is a single segment.
        const SINGLE_SEGMENT: u8 = 0x20;
        let descriptor = input.get(4).copied().unwrap_or_default();
        let length = if descriptor & SINGLE_SEGMENT == 0 { 6 } else { 5 };
        let mut head = [0; 6];
        head[..4].copy_from_slice(input.first_chunk::<4>().unwrap_or(&[0; 4]));
        head[4] = descriptor & !SINGLE_SEGMENT;
        head[5] = ((self.window - 10) << 3) as u8;
        let mut rest = input.get(length..).unwrap_or_default();
        (self.frames.reset(head.as_slice().chain(&mut rest)), rest)
    }

    /// Decodes the next block; how many bytes of the input that took. The decoder keeps a window of what it made until
    /// the frame ends, so a frame that is cut or damaged is ended by a last block of ours, in which stands what there
    /// is of a stored block.
    fn block(&mut self, mut input: &[u8]) -> usize {
        let length = input.len();
        let header = input.first_chunk().map_or(0, |[a, b, c]| u32::from_le_bytes([*a, *b, *c, 0]));
        let (kind, size) = ((header >> 1) & 3, header >> 3);
        let needed = 3 + if kind == REPEATED { 1 } else { size as usize };
        let fault = if length < needed {
            Some(Fault::Cut)
        } else {
            match self.frames.decode_blocks(&mut input, BlockDecodingStrategy::UptoBlocks(1)) {
                Ok(false) => return length - input.len(),
                Ok(true) => None,
                Err(FrameDecoderError::FailedToReadChecksum(_)) => Some(Fault::Cut),
                Err(_) => Some(Fault::Damaged),
            }
        };
        self.place = Place::Done(fault);
        if fault.is_some() {
            let there = input.get(3..).filter(|_| kind == STORED && fault == Some(Fault::Cut));
            if !there.is_some_and(|stored| self.end(stored)) {
                self.end(&[]);
            }
        }
        length - input.len()
    }

    /// Ends a frame with a stored block. Whether that was accepted.
    fn end(&mut self, stored: &[u8]) -> bool {
        let header = ((stored.len() as u32) << 3 | 1).to_le_bytes();
        let checksum = [0; 4];
        let source = header[..3].chain(stored).chain(&checksum[..]);
        self.frames.decode_blocks(source, BlockDecodingStrategy::UptoBlocks(1)).is_ok()
    }

    fn is_checked(&self) -> bool {
        match (self.frames.get_checksum_from_data(), self.frames.get_calculated_checksum()) {
            (Some(stated), Some(found)) => stated == found,
            _ => true,
        }
    }
}

impl Decoder for Unzstd {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        let mut used = 0;
        if let Place::Header = self.place {
            return self.header(input);
        }
        if self.frames.can_collect() == 0 && matches!(self.place, Place::Blocks) {
            used = self.block(input);
        }
        let made = self.frames.read(out).unwrap_or(0);
        self.made += made as u64;
        let state = match self.place {
            Place::Done(fault) if self.frames.can_collect() == 0 => match fault {
                // It went farther back than is remembered.
                Some(Fault::Damaged) if self.is_wide && self.made >> self.window > 0 => {
                    State::Stopped(Limit::Memory.into())
                }
                Some(fault) => State::Stopped(fault.into()),
                None if self.is_checked() => State::Ended,
                None => State::Stopped(Fault::Checksum.into()),
            },
            _ => State::Going,
        };
        Step { used, made, state }
    }
}

/// The CRC-32 that gzip, zip and 7z have in common.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    libdeflater::crc32(bytes)
}
