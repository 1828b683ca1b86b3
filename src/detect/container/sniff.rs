//! Which container bytes begin like.

use memchr::memchr_iter;

use super::{Format, tar, unopened, zip};
use crate::model::is_binary;

/// Where a PDF's header may stand: readers look for it in the first 1024 bytes (Adobe's implementation notes to
/// ISO 32000, H.3).
const PDF_WITHIN: usize = 1024;

/// The format that `bytes` begin like. A zip is also told by the record at its end, wherever it begins: archives that
/// extract themselves, a jar behind a shell script.
///
/// Takes constant time: a few bytes at the start, a checksum over 512 at most, and a search of the last 64 KiB for a
/// byte that no text has. Allocates nothing. The marks of zlib, of a tar without magic and of bytes such as `PK` are
/// weak; [`super::unpack`] finds out.
pub(in crate::detect) fn sniff(bytes: &[u8]) -> Option<Format> {
    match bytes {
        [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => Some(Format::Gzip),
        [b'B', b'Z', b'h', b'1'..=b'9', block @ ..] if begins_block(block) => Some(Format::Bzip2),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Format::Xz),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Format::Zstd),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Some(Format::SevenZ),
        // A local header, an archive with nothing in it, one in parts, and one that was meant to have parts.
        [b'P', b'K', 3, 4, ..]
        | [b'P', b'K', 5, 6, ..]
        | [b'P', b'K', 7, 8, b'P', b'K', 3, 4, ..]
        | [b'P', b'K', b'0', b'0', b'P', b'K', 3, 4, ..] => Some(Format::Zip),
        _ if is_pdf(bytes) => Some(Format::Pdf),
        _ if tar::begins(bytes) => Some(Format::Tar),
        _ if zip::ends(bytes) => Some(Format::Zip),
        _ if begins_zlib(bytes) => Some(Format::Zlib),
        _ => unopened::told(bytes).map(Format::Unopened),
    }
}

/// Whether a file is one of these as a whole, and by more than a weak mark: what is written over in it damages it, since it
/// has lengths, offsets and checksums of what is in it.
pub fn is_archive(bytes: &[u8]) -> bool {
    match sniff(bytes) {
        None | Some(Format::Zlib) => false,
        // Some of these are text.
        Some(Format::Unopened(_)) => is_binary(bytes),
        Some(_) => true,
    }
}

/// The next place in `bytes`, from `from` on, where a container could begin among other text. Only marks that text has
/// not by chance count: of zlib's the three that most encoders write.
pub(in crate::detect) fn within(bytes: &[u8], from: usize) -> Option<usize> {
    let bytes_from = bytes.get(from..)?;
    let second = bytes_from.get(1..)?.iter().enumerate().filter(|(_, byte)| SECOND[usize::from(**byte)]);
    second.map(|(at, _)| from + at).find(|at| begins_within(&bytes[*at..]))
}

/// Whether a container stands behind a script that unpacks it: archives that extract themselves, and many an installer.
/// It is what the file ends with, and no text; all other scripts are told by a few bytes.
pub(in crate::detect) fn is_behind_script(bytes: &[u8]) -> bool {
    const END: usize = 64;
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e);
    let ends_in_text = || bytes[bytes.len().saturating_sub(END)..].iter().all(is_text);
    bytes.starts_with(b"#!") && !ends_in_text() && within(bytes, 0).is_some()
}

/// The second bytes of the marks that [`begins_within`] knows: rarer in text than the first.
const SECOND: [bool; 256] = {
    let mut table = [false; 256];
    let seconds = b"\x8bK\xb5z7Z\x9c\xda\x01";
    let mut at = 0;
    while at < seconds.len() {
        table[seconds[at] as usize] = true;
        at += 1;
    }
    table
};

fn begins_within(bytes: &[u8]) -> bool {
    match bytes {
        [0x1f, 0x8b, 8, flags, ..] => flags & 0xe0 == 0,
        [b'P', b'K', 3, 4, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => true,
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] | [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => true,
        [b'B', b'Z', b'h', b'1'..=b'9', block @ ..] => block.len() >= 6 && begins_block(block),
        [b'x', 0x9c | 0xda | 1, ..] => begins_zlib(bytes),
        _ => false,
    }
}

/// A block of bzip2 (pi), or the end of a stream that has none (its square root).
fn begins_block(bytes: &[u8]) -> bool {
    const BLOCK: [u8; 6] = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
    const END: [u8; 6] = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90];
    let length = bytes.len().min(6);
    length > 0 && (bytes[..length] == BLOCK[..length] || bytes[..length] == END[..length])
}

/// A header at the beginning; or a line of its own, which those who write about PDFs hardly have.
fn is_pdf(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(PDF_WITHIN)];
    memchr_iter(b'%', head).any(|at| match &bytes[at..] {
        [b'%', b'P', b'D', b'F', b'-', b'1' | b'2', b'.', b'0'..=b'9', end, ..] => {
            at == 0 || matches!(end, b'\r' | b'\n')
        }
        _ => false,
    })
}

/// Whether a zlib stream (RFC 1950) can begin so. Its two-byte check lets one in a thousand random beginnings through
/// and some words; that the first block's header makes sense keeps most of those out.
pub(super) fn begins_zlib(bytes: &[u8]) -> bool {
    let [method, flags, block @ ..] = bytes else { return false };
    let deflate_with_window = method & 0x0f == 8 && *method <= 0x78;
    let has_dictionary = flags & 0x20 != 0;
    let check = u16::from_be_bytes([*method, *flags]);
    deflate_with_window && !has_dictionary && check.is_multiple_of(31) && begins_deflate(block)
}

/// Whether a block of deflate (RFC 1951) can begin so.
fn begins_deflate(bytes: &[u8]) -> bool {
    let Some(first) = bytes.first() else { return false };
    match (first >> 1) & 3 {
        // Stored: its length stands there twice, once inverted.
        0 => match bytes {
            [_, a, b, c, d, ..] => (a ^ c) & (b ^ d) == 0xff,
            _ => false,
        },
        1 => true,
        2 => has_complete_code_lengths(bytes),
        _ => false,
    }
}

/// Whether the code in which a dynamic block gives its own codes uses up all its words, as every decoder demands.
fn has_complete_code_lengths(bytes: &[u8]) -> bool {
    let mut head = [0; 16];
    let length = bytes.len().min(16);
    head[..length].copy_from_slice(&bytes[..length]);
    let bits = u128::from_le_bytes(head) >> 3;
    let (literals, distances, lengths) = (bits & 31, (bits >> 5) & 31, ((bits >> 10) & 15) + 4);
    let words: u32 = (0..lengths)
        .map(|at| (bits >> (14 + at * 3)) & 7)
        .filter(|length| *length > 0)
        .map(|length| 128 >> length)
        .sum();
    // A stream cut before that is not worth a guess.
    literals <= 29 && distances <= 29 && length * 8 >= 17 + lengths as usize * 3 && words == 128
}
