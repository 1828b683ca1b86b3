//! Gzip, zlib, bzip2, xz, zstd: several in a row, what follows them, headers, wide windows.

use super::*;

type Make = fn(&[u8]) -> Vec<u8>;

const FORMATS: [(Format, Make); 4] =
    [(Format::Gzip, make::gzip), (Format::Bzip2, make::bzip2), (Format::Xz, make::xz), (Format::Zstd, make::zstd)];

#[test]
fn streams_in_a_row_are_one_text() {
    for (format, make) in FORMATS {
        let whole = [make(b"a text that is "), make(b""), make(b"cut in two")].concat();
        let (outcome, kept) = read(format, &whole);
        assert_eq!((outcome, only(&kept)), (Outcome::Read, &b"a text that is cut in two"[..]), "{format:?}");
    }
}

#[test]
fn what_follows_a_stream_neither_harms_nor_hides() {
    for (format, make) in FORMATS {
        for behind in [&[0; 512][..], b"-----BEGIN SIGNATURE-----\n", b"\0\0PADDED"] {
            let (outcome, kept) = read(format, &[&make(b"the text"), behind].concat());
            assert_eq!((outcome, only(&kept)), (Outcome::Read, &b"the text"[..]), "{format:?}");
            let (outcome, kept) = read(format, &[&make(b"the text"), behind, &make(b" and more")].concat());
            assert_eq!((outcome, only(&kept)), (Outcome::Read, &b"the text and more"[..]), "{format:?}");
        }
    }
}

#[test]
fn damage_in_one_stream_does_not_lose_the_next() {
    for (format, make) in FORMATS {
        let content = text(&mut fastrand::Rng::with_seed(1), 3000);
        let mut damaged = make(&content);
        let middle = damaged.len() / 2;
        damaged[middle..middle + 8].fill(0xff);
        let (outcome, kept) = read(format, &[damaged, make(b"the next")].concat());
        assert!(matches!(outcome, Outcome::Opaque("damaged" | "checksum does not fit" | "cut short")), "{outcome:?}");
        assert!(only(&kept).ends_with(b"the next"), "{format:?}");
    }
}

#[test]
fn a_wrong_checksum_is_told_and_the_text_handed_over() {
    let mut gzip = make::gzip(b"the text");
    let checksum = gzip.len() - 8;
    gzip[checksum] ^= 1;
    let mut zstd = fixtures::fixture("s-check.zst");
    *zstd.last_mut().unwrap() ^= 1;
    let mut xz = fixtures::fixture("s.xz");
    // The block's checksum stands before index and footer.
    let checksum = xz.len() - 12 - 16 - 1;
    xz[checksum] ^= 1;
    let mut bzip2 = make::bzip2(b"the text");
    *bzip2.last_mut().unwrap() ^= 0x80;
    let mut zlib = make::zlib(&text(&mut fastrand::Rng::with_seed(1), 9000));
    *zlib.last_mut().unwrap() ^= 1;
    for (format, bytes, why) in [
        (Format::Gzip, gzip, "checksum does not fit"),
        (Format::Zstd, zstd, "checksum does not fit"),
        (Format::Xz, xz, "damaged"),
        (Format::Bzip2, bzip2, "damaged"),
        (Format::Zlib, zlib, "damaged"),
    ] {
        let (outcome, kept) = read(format, &bytes);
        assert_eq!(outcome, Outcome::Opaque(why), "{format:?}");
        assert!(only(&kept).len() >= 8, "{format:?}");
    }
}

/// A gzip member with those flags, and what they say is there.
fn gzip_with(flags: u8, header: &[u8], content: &[u8]) -> Vec<u8> {
    let plain = make::gzip(content);
    [&[0x1f, 0x8b, 8, flags][..], &plain[4..10], header, &plain[10..]].concat()
}

#[test]
fn every_field_of_a_gzip_header_is_stepped_over_and_its_texts_are_handed_over() {
    let bytes = gzip_with(2 | 4 | 8 | 16, b"\x03\0ab\0name\0comment\0\x12\x34", b"the text");
    let (outcome, kept) = read(Format::Gzip, &bytes);
    let kept: Vec<&[u8]> = kept.iter().map(|kept| kept.bytes.as_slice()).collect();
    assert_eq!((outcome, kept), (Outcome::Read, vec![&b"name"[..], b"comment", b"the text"]));
    for cut in 0..bytes.len() - 18 {
        assert!(!matches!(read(Format::Gzip, &bytes[..cut]).0, Outcome::Read) || cut == 0, "{cut}");
    }
}

#[test]
fn a_loose_object_of_git_is_zlib() {
    let bytes = make::zlib(b"blob 8\0the text");
    assert_eq!(sniff(&bytes), Some(Format::Zlib));
    let (outcome, kept) = read(Format::Zlib, &bytes);
    assert_eq!((outcome, only(&kept)), (Outcome::Read, &b"blob 8\0the text"[..]));
}

#[test]
fn what_only_looks_like_zlib_is_not_one() {
    for bytes in [&b"x\x9c"[..], b"x\x9c\x03", b"H\r\nsome words that are no deflate", b"x^2 + y^2 = z^2, as we know"] {
        assert_eq!(read(Format::Zlib, bytes).0, Outcome::NotOne, "{bytes:?}");
    }
}

#[test]
fn frames_that_are_to_be_skipped_are_skipped() {
    let skipped = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let bytes = [&skipped[..], &make::zstd(b"the text"), &skipped, &make::zstd(b" and more")].concat();
    assert_eq!(sniff(&bytes), Some(Format::Zstd));
    let (outcome, kept) = read(Format::Zstd, &bytes);
    assert_eq!((outcome, only(&kept)), (Outcome::Read, &b"the text and more"[..]));
    assert_eq!(read(Format::Zstd, &skipped).0, Outcome::NotOne);
}

#[test]
fn a_frame_that_asks_for_a_wide_window_is_read_as_far_as_it_does_without() {
    // A single segment of a gigabyte, it says; what there is are eight stored bytes and a last block that repeats one.
    let head = [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0][..], &(1u32 << 30).to_le_bytes()].concat();
    let stored = [&(8u32 << 3).to_le_bytes()[..3], b"the text"].concat();
    let repeated = |last: u32| [&(100_000u32 << 3 | 1 << 1 | last).to_le_bytes()[..3], b"!"].concat();
    let bytes = [&head[..], &stored, &repeated(1)].concat();
    let (outcome, kept) = read(Format::Zstd, &bytes);
    assert_eq!(outcome, Outcome::Read);
    assert!(only(&kept).starts_with(b"the text!!!") && only(&kept).len() == 100_008);
}
