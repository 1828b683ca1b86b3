//! A pack's index, of either version and with ids of either length. Nothing panics, and no more is listed than is
//! there, in order.
#![no_main]

use clerk_audit::model::ObjectFormat;
use clerk_audit::store::parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    // A fan-out of 256 counts would have to be guessed: all are the last one's, which the data give.
    let (count, rest) = rest.split_first().unwrap_or((&0, &[]));
    let fanout = if first & 4 == 0 { [0, 0, 0, *count].repeat(256) } else { Vec::new() };
    let head: &[u8] = if first & 1 == 0 { b"\xfftOc\0\0\0\x02" } else { b"" };
    let bytes = [head, &fanout, rest].concat();
    let format = if first & 2 == 0 { ObjectFormat::Sha1 } else { ObjectFormat::Sha256 };
    if let Some(rows) = parts::index(&bytes, format) {
        assert!(rows.is_sorted_by_key(|row| row.0));
        assert!(rows.len() * (format.raw_len() + 4) + 1024 <= bytes.len());
    }
});
