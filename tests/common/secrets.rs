//! Keys for the tests. They are put together at run time, so that no source file has a whole one.

use sha2::{Digest, Sha256};

const BASE62: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `length` letters and digits, always the same ones for a seed.
pub(crate) fn alphanumerics(seed: u64, length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| char::from(BASE62[random.usize(..BASE62.len())])).collect()
}

/// What follows the prefix of a key: 42 letters and digits, no fewer than 20 of them different.
pub(crate) fn body(seed: u64) -> String {
    let mut attempt = seed;
    loop {
        let text = alphanumerics(attempt, 42);
        let different: std::collections::BTreeSet<char> = text.chars().collect();
        if different.len() >= 20 {
            return text;
        }
        attempt = attempt.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    }
}

/// A production key.
pub(crate) fn live_key(seed: u64) -> String {
    format!("sk_{}_{}", "live", body(seed))
}

/// A development key.
pub(crate) fn test_key(seed: u64) -> String {
    format!("sk_{}_{}", "test", body(seed))
}

/// A key as an expression that joins two texts: whoever reads it may put it together, which is no more than a guess.
pub(crate) fn in_pieces(key: &str) -> String {
    format!("\"{}\" + \"{}\"", &key[..20], &key[20..])
}

/// A token with the same prefix and another length, as other vendors have.
pub(crate) fn look_alike(seed: u64, length: usize) -> String {
    assert_ne!(length, 42, "that would be a key");
    format!("sk_{}_{}", "live", alphanumerics(seed, length))
}

/// The publishable key of a development instance.
pub(crate) fn publishable_key(host: &str) -> String {
    format!("pk_{}_{}", "test", base64(format!("{host}$").as_bytes(), Alphabet::Standard, Padding::None))
}

/// The id that a report gives a key.
pub(crate) fn key_id(key: &str) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(key.as_bytes()) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Which characters base64 writes for 62 and 63.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    Standard,
    UrlSafe,
}

/// Whether base64 ends in `=`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    None,
    Full,
}

/// Base64 on one line.
pub(crate) fn base64(bytes: &[u8], alphabet: Alphabet, padding: Padding) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let padded = [group[0], group.get(1).copied().unwrap_or(0), group.get(2).copied().unwrap_or(0)];
        let bits = u32::from(padded[0]) << 16 | u32::from(padded[1]) << 8 | u32::from(padded[2]);
        for position in 0..=group.len() {
            let value = (bits >> (18 - 6 * position)) & 63;
            let character = char::from(BASE64[value as usize]);
            text.push(match (alphabet, character) {
                (Alphabet::UrlSafe, '+') => '-',
                (Alphabet::UrlSafe, '/') => '_',
                _ => character,
            });
        }
    }
    if padding == Padding::Full {
        while !text.len().is_multiple_of(4) {
            text.push('=');
        }
    }
    text
}

/// UTF-16, little-endian, with a byte order mark.
pub(crate) fn utf16le(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}
