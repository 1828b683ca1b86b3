//! A table of refs and their logs, with ids of either length. Nothing panics, and what it says comes to no more than a few
//! times its bytes.
#![no_main]

use clerk_audit::model::ObjectFormat;
use clerk_audit::store::parts;
use libfuzzer_sys::fuzz_target;

#[path = "../../common/reftable.rs"]
mod reftable;
#[path = "../../common/zlib.rs"]
mod zlib;

fuzz_target!(|data: &[u8]| {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let format = if first & 1 == 0 { ObjectFormat::Sha1 } else { ObjectFormat::Sha256 };
    // A length that fits, and for logs a checksum that does, would have to be guessed: records are the data's then.
    let bytes = match first >> 1 & 3 {
        0 => rest.to_vec(),
        1 => reftable::table(&[(b'r', rest)], &mut zlib::zlib_stored),
        2 => reftable::table(&[(b'g', rest)], &mut zlib::zlib_stored),
        _ => {
            let (refs, logs) = rest.split_at(rest.len() / 2);
            reftable::table(&[(b'r', refs), (b'g', logs)], &mut zlib::zlib_stored)
        }
    };
    if let Some(table) = parts::table(&bytes, format) {
        let names = table.refs.iter().map(|(name, _)| name.len()).chain(table.logs.iter().map(|log| log.0.len()));
        assert!(names.clone().all(|length| length <= 64 << 10));
        let lines: usize = table.logs.iter().map(|log| log.2.len()).sum();
        // A line has what its record has, ids in letters, and a time with its zone.
        assert!(names.sum::<usize>() + lines <= 2 * ((64 << 20) + 16 * bytes.len()));
    }
});
