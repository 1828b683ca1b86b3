//! The header of a 7z archive: which coders make which stream of which bytes, and which files are parts of it.
//!
//! It stands at the end of the archive, often compressed itself. Every count in it is checked against what is left of
//! the header, or against how many entries may be opened, before anything of that length is made.

use super::super::budget::Limit;
use super::super::{Fault, Stop};

/// What 7-Zip itself accepts is 32; nobody chains more than four.
const MOST_CODERS: usize = 8;

mod id {
    pub(super) const END: u64 = 0x00;
    pub(super) const HEADER: u64 = 0x01;
    pub(super) const ARCHIVE_PROPERTIES: u64 = 0x02;
    pub(super) const ADDITIONAL_STREAMS: u64 = 0x03;
    pub(super) const MAIN_STREAMS: u64 = 0x04;
    pub(super) const FILES: u64 = 0x05;
    pub(super) const PACK_INFO: u64 = 0x06;
    pub(super) const UNPACK_INFO: u64 = 0x07;
    pub(super) const SUB_STREAMS: u64 = 0x08;
    pub(super) const SIZE: u64 = 0x09;
    pub(super) const CRC: u64 = 0x0a;
    pub(super) const FOLDER: u64 = 0x0b;
    pub(super) const CODERS_SIZE: u64 = 0x0c;
    pub(super) const COUNT: u64 = 0x0d;
    pub(super) const EMPTY_STREAM: u64 = 0x0e;
    pub(super) const NAMES: u64 = 0x11;
    pub(super) const ENCODED_HEADER: u64 = 0x17;
}

/// A header.
pub(super) enum Header<'a> {
    /// It is what these streams make.
    Encoded(Streams<'a>),
    Plain(Contents<'a>),
}

/// What an archive holds.
#[derive(Default)]
pub(super) struct Contents<'a> {
    pub(super) streams: Streams<'a>,
    /// The names of the files that have bytes, in UTF-16, in the order of the parts.
    pub(super) names: Vec<&'a [u8]>,
}

/// Where the compressed streams are and how they are to be decoded.
#[derive(Default)]
pub(super) struct Streams<'a> {
    /// From the end of the archive's first 32 bytes.
    pub(super) start: u64,
    /// How long each is; they stand one behind the other.
    pub(super) packed: Vec<u64>,
    pub(super) folders: Vec<Folder<'a>>,
}

/// Coders that make one stream of some, and its parts.
#[derive(Default)]
pub(super) struct Folder<'a> {
    pub(super) coders: Vec<Coder<'a>>,
    /// Which input, counted over all coders, is which coder's output.
    pub(super) bound: Vec<(usize, usize)>,
    /// Which inputs are compressed streams of the archive, in their order.
    pub(super) packed: Vec<usize>,
    crc: Option<u32>,
    pub(super) parts: Vec<Part>,
}

/// One way of decoding.
pub(super) struct Coder<'a> {
    pub(super) method: &'a [u8],
    pub(super) properties: &'a [u8],
    /// The number of its first input, counted over all coders, and how many it has.
    pub(super) first_input: usize,
    pub(super) inputs: usize,
    /// How many bytes it makes.
    pub(super) size: u64,
}

/// A file's bytes in what a folder makes: one behind the other.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) size: u64,
    pub(super) crc: Option<u32>,
}

impl Folder<'_> {
    /// The coder whose output nothing takes: the folder's own.
    pub(super) fn last(&self) -> Option<usize> {
        (0..self.coders.len()).find(|coder| !self.bound.iter().any(|(_, output)| output == coder))
    }
}

/// Reads a header. `most` is how many files, folders and streams there may be of each.
pub(super) fn parse(bytes: &[u8], most: usize) -> Result<Header<'_>, Stop> {
    let mut cursor = Cursor { rest: bytes, most };
    match cursor.number()? {
        id::ENCODED_HEADER => Ok(Header::Encoded(cursor.streams()?)),
        id::HEADER => Ok(Header::Plain(cursor.contents()?)),
        _ => Err(Fault::Damaged.into()),
    }
}

/// What is left of a header.
struct Cursor<'a> {
    rest: &'a [u8],
    most: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: u64) -> Result<&'a [u8], Stop> {
        let length = usize::try_from(length).map_err(|_| Fault::Damaged)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Fault::Damaged)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        Ok(self.take(1)?[0])
    }

    fn u32(&mut self) -> Result<u32, Stop> {
        let bytes = self.take(4)?.first_chunk().ok_or(Fault::Damaged)?;
        Ok(u32::from_le_bytes(*bytes))
    }

    /// A number in one to nine bytes: the ones that lead in the first byte say how many follow.
    fn number(&mut self) -> Result<u64, Stop> {
        let first = self.byte()?;
        let more = first.leading_ones();
        let mut value = 0;
        for at in 0..more {
            value |= u64::from(self.byte()?) << (8 * at);
        }
        let high = u64::from(first) & (0x7f >> more.min(7));
        Ok(if more < 7 { value | high << (8 * more) } else { value })
    }

    /// How many of something follow that take at least a byte each.
    fn count(&mut self) -> Result<usize, Stop> {
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if count > self.rest.len() {
            return Err(Fault::Damaged.into());
        }
        if count > self.most { Err(Limit::Entries.into()) } else { Ok(count) }
    }

    fn bits(&mut self, count: usize) -> Result<Vec<bool>, Stop> {
        let bytes = self.take(count.div_ceil(8) as u64)?;
        Ok((0..count).map(|at| bytes[at / 8] & (0x80 >> (at % 8)) != 0).collect())
    }

    /// Checksums of `count` things, of those that have one.
    fn checksums(&mut self, count: usize) -> Result<Vec<Option<u32>>, Stop> {
        let defined = if self.byte()? != 0 { vec![true; count] } else { self.bits(count)? };
        defined.into_iter().map(|is_there| if is_there { self.u32().map(Some) } else { Ok(None) }).collect()
    }

    /// The next section, or the end. They have an order, and each stands there once: two bytes that have all folders
    /// gone through anew could be repeated for hours.
    fn section(&mut self, order: &mut u64) -> Result<u64, Stop> {
        let section = self.number()?;
        if section != id::END && section <= *order {
            return Err(Fault::Damaged.into());
        }
        *order = section;
        Ok(section)
    }

    fn contents(&mut self) -> Result<Contents<'a>, Stop> {
        let mut contents = Contents::default();
        let mut order = 0;
        loop {
            match self.section(&mut order)? {
                id::END => return Ok(contents),
                id::ARCHIVE_PROPERTIES => {
                    while self.number()? != id::END {
                        let length = self.number()?;
                        self.take(length)?;
                    }
                }
                id::ADDITIONAL_STREAMS => _ = self.streams()?,
                id::MAIN_STREAMS => contents.streams = self.streams()?,
                id::FILES => contents.names = self.names()?,
                _ => return Err(Fault::Damaged.into()),
            }
        }
    }

    /// The names of those files that have bytes.
    fn names(&mut self) -> Result<Vec<&'a [u8]>, Stop> {
        let count = self.count()?;
        let mut is_empty = vec![false; count];
        let mut names = Vec::new();
        loop {
            let property = self.number()?;
            if property == id::END {
                break;
            }
            let length = self.number()?;
            let mut data = Cursor { rest: self.take(length)?, most: self.most };
            match property {
                id::EMPTY_STREAM => is_empty = data.bits(count)?,
                // Where its first byte is not zero they stand elsewhere; nobody writes that.
                id::NAMES if data.byte()? == 0 => {
                    names = (0..count).map(|_| data.name()).collect::<Result<_, _>>()?;
                }
                _ => {}
            }
        }
        names.resize(count, &[][..]);
        Ok(names.into_iter().zip(is_empty).filter(|(_, is_empty)| !is_empty).map(|(name, _)| name).collect())
    }

    /// UTF-16 up to its NUL.
    fn name(&mut self) -> Result<&'a [u8], Stop> {
        let length = self.rest.chunks_exact(2).position(|unit| unit == [0, 0]).ok_or(Fault::Damaged)? * 2;
        let name = self.take(length as u64)?;
        self.take(2)?;
        Ok(name)
    }

    fn streams(&mut self) -> Result<Streams<'a>, Stop> {
        let mut streams = Streams::default();
        let mut order = 0;
        loop {
            match self.section(&mut order)? {
                id::END => break,
                id::PACK_INFO => self.packed(&mut streams)?,
                id::UNPACK_INFO => self.folders(&mut streams)?,
                id::SUB_STREAMS => self.parts(&mut streams)?,
                _ => return Err(Fault::Damaged.into()),
            }
        }
        // Where nothing is said of parts, each folder is one.
        for folder in streams.folders.iter_mut().filter(|folder| folder.parts.is_empty()) {
            let size = folder.last().map_or(0, |last| folder.coders[last].size);
            folder.parts = vec![Part { size, crc: folder.crc }];
        }
        Ok(streams)
    }

    fn packed(&mut self, streams: &mut Streams<'a>) -> Result<(), Stop> {
        streams.start = self.number()?;
        let count = self.count()?;
        loop {
            match self.number()? {
                id::END => return Ok(()),
                id::SIZE => streams.packed = (0..count).map(|_| self.number()).collect::<Result<_, _>>()?,
                id::CRC => _ = self.checksums(count)?,
                _ => return Err(Fault::Damaged.into()),
            }
        }
    }

    fn folders(&mut self, streams: &mut Streams<'a>) -> Result<(), Stop> {
        loop {
            match self.number()? {
                id::END => return Ok(()),
                id::FOLDER => {
                    let count = self.count()?;
                    if self.byte()? != 0 {
                        return Err(Fault::Method.into());
                    }
                    streams.folders = (0..count).map(|_| self.folder()).collect::<Result<_, _>>()?;
                }
                id::CODERS_SIZE => {
                    for coder in streams.folders.iter_mut().flat_map(|folder| &mut folder.coders) {
                        coder.size = self.number()?;
                    }
                }
                id::CRC => {
                    let checksums = self.checksums(streams.folders.len())?;
                    for (folder, crc) in streams.folders.iter_mut().zip(checksums) {
                        folder.crc = crc;
                    }
                }
                _ => return Err(Fault::Damaged.into()),
            }
        }
    }

    fn folder(&mut self) -> Result<Folder<'a>, Stop> {
        let count = self.count()?;
        if !(1..=MOST_CODERS).contains(&count) {
            return Err(Fault::Method.into());
        }
        let mut folder = Folder::default();
        let mut inputs = 0;
        for _ in 0..count {
            let coder = self.coder(inputs)?;
            inputs += coder.inputs;
            folder.coders.push(coder);
        }
        for _ in 1..count {
            let (input, output) = (self.number()?, self.number()?);
            let bound = (input as usize, output as usize);
            // A stream that went to two coders could be decoded for ever.
            let is_new = folder.bound.iter().all(|(input, output)| *input != bound.0 && *output != bound.1);
            if input >= inputs as u64 || output >= count as u64 || !is_new {
                return Err(Fault::Damaged.into());
            }
            folder.bound.push(bound);
        }
        let free: Vec<usize> =
            (0..inputs).filter(|input| !folder.bound.iter().any(|(bound, _)| bound == input)).collect();
        folder.packed = if free.len() == 1 {
            free
        } else {
            let listed: Vec<u64> = free.iter().map(|_| self.number()).collect::<Result<_, _>>()?;
            listed.into_iter().map(|input| usize::try_from(input).unwrap_or(usize::MAX)).collect()
        };
        Ok(folder)
    }

    fn coder(&mut self, first_input: usize) -> Result<Coder<'a>, Stop> {
        let flags = self.byte()?;
        let method = self.take(u64::from(flags & 0x0f))?;
        let (inputs, outputs) = if flags & 0x10 != 0 { (self.number()?, self.number()?) } else { (1, 1) };
        let length = if flags & 0x20 != 0 { self.number()? } else { 0 };
        let properties = self.take(length)?;
        if !(1..=4).contains(&inputs) || outputs != 1 || flags & 0x80 != 0 {
            return Err(Fault::Method.into());
        }
        Ok(Coder { method, properties, first_input, inputs: inputs as usize, size: 0 })
    }

    fn parts(&mut self, streams: &mut Streams<'a>) -> Result<(), Stop> {
        let mut counts = vec![1; streams.folders.len()];
        let mut next = self.number()?;
        if next == id::COUNT {
            let mut total = 0usize;
            for count in &mut counts {
                *count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
                total = total.saturating_add(*count);
            }
            // All but one of a folder have their size here.
            if total > self.rest.len().saturating_add(counts.len()) {
                return Err(Fault::Damaged.into());
            }
            if total > self.most {
                return Err(Limit::Entries.into());
            }
            next = self.number()?;
        }
        let has_sizes = next == id::SIZE;
        for (folder, count) in streams.folders.iter_mut().zip(&counts) {
            let mut left = folder.last().map_or(0, |last| folder.coders[last].size);
            for at in 0..*count {
                let is_last = at + 1 == *count;
                let size = if is_last || !has_sizes { left } else { self.number()? };
                left = left.saturating_sub(size);
                folder.parts.push(Part { size, crc: folder.crc.filter(|_| *count == 1) });
            }
        }
        if has_sizes {
            next = self.number()?;
        }
        if next == id::CRC {
            let unchecked = streams.folders.iter().flat_map(|folder| &folder.parts).filter(|part| part.crc.is_none());
            let checksums = self.checksums(unchecked.count())?;
            let parts = streams.folders.iter_mut().flat_map(|folder| &mut folder.parts);
            for (part, crc) in parts.filter(|part| part.crc.is_none()).zip(checksums) {
                part.crc = crc;
            }
            next = self.number()?;
        }
        if next == id::END { Ok(()) } else { Err(Fault::Damaged.into()) }
    }
}
