//! PDF.

use super::*;

#[test]
fn every_compressed_stream_is_inflated_wherever_it_stands() {
    let (first, second) = (make::zlib(b"BT (the first) Tj ET"), make::zlib(b"the second, embedded"));
    let bytes = [
        b"%PDF-1.4\n1 0 obj\n<</Length 9>>\nstream\nnot packed\nendstream\nendobj\n2 0 obj <</Filter/FlateDecode>> stream\n".as_slice(),
        &first,
        b"endstream endobj\n3 0 obj\n<< /Filter [/FlateDecode] >>\nstream \r\n",
        &second,
        b"\r\nendstream\nendobj\nstartxref\n0\n%%EOF",
    ]
    .concat();
    for before in [&b""[..], b"\xef\xbb\xbf", b"HTTP/1.1 200 OK\r\n\r\n"] {
        let bytes = [before, &bytes].concat();
        assert_eq!(sniff(&bytes), Some(Format::Pdf));
        let (outcome, kept) = read(Format::Pdf, &bytes);
        let kept: Vec<&[u8]> = kept.iter().map(|kept| kept.bytes.as_slice()).collect();
        assert_eq!((outcome, kept), (Outcome::Read, vec![&b"BT (the first) Tj ET"[..], b"the second, embedded"]));
    }
}

#[test]
fn a_damaged_stream_is_told_and_the_next_is_read() {
    let content = text(&mut fastrand::Rng::with_seed(1), 3000);
    let mut bytes = make::pdf(&[&content, b"the next"]);
    let middle = make::pdf(&[&content]).len() / 2;
    bytes[middle..middle + 8].fill(0xff);
    let (outcome, kept) = read(Format::Pdf, &bytes);
    assert_eq!(outcome, Outcome::Opaque("damaged"));
    assert_eq!(kept.last().unwrap().bytes, b"the next");
    assert!(content.starts_with(&kept[0].bytes[..100]), "what stood before the damage is handed over");
}

#[test]
fn an_encrypted_one_is_told() {
    let bytes = b"%PDF-1.6\n1 0 obj <</Length 8>> stream\n\x9f\x11\x02\x8c\xee\x01\x02\x03\nendstream\ntrailer <</Encrypt 5 0 R>>";
    assert_eq!(read(Format::Pdf, bytes), (Outcome::Opaque("encrypted"), Vec::new()));
}
