//! Formats that are one stream, or several in a row: gzip, zlib, bzip2, xz, zstd.

use memchr::memmem;

use super::budget::Limit;
use super::decode::{Bunzip, Inflate, Lzma, Unzstd, crc32, pump};
use super::{Fault, Reading, Seen};

/// How one stream ended: the bytes it took, and its fault.
type Ended = Result<(usize, Option<Fault>), Limit>;

/// Hands over as one piece what `decode` makes, whole or not.
fn gather(
    reading: &mut Reading<'_, '_>,
    decode: impl FnOnce(&mut Vec<u8>, &mut Reading<'_, '_>) -> Result<(), Limit>,
) -> Result<Seen, Limit> {
    let mut out = Vec::new();
    let ended = decode(&mut out, reading);
    reading.hand_over(None, &out);
    ended.map(|()| Seen::Container)
}

/// Reads streams that stand one behind the other, as `cat a.gz b.gz` makes them, to the end of `out`. They are one
/// piece: what compresses in parallel cuts anywhere, a key in two included.
///
/// Zeros behind a stream are padding. What else follows is searched for another stream: behind damage, and behind
/// bytes that somebody appended. `mark` begins every stream; `one` decodes the stream at the beginning of its bytes.
fn each(
    bytes: &[u8],
    mark: &[u8],
    out: &mut Vec<u8>,
    reading: &mut Reading<'_, '_>,
    mut one: impl FnMut(&[u8], &mut Vec<u8>, &mut Reading<'_, '_>) -> Ended,
) -> Result<(), Limit> {
    let mark = memmem::Finder::new(mark);
    let (mut at, mut is_guess) = (0, false);
    while at < bytes.len() {
        reading.open()?;
        let (used, fault) = one(&bytes[at..], out, reading)?;
        if let Some(fault) = fault.filter(|_| !is_guess) {
            reading.note(fault);
        }
        // What a damaged one swallowed may be another.
        let is_whole = matches!(fault, None | Some(Fault::Checksum));
        let behind = if is_whole { at + used } else { at + 1 };
        reading.taken.extend(is_whole.then_some(at..behind));
        let rest = &bytes[behind..];
        let padding = rest.iter().take_while(|byte| **byte == 0).count();
        let Some(next) = mark.find(&rest[padding..]) else { break };
        // Three bytes among others may be anything; that nothing can be made of them is no news.
        is_guess = fault.is_some() || next > 0;
        at = behind + padding + next;
    }
    Ok(())
}

/// Gzip (RFC 1952).
pub(super) fn gzip(bytes: &[u8], reading: &mut Reading<'_, '_>) -> Result<Seen, Limit> {
    let mut inflate = Inflate::new();
    gather(reading, |out, reading| {
        each(bytes, &[0x1f, 0x8b, 8], out, reading, |bytes, out, reading| {
            gzip_member(bytes, &mut inflate, out, reading)
        })
    })
}

fn gzip_member(bytes: &[u8], inflate: &mut Inflate, out: &mut Vec<u8>, reading: &mut Reading<'_, '_>) -> Ended {
    let header = match gzip_header(bytes) {
        Ok(header) => header,
        Err(fault) => return Ok((0, Some(fault))),
    };
    for text in header.texts.into_iter().flatten() {
        reading.hand_over(None, text);
    }
    let from = out.len();
    let (used, fault) = pump(inflate.raw(), &bytes[header.length..], out, reading)?;
    let end = header.length + used;
    if fault.is_some() {
        return Ok((end, fault));
    }
    // Checksum and length, four bytes each.
    match bytes[end..].first_chunk::<8>() {
        Some([a, b, c, d, ..]) if u32::from_le_bytes([*a, *b, *c, *d]) == crc32(&out[from..]) => Ok((end + 8, None)),
        Some(_) => Ok((end + 8, Some(Fault::Checksum))),
        None => Ok((end, Some(Fault::Cut))),
    }
}

/// What stands before the data of a gzip member.
struct GzipHeader<'a> {
    length: usize,
    /// The name of the file, and a comment.
    texts: [Option<&'a [u8]>; 2],
}

fn gzip_header(bytes: &[u8]) -> Result<GzipHeader<'_>, Fault> {
    const FIXED: usize = 10;
    let (has_checksum, has_extra, has_name, has_comment) = match bytes.first_chunk::<FIXED>() {
        None => return Err(Fault::Cut),
        Some([0x1f, 0x8b, 8, flags, ..]) if flags & 0xe0 == 0 => {
            (flags & 2 != 0, flags & 4 != 0, flags & 8 != 0, flags & 16 != 0)
        }
        Some(_) => return Err(Fault::Damaged),
    };
    let mut length = FIXED;
    if has_extra {
        let size = bytes[length..].first_chunk().ok_or(Fault::Cut)?;
        length += 2 + usize::from(u16::from_le_bytes(*size));
    }
    let mut text = |is_there: bool| {
        if !is_there {
            return Ok(None);
        }
        let rest = bytes.get(length..).ok_or(Fault::Cut)?;
        let text = &rest[..memchr::memchr(0, rest).ok_or(Fault::Cut)?];
        length += text.len() + 1;
        Ok(Some(text))
    };
    let texts = [text(has_name)?, text(has_comment)?];
    length += if has_checksum { 2 } else { 0 };
    if length > bytes.len() { Err(Fault::Cut) } else { Ok(GzipHeader { length, texts }) }
}

/// Zlib (RFC 1950).
///
/// Its mark is weak, so a fault tells something only where there is enough behind it: random bytes are found out
/// within a few hundred.
pub(super) fn zlib(bytes: &[u8], reading: &mut Reading<'_, '_>) -> Result<Seen, Limit> {
    const CONVINCING: usize = 2048;
    const A_FEW: usize = 32;
    let mut out = Vec::new();
    reading.open()?;
    let ended = pump(Inflate::new().zlib(), bytes, &mut out, reading);
    reading.hand_over(None, &out);
    let (used, fault) = ended?;
    let is_one = match fault {
        None => true,
        // All of the bytes made sense.
        Some(Fault::Cut) => used >= A_FEW && !out.is_empty(),
        Some(_) => used >= CONVINCING || used == bytes.len() && out.len() >= CONVINCING,
    };
    match fault {
        Some(fault) => reading.note(fault),
        None => reading.taken.push(0..used),
    }
    Ok(if is_one { Seen::Container } else { Seen::Nothing })
}

/// Bzip2. Behind a damaged block nothing is read before the next stream.
pub(super) fn bzip2(bytes: &[u8], reading: &mut Reading<'_, '_>) -> Result<Seen, Limit> {
    gather(reading, |out, reading| bzip2_streams(bytes, out, reading))
}

/// Decodes streams of bzip2 to the end of `out`.
pub(super) fn bzip2_streams(bytes: &[u8], out: &mut Vec<u8>, reading: &mut Reading<'_, '_>) -> Result<(), Limit> {
    each(bytes, b"BZh", out, reading, |bytes, out, reading| {
        // Fourteen bytes that make nothing would cost a decoder of megabytes each.
        if let [_, _, _, _, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, _, _, _, _, ..] = bytes {
            return Ok((14, None));
        }
        pump(&mut Bunzip::new(), bytes, out, reading)
    })
}

/// Xz.
pub(super) fn xz(bytes: &[u8], reading: &mut Reading<'_, '_>) -> Result<Seen, Limit> {
    gather(reading, |out, reading| each(bytes, b"\xfd7zXZ\0", out, reading, xz_stream))
}

fn xz_stream(bytes: &[u8], out: &mut Vec<u8>, reading: &mut Reading<'_, '_>) -> Ended {
    /// The stream's header; then its first block's, with how many filters there are in two bits of its second byte.
    const HEADER: usize = 12;
    let had = out.len();
    let (used, fault) = pump(&mut Lzma::xz(), bytes, out, reading)?;
    let filters = bytes.get(HEADER + 1).map_or(0, |flags| (flags & 3) + 1);
    // The decoder takes LZMA2 with one filter more.
    let is_method = fault == Some(Fault::Damaged) && out.len() == had && filters > 2;
    Ok((used, if is_method { Some(Fault::Method) } else { fault }))
}

/// Zstandard (RFC 8878). Frames that are to be skipped are bytes as they stand.
pub(super) fn zstd(bytes: &[u8], reading: &mut Reading<'_, '_>) -> Result<Seen, Limit> {
    if memmem::find(bytes, ZSTD_FRAME).is_none() {
        return Ok(Seen::Nothing);
    }
    gather(reading, |out, reading| zstd_frames(bytes, out, reading))
}

const ZSTD_FRAME: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Decodes frames of zstd to the end of `out`.
pub(super) fn zstd_frames(bytes: &[u8], out: &mut Vec<u8>, reading: &mut Reading<'_, '_>) -> Result<(), Limit> {
    let mut unzstd = Unzstd::new();
    let first = memmem::find(bytes, ZSTD_FRAME).unwrap_or(bytes.len());
    each(&bytes[first..], ZSTD_FRAME, out, reading, |bytes, out, reading| {
        pump(unzstd.frame(reading), bytes, out, reading)
    })
}
