//! Encodings, each with where every byte of what it encodes ends up.

use std::io::Write as _;

use fastrand::Rng;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

/// Bytes, and for each byte of what they encode which of them stand for it.
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) places: Vec<(usize, usize)>,
    pub(crate) name: &'static str,
}

pub(crate) type Encoder = fn(&[u8], &mut Rng) -> Encoded;

/// Every encoder, and whether it takes bytes that are no text.
pub(crate) const ALL: &[(Encoder, bool)] = &[
    (utf16_le, false),
    (utf16_be, false),
    (utf32_le, false),
    (utf32_be, false),
    (base64, true),
    (base64_url, true),
    (base64_lines, true),
    (hex, true),
    (hex_spaced, true),
    (hex_c, true),
    (percent_all, true),
    (percent_some, true),
    (unicode_escapes, false),
    (json, false),
    (entities, false),
    (quoted_printable, true),
    (gzip, true),
    (zlib, true),
    (zip, true),
];

/// Whether all of an encoding's bytes stand for each of what they encode.
pub(crate) fn is_container(name: &str) -> bool {
    ["gzip", "zlib", "zip"].contains(&name)
}

fn each(bytes: &[u8], name: &'static str, mut encode: impl FnMut(u8) -> Vec<u8>) -> Encoded {
    let mut encoded = Encoded { bytes: Vec::new(), places: Vec::new(), name };
    for byte in bytes {
        let start = encoded.bytes.len();
        encoded.bytes.extend(encode(*byte));
        encoded.places.push((start, encoded.bytes.len()));
    }
    encoded
}

fn with_mark(mark: &[u8], random: &mut Rng, encoded: Encoded) -> Encoded {
    if random.bool() {
        return encoded;
    }
    let shift = mark.len();
    Encoded {
        bytes: [mark, &encoded.bytes].concat(),
        places: encoded.places.iter().map(|(start, end)| (start + shift, end + shift)).collect(),
        name: encoded.name,
    }
}

fn utf16_le(bytes: &[u8], random: &mut Rng) -> Encoded {
    with_mark(&[0xff, 0xfe], random, each(bytes, "utf-16le", |byte| vec![byte, 0]))
}

fn utf16_be(bytes: &[u8], random: &mut Rng) -> Encoded {
    with_mark(&[0xfe, 0xff], random, each(bytes, "utf-16be", |byte| vec![0, byte]))
}

fn utf32_le(bytes: &[u8], random: &mut Rng) -> Encoded {
    with_mark(&[0xff, 0xfe, 0, 0], random, each(bytes, "utf-32le", |byte| vec![byte, 0, 0, 0]))
}

fn utf32_be(bytes: &[u8], random: &mut Rng) -> Encoded {
    with_mark(&[0, 0, 0xfe, 0xff], random, each(bytes, "utf-32be", |byte| vec![0, 0, 0, byte]))
}

fn sextets(bytes: &[u8], alphabet: &[u8; 64], padded: bool) -> Encoded {
    let mut out = Vec::new();
    for group in bytes.chunks(3) {
        let value = group.iter().fold(0u32, |v, b| (v << 8) | u32::from(*b)) << (8 * (3 - group.len()));
        out.extend((0..=group.len()).map(|at| alphabet[(value >> (18 - 6 * at)) as usize & 63]));
        if padded {
            out.extend(std::iter::repeat_n(b'=', 3 - group.len()));
        }
    }
    let places = (0..bytes.len()).map(|at| (at * 8 / 6, ((at + 1) * 8).div_ceil(6))).collect();
    Encoded { bytes: out, places, name: "base64" }
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(crate) fn base64(bytes: &[u8], random: &mut Rng) -> Encoded {
    sextets(bytes, STANDARD, random.bool())
}

fn base64_url(bytes: &[u8], random: &mut Rng) -> Encoded {
    sextets(bytes, URL_SAFE, random.bool())
}

/// Broken into lines, as in MIME, PEM and YAML.
fn base64_lines(bytes: &[u8], random: &mut Rng) -> Encoded {
    let plain = sextets(bytes, STANDARD, true);
    // A container's first line is longer, and no encoder parts the padding.
    let is_short = random.bool() && bytes.is_ascii();
    let mut width = if is_short { random.usize(48..76) } else { *random.choice(&[60, 64, 76]).expect("one of them") };
    width += usize::from(plain.bytes.len() % width == 1);
    let gap = random.choice(["\n", "\r\n", "\n    ", "\n\n", "\r\n\r\n"]).expect("one of them");
    let moved = |at: usize| at + at / width * gap.len();
    let mut out = Vec::new();
    for (number, line) in plain.bytes.chunks(width).enumerate() {
        if number > 0 {
            out.extend(gap.as_bytes());
        }
        out.extend(line);
    }
    let places = plain.places.iter().map(|(start, end)| (moved(*start), moved(end - 1) + 1)).collect();
    Encoded { bytes: out, places, name: "base64" }
}

fn hex(bytes: &[u8], random: &mut Rng) -> Encoded {
    let upper = random.bool();
    each(bytes, "hex", |byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }.into_bytes())
}

/// With something between each two bytes, which stands for neither, but for the `0x` of the second.
fn hex_spaced(bytes: &[u8], random: &mut Rng) -> Encoded {
    let gap = random.choice([" ", ":", ", 0x", "-", ",\n  0x", ", "]).expect("one of them");
    let mut encoded = Encoded { bytes: Vec::new(), places: Vec::new(), name: "hex" };
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            encoded.bytes.extend(gap.as_bytes());
        }
        let marked = at > 0 && gap.ends_with("0x");
        let start = encoded.bytes.len() - if marked { 2 } else { 0 };
        encoded.bytes.extend(format!("{byte:02x}").bytes());
        encoded.places.push((start, encoded.bytes.len()));
    }
    encoded
}

/// `\x73`, where the escape belongs to the byte.
fn hex_c(bytes: &[u8], _: &mut Rng) -> Encoded {
    each(bytes, "hex", |byte| format!("\\x{byte:02x}").into_bytes())
}

fn percent_all(bytes: &[u8], _: &mut Rng) -> Encoded {
    each(bytes, "percent", |byte| format!("%{byte:02X}").into_bytes())
}

/// What must be, and some of the rest.
fn percent_some(bytes: &[u8], random: &mut Rng) -> Encoded {
    let one_in = random.u32(2..40);
    each(bytes, "percent", |byte| {
        if byte.is_ascii_alphanumeric() && random.u32(..one_in) > 0 {
            vec![byte]
        } else {
            format!("%{byte:02x}").into_bytes()
        }
    })
}

fn unicode_escapes(bytes: &[u8], random: &mut Rng) -> Encoded {
    let one_in = random.u32(1..20);
    each(bytes, "unicode-escape", |byte| {
        let must = matches!(byte, b'"' | b'\\') || !(0x20..0x7f).contains(&byte);
        if must || random.u32(..one_in) == 0 { format!("\\u{byte:04x}").into_bytes() } else { vec![byte] }
    })
}

/// A JSON string inside a JSON string: quotes, line ends, and slashes as some write them.
fn json(bytes: &[u8], _: &mut Rng) -> Encoded {
    each(bytes, "json-escape", |byte| match byte {
        b'\n' => b"\\n".to_vec(),
        b'\r' => b"\\r".to_vec(),
        b'\t' => b"\\t".to_vec(),
        b'"' | b'\\' | b'/' => vec![b'\\', byte],
        other => vec![other],
    })
}

fn entities(bytes: &[u8], random: &mut Rng) -> Encoded {
    let one_in = random.u32(1..20);
    let hex = random.bool();
    each(bytes, "html-entities", |byte| {
        if matches!(byte, b'&' | b'<' | b'"') || random.u32(..one_in) == 0 {
            if hex { format!("&#x{byte:x};") } else { format!("&#{byte};") }.into_bytes()
        } else {
            vec![byte]
        }
    })
}

/// As RFC 2045 has it, lines of at most 76 characters.
fn quoted_printable(bytes: &[u8], random: &mut Rng) -> Encoded {
    let end = if random.bool() { "=\r\n" } else { "=\n" };
    let mut encoded = Encoded { bytes: Vec::new(), places: Vec::new(), name: "quoted-printable" };
    let mut column = 0;
    for byte in bytes {
        let is_plain = matches!(byte, 0x21..=0x3c | 0x3e..=0x7e | b' ' | b'\n');
        let spelt = if is_plain { vec![*byte] } else { format!("={byte:02X}").into_bytes() };
        if column + spelt.len() > 75 && *byte != b'\n' {
            encoded.bytes.extend(end.bytes());
            column = 0;
        }
        let start = encoded.bytes.len();
        column = if *byte == b'\n' { 0 } else { column + spelt.len() };
        encoded.bytes.extend(spelt);
        encoded.places.push((start, encoded.bytes.len()));
    }
    encoded
}

/// All of a container, for each byte that it holds.
fn whole(bytes: &[u8], made: Vec<u8>, name: &'static str) -> Encoded {
    let places = vec![(0, made.len()); bytes.len()];
    Encoded { bytes: made, places, name }
}

fn level(random: &mut Rng) -> Compression {
    Compression::new(random.u32(1..=9))
}

fn gzip(bytes: &[u8], random: &mut Rng) -> Encoded {
    let mut encoder = GzEncoder::new(Vec::new(), level(random));
    encoder.write_all(bytes).expect("writing to memory");
    whole(bytes, encoder.finish().expect("writing to memory"), "gzip")
}

fn zlib(bytes: &[u8], random: &mut Rng) -> Encoded {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(random.choice([1, 6, 9]).expect("one of them")));
    encoder.write_all(bytes).expect("writing to memory");
    whole(bytes, encoder.finish().expect("writing to memory"), "zlib")
}

/// One entry, with its directory.
fn zip(bytes: &[u8], random: &mut Rng) -> Encoded {
    let mut encoder = DeflateEncoder::new(Vec::new(), level(random));
    encoder.write_all(bytes).expect("writing to memory");
    let data = encoder.finish().expect("writing to memory");
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    let mut about = vec![20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0];
    about.extend(crc.sum().to_le_bytes());
    about.extend((data.len() as u32).to_le_bytes());
    about.extend((bytes.len() as u32).to_le_bytes());
    about.extend([3, 0, 0, 0]);
    let local = [b"PK\x03\x04".as_slice(), &about, b"a.b", &data].concat();
    let central = [b"PK\x01\x02\x14\0".as_slice(), &about, &[0; 14], b"a.b"].concat();
    let mut end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0".to_vec();
    end.extend((central.len() as u32).to_le_bytes());
    end.extend((local.len() as u32).to_le_bytes());
    end.extend([0, 0]);
    whole(bytes, [local, central, end].concat(), "zip")
}
