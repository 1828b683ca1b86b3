//! Base64's characters: what Clerk makes publishable keys of, and files secret ones.

/// The standard alphabet.
pub const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What a byte that is no character of either alphabet has for its six bits.
pub const NO_SEXTET: u8 = 0xff;

/// The six bits of each character, in the standard alphabet or the URL-safe one.
pub const SEXTETS: [u8; 256] = {
    let mut table = [NO_SEXTET; 256];
    let mut value = 0;
    while value < 64 {
        table[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
};

/// The characters that are wholly determined by `text` when `alignment` unknown bytes precede it in its group.
pub fn core(text: &[u8], alignment: usize) -> Vec<u8> {
    let bit = |at: usize| (text[at / 8 - alignment] >> (7 - at % 8)) & 1;
    let (first, last) = (alignment * 8, (alignment + text.len()) * 8);
    (first.div_ceil(6)..last / 6)
        .map(|at| ALPHABET[(at * 6..at * 6 + 6).fold(0, |value, at| (value << 1) | usize::from(bit(at)))])
        .collect()
}
