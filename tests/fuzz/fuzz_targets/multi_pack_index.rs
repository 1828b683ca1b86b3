//! A multi-pack index over one pack. Nothing panics, and it leads to an object of the pack or to none.
#![no_main]

use std::fs;

use clerk_audit::model::{ObjectFormat, ObjectType, Oid};
use clerk_audit::store::parts;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

#[path = "../../common/zlib.rs"]
mod zlib;

/// Contents of the pack's blobs; the id of each is made of its number.
const CONTENTS: [&str; 3] = ["one", "two", "three"];

thread_local! {
    static OBJECTS: TempDir = objects();
}

fn id(number: usize) -> [u8; 20] {
    [number as u8 * 0x50; 20]
}

/// A directory of objects with the pack and its index, the ids of which are in order.
fn objects() -> TempDir {
    let place = tempfile::tempdir().expect("a directory");
    let mut pack = b"PACK\0\0\0\x02\0\0\0\x03".to_vec();
    let mut offsets = Vec::new();
    for content in CONTENTS {
        offsets.extend((pack.len() as u32).to_be_bytes());
        pack.push(0x30 | content.len() as u8);
        pack.extend(zlib::zlib_stored(content.as_bytes()));
    }
    pack.extend([0; 20]);
    let ids = [0, 1, 2].map(id);
    let fanout = (0..=255u8).flat_map(|first| (ids.iter().filter(|id| id[0] <= first).count() as u32).to_be_bytes());
    let mut index = b"\xfftOc\0\0\0\x02".to_vec();
    index.extend(fanout);
    index.extend(ids.concat());
    index.extend([0; 12]);
    index.extend(offsets);
    index.extend([0; 40]);
    fs::create_dir(place.path().join("pack")).expect("a directory");
    fs::write(place.path().join("pack/pack-1.pack"), pack).expect("a pack");
    fs::write(place.path().join("pack/pack-1.idx"), index).expect("an index");
    place
}

fuzz_target!(|data: &[u8]| {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    // A table of chunks would have to be guessed: it is given, and what is in them is the data's, but for the names.
    let bytes = if first & 1 == 0 {
        rest.to_vec()
    } else {
        let names = b"pack-1.idx\0\0";
        let fanout: Vec<u8> = [0, 0, 0, first >> 5].repeat(256);
        let names_at = 12 + 5 * 12u64;
        let fanout_at = names_at + names.len() as u64;
        let ids_at = fanout_at + 1024;
        let offsets_at = ids_at + u64::from(first >> 5) * 20;
        let chunks = [(b"PNAM", names_at), (b"OIDF", fanout_at), (b"OIDL", ids_at), (b"OOFF", offsets_at)];
        let mut bytes = b"MIDX\x01\x01\x04\0\0\0\0\x01".to_vec();
        for (name, at) in chunks {
            bytes.extend(name);
            bytes.extend(at.to_be_bytes());
        }
        bytes.extend([0; 12]);
        [&bytes, &names[..], &fanout, rest].concat()
    };
    let ids = [0, 1, 2].map(id);
    let oids: Vec<Oid> = ids.iter().filter_map(|id| Oid::from_bytes(id)).collect();
    OBJECTS.with(|objects| {
        fs::write(objects.path().join("pack/multi-pack-index"), &bytes).expect("a file");
        for found in parts::look_up(objects.path(), ObjectFormat::Sha1, &oids) {
            if let Ok(Some((kind, bytes))) = found {
                assert!(kind == ObjectType::Blob && CONTENTS.iter().any(|content| content.as_bytes() == bytes));
            }
        }
    });
});
