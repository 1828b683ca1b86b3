//! 7z: what headers may claim.

use super::make::{sevenz, sevenz_header, sevenz_number};
use super::*;

const FILES: [(&str, &[u8]); 2] = [("first", b"the first"), ("second", b"the second")];

#[test]
fn what_a_header_claims_costs_nothing() {
    let huge = sevenz_number(u64::MAX - 1);
    let claims = |parts: &[&[u8]]| sevenz(b"the text", &parts.concat());
    let copy: &[u8] = &[0x07, 0x0b, 0x01, 0x00, 0x01, 0x01, 0x00, 0x0c];
    for (bytes, why) in [
        // Streams, folders, files, parts, coders; and sizes of a stream and of what is made of it.
        (claims(&[&[1, 4, 6, 0], &huge, &[9]]), "damaged"),
        (claims(&[&[1, 4, 7, 0x0b], &huge, &[0]]), "damaged"),
        (claims(&[&[1, 5], &huge]), "damaged"),
        (claims(&[&[1, 4], copy, &huge, &[0, 8, 0x0d], &huge, &[0]]), "damaged"),
        (claims(&[&[1, 4, 7, 0x0b, 1, 0], &huge, &[0; 9]]), "damaged"),
        (claims(&[&[1, 4, 6, 0, 1, 9], &huge, &[0], copy, &huge, &[0, 0, 5, 1, 0, 0]]), "cut short"),
        (claims(&[&[1, 4, 6], &huge, &[1, 9, 8, 0], copy, &[8, 0, 0, 5, 1, 0, 0]]), "cut short"),
        // A property longer than the header, names without an end, a section again.
        (claims(&[&[1, 5, 1, 0x11], &huge]), "damaged"),
        (claims(&[&[1, 5, 1, 0x11, 3, 0, b'a', b'b', 0, 0]]), "damaged"),
        (claims(&[&[1, 4, 0, 4, 0, 0]]), "damaged"),
    ] {
        let (outcome, kept) = read(Format::SevenZ, &bytes);
        assert_eq!(outcome, Outcome::Opaque(why), "{bytes:02x?}");
        assert!(kept.iter().all(|kept| kept.bytes == b"the text"), "{bytes:02x?}");
    }
}

#[test]
fn more_files_than_may_be_opened_are_a_limit() {
    let header = [&[1, 5][..], &sevenz_number(500), &[0; 1000]].concat();
    let bytes = sevenz(b"", &header);
    let limits = Limits { entries: 400, ..Limits::default() };
    let (outcome, _) = read_within(Format::SevenZ, &bytes, &mut Budget::new(&limits, bytes.len(), GO_ON));
    assert_eq!(outcome, Outcome::Limited("entries"));
}

#[test]
fn coders_in_a_ring_and_streams_for_two_are_damage() {
    // Two coders, each with the other's output; one with its own; two inputs that take the same.
    let ring: &[u8] = &[2, 1, 0, 1, 0, 0, 1, 1, 0];
    let own: &[u8] = &[2, 1, 0, 1, 0, 0, 0];
    let shared: &[u8] = &[3, 0x14, 3, 3, 1, 0x1b, 4, 1, 1, 0, 1, 0, 0, 1, 1, 1];
    for folder in [ring, own, shared] {
        let header = [&[1, 4, 6, 0, 1, 9, 8, 0, 7, 0x0b, 1, 0], folder, &[0x0c, 8, 8, 8, 8, 0, 0, 0]].concat();
        let outcome = read(Format::SevenZ, &sevenz(b"the text", &header)).0;
        assert!(matches!(outcome, Outcome::Opaque("damaged")), "{outcome:?}");
    }
}

#[test]
fn a_header_that_makes_itself_ends() {
    // Encoded: its own bytes, copied.
    let header = |length: u8| [0x17, 6, 0, 1, 9, length, 0, 7, 0x0b, 1, 0, 1, 1, 0, 0x0c, length, 0, 0];
    let length = header(0).len() as u8;
    let (outcome, kept) = read(Format::SevenZ, &sevenz(&header(length), &header(length)));
    assert_eq!((outcome, kept.len()), (Outcome::Opaque("damaged"), 4));
}

#[test]
fn what_is_cut_or_damaged_is_handed_over_as_far_as_it_goes() {
    let streams = [FILES[0].1, &FILES[1].1[..4]].concat();
    let short = sevenz(&streams, &sevenz_header(19, &[0x01, 0x00], &FILES));
    let (outcome, kept) = read(Format::SevenZ, &short);
    assert_eq!(outcome, Outcome::Opaque("cut short"));
    assert_eq!((at(&kept, "first"), at(&kept, "second")), (vec![FILES[0].1], vec![&b"the "[..]]));
    let wrong = sevenz(b"the first!!!!!!!!!!", &sevenz_header(19, &[0x01, 0x00], &FILES));
    let (outcome, kept) = read(Format::SevenZ, &wrong);
    assert_eq!((outcome, at(&kept, "first")), (Outcome::Opaque("checksum does not fit"), vec![FILES[0].1]));
}

#[test]
fn its_own_length_is_all_a_number_needs() {
    // One to nine bytes for the same eight.
    for number in
        [&[8][..], &[0x80, 8], &[0xc0, 8, 0], &[0xe0, 8, 0, 0], &[0xfe, 8, 0, 0, 0, 0, 0, 0], &sevenz_number(8)]
    {
        let header =
            [&[1, 4, 6, 0, 1, 9], number, &[0, 7, 0x0b, 1, 0, 1, 1, 0, 0x0c], number, &[0, 0, 5, 1, 0, 0]].concat();
        let (outcome, kept) = read(Format::SevenZ, &sevenz(b"the text", &header));
        assert_eq!((outcome, only(&kept)), (Outcome::Read, &b"the text"[..]), "{number:02x?}");
    }
}
