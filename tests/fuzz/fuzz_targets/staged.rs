//! An index, of any version and with ids of either length. Nothing panics, and its paths come to no more than a few times
//! its bytes.
#![no_main]

use clerk_audit::model::ObjectFormat;
use clerk_audit::store::parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [first, count, rest @ ..] = data else { return };
    let format = if first & 1 == 0 { ObjectFormat::Sha1 } else { ObjectFormat::Sha256 };
    // A head would have to be guessed, and nobody reads the checksum: both are given, and the entries are the data's.
    let bytes = if first & 2 == 0 {
        rest.to_vec()
    } else {
        let version = 2 + (first >> 2) % 3;
        [b"DIRC\0\0\0", &[version, 0, 0, 0, *count][..], rest, &vec![0; format.raw_len()]].concat()
    };
    if let Some((entries, _)) = parts::staged(&bytes, format) {
        assert!(entries.iter().all(|entry| entry.path.len() <= 64 << 10 && !entry.path.contains(&0)));
        let paths: usize = entries.iter().map(|entry| entry.path.len()).sum();
        assert!(paths <= (64 << 20) + 16 * bytes.len());
    }
});
