//! The grammar: what stands right behind each prefix and name, in any context. Nothing panics, and what is found
//! stands where it is said to.
#![no_main]

use clerk_audit::detect::{Detector, Found};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::new);

const BEGINNINGS: &[&str] = &[
    "sk_live_", "sk_test_", "pk_live_", "pk_test_", "rk_live_", "sk_", "sk_prod_", "whsec_", "CLERK_API_KEY=", "claimUrl\":\"",
    "CLERK_MACHINE_SECRET_KEY=ak_", "CLERK_ENCRYPTION_KEY: ", "apiKeysUrl", "claim?token=",
];

fuzz_target!(|data: &[u8]| {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let middle = rest.len() / 2;
    let beginning = BEGINNINGS[*first as usize % BEGINNINGS.len()];
    let text = [&rest[..middle], beginning.as_bytes(), &rest[middle..]].concat();
    DETECTOR.scan(&text, &mut |found| {
        if let Found::Key(key) = found {
            assert!(key.span.start < key.span.end && key.span.end <= text.len());
            if key.encoding.is_empty() && key.reasons[0].starts_with("exactly 42") {
                assert_eq!(&text[key.span.start..key.span.end], key.key.expose());
            }
        }
    });
    let shown = DETECTOR.mask(&text);
    DETECTOR.scan(shown.as_str().as_bytes(), &mut |found| {
        if let Found::Key(key) = found {
            assert!(!key.reasons[0].starts_with("exactly 42"), "masked text has a key");
        }
    });
});
