//! An entry of a pack: its header and its compressed data. Nothing panics, nothing is longer than its limit, and what
//! stands behind the pack's end does not matter.
#![no_main]

use std::fs::File;
use std::os::unix::fs::FileExt;

use clerk_audit::model::ObjectFormat;
use clerk_audit::store::parts::{Entries, Stored};
use libfuzzer_sys::fuzz_target;

#[path = "../../common/zlib.rs"]
mod zlib;

const LIMIT: u64 = 1 << 20;

thread_local! {
    static FILES: [File; 2] = [0, 1].map(|_| tempfile::tempfile().expect("a file"));
}

fuzz_target!(|data: &[u8]| {
    let [first, second, rest @ ..] = data else { return };
    // What leads to nothing unless its checksum fits is made fitting: the stream is written, the rest is the data's.
    let mut bytes = rest.to_vec();
    if first & 1 == 1 && rest.len() > 4 {
        let (head, content) = rest.split_at(4);
        bytes = head.to_vec();
        bytes.extend(zlib::zlib_stored(content));
    }
    let end = if first & 2 == 0 { bytes.len() } else { bytes.len().saturating_sub(usize::from(*second)) } as u64;
    let offset = if first & 4 == 0 { 0 } else { u64::from(*second % 32) };
    let format = if first & 8 == 0 { ObjectFormat::Sha1 } else { ObjectFormat::Sha256 };
    let ahead = first & 16 != 0;
    // One file goes on behind the end, the other is cut there.
    let read = FILES.with(|files| {
        [bytes.len(), end as usize].map(|length| {
            let file = &files[usize::from(length as u64 == end)];
            file.set_len(0).expect("a file");
            file.write_all_at(&bytes[..length], 0).expect("a file");
            let mut out = Vec::new();
            let stored = Entries::new(file, end, format, ahead).read(offset, LIMIT, &mut out);
            stored.ok().map(|stored| (stored, out))
        })
    });
    if let Some((stored, out)) = &read[1] {
        assert!(out.len() as u64 <= LIMIT);
        if let Stored::OffsetDelta(base) = stored {
            assert!(*base < offset);
        }
    }
    assert!(read[0] == read[1], "what is behind the end matters");
});
