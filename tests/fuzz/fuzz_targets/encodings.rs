//! Each encoding's way back, on bytes that nobody encoded. Nothing panics, and every span lies in the bytes.
#![no_main]

use clerk_audit::detect::{Detector, Found};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::new);

/// What leads into each way back: base64 of a prefix, hex, wide text, escapes, a soft break, a dump.
const LEADS: &[&[u8]] = &[
    b"c2tfbGl2ZV",
    b"NrX3Rlc3Rf",
    b"736b5f6c6976655f",
    b"s\0k\0_\0l\0i\0v\0e\0_\0",
    b"\0\0\0s\0\0\0k\0\0\0_\0\0\0l",
    b"%73%6b%5f",
    b"\\u0073\\u006b",
    b"\\x73\\163",
    b"&#115;&#x6b;&lowbar;",
    b"=5Flive=5F=\n",
    b"00000000: 736b 5f6c 6976 655f 736b 5f6c 6976 655f  sk_l\n",
    b"H4sIAAAAAAAAA",
    b"0x73, 0x6b, 0x5f, ",
];

fuzz_target!(|data: &[u8]| {
    let mut text = Vec::new();
    for part in data.chunks(24) {
        let (first, rest) = part.split_first().unwrap_or((&0, &[]));
        text.extend_from_slice(LEADS[*first as usize % LEADS.len()]);
        text.extend_from_slice(rest);
    }
    DETECTOR.scan(&text, &mut |found| match found {
        Found::Key(key) => assert!(key.span.start <= key.span.end && key.span.end <= text.len()),
        Found::OtherVendor { span, .. } | Found::HalfMasked { span, .. } | Found::Placeholder { span, .. } => {
            assert!(span.start <= span.end && span.end <= text.len());
        }
        Found::Publishable { span, .. } => assert!(span.end <= text.len()),
    });
});
