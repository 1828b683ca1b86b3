//! Each container's reader, on damaged and made-up containers. Nothing panics or hangs, and memory stays bounded
//! (`-rss_limit_mb` holds it to that).
#![no_main]

use clerk_audit::detect::{Detector, Limits};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static DETECTOR: LazyLock<Detector> =
    LazyLock::new(|| Detector::with_limits(Limits { decoded: 16 << 20, entries: 1000, ..Limits::default() }));

const MAGIC: &[&[u8]] = &[
    b"",
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    b"\x78\x9c",
    b"BZh91AY&SY",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
    b"PK\x03\x04",
    b"7z\xbc\xaf\x27\x1c",
    b"%PDF-1.7\n1 0 obj\nstream\n\x78\x9c",
];

fuzz_target!(|data: &[u8]| {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let bytes = [MAGIC[*first as usize % MAGIC.len()], rest].concat();
    DETECTOR.scan(&bytes, &mut |_| {});
});
