//! Inflating short streams (RFC 1950 and 1951).
//!
//! Most entries of a pack are a commit, a small tree or a delta, of a hundred bytes or two. The decoder for large ones
//! makes a table of two thousand codes for each of them, which takes longer than all the rest; here a table has five
//! hundred, and what has no place in it is looked for by its length. Whatever is odd is declined and left to that decoder,
//! which says what is wrong with it; what is taken has the checksum that it says.

/// What is longer is decoded faster with larger tables.
pub(super) const LONGEST: usize = 1 << 10;

/// Codes of so many bits have a place in a table.
const LITERAL_BITS: usize = 9;
const DISTANCE_BITS: usize = 7;
/// Code lengths themselves have codes of seven bits at the most.
const LENGTH_BITS: usize = 7;
/// No code is longer.
const LONGEST_CODE: usize = 15;
const LITERALS: usize = 288;
const DISTANCES: usize = 32;

/// The order in which the lengths of the codes of code lengths are stored.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LENGTH_BASE: [u16; 29] =
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_EXTRA: [u8; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE: [u16; 30] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA: [u8; 30] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

/// A symbol above the length of its code; nothing where it has none. In one number: hundreds are set to nothing for each
/// stream.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Coded(u16);

impl Coded {
    const NONE: Self = Self(0);

    fn new(symbol: usize, length: u8) -> Self {
        Self((symbol as u16) << 4 | u16::from(length))
    }

    fn symbol(self) -> u16 {
        self.0 >> 4
    }

    fn length(self) -> u32 {
        u32::from(self.0 & 15)
    }
}

/// A prefix code with a table of `SIZE` places.
struct Codes<const SIZE: usize> {
    /// By the next bits; nothing where the code is longer, or there is none.
    table: [Coded; SIZE],
    /// How many codes have each length, and all symbols in the order of their codes.
    counts: [u16; LONGEST_CODE + 1],
    symbols: [u16; LITERALS],
}

impl<const SIZE: usize> Codes<SIZE> {
    const BITS: usize = SIZE.ilog2() as usize;

    const fn new() -> Self {
        Self { table: [Coded::NONE; SIZE], counts: [0; LONGEST_CODE + 1], symbols: [0; LITERALS] }
    }

    /// From the symbols that have a code, in order, and the length of each one's; whether the codes fill all there can be, or
    /// some are left over. None where they are more than that.
    fn set(&mut self, coded: &[Coded]) -> Option<bool> {
        self.counts = [0; LONGEST_CODE + 1];
        coded.iter().for_each(|one| self.counts[one.length() as usize] += 1);
        let (mut next, mut total, mut left) = ([0u16; LONGEST_CODE + 1], 0, 1i32);
        for (next, count) in next.iter_mut().zip(&self.counts).skip(1) {
            *next = total;
            total += count;
            left = 2 * left - i32::from(*count);
            if left < 0 {
                return None;
            }
        }
        for one in coded {
            let at = &mut next[one.length() as usize];
            self.symbols[usize::from(*at)] = one.symbol();
            *at += 1;
        }
        self.fill();
        Some(left == 0)
    }

    /// Fills the table from the short codes on: what a code of some bits leads to, it leads to whatever bits follow.
    fn fill(&mut self) {
        let shortest =
            self.counts.iter().skip(1).take(Self::BITS).position(|count| *count > 0).unwrap_or(Self::BITS - 1);
        let mut filled = 1 << shortest;
        self.table[..filled].fill(Coded::NONE);
        let (mut code, mut at) = (0usize, 0);
        for length in shortest + 1..=Self::BITS {
            self.table.copy_within(0..filled, filled);
            filled *= 2;
            for _ in 0..self.counts[length] {
                // Codes are stored from their highest bit on.
                self.table[code] = Coded(self.symbols[at] << 4 | length as u16);
                at += 1;
                code = next_reversed(code, length);
            }
        }
    }

    /// The next symbol.
    #[inline(always)]
    fn next(&self, bits: &mut Bits<'_>) -> Option<u16> {
        let mut found = self.table[bits.buffer as usize & (SIZE - 1)];
        if found == Coded::NONE {
            found = self.long(bits.buffer)?;
        }
        bits.drop(found.length())?;
        Some(found.symbol())
    }

    /// A symbol with a code that has no place in the table. It is given bits and not a reader of bits, which stays in
    /// registers so.
    #[cold]
    fn long(&self, bits: u64) -> Option<Coded> {
        // By length, the first code that is so long, and where its symbol stands (RFC 1951, 3.2.2).
        let (mut code, mut first, mut at) = (0i32, 0i32, 0i32);
        for length in 1..=LONGEST_CODE {
            code |= (bits >> (length - 1) & 1) as i32;
            let count = i32::from(self.counts[length]);
            if code - first < count {
                let symbol = self.symbols.get((at + code - first) as usize)?;
                return Some(Coded::new(usize::from(*symbol), length as u8));
            }
            (at, first, code) = (at + count, (first + count) << 1, code << 1);
        }
        None
    }
}

/// The code behind one of so many bits, both from the highest bit on; 0 behind the last.
fn next_reversed(code: usize, length: usize) -> usize {
    let mut bit = 1 << (length - 1);
    while code & bit != 0 {
        bit >>= 1;
    }
    if bit == 0 { 0 } else { (code & (bit - 1)) | bit }
}

/// Bits of a stream, the lowest first.
#[derive(Clone, Copy)]
struct Bits<'a> {
    input: &'a [u8],
    at: usize,
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// At least 56 bits at hand, if there are so many.
    #[inline(always)]
    fn refill(&mut self) {
        if let Some(eight) = self.input.get(self.at..).and_then(<[u8]>::first_chunk) {
            self.buffer |= u64::from_le_bytes(*eight) << self.count;
            let bytes = (63 - self.count) / 8;
            self.at += bytes as usize;
            self.count += bytes * 8;
        } else {
            while self.count <= 56 && self.at < self.input.len() {
                self.buffer |= u64::from(self.input[self.at]) << self.count;
                self.at += 1;
                self.count += 8;
            }
        }
    }

    #[inline(always)]
    fn drop(&mut self, count: u32) -> Option<()> {
        self.count = self.count.checked_sub(count)?;
        self.buffer >>= count;
        Some(())
    }

    #[inline(always)]
    fn take(&mut self, count: u32) -> Option<usize> {
        let taken = self.buffer & ((1 << count) - 1);
        self.drop(count)?;
        Some(taken as usize)
    }

    /// The bytes from the next whole one on.
    fn bytes(&mut self) -> &'a [u8] {
        // What was read ahead is put back.
        self.at -= (self.count / 8) as usize;
        (self.buffer, self.count) = (0, 0);
        &self.input[self.at..]
    }
}

/// Inflates short streams, one after another.
pub(super) struct Short {
    literals: Codes<{ 1 << LITERAL_BITS }>,
    distances: Codes<{ 1 << DISTANCE_BITS }>,
    lengths: Codes<{ 1 << LENGTH_BITS }>,
    /// Whether the codes at hand are those that need not be told.
    are_fixed: bool,
}

impl Short {
    pub(super) fn new() -> Self {
        Self { literals: Codes::new(), distances: Codes::new(), lengths: Codes::new(), are_fixed: false }
    }

    /// Inflates the zlib stream that `input` begins with, if it is sound and has just as many bytes as `out`.
    pub(super) fn inflate(&mut self, input: &[u8], out: &mut [u8]) -> Option<()> {
        let [method, flags, rest @ ..] = input else { return None };
        let is_plain = method & 15 == 8 && method >> 4 <= 7 && flags & 0x20 == 0;
        if !is_plain || (u32::from(*method) << 8 | u32::from(*flags)) % 31 != 0 {
            return None;
        }
        let mut bits = Bits { input: rest, at: 0, buffer: 0, count: 0 };
        let mut made = 0;
        loop {
            bits.refill();
            let is_last = bits.take(1)? == 1;
            match bits.take(2)? {
                0 => made = stored(&mut bits, out, made)?,
                1 => {
                    self.fix()?;
                    (bits, made) = self.block(bits, out, made)?;
                }
                2 => {
                    bits = self.read_codes(bits)?;
                    (bits, made) = self.block(bits, out, made)?;
                }
                _ => return None,
            }
            if is_last {
                break;
            }
        }
        let checksum = u32::from_be_bytes(*bits.bytes().first_chunk()?);
        (made == out.len() && checksum == libdeflater::adler32(out)).then_some(())
    }

    /// The codes of blocks that tell none (RFC 1951, 3.2.6).
    fn fix(&mut self) -> Option<()> {
        if std::mem::replace(&mut self.are_fixed, true) {
            return Some(());
        }
        let length = |symbol| match symbol {
            144..256 => 9,
            256..280 => 7,
            _ => 8,
        };
        let literals = std::array::from_fn::<_, LITERALS, _>(|at| Coded::new(at, length(at)));
        self.literals.set(&literals)?;
        self.distances.set(&std::array::from_fn::<_, DISTANCES, _>(|at| Coded::new(at, 5)))?;
        Some(())
    }

    /// The codes that a block begins with (RFC 1951, 3.2.7); what follows them.
    fn read_codes<'a>(&mut self, mut bits: Bits<'a>) -> Option<Bits<'a>> {
        self.are_fixed = false;
        let (literals, distances, count) = (bits.take(5)? + 257, bits.take(5)? + 1, bits.take(4)? + 4);
        let mut lengths = [0u8; ORDER.len()];
        for (number, at) in ORDER.into_iter().take(count).enumerate() {
            // Nineteen of three bits are one more than are at hand.
            if number % 16 == 0 {
                bits.refill();
            }
            lengths[at] = bits.take(3)? as u8;
        }
        let (mut coded, mut some) = ([Coded::NONE; ORDER.len()], 0);
        for (symbol, length) in lengths.into_iter().enumerate().filter(|(_, length)| *length > 0) {
            coded[some] = Coded::new(symbol, length);
            some += 1;
        }
        self.lengths.set(&coded[..some])?.then_some(())?;
        // Most symbols have no code: those that have are listed.
        let mut coded = [Coded::NONE; LITERALS + DISTANCES];
        let (total, mut at, mut some, mut of_literals, mut last) = (literals + distances, 0, 0, None, None);
        while at < total {
            // A code of seven bits and seven more.
            if bits.count < 14 {
                bits.refill();
            }
            let (length, times) = match self.lengths.next(&mut bits)? {
                16 => (last?, 3 + bits.take(2)?),
                17 => (0, 3 + bits.take(3)?),
                18 => (0, 11 + bits.take(7)?),
                length => (length as u8, 1),
            };
            last = Some(length);
            let end = at + times;
            if end > total {
                return None;
            }
            if length > 0 {
                for number in at..end {
                    if number >= literals && of_literals.is_none() {
                        of_literals = Some(some);
                    }
                    let symbol = if number < literals { number } else { number - literals };
                    coded[some] = Coded::new(symbol, length);
                    some += 1;
                }
            }
            at = end;
        }
        let (of_literals, of_distances) = coded[..some].split_at(of_literals.unwrap_or(some));
        self.literals.set(of_literals)?.then_some(())?;
        // Of distances there may be one, or none.
        let fills = self.distances.set(of_distances)?;
        (fills || matches!(of_distances, []) || matches!(of_distances, [one] if one.length() == 1)).then_some(bits)
    }

    /// The symbols of a block; what follows it, and how many bytes there are then.
    fn block<'a>(&self, mut bits: Bits<'a>, out: &mut [u8], mut made: usize) -> Option<(Bits<'a>, usize)> {
        /// Matches are copied so many bytes at once, where there is room.
        const AT_ONCE: usize = 8;
        loop {
            // Enough for three literals, or for a length and a distance.
            bits.refill();
            let mut symbol = self.literals.next(&mut bits)?;
            for _ in 0..2 {
                if symbol < 256 {
                    *out.get_mut(made)? = symbol as u8;
                    made += 1;
                    symbol = self.literals.next(&mut bits)?;
                }
            }
            if symbol < 256 {
                *out.get_mut(made)? = symbol as u8;
                made += 1;
                continue;
            }
            if symbol == 256 {
                return Some((bits, made));
            }
            bits.refill();
            let number = usize::from(symbol - 257);
            let length = usize::from(*LENGTH_BASE.get(number)?) + bits.take(u32::from(LENGTH_EXTRA[number]))?;
            let number = usize::from(self.distances.next(&mut bits)?);
            let distance = usize::from(*DISTANCE_BASE.get(number)?) + bits.take(u32::from(DISTANCE_EXTRA[number]))?;
            let from = made.checked_sub(distance)?;
            let end = made + length;
            if end > out.len() {
                return None;
            }
            if distance >= AT_ONCE && end + AT_ONCE <= out.len() {
                // What is written too far is written over.
                for done in (0..length).step_by(AT_ONCE) {
                    let eight: [u8; AT_ONCE] = *out.get(from + done..)?.first_chunk()?;
                    *out.get_mut(made + done..)?.first_chunk_mut()? = eight;
                }
            } else if distance >= length {
                out.copy_within(from..from + length, made);
            } else {
                (made..end).for_each(|at| out[at] = out[at - distance]);
            }
            made = end;
        }
    }
}

/// A block that is stored as it is.
fn stored(bits: &mut Bits<'_>, out: &mut [u8], made: usize) -> Option<usize> {
    let bytes = bits.bytes();
    let [low, high, not_low, not_high, rest @ ..] = bytes else { return None };
    let length = u16::from_le_bytes([*low, *high]);
    if length != !u16::from_le_bytes([*not_low, *not_high]) {
        return None;
    }
    let length = usize::from(length);
    out.get_mut(made..made + length)?.copy_from_slice(rest.get(..length)?);
    bits.at += 4 + length;
    Some(made + length)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    /// Bytes as they come in commits, trees and deltas, and such that are none.
    fn content(random: &mut fastrand::Rng, length: usize) -> Vec<u8> {
        let kinds = random.u8(..5);
        let mut bytes = Vec::new();
        while bytes.len() < length {
            match (kinds, random.u8(..4)) {
                (0, _) => bytes.push(random.u8(..)),
                (1, _) => bytes.push(b'a'),
                (2, 0) if !bytes.is_empty() => {
                    let from = random.usize(..bytes.len());
                    bytes.extend_from_within(from..(from + random.usize(..300)).min(bytes.len()));
                }
                (3, _) => bytes.push(*random.choice(b"0123456789abcdef\n").unwrap()),
                _ => bytes.extend(format!("author {} line\n", random.u32(..99)).bytes()),
            }
        }
        bytes.truncate(length);
        bytes
    }

    fn deflated(random: &mut fastrand::Rng, bytes: &[u8]) -> Vec<u8> {
        let level = Compression::new(random.u32(..10));
        if random.bool() {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            for piece in bytes.chunks(random.usize(1..700)) {
                encoder.write_all(piece).unwrap();
                // Several blocks, some of them empty.
                if random.u8(..3) == 0 {
                    encoder.flush().unwrap();
                }
            }
            encoder.finish().unwrap()
        } else {
            let mut stream = Vec::with_capacity(bytes.len() * 2 + 100);
            Compress::new(level, true).compress_vec(bytes, &mut stream, FlushCompress::Finish).unwrap();
            stream
        }
    }

    #[test]
    fn what_is_deflated_is_inflated_and_what_is_not_is_declined() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut short, mut reference) = (Short::new(), libdeflater::Decompressor::new());
        let (mut out, mut expected) = (Vec::new(), Vec::new());
        let (mut declined, mut broken) = (0, 0);
        for round in 0..30_000 {
            let longest = *random.choice([3, 40, 300, 3_000].iter()).unwrap();
            let length = random.usize(..longest);
            let bytes = content(&mut random, length);
            let mut stream = deflated(&mut random, &bytes);
            let behind = random.usize(..20);
            stream.extend((0..behind).map(|_| random.u8(..)));
            out.clear();
            out.resize(length, 7);
            let context = format!("seed {seed}, round {round}");
            assert!(short.inflate(&stream, &mut out).is_some(), "{context}: declined");
            assert_eq!(out, bytes, "{context}");
            // Another size is another stream.
            out.push(7);
            assert!(short.inflate(&stream, &mut out).is_none(), "{context}: longer than it is");
            if length > 0 {
                out.truncate(length - 1);
                assert!(short.inflate(&stream, &mut out).is_none(), "{context}: shorter than it is");
            }
            // Damaged: what is taken is what the other decoder takes.
            match random.u8(..3) {
                0 => stream.truncate(random.usize(..stream.len())),
                1 => (0..random.usize(1..5)).for_each(|_| {
                    let at = random.usize(..stream.len());
                    stream[at] = random.u8(..);
                }),
                _ => {
                    let at = random.usize(..stream.len());
                    stream[at] ^= 1 << random.u8(..8);
                }
            }
            out.resize(length, 7);
            expected.clear();
            expected.resize(length, 7);
            let is_sound = reference.zlib_decompress(&stream, &mut expected) == Ok(length);
            let is_taken = short.inflate(&stream, &mut out).is_some();
            assert!(!is_taken || (is_sound && out == expected), "{context}: damaged and taken");
            declined += usize::from(is_sound && !is_taken);
            broken += usize::from(!is_sound);
        }
        assert!(broken > 10_000 && declined < 100, "{broken} broken, {declined} sound and declined");
    }

    #[test]
    fn noise_is_declined_without_a_panic() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut short, mut out) = (Short::new(), vec![0; 500]);
        for _ in 0..100_000 {
            let mut stream = vec![0x78, 0x9c];
            let length = random.usize(..120);
            stream.extend((0..length).map(|_| random.u8(..)));
            assert!(short.inflate(&stream, &mut out).is_none(), "seed {seed}");
        }
    }
}
