//! What packs or encrypts and is not opened here: told by its first bytes, so that nobody takes it for looked into.
//!
//! No more than that is read of it. A mark counts where neither text nor a program's tables have it by chance.

/// What `bytes` begin like. Takes constant time.
pub(super) fn told(bytes: &[u8]) -> Option<&'static str> {
    let what = match bytes {
        // gitformat-bundle and gitformat-pack.
        [b'#', b' ', b'v', b'2' | b'3', rest @ ..] if rest.starts_with(b" git bundle\n") => "a git bundle",
        [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, ..] => "a git pack",
        // Version 4, and 5.
        [b'R', b'a', b'r', b'!', 0x1a, 7, 0, ..] | [b'R', b'a', b'r', b'!', 0x1a, 7, 1, 0, ..] => "a RAR archive",
        [b'M', b'S', b'C', b'F', 0, 0, 0, 0, ..] => "a CAB archive",
        // A frame, and the format before it.
        [4, 0x22, 0x4d, 0x18, ..] | [2, 0x21, 0x4c, 0x18, ..] => "lz4",
        [b'L', b'Z', b'I', b'P', 0 | 1, dictionary, ..] if (12..=29).contains(&(dictionary & 31)) => "lzip",
        [0x89, b'L', b'Z', b'O', 0, b'\r', b'\n', 0x1a, b'\n', ..] => "lzop",
        // Its longest code, in bits, and whether the table may be emptied; the first code is a byte as it is.
        [0x1f, 0x9d, 0x89..=0x90, _, second, ..] if second & 1 == 0 => "compress (.Z)",
        [0x5d, ..] if begins_lzma(bytes) => "lzma",
        [b'-', ..] if begins_pgp_message(bytes) => "a PGP message",
        [b'S', ..] if begins_salted(bytes) => "encrypted by OpenSSL",
        _ => return None,
    };
    Some(what)
}

/// The header of an `.lzma` file: the properties that nearly all have, a dictionary of a size that encoders choose, and either
/// no length or one that a disk could hold. The range coder's first byte is always nought.
fn begins_lzma(bytes: &[u8]) -> bool {
    const LARGEST: u64 = 1 << 38;
    let [_, a, b, c, d, rest @ ..] = bytes else { return false };
    let Some((length, [0, ..])) = rest.split_first_chunk::<8>() else { return false };
    let dictionary = u32::from_le_bytes([*a, *b, *c, *d]);
    // A power of two, or half of one more.
    let is_usual = dictionary >= 1 << 12 && matches!(dictionary >> dictionary.trailing_zeros(), 1 | 3);
    let length = u64::from_le_bytes(*length);
    is_usual && (length == u64::MAX || (1..LARGEST).contains(&length))
}

/// RFC 9580, 6.2: a line of its own.
fn begins_pgp_message(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"-----BEGIN PGP MESSAGE-----").is_some_and(|rest| matches!(rest, [b'\r' | b'\n', ..]))
}

/// Eight bytes of salt and what is encrypted: a text that begins with the word has no such bytes.
fn begins_salted(bytes: &[u8]) -> bool {
    const LOOKED_AT: usize = 64;
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e);
    bytes.strip_prefix(b"Salted__").is_some_and(|rest| rest.len() > 8 && !rest.iter().take(LOOKED_AT).all(is_text))
}
