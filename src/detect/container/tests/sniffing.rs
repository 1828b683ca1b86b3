//! What containers are told by, and what is none.

use std::path::Path;

use super::*;

/// The sources and texts of this repository, which speak of containers more than most.
fn own_texts() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    let mut pending: Vec<_> = ["src", "docs", "tests"].iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => pending.push(entry.path()),
                false => texts.push(std::fs::read(entry.path()).unwrap()),
            }
        }
    }
    texts
}

#[test]
fn text_is_no_container_wherever_it_begins() {
    let texts = own_texts();
    assert!(texts.len() > 50);
    let (mut starts, mut wrong) = (0, Vec::new());
    for text in &texts {
        let lines = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text).map(|at| at + 1));
        for start in lines {
            starts += 1;
            if let Some(format) = sniff(&text[start..]) {
                wrong.push((
                    format,
                    String::from_utf8_lossy(&text[start..][..text.len().min(start + 20) - start]).into_owned(),
                ));
            }
        }
    }
    assert!(wrong.len() * 10_000 <= starts, "{} of {starts}: {wrong:?}", wrong.len());
}

#[test]
fn random_bytes_hardly_ever_are() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let mut bytes = [0; 1024];
    let mut counts = std::collections::BTreeMap::<String, u32>::new();
    for _ in 0..200_000 {
        rng.fill(&mut bytes);
        if let Some(format) = sniff(&bytes) {
            *counts.entry(format!("{format:?}")).or_default() += 1;
        }
    }
    let zlib = counts.remove("Zlib").unwrap_or(0);
    assert!(zlib < 60, "{zlib} in 200,000 for zlib, expected 25");
    assert!(counts.values().sum::<u32>() <= 2, "{counts:?}");
}

#[test]
fn random_bytes_are_read_as_anything_without_harm() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let beginnings = samples(b"some text that is long enough");
    for round in 0..2000 {
        let mut random = vec![0; rng.usize(0..3000)];
        rng.fill(&mut random);
        for (format, beginning) in &beginnings {
            // With and without the first bytes of what it is taken for.
            let known = if round % 2 == 0 { rng.usize(0..beginning.len().min(60)).min(random.len()) } else { 0 };
            let bytes = [&beginning[..known], &random[known..]].concat();
            let (outcome, kept) = read(*format, &bytes);
            let total: usize = kept.iter().map(|kept| kept.bytes.len()).sum();
            assert!(total <= (5 << 20) + bytes.len() * 1100, "{format:?}: {outcome:?} with {total}");
        }
    }
}

#[test]
fn a_short_beginning_is_enough_or_nothing() {
    for (format, bytes) in samples(&text(&mut fastrand::Rng::with_seed(seed()), 2000)) {
        for length in 0..bytes.len().min(600) {
            let told = sniff(&bytes[..length]);
            assert!(told.is_none() || told == Some(format), "{format:?} cut to {length} is taken for {told:?}");
        }
    }
}

/// A file of each format that is not opened, as its tools begin one.
fn unopened() -> Vec<(&'static str, Vec<u8>)> {
    let mut rng = fastrand::Rng::with_seed(seed());
    let random: Vec<u8> = (0..200).map(|_| rng.u8(..)).collect();
    let lzma =
        |length: u64| [&[0x5d][..], &(1u32 << 23).to_le_bytes(), &length.to_le_bytes(), &[0], &random[..]].concat();
    let packed = |mark: &[u8]| [mark, &random[..]].concat();
    vec![
        ("a git bundle", packed(b"# v2 git bundle\n0123456789012345678901234567890123456789 HEAD\n\nPACK")),
        ("a git bundle", packed(b"# v3 git bundle\n@object-format=sha1\n")),
        ("a git pack", packed(b"PACK\0\0\0\x02\0\0\0\x03")),
        ("a RAR archive", packed(b"Rar!\x1a\x07\0")),
        ("a RAR archive", packed(b"Rar!\x1a\x07\x01\0")),
        ("a CAB archive", packed(b"MSCF\0\0\0\0")),
        ("lz4", packed(b"\x04\x22\x4d\x18")),
        ("lzip", packed(b"LZIP\x01\x0c")),
        ("lzop", packed(b"\x89LZO\0\r\n\x1a\n")),
        ("compress (.Z)", packed(b"\x1f\x9d\x90A\x84")),
        ("lzma", lzma(u64::MAX)),
        ("lzma", lzma(4321)),
        ("a PGP message", b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n".to_vec()),
        ("encrypted by OpenSSL", packed(b"Salted__\xff")),
    ]
}

#[test]
fn what_is_not_opened_is_told_by_its_name() {
    for (what, bytes) in unopened() {
        assert_eq!(sniff(&bytes), Some(Format::Unopened(what)), "{what}");
        let (outcome, kept) = read(Format::Unopened(what), &bytes);
        assert_eq!((outcome, kept.len()), (Outcome::Opaque(what), 0));
        for length in 0..bytes.len().min(64) {
            let told = sniff(&bytes[..length]);
            assert!(told.is_none() || told == Some(Format::Unopened(what)), "{what} cut to {length}: {told:?}");
        }
    }
}

#[test]
fn what_only_speaks_of_them_is_none() {
    for text in [
        "# v2 git bundles are described here\n",
        "PACK is what a pack begins with\n",
        "Rar! it said\n",
        "LZIP is a format\n",
        "MSCF, Microsoft's cabinets\n",
        "Salted__ is what openssl enc writes first, and eight bytes of salt.\n",
        "-----BEGIN PGP MESSAGE----- begins the armour\n",
        "-----BEGIN PGP SIGNATURE-----\n\niQEz\n",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQEN\n",
        "]\n",
    ] {
        assert_eq!(sniff(text.as_bytes()), None, "{text}");
    }
    // A dictionary that no encoder asks for, a length that nothing has, and nothing at all.
    for bytes in [
        [&[0x5d][..], &12_345u32.to_le_bytes(), &[0xff; 8], &[0; 9]].concat(),
        [&[0x5d][..], &(1u32 << 23).to_le_bytes(), &[0x7f; 8], &[0; 9]].concat(),
        [&[0x5d][..], &(1u32 << 23).to_le_bytes(), &[0; 8], &[0; 9]].concat(),
    ] {
        assert_eq!(sniff(&bytes), None, "{bytes:?}");
    }
}
