//! Containers cut at every byte, and with bits turned.

use super::*;

/// What was handed over, in a row, without what only looks into the header.
fn whole(kept: &[Kept]) -> Vec<u8> {
    kept.iter().flat_map(|kept| kept.bytes.clone()).collect()
}

#[test]
fn what_stands_before_a_cut_is_handed_over() {
    let content = text(&mut fastrand::Rng::with_seed(seed()), 4000);
    for (format, bytes) in samples(&content) {
        let mut most = 0;
        for cut in 0..bytes.len() {
            let (outcome, kept) = read(format, &bytes[..cut]);
            let got = whole(&kept);
            assert!(content.starts_with(&got), "{format:?} cut at {cut} of {}: not a part", bytes.len());
            assert!(got.len() >= most, "{format:?} cut at {cut} of {}: less than before", bytes.len());
            most = got.len();
            let is_told =
                !matches!(outcome, Outcome::Read) || got == content || is_whole_without(format, &got, &content);
            assert!(is_told, "{format:?} cut at {cut} of {}: {outcome:?} with {} bytes", bytes.len(), got.len());
            // Deflate is handed over to the last whole symbol, behind the tables of its codes.
            let compressed = match format {
                Format::Gzip | Format::Zlib => cut.saturating_sub(150),
                Format::Zip => cut.saturating_sub(300),
                Format::Tar => cut.saturating_sub(1024),
                _ => 0,
            };
            let least = content.len() * compressed / bytes.len() / 2;
            assert!(got.len() >= least, "{format:?} cut at {cut} of {}: {} bytes", bytes.len(), got.len());
        }
        // Of a format whose last bytes are no content all of it is there in the end.
        let is_late = matches!(format, Format::SevenZ);
        assert!(most == content.len() || is_late, "{format:?} without its last byte: {most}");
    }
}

/// Whether nothing shows that something is missing: between two streams, between two entries of a tar, behind a PDF's
/// stream.
fn is_whole_without(format: Format, got: &[u8], content: &[u8]) -> bool {
    let at_a_border = got.is_empty() || got.len() == content.len() / 3;
    at_a_border
        && matches!(format, Format::Gzip | Format::Bzip2 | Format::Xz | Format::Zstd | Format::Tar | Format::Pdf)
}

#[test]
fn archives_of_other_tools_are_cut_without_harm() {
    for name in fixtures::names() {
        let bytes = fixtures::fixture(name);
        let (format, whole) = (fixtures::format_of(name), read(fixtures::format_of(name), &bytes).1);
        for cut in 0..bytes.len() {
            let (_, kept) = read(format, &bytes[..cut]);
            for kept in kept {
                let is_part = |whole: &Kept| whole.path == kept.path && whole.bytes.starts_with(&kept.bytes);
                // The record that ends a stored entry of unknown length cannot be told when it is cut itself.
                let is_raw = || bytes.windows(kept.bytes.len()).any(|window| window == kept.bytes);
                assert!(whole.iter().any(is_part) || is_raw(), "{name} cut at {cut}: {:?} is no part", kept.path);
            }
        }
    }
}

#[test]
fn turned_bits_do_no_harm() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let mut all = samples(&text(&mut rng, 3000));
    all.extend(fixtures::names().map(|name| (fixtures::format_of(name), fixtures::fixture(name))));
    let rounds: usize = std::env::var("CLERK_AUDIT_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(150);
    for (format, bytes) in all {
        for _ in 0..rounds {
            let mut bytes = bytes.clone();
            for _ in 0..rng.usize(1..6) {
                let at = rng.usize(..bytes.len());
                match rng.u8(0..4) {
                    0 => bytes[at] = rng.u8(..),
                    1 => bytes[at] = [0, 0xff, 0x80, 0x7f][rng.usize(..4)],
                    _ => bytes[at] ^= 1 << rng.u8(0..8),
                }
            }
            let limits = Limits { produced: 1 << 20, ..Limits::default() };
            let mut budget = Budget::new(&limits, bytes.len(), GO_ON);
            let (outcome, kept) = read_within(format, &bytes, &mut budget);
            // One step or block beyond the limit, and what stands in the bytes themselves.
            let most = (1 << 20) + (1 << 20) + 4 * bytes.len();
            assert!(whole(&kept).len() <= most, "{format:?}: {outcome:?} with {} bytes", whole(&kept).len());
        }
    }
}
