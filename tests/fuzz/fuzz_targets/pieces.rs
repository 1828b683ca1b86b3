//! An object that comes in pieces is told as it is whole.
#![no_main]

use clerk_audit::detect::Detector;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::new);

fuzz_target!(|data: &[u8]| {
    let (first, rest) = data.split_first().unwrap_or((&1, &[]));
    let mut whole = Vec::new();
    DETECTOR.scan(rest, &mut |found| whole.push(format!("{found:?}")));
    let mut pieces = Vec::new();
    let mut scan = DETECTOR.in_pieces();
    for piece in rest.chunks((*first as usize).max(1)) {
        scan.feed(piece, &|| false, &mut |found| pieces.push(format!("{found:?}")));
    }
    scan.finish(&|| false, &mut |found| pieces.push(format!("{found:?}")));
    assert_eq!(pieces, whole);
});
