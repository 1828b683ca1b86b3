//! Archives as other people's tools make them.

use super::*;

const FIXTURES: &str = include_str!("../fixtures.txt");

fn one() -> Vec<u8> {
    b"The first file says one.\n".repeat(20)
}

fn two() -> Vec<u8> {
    b"The second file says two, and more.\n".repeat(30)
}

/// What looks like a program: words with calls and jumps between them.
fn program() -> Vec<u8> {
    let mut bytes = Vec::new();
    for at in 0..120u32 {
        bytes.extend_from_slice(format!("text {at} ").as_bytes());
        let behind = bytes.len() as u32 + 5;
        bytes.push(0xe8);
        bytes.extend_from_slice(&(0x1000 + at % 7 * 64).wrapping_sub(behind).to_le_bytes());
        let behind = bytes.len() as u32 + 6;
        bytes.extend_from_slice(&[0x0f, 0x84]);
        bytes.extend_from_slice(&0x2000u32.wrapping_sub(behind).to_le_bytes());
    }
    bytes
}

pub(super) fn fixture(name: &str) -> Vec<u8> {
    let line = FIXTURES.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let hex = line.unwrap_or_else(|| panic!("no fixture {name}"));
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FIXTURES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').next())
}

pub(super) fn format_of(name: &str) -> Format {
    match name.rsplit('.').next().unwrap() {
        "7z" => Format::SevenZ,
        "zip" => Format::Zip,
        "gz" => Format::Gzip,
        "bz2" => Format::Bzip2,
        "xz" => Format::Xz,
        "zst" => Format::Zstd,
        other => panic!("{other}"),
    }
}

/// What a fixture holds: paths and bytes.
fn expected(name: &str) -> Vec<(Option<&'static str>, Vec<u8>)> {
    match name {
        "bcj.7z" | "bcj2.7z" | "arm64.7z" => vec![(Some("program"), program())],
        "s-named.gz" => vec![(None, b"one.txt".to_vec()), (None, one())],
        "s-single.zst" => vec![(None, one())],
        "s-raw.zst" => vec![(None, one()[..12].to_vec())],
        _ if name.starts_with('s') && !name.ends_with(".7z") => vec![(None, [one(), two()].concat())],
        _ => vec![(Some("one.txt"), one()), (Some("two/ü.txt"), two())],
    }
}

#[test]
fn archives_of_other_tools_are_read() {
    let mut count = 0;
    for name in names() {
        let bytes = fixture(name);
        let format = format_of(name);
        assert!(sniff(&bytes) == Some(format), "{name} is taken for {:?}", sniff(&bytes));
        let (outcome, mut kept) = read(format, &bytes);
        let unreadable = match name {
            "encrypted.7z" | "encrypted-header.7z" | "z-crypto.zip" | "z-aes.zip" => Some("encrypted"),
            "deflate64.7z" | "ppmd.7z" | "z-deflate64.zip" | "z-ppmd.zip" | "s-two-filters.xz" => {
                Some("unknown method")
            }
            _ => None,
        };
        // The decoded header of a 7z archive, in which the names stand; and the manifest that `jar` adds.
        let is_extra = |kept: &Kept| match &kept.path {
            None => format == Format::SevenZ,
            Some(path) => path == "META-INF/MANIFEST.MF",
        };
        kept.retain(|kept| !is_extra(kept));
        if let Some(why) = unreadable {
            assert_eq!((outcome, kept), (Outcome::Opaque(why), Vec::new()), "{name}");
        } else {
            assert_eq!(outcome, Outcome::Read, "{name}");
            let mut kept: Vec<_> = kept.into_iter().map(|kept| (kept.path, kept.bytes)).collect();
            let path = |path: &str| path.trim_start_matches("./").to_owned();
            kept.iter_mut().for_each(|(name, _)| *name = name.as_deref().map(path));
            kept.sort();
            let mut expected: Vec<_> =
                expected(name).into_iter().map(|(path, bytes)| (path.map(str::to_owned), bytes)).collect();
            expected.sort();
            assert!(
                kept == expected,
                "{name}: {:?}",
                kept.iter().map(|(path, bytes)| (path, bytes.len())).collect::<Vec<_>>()
            );
        }
        count += 1;
    }
    assert!(count >= 41, "{count}");
}

#[test]
fn names_in_a_compressed_header_are_handed_over() {
    let (_, kept) = read(Format::SevenZ, &fixture("lzma2.7z"));
    let name: Vec<u8> = "two/ü.txt".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let header = kept.iter().find(|kept| kept.path.is_none()).expect("the header");
    assert!(memchr::memmem::find(&header.bytes, &name).is_some());
}
