//! Finds the keys in some bytes, naively: every offset is tried.

/// One key at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// The key's whole text.
    pub(crate) key: String,
    /// Where it starts; in base64, the first character that has bits of it.
    pub(crate) start: usize,
    /// From 1.
    pub(crate) line: u64,
    /// From 1, in bytes or UTF-16 units.
    pub(crate) column: u64,
}

const BODY: usize = 42;
const KEY: usize = 8 + BODY;

/// All keys in raw text, UTF-16LE and base64, in order of where they start.
pub(crate) fn hits(bytes: &[u8]) -> Vec<Hit> {
    let mut found: Vec<(usize, String, Option<usize>)> = Vec::new();
    for start in 0..bytes.len() {
        if bytes[start] != b's' {
            continue;
        }
        if let Some(key) = raw_key_at(bytes, start) {
            found.push((start, key, None));
        }
        if let Some(key) = utf16_key_at(bytes, start) {
            found.push((start, key, Some(start % 2)));
        }
    }
    for (start, run) in base64_runs(bytes) {
        let decoded = decode_base64(run);
        for at in 0..decoded.len() {
            if let Some(key) = raw_key_at(&decoded, at) {
                found.push((start + at * 8 / 6, key, None));
            }
        }
    }
    found.sort();
    let told = found.into_iter().map(|(start, key, parity)| {
        let (line, column) = match parity {
            None => byte_position(bytes, start),
            Some(parity) => unit_position(bytes, start, parity),
        };
        Hit { key, start, line, column }
    });
    told.collect()
}

/// Line and column of a byte.
pub(crate) fn byte_position(bytes: &[u8], at: usize) -> (u64, u64) {
    let before = &bytes[..at];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    (line as u64, column as u64)
}

/// Line and column, in units of two bytes, of a byte that starts a unit.
fn unit_position(bytes: &[u8], at: usize, parity: usize) -> (u64, u64) {
    let units: Vec<&[u8]> = bytes[parity..at].chunks(2).collect();
    let is_newline = |unit: &&&[u8]| **unit == [b'\n', 0];
    let line = 1 + units.iter().filter(is_newline).count();
    let column = 1 + units.iter().rev().take_while(|unit| !is_newline(unit)).count();
    (line as u64, column as u64)
}

fn raw_key_at(bytes: &[u8], start: usize) -> Option<String> {
    let text = bytes.get(start..start + KEY)?;
    let before = start.checked_sub(1).map(|at| bytes[at]);
    as_key(text, before, bytes.get(start + KEY).copied())
}

fn utf16_key_at(bytes: &[u8], start: usize) -> Option<String> {
    let text = bytes.get(start..start + 2 * KEY)?;
    if text.chunks(2).any(|unit| unit[1] != 0) {
        return None;
    }
    let plain: Vec<u8> = text.chunks(2).map(|unit| unit[0]).collect();
    let ascii_unit = |at: usize| match bytes.get(at..at + 2) {
        Some([low, 0]) => Some(*low),
        _ => None,
    };
    as_key(&plain, start.checked_sub(2).and_then(ascii_unit), ascii_unit(start + 2 * KEY))
}

/// The text as a key, if it is one and its neighbours do not make it a part of something longer.
fn as_key(text: &[u8], before: Option<u8>, after: Option<u8>) -> Option<String> {
    let (prefix, body) = text.split_at(text.len() - BODY);
    let glued = |neighbour: Option<u8>| neighbour.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let is_prefix = [&b"live_"[..], b"test_"].iter().any(|rest| prefix.strip_prefix(b"sk_") == Some(*rest));
    if !is_prefix || !body.iter().all(u8::is_ascii_alphanumeric) || glued(before) || glued(after) {
        return None;
    }
    looks_random(body).then(|| String::from_utf8(text.to_vec()).expect("letters, digits and underscores"))
}

/// Whether it is none of the placeholders that documentation is full of.
fn looks_random(body: &[u8]) -> bool {
    let mut counts = [0_u32; 256];
    body.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let different = counts.iter().filter(|count| **count > 0).count();
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / body.len() as f64)
        .map(|share| -share * share.log2())
        .sum();
    different >= 16 && entropy >= 3.5
}

/// Each whole run of base64 characters that is long enough for a key, and where it starts.
fn base64_runs(bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut runs = Vec::new();
    let mut start = 0;
    for run in bytes.split(|byte| sextet(*byte).is_none()) {
        if run.len() * 6 >= KEY * 8 {
            runs.push((start, run));
        }
        start += run.len() + 1;
    }
    runs
}

fn decode_base64(run: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(run.len() * 3 / 4);
    for group in run.chunks(4) {
        let mut bits = 0_u32;
        for at in 0..4 {
            bits = bits << 6 | group.get(at).and_then(|byte| sextet(*byte)).unwrap_or(0);
        }
        let whole = group.len() * 6 / 8;
        decoded.extend_from_slice(&bits.to_be_bytes()[1..=whole]);
    }
    decoded
}

fn sextet(byte: u8) -> Option<u32> {
    Some(match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}
