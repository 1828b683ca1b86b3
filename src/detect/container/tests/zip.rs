//! Zip.

use super::make::{Zip, ZipEntry};
use super::*;

fn entry(name: &'static str, method: u16, packed: usize, size: usize) -> ZipEntry {
    ZipEntry { name, flags: 0, method, crc: 0, packed: packed as u32, size: size as u32, extra: Vec::new() }
}

fn two() -> Zip {
    let mut zip = Zip::default();
    zip.deflated("first", b"the first, the first").stored("second", b"the second");
    zip
}

fn assert_two(outcome: Outcome, told: Outcome, kept: &[Kept]) {
    assert_eq!(outcome, told);
    assert_eq!(at(kept, "first"), [b"the first, the first"]);
    assert_eq!(at(kept, "second"), [b"the second"]);
}

#[test]
fn one_behind_something_or_with_a_comment_is_told_by_its_end() {
    for (before, comment) in [(&b""[..], &b""[..]), (b"#!/bin/sh\nexec java -jar $0\n", b""), (b"MZ", &[b'c'; 60_000])]
    {
        for counts_what_is_before in [false, true] {
            let mut zip = Zip { comment: comment.to_vec(), ..Zip::default() };
            if counts_what_is_before {
                zip.bytes.extend_from_slice(before);
            }
            zip.deflated("first", b"the first, the first").stored("second", b"the second");
            let bytes = if counts_what_is_before { zip.finish() } else { [before, &zip.finish()].concat() };
            assert_eq!(sniff(&bytes), Some(Format::Zip));
            let (outcome, kept) = read(Format::Zip, &bytes);
            assert_two(outcome, Outcome::Read, &kept);
            assert_eq!(kept.len(), 2);
        }
    }
}

#[test]
fn without_a_directory_the_headers_are_followed() {
    let zip = two();
    let whole = zip.finish();
    for cut in zip.bytes.len()..whole.len() - 22 {
        let (outcome, kept) = read(Format::Zip, &whole[..cut]);
        assert_two(outcome, Outcome::Opaque("cut short"), &kept);
    }
    let mut damaged = whole.clone();
    damaged[zip.bytes.len()] = 0;
    let (outcome, kept) = read(Format::Zip, &damaged);
    assert_two(outcome, Outcome::Opaque("damaged"), &kept);
}

#[test]
fn what_the_directory_does_not_name_is_read_and_nothing_twice() {
    for hidden in 0..2 {
        let mut zip = two();
        zip.directory.remove(hidden);
        // Named twice is read once.
        let again = zip.directory[0].clone();
        zip.directory.push(again);
        let (outcome, kept) = read(Format::Zip, &zip.finish());
        assert_two(outcome, Outcome::Read, &kept);
    }
}

#[test]
fn what_is_before_between_and_behind_entries_may_be_anything() {
    let mut zip = Zip::default();
    zip.bytes.extend_from_slice(b"PK\x03\x04 is how one begins, says the program in front");
    zip.deflated("first", b"the first, the first");
    zip.bytes.extend_from_slice(&[0xaa; 300]);
    zip.stored("second", b"the second");
    zip.bytes.extend_from_slice(b"PK\x03\x04");
    let (outcome, kept) = read(Format::Zip, &zip.finish());
    assert_two(outcome, Outcome::Read, &kept);
    assert_eq!(kept.len(), 2);
}

#[test]
fn an_entry_behind_the_end_of_anothers_stream_is_read_wherever_that_ones_data_is_said_to_end() {
    let content = b"the first, the first";
    let (data, mut other) = (make::deflate(content), Zip::default());
    other.stored("hidden", b"the hidden");
    for covered in 0..=other.bytes.len() {
        let mut zip = Zip::default();
        let mut first = entry("first", 8, data.len() + covered, content.len());
        first.crc = make::crc32(content);
        zip.add(first, &[data.as_slice(), &other.bytes].concat()).stored("second", b"the second");
        let (outcome, kept) = read(Format::Zip, &zip.finish());
        assert_two(outcome, Outcome::Read, &kept);
        assert_eq!(at(&kept, "hidden"), [b"the hidden"], "{covered}");
    }
}

#[test]
fn sizes_behind_the_data_are_found_or_done_without() {
    let nested = two().finish();
    for has_directory in [true, false] {
        let mut zip = Zip::default();
        zip.streamed("first", b"the first, the first").with_descriptor("second", 0, b"the second", b"the second");
        zip.with_descriptor("nested.zip", 0, &nested, &nested).deflated("last", b"the last");
        let bytes = if has_directory { zip.finish() } else { zip.bytes.clone() };
        let (outcome, kept) = read(Format::Zip, &bytes);
        if has_directory {
            assert_two(outcome, Outcome::Read, &kept);
            assert_eq!(at(&kept, "nested.zip"), [nested.as_slice()]);
        } else {
            // A stored zip of unknown length cannot be told from what follows; its entries are read with the others.
            assert_eq!((at(&kept, "first").len(), at(&kept, "second").len()), (2, 2));
        }
        assert_eq!(at(&kept, "last"), [b"the last"]);
    }
}

#[test]
fn sizes_and_offsets_that_do_not_fit_stand_in_the_extra_field() {
    let content = b"the text";
    let long = |numbers: &[u64]| {
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        [&[9, 9, 1, 0, 0, 1, 0][..], &(numbers.len() as u16).to_le_bytes(), &numbers].concat()
    };
    let mut zip = Zip::default();
    let mut large = entry("large", 0, u32::MAX as usize, u32::MAX as usize);
    large.extra = long(&[8, 8]);
    zip.add(large, content);
    zip.directory[0].1.extra = long(&[8, 8, 0]);
    zip.directory[0].0 = u32::MAX;
    let short = zip.finish();
    // The directory's own place and length in a record of their own, as Java writes them beyond 65,535 entries.
    let start = zip.bytes.len() as u64;
    let end = short.len() - 22;
    let mut bytes = short[..end].to_vec();
    bytes.extend_from_slice(b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0");
    for number in [1, 1, end as u64 - start, start] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    bytes.extend_from_slice(&(end as u64).to_le_bytes());
    bytes.extend_from_slice(b"\x01\0\0\0PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0");
    for bytes in [short, bytes.clone(), [b"#!/bin/sh\n", bytes.as_slice()].concat()] {
        assert_eq!(sniff(&bytes), Some(Format::Zip));
        let (outcome, kept) = read(Format::Zip, &bytes);
        assert_eq!((outcome, at(&kept, "large")), (Outcome::Read, vec![&content[..]]));
    }
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_read() {
    // A kind of block that there is not.
    let damaged = [0x07; 20];
    let mut encrypted = entry("other", 8, 20, 90);
    encrypted.flags = 1;
    let mut wrong = entry("other", 0, 8, 8);
    wrong.crc = 5;
    for (entry, data, why) in [
        (encrypted, &[0x5a; 20][..], "encrypted"),
        (entry("other", 99, 20, 90), &[0x5a; 20], "unknown method"),
        (entry("other", 9, 20, 90), &[0x5a; 20], "unknown method"),
        (entry("other", 8, 20, 3000), &damaged, "damaged"),
        (entry("other", 8, 10, 3000), &make::deflate(&text(&mut fastrand::Rng::with_seed(1), 3000))[..10], "cut short"),
        (wrong, b"the text", "checksum does not fit"),
    ] {
        let mut zip = Zip::default();
        zip.deflated("first", b"the first, the first").add(entry, data).stored("second", b"the second");
        let (outcome, kept) = read(Format::Zip, &zip.finish());
        assert_two(outcome, Outcome::Opaque(why), &kept);
    }
}

#[test]
fn where_directory_and_header_differ_both_are_believed() {
    let content = b"the text that one of the two hides";
    let data = make::deflate(content);
    for (in_header, in_directory) in [(8, 0), (0, 8)] {
        let mut zip = Zip::default();
        zip.add(entry("hidden", in_header, data.len(), content.len()), &data);
        zip.directory[0].1.method = in_directory;
        let (_, kept) = read(Format::Zip, &zip.finish());
        assert!(at(&kept, "hidden").contains(&&content[..]), "{in_header} and {in_directory}");
    }
}

#[test]
fn an_entry_that_the_directory_has_elsewhere_is_told_and_found() {
    let mut zip = two();
    zip.directory[0].0 = 7;
    zip.directory[1].0 = 1 << 30;
    let (outcome, kept) = read(Format::Zip, &zip.finish());
    assert_two(outcome, Outcome::Opaque("damaged"), &kept);
}

#[test]
fn one_with_nothing_in_it_is_one() {
    let bytes = Zip::default().finish();
    assert_eq!(sniff(&bytes), Some(Format::Zip));
    assert_eq!(read(Format::Zip, &bytes), (Outcome::Read, Vec::new()));
    let mut folder = Zip::default();
    folder.stored("folder/", b"");
    assert_eq!(read(Format::Zip, &folder.finish()), (Outcome::Read, Vec::new()));
}
