//! 7z: LZMA, LZMA2, bzip2, deflate, zstd, stored, through delta and branch filters.
//!
//! The header is read here rather than by a library: those at hand reserve what a header states.

mod header;

use std::borrow::Cow;
use std::io::Read;

use lzma_rust2::filter::StreamFilter;
use lzma_rust2::filter::bcj2::Bcj2Reader;
use lzma_rust2::{FilterConfig, FilterType};

use self::header::{Coder, Contents, Folder, Header, Streams};
use super::budget::Limit;
use super::decode::{Inflate, Lzma, crc32, whole};
use super::streams::{bzip2_streams, zstd_frames};
use super::{Fault, Reading, Seen, Stop};

/// The signature, the version, and where the header is.
const START: usize = 32;
/// A header that is what another makes, and so on.
const MOST_HEADERS: usize = 4;
/// How much of what four streams make together is asked for at once.
const STEP: usize = 64 << 10;

/// Reads a 7z archive.
pub(super) fn read(bytes: &[u8], reading: &mut Reading<'_, '_>) -> Result<Seen, Limit> {
    if !bytes.starts_with(b"7z\xbc\xaf\x27\x1c") {
        return Ok(Seen::Nothing);
    }
    match archive(bytes, reading) {
        Ok(()) => Ok(Seen::Container),
        Err(Stop::Limit(limit)) => Err(limit),
        Err(Stop::Fault(fault)) => {
            reading.note(fault);
            Ok(Seen::Container)
        }
    }
}

fn archive(bytes: &[u8], reading: &mut Reading<'_, '_>) -> Result<(), Stop> {
    let number = |at: usize| bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let (offset, length) = (number(12).ok_or(Fault::Cut)?, number(20).ok_or(Fault::Cut)?);
    if bytes.len() < START {
        return Err(Fault::Cut.into());
    }
    let behind = &bytes[START..];
    let mut header = Cow::Borrowed(part(behind, offset, length).ok_or(Fault::Cut)?);
    let streams = part(behind, 0, offset).unwrap_or_default();
    if header.is_empty() {
        return Ok(());
    }
    for _ in 0..MOST_HEADERS {
        let decoded = match header::parse(&header, reading.budget.entries())? {
            Header::Plain(contents) => return files(streams, &contents, reading).map_err(Stop::from),
            Header::Encoded(encoded) => encoded_header(streams, &encoded, reading)?,
        };
        // The names of the files stand there.
        reading.hand_over(None, &decoded);
        header = Cow::Owned(decoded);
    }
    Err(Fault::Damaged.into())
}

/// `length` bytes at `offset`, if there are as many.
fn part(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
}

fn encoded_header(bytes: &[u8], encoded: &Streams<'_>, reading: &mut Reading<'_, '_>) -> Result<Vec<u8>, Stop> {
    let mut out = Vec::new();
    let folder = encoded.folders.first().ok_or(Fault::Damaged)?;
    reading.open()?;
    Folding { folder, packed: &packed_streams(bytes, encoded) }.decode(&mut out, reading)?;
    Ok(out)
}

/// The compressed streams, as far as they are there.
fn packed_streams<'a>(bytes: &'a [u8], streams: &Streams<'_>) -> Vec<&'a [u8]> {
    let mut start = streams.start;
    let mut packed = Vec::new();
    for length in &streams.packed {
        let rest = usize::try_from(start).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
        packed.push(&rest[..usize::try_from(*length).unwrap_or(usize::MAX).min(rest.len())]);
        start = start.saturating_add(*length);
    }
    packed
}

/// Hands over every file. What is the matter with one folder is noted, and the next is read.
fn files(bytes: &[u8], contents: &Contents<'_>, reading: &mut Reading<'_, '_>) -> Result<(), Limit> {
    let packed = packed_streams(bytes, &contents.streams);
    let mut packed = packed.as_slice();
    let mut names = contents.names.iter().copied();
    let mut out = Vec::new();
    for folder in &contents.streams.folders {
        reading.open()?;
        let (own, rest) = packed.split_at(folder.packed.len().min(packed.len()));
        packed = rest;
        out.clear();
        let ended = Folding { folder, packed: own }.decode(&mut out, reading);
        if let Err(Stop::Fault(fault)) = ended {
            reading.note(fault);
        }
        let mut at = 0;
        for part in &folder.parts {
            let name = names.next().unwrap_or_default();
            let length = usize::try_from(part.size).unwrap_or(usize::MAX).min(out.len() - at);
            let data = &out[at..at + length];
            at += length;
            let is_whole = length as u64 == part.size;
            if ended.is_ok() && (!is_whole || part.crc.is_some_and(|crc| crc != crc32(data))) {
                reading.note(if is_whole { Fault::Checksum } else { Fault::Cut });
            }
            if !data.is_empty() {
                reading.open()?;
                reading.hand_over(Some(utf8(name).as_bytes()), data);
            }
        }
        if let Err(Stop::Limit(limit)) = ended {
            return Err(limit);
        }
    }
    Ok(())
}

fn utf8(name: &[u8]) -> String {
    let units = name.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// A folder with its compressed streams.
struct Folding<'f, 'a> {
    folder: &'f Folder<'f>,
    packed: &'f [&'a [u8]],
}

impl Folding<'_, '_> {
    /// Decodes what the folder makes to the end of `out`; what was made before a fault or a limit is there.
    fn decode(&self, out: &mut Vec<u8>, reading: &mut Reading<'_, '_>) -> Result<(), Stop> {
        let last = self.folder.last().ok_or(Fault::Damaged)?;
        self.output(last, out, reading, self.folder.coders.len())
    }

    /// Decodes what a coder makes to the end of `out`. `depth` is how many coders may still stand one behind the
    /// other: coders in a ring are nobody's last.
    fn output(&self, coder: usize, out: &mut Vec<u8>, reading: &mut Reading<'_, '_>, depth: usize) -> Result<(), Stop> {
        let depth = depth.checked_sub(1).ok_or(Fault::Damaged)?;
        let coder = &self.folder.coders[coder];
        if let Some(config) = filter(coder) {
            // In place: what a filter makes is as long as what it is made of.
            let from = out.len();
            let ended = self.input(coder.first_input, out, reading, depth);
            StreamFilter::new(&config).map_err(|_| Fault::Method)?.decode(&mut out[from..]);
            return ended;
        }
        if coder.method == [3, 3, 1, 0x1b] {
            return self.branches(coder, out, reading, depth);
        }
        match (self.bound(coder.first_input), coder.inputs) {
            (None, 1) => decode(coder, self.packed(coder.first_input)?, out, reading),
            (Some(_), 1) => {
                let mut data = Vec::new();
                self.input(coder.first_input, &mut data, reading, depth)?;
                decode(coder, &data, out, reading)
            }
            _ => Err(Fault::Method.into()),
        }
    }

    /// Puts the branches of programs (BCJ2) back among their other bytes. Text is among those: where one of the four
    /// streams cannot be had, they stay as they are.
    fn branches(
        &self,
        coder: &Coder<'_>,
        out: &mut Vec<u8>,
        reading: &mut Reading<'_, '_>,
        depth: usize,
    ) -> Result<(), Stop> {
        let from = out.len();
        self.input(coder.first_input, out, reading, depth)?;
        let mut others = Vec::new();
        for input in 1..coder.inputs {
            let mut other = Vec::new();
            self.input(coder.first_input + input, &mut other, reading, depth)?;
            others.push(other);
        }
        let streams = std::iter::once(&out[from..]).chain(others.iter().map(Vec::as_slice)).collect();
        let mut reader = Bcj2Reader::try_new(streams, coder.size).map_err(|_| Fault::Method)?;
        let mut made = Vec::new();
        loop {
            let had = made.len();
            made.resize(had + STEP, 0);
            let count = reader.read(&mut made[had..]).map_err(|_| Fault::Damaged)?;
            made.truncate(had + count);
            if count == 0 {
                break;
            }
            reading.spend(0, count)?;
        }
        out.truncate(from);
        out.append(&mut made);
        Ok(())
    }

    /// The coder whose output an input is.
    fn bound(&self, input: usize) -> Option<usize> {
        self.folder.bound.iter().find(|(bound, _)| *bound == input).map(|(_, output)| *output)
    }

    /// The compressed stream that an input is.
    fn packed(&self, input: usize) -> Result<&[u8], Stop> {
        let at = self.folder.packed.iter().position(|packed| *packed == input).ok_or(Fault::Damaged)?;
        Ok(self.packed.get(at).copied().ok_or(Fault::Damaged)?)
    }

    /// Puts what an input is to the end of `out`.
    fn input(&self, input: usize, out: &mut Vec<u8>, reading: &mut Reading<'_, '_>, depth: usize) -> Result<(), Stop> {
        match self.bound(input) {
            Some(before) => self.output(before, out, reading, depth),
            None => copy(self.packed(input)?, out, reading),
        }
    }
}

fn copy(data: &[u8], out: &mut Vec<u8>, reading: &mut Reading<'_, '_>) -> Result<(), Stop> {
    out.extend_from_slice(data);
    Ok(reading.spend(data.len(), data.len())?)
}

/// The filter that a coder is, if it is one: what makes differences, or branches, easier to compress.
fn filter(coder: &Coder<'_>) -> Option<FilterConfig> {
    let filter_type = match coder.method {
        [0x03] => FilterType::Delta,
        [0x04] | [3, 3, 1, 3] => FilterType::BcjX86,
        [0x05] | [3, 3, 2, 5] => FilterType::BcjPpc,
        [0x06] | [3, 3, 4, 1] => FilterType::BcjIa64,
        [0x07] | [3, 3, 5, 1] => FilterType::BcjArm,
        [0x08] | [3, 3, 7, 1] => FilterType::BcjArmThumb,
        [0x09] | [3, 3, 8, 5] => FilterType::BcjSparc,
        [0x0a] => FilterType::BcjArm64,
        [0x0b] => FilterType::BcjRiscv,
        _ => return None,
    };
    let property = match (filter_type, coder.properties) {
        (FilterType::Delta, [distance]) => u32::from(*distance) + 1,
        (FilterType::Delta, _) => 1,
        (_, [a, b, c, d]) => u32::from_le_bytes([*a, *b, *c, *d]),
        _ => 0,
    };
    Some(FilterConfig { filter_type, property })
}

/// Decodes what one coder makes of its input to the end of `out`.
fn decode(coder: &Coder<'_>, data: &[u8], out: &mut Vec<u8>, reading: &mut Reading<'_, '_>) -> Result<(), Stop> {
    match coder.method {
        [0x00] => return copy(data, out, reading),
        [0x21] => whole(&mut Lzma::two(coder.properties)?, data, out, reading)?,
        [3, 1, 1] => {
            let mut lzma = Lzma::one(coder.properties, Some(coder.size), reading)?;
            whole(&mut lzma, data, out, reading)?
        }
        [4, 1, 8] => whole(Inflate::new().raw(), data, out, reading)?,
        [4, 2, 2] => return Ok(bzip2_streams(data, out, reading)?),
        [4, 0xf7, 0x11, 1] => return Ok(zstd_frames(data, out, reading)?),
        [6, 0xf1, 7, 1] => return Err(Fault::Encrypted.into()),
        _ => return Err(Fault::Method.into()),
    };
    Ok(())
}
