//! Encodings applied to text, each with the way from a byte of the text to the bytes that stand for it.

use std::io::Write as _;

use crate::secrets::{Alphabet, Padding, base64};

/// Text in an encoding.
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    /// The name that the encoding goes by in a chain; none where it leaves letters and digits as they are.
    pub(crate) name: &'static str,
    /// For each byte of the text where what stands for it begins and ends; `None` where no part of the encoded bytes
    /// stands for it alone.
    map: Option<(Vec<usize>, Vec<usize>)>,
}

impl Encoded {
    fn named(name: &'static str) -> Self {
        Self { bytes: Vec::new(), name, map: Some((Vec::new(), Vec::new())) }
    }

    /// The bytes that stand for `from..to` of the text.
    pub(crate) fn span(&self, from: usize, to: usize) -> Option<std::ops::Range<usize>> {
        let (starts, ends) = self.map.as_ref()?;
        Some(if from == to { 0..0 } else { starts[from]..ends[to - 1] })
    }

    /// `bytes` stand for the next `count` bytes of the text.
    fn put(&mut self, count: usize, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        if let Some((starts, ends)) = &mut self.map {
            starts.extend(std::iter::repeat_n(start, count));
            ends.extend(std::iter::repeat_n(start + bytes.len(), count));
        }
    }

    /// Stands for nothing.
    fn fill(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

/// How many words belong to the wrapper `name` before its text; `None` if there is no such wrapper.
pub(crate) fn words_of(name: &str) -> Option<usize> {
    match name {
        "base64-lines" => Some(2),
        "indent" => Some(1),
        "base64"
        | "base64-raw"
        | "base64url"
        | "utf16le"
        | "utf16be"
        | "utf32le"
        | "utf32be"
        | "hex-of"
        | "HEX-of"
        | "hex-spaced"
        | "hex-colons"
        | "hex-x"
        | "hex-0x"
        | "hexdump"
        | "xxd"
        | "xxd-p"
        | "percent"
        | "percent-underscore"
        | "percent-all"
        | "json-signs"
        | "json-slashes"
        | "entities-signs"
        | "qp-signs"
        | "qp"
        | "json"
        | "json-underscore"
        | "json-all"
        | "entities"
        | "entities-underscore"
        | "entities-all"
        | "entities-hex"
        | "crlf"
        | "gzip"
        | "zlib" => Some(0),
        _ => None,
    }
}

/// Applies the wrapper `name` to `text`.
pub(crate) fn wrap(name: &str, words: &[String], text: &[u8]) -> Result<Encoded, String> {
    let number = |at: usize| words[at].parse::<usize>().map_err(|_| format!("{:?} is no number", words[at]));
    let percent = |byte: u8| format!("%{byte:02X}").into_bytes();
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    Ok(match name {
        "base64" => base64_text(text, Alphabet::Standard, Padding::Full, usize::MAX, b""),
        "base64-raw" => base64_text(text, Alphabet::Standard, Padding::None, usize::MAX, b""),
        "base64url" => base64_text(text, Alphabet::UrlSafe, Padding::None, usize::MAX, b""),
        "base64-lines" => {
            let line_end = format!("\n{}", " ".repeat(number(1)?));
            base64_text(text, Alphabet::Standard, Padding::Full, number(0)?, line_end.as_bytes())
        }
        "utf16le" => wide("utf-16le", text, |it, out| {
            it.encode_utf16(&mut [0; 2]).iter().for_each(|u| out.extend(u.to_le_bytes()))
        })?,
        "utf16be" => wide("utf-16be", text, |it, out| {
            it.encode_utf16(&mut [0; 2]).iter().for_each(|u| out.extend(u.to_be_bytes()))
        })?,
        "utf32le" => wide("utf-32le", text, |it, out| out.extend(u32::from(it).to_le_bytes()))?,
        "utf32be" => wide("utf-32be", text, |it, out| out.extend(u32::from(it).to_be_bytes()))?,
        _ if name.to_ascii_lowercase().starts_with("hex") || name.starts_with("xxd") => hexadecimal(name, text),
        "percent" => each("percent", text, |byte| if unreserved(byte) { vec![byte] } else { percent(byte) }),
        "percent-underscore" => {
            each("percent", text, |byte| if unreserved(byte) && byte != b'_' { vec![byte] } else { percent(byte) })
        }
        "percent-all" => each("percent", text, percent),
        "json-signs" => signs("unicode-escape", text, b"+/=", |byte| format!("\\u{byte:04x}")),
        "json-slashes" => signs("json-escape", text, b"/", |_| "\\/".to_owned()),
        "entities-signs" => signs("html-entities", text, b"+/=", |byte| format!("&#{byte};")),
        "qp-signs" => signs("quoted-printable", text, b"+/=", |byte| format!("={byte:02X}")),
        "qp" => quoted_printable(text),
        "json" => each("json", text, json_escape),
        "json-underscore" => {
            each("unicode-escape", text, |byte| if byte == b'_' { b"\\u005f".to_vec() } else { json_escape(byte) })
        }
        "json-all" => each("unicode-escape", text, |byte| format!("\\u{byte:04x}").into_bytes()),
        "entities" => each("html-entities", text, entity),
        "entities-underscore" => {
            each("html-entities", text, |byte| if byte == b'_' { b"&#95;".to_vec() } else { entity(byte) })
        }
        "entities-all" => each("html-entities", text, |byte| format!("&#{byte};").into_bytes()),
        "entities-hex" => each("html-entities", text, |byte| format!("&#x{byte:X};").into_bytes()),
        "crlf" => each("", text, |byte| if byte == b'\n' { b"\r\n".to_vec() } else { vec![byte] }),
        "indent" => {
            let line_end = [b"\n".to_vec(), vec![b' '; number(0)?]].concat();
            each("", text, |byte| if byte == b'\n' { line_end.clone() } else { vec![byte] })
        }
        "gzip" | "zlib" => compressed(name, text),
        _ => return Err(format!("{name:?} is no wrapper")),
    })
}

fn hexadecimal(name: &str, text: &[u8]) -> Encoded {
    let hex = |byte: u8| format!("{byte:02x}").into_bytes();
    match name {
        "hex-of" => each("hex", text, hex),
        "HEX-of" => each("hex", text, |byte| format!("{byte:02X}").into_bytes()),
        "hex-spaced" => joined("hex", text, b" ", hex),
        "hex-colons" => joined("hex", text, b":", hex),
        "hex-x" => each("hex", text, |byte| format!("\\x{byte:02x}").into_bytes()),
        "hex-0x" => joined("hex", text, b", ", |byte| format!("0x{byte:02x}").into_bytes()),
        "hexdump" => dump(text, Dump::Hexdump),
        "xxd" => dump(text, Dump::Xxd),
        _ => {
            let mut encoded = Encoded::named("hex");
            for (at, byte) in text.iter().enumerate() {
                if at > 0 && at % 30 == 0 {
                    encoded.fill(b"\n");
                }
                encoded.put(1, &hex(*byte));
            }
            encoded
        }
    }
}

fn each(name: &'static str, text: &[u8], unit: impl Fn(u8) -> Vec<u8>) -> Encoded {
    joined(name, text, b"", unit)
}

/// Spells some signs and leaves all else as it is.
fn signs(name: &'static str, text: &[u8], signs: &[u8], spell: impl Fn(u8) -> String) -> Encoded {
    each(name, text, |byte| if signs.contains(&byte) { spell(byte).into_bytes() } else { vec![byte] })
}

fn joined(name: &'static str, text: &[u8], between: &[u8], unit: impl Fn(u8) -> Vec<u8>) -> Encoded {
    let mut encoded = Encoded::named(name);
    for (at, byte) in text.iter().enumerate() {
        if at > 0 {
            encoded.fill(between);
        }
        encoded.put(1, &unit(*byte));
    }
    encoded
}

fn wide(name: &'static str, text: &[u8], units: impl Fn(char, &mut Vec<u8>)) -> Result<Encoded, String> {
    let text = std::str::from_utf8(text).map_err(|_| format!("{name} of what is no text"))?;
    let mut encoded = Encoded::named(name);
    for character in text.chars() {
        let mut out = Vec::new();
        units(character, &mut out);
        encoded.put(character.len_utf8(), &out);
    }
    Ok(encoded)
}

fn base64_text(text: &[u8], alphabet: Alphabet, padding: Padding, width: usize, line_end: &[u8]) -> Encoded {
    let plain = base64(text, alphabet, padding);
    let mut bytes = Vec::new();
    let mut places = Vec::new();
    for (at, character) in plain.bytes().enumerate() {
        if at > 0 && at % width == 0 {
            bytes.extend_from_slice(line_end);
        }
        places.push(bytes.len());
        bytes.push(character);
    }
    // A byte shares its first and its last character with its neighbours.
    let starts = (0..text.len()).map(|at| places[at * 8 / 6]).collect();
    let ends = (0..text.len()).map(|at| places[((at + 1) * 8).div_ceil(6) - 1] + 1).collect();
    Encoded { bytes, name: "base64", map: Some((starts, ends)) }
}

enum Dump {
    Hexdump,
    Xxd,
}

/// What `hexdump -C` and `xxd` print.
fn dump(text: &[u8], style: Dump) -> Encoded {
    let mut encoded = Encoded::named("hex");
    for (row, bytes) in text.chunks(16).enumerate() {
        let offset = match style {
            Dump::Hexdump => format!("{:08x} ", row * 16),
            Dump::Xxd => format!("{:08x}:", row * 16),
        };
        encoded.fill(offset.as_bytes());
        for at in 0..16 {
            let gap = match style {
                Dump::Hexdump if at % 8 == 0 => "  ",
                Dump::Hexdump => " ",
                Dump::Xxd if at % 2 == 0 => " ",
                Dump::Xxd => "",
            };
            // The offset already ends in a blank.
            encoded.fill(if at == 0 { b" " } else { gap.as_bytes() });
            match bytes.get(at) {
                Some(byte) => encoded.put(1, format!("{byte:02x}").as_bytes()),
                None => encoded.fill(b"  "),
            }
        }
        let shown: Vec<u8> = bytes.iter().map(|byte| if (32..127).contains(byte) { *byte } else { b'.' }).collect();
        let (left, right): (&[u8], &[u8]) = match style {
            Dump::Hexdump => (b"  |", b"|\n"),
            Dump::Xxd => (b"  ", b"\n"),
        };
        encoded.fill(&[left, &shown, right].concat());
    }
    encoded
}

/// RFC 2045: lines of at most 76 characters, broken by `=` at their end.
fn quoted_printable(text: &[u8]) -> Encoded {
    let mut encoded = Encoded::named("quoted-printable");
    let mut column = 0;
    for byte in text {
        let unit = match byte {
            b'\n' => {
                encoded.put(1, b"\r\n");
                column = 0;
                continue;
            }
            b'=' | 0..32 | 127.. => format!("={byte:02X}").into_bytes(),
            _ => vec![*byte],
        };
        if column + unit.len() > 75 {
            encoded.fill(b"=\r\n");
            column = 0;
        }
        encoded.put(1, &unit);
        column += unit.len();
    }
    encoded
}

fn json_escape(byte: u8) -> Vec<u8> {
    match byte {
        b'"' => b"\\\"".to_vec(),
        b'\\' => b"\\\\".to_vec(),
        b'\n' => b"\\n".to_vec(),
        b'\r' => b"\\r".to_vec(),
        b'\t' => b"\\t".to_vec(),
        0..32 => format!("\\u{byte:04x}").into_bytes(),
        _ => vec![byte],
    }
}

fn entity(byte: u8) -> Vec<u8> {
    match byte {
        b'"' => b"&quot;".to_vec(),
        b'\'' => b"&#39;".to_vec(),
        b'<' => b"&lt;".to_vec(),
        b'>' => b"&gt;".to_vec(),
        b'&' => b"&amp;".to_vec(),
        _ => vec![byte],
    }
}

fn compressed(name: &str, text: &[u8]) -> Encoded {
    let level = flate2::Compression::default();
    let (name, bytes) = if name == "gzip" {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), level);
        writer.write_all(text).expect("writing to memory");
        ("gzip", writer.finish().expect("writing to memory"))
    } else {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
        writer.write_all(text).expect("writing to memory");
        ("zlib", writer.finish().expect("writing to memory"))
    };
    Encoded { bytes, name, map: None }
}
